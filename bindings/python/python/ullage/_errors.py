"""Why a call was refused, as exceptions. Each leaves the cache as it was."""

from __future__ import annotations


class Error(Exception):
    """What all refusals have in common. `code` is a name as in "name_too_long"."""

    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ClosedError(Error, ValueError):
    """The cache was closed."""

    code = "closed"


class InvalidArgumentError(Error, ValueError):
    """An argument outside its range, or that does not go with others; the message says which."""

    code = "invalid_argument"


class LimitError(Error, ValueError):
    """A memory limit that is too small or too large."""


class TooLongError(Error, ValueError):
    """A name, a value or a path above its limit."""


class TooLargeError(Error, ValueError):
    """A batch, a group or a document above its limit."""


class NoRoomError(Error, MemoryError):
    """The cache is full and nothing could be evicted within the call's bound."""

    code = "no_room"


class MissingError(Error, LookupError):
    """The entry or group that the call needs does not exist."""

    code = "missing"


class ExistsError(Error, ValueError):
    """The target exists, and the call must not replace it."""

    code = "exists"


class NotANumberError(Error, ValueError):
    """What should be counted up is no decimal integer, or would leave its range."""


class BusyError(Error, RuntimeError):
    """Too much is going on at once, or a call came from where it could never end."""


class LoadFailedError(Error, RuntimeError):
    """A loader failed in another thread's flight."""

    code = "load_failed"


class SystemFailure(Error, OSError):
    """The operating system refused."""

    code = "system"


class JsonError(Error, ValueError):
    """Not JSON (the message has line and column), no pointer, no patch, or what a patch cannot do."""


class WrongTypeError(Error, TypeError):
    """What is there is of another type or kind."""


_CLASSES: dict[str, type[Error]] = {
    "closed": ClosedError,
    "invalid_argument": InvalidArgumentError,
    "ttl_out_of_range": InvalidArgumentError,
    "limit_too_small": LimitError,
    "limit_too_large": LimitError,
    "name_too_long": TooLongError,
    "value_too_long": TooLongError,
    "path_too_long": TooLongError,
    "batch_too_large": TooLargeError,
    "group_too_large": TooLargeError,
    "too_deep": TooLargeError,
    "too_many_leaves": TooLargeError,
    "no_room": NoRoomError,
    "missing": MissingError,
    "exists": ExistsError,
    "not_a_number": NotANumberError,
    "out_of_range": NotANumberError,
    "busy": BusyError,
    "reentered": BusyError,
    "load_failed": LoadFailedError,
    "system": SystemFailure,
    "bad_json": JsonError,
    "bad_pointer": JsonError,
    "bad_patch": JsonError,
    "patch_failed": JsonError,
    "wrong_type": WrongTypeError,
    "wrong_kind": WrongTypeError,
}


def error_of(code: str, message: str) -> Error:
    """The exception for a code of the library."""
    error = _CLASSES.get(code, Error)(message)
    error.code = code
    return error
