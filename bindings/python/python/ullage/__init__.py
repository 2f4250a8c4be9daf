"""A two-level cache, group -> field -> value, that cannot outgrow its memory limit.

    import ullage

    with ullage.Cache(memory_limit=64 << 20) as cache:
        cache.set("user:42", "theme", "dark", ttl=600)
        cache.get("user:42", "theme")              # b"dark"
        user = cache["user:42"]                    # a group, as a mapping
        user["lang"] = "en"
        dict(user)                                 # {"theme": b"dark", "lang": b"en"}
        del cache["user:42"]

A cache is not a database: any entry may vanish once it is full. Names are str (or bytes, or anything with a
buffer); those that are no UTF-8 come back as os.fsdecode() writes them. Values are bytes, str or anything
with a buffer, which is not copied on its way in; they come back as bytes. Times are seconds, or a timedelta.

All methods may be called from any number of threads. Calls that may wait let go of the GIL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Literal, TypeVar, Union

from . import _ullage
from ._errors import (
    BusyError,
    ClosedError,
    Error,
    ExistsError,
    InvalidArgumentError,
    JsonError,
    LimitError,
    LoadFailedError,
    MissingError,
    NoRoomError,
    NotANumberError,
    SystemFailure,
    TooLargeError,
    TooLongError,
    WrongTypeError,
    error_of,
)
from ._ullage import Value

if TYPE_CHECKING:
    from ._ullage import Buffer

__all__ = [
    "BusyError", "Cache", "ClosedError", "Error", "ExistsError", "Group", "InvalidArgumentError", "JsonError",
    "LimitError", "LoadFailedError", "ManualClock", "MissingError", "NoRoomError", "NotANumberError", "Removal",
    "Stats", "SystemFailure", "TooLargeError", "TooLongError", "Value", "WrongTypeError",
]

Name = Union[str, "Buffer"]
Content = Union[str, "Buffer"]
Seconds = Union[float, timedelta]
T = TypeVar("T")

_SCANNED = 256
_CONDITIONS = {"always": 0, "if_absent": 1, "if_present": 2}
_OUTCOMES: tuple[Outcome, Outcome, Outcome] = ("inserted", "replaced", "unchanged")
Outcome = Literal["inserted", "replaced", "unchanged"]


def _ms(seconds: Seconds | None) -> int:
    """Milliseconds; 0 is none. Less than one is one, since it is not none."""
    if seconds is None:
        return 0
    exact = (seconds.total_seconds() if isinstance(seconds, timedelta) else seconds) * 1000
    return int(exact) if int(exact) != 0 else (exact > 0) - (exact < 0)


def _seconds(ms: int) -> float:
    return float("inf") if ms < 0 else ms / 1000


@dataclass(frozen=True)
class Removal:
    """An entry that went, and why: "evicted", "expired", "replaced", "erased" or "limit"."""

    group: str
    field: str
    cause: str
    value: bytes  # empty unless removal_values
    value_bytes: int


@dataclass(frozen=True)
class Stats:
    """Counters of a cache. Bytes are charged to its limit; payload is what names and values take of them."""

    entries: int
    groups: int
    hits: int
    misses: int
    inserts: int
    memory_limit: int
    charged_bytes: int
    payload_bytes: int
    removal_events_lost: int
    removals: Mapping[str, int]


class ManualClock:
    """Time that stands still until told otherwise: for tests."""

    def __init__(self, start: float = 1000.0) -> None:
        self._clock = _ullage.ManualClock(int(start * 1000))

    def advance(self, by: Seconds) -> None:
        """Moves it on."""
        self._clock.advance_ms(_ms(by))


@dataclass
class _Flight:
    """A loading of one entry that tasks wait for."""

    task: asyncio.Task[bytes | None]
    waiting: int = 0


class Cache:
    """A cache of bytes by group and field. See the module."""

    def __init__(
        self,
        memory_limit: int = 64 << 20,
        *,
        max_memory_limit: int = 0,
        max_entries: int = 0,
        max_value_bytes: int = 0,
        group_max_fields: int = 0,
        group_max_bytes: int = 0,
        group_idle_ttl: Seconds | None = None,
        lru: bool = False,
        manual: bool = False,
        on_removal: Callable[[Removal], object] | None = None,
        removal_values: bool = False,
        clock: ManualClock | None = None,
    ) -> None:
        """Opens a cache that adds at most memory_limit bytes to the process; 0 is "no limit" for all others.

        on_removal is called on the cache's own thread, or in tick() with manual=True; what it raises goes to
        sys.unraisablehook; it must not close the cache. Raises LimitError, InvalidArgumentError.
        """
        heard = None
        if on_removal is not None:
            tell = on_removal

            def heard(group: str, field: str, cause: str, value: bytes, value_bytes: int) -> None:
                tell(Removal(group, field, cause, value, value_bytes))

        self._cache = _ullage.Cache(
            memory_limit, max_memory_limit, max_entries, max_value_bytes, group_max_fields, group_max_bytes,
            _ms(group_idle_ttl), lru, manual, heard, removal_values, clock._clock if clock else None)
        # What is called most goes without a detour.
        self.get = self._cache.get  # type: ignore[method-assign]
        self._flights: dict[tuple[object, object], _Flight] = {}

    def close(self) -> None:
        """Gives all memory back; what is called then raises ClosedError. Calls under way go on to their ends."""
        self._cache.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._cache.closed

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 where: TracebackType | None) -> None:
        self.close()

    # --- one entry

    if TYPE_CHECKING:
        def get(self, group: Name, field: Name, default: T = ..., /) -> bytes | T:
            """The value, or default if there is none."""

    def get_buffer(self, group: Name, field: Name) -> Value | None:
        """The value as an object with a buffer, for memoryview() or numpy: it is not copied into bytes."""
        return self._cache.get_buffer(group, field)

    def get_into(self, group: Name, field: Name, buffer: Buffer) -> int | None:
        """Copies the value into a writable buffer and answers its size; if it does not fit, nothing is copied."""
        return self._cache.get_into(group, field, buffer)

    def set(self, group: Name, field: Name, value: Content, *, ttl: Seconds | None = None, keep_ttl: bool = False,
            condition: Literal["always", "if_absent", "if_present"] = "always") -> Outcome:
        """Writes an entry; a full cache evicts others first. Raises TooLongError, NoRoomError, ..."""
        return _OUTCOMES[self._cache._set(group, field, value, _ms(ttl), keep_ttl, _CONDITIONS[condition])]

    def contains(self, group: Name, field: Name) -> bool:
        """Whether there is such an entry."""
        return self._cache.contains(group, field)

    def erase(self, group: Name, field: Name) -> bool:
        """Removes an entry; answers whether there was one."""
        return self._cache.erase(group, field)

    def compare_and_set(self, group: Name, field: Name, expected: Content, desired: Content) -> bool:
        """Writes desired only if the present value equals expected."""
        return self._cache.compare_and_set(group, field, expected, desired)

    def increment(self, group: Name, field: Name, by: int = 1) -> int:
        """Adds to a decimal integer, from 0 if there is none, and answers the sum. Raises NotANumberError."""
        return self._cache.increment(group, field, by)

    def expire(self, group: Name, field: Name, ttl: Seconds | None) -> bool:
        """Gives an entry a time to live from now, or takes it away; answers whether there is one."""
        return self._cache._expire(group, field, _ms(ttl))

    def ttl(self, group: Name, field: Name) -> float | None:
        """Seconds that are left, inf if it does not expire by itself; None if there is none."""
        left = self._cache._ttl_ms(group, field)
        return None if left is None else _seconds(left)

    # --- many at once

    def get_many(self, group: Name, fields: Iterable[Name]) -> list[bytes | None]:
        """One answer for each field, in their order. Raises TooLargeError."""
        return self._cache.get_many(group, fields)

    def set_many(self, group: Name, items: Mapping[str, Content] | Mapping[bytes, Content], *,
                 ttl: Seconds | None = None) -> int:
        """Writes all in order and answers how many; at a failure raises, with those before it written."""
        written, code, message = self._cache._set_many(group, items.keys(), items.values(), _ms(ttl))
        if code is not None and message is not None:
            error = error_of(code, message)
            error.add_note(f"{written} were written before it") if hasattr(error, "add_note") else None
            error.written = written  # type: ignore[attr-defined]
            raise error
        return written

    # --- groups

    def __getitem__(self, group: Name) -> Group:
        """A group as a mapping, whether there is one or not."""
        return Group(self, group)

    def __delitem__(self, group: Name) -> None:
        if not self.erase_group(group):
            raise KeyError(group)

    def __contains__(self, group: object) -> bool:
        return isinstance(group, (str, bytes, bytearray, memoryview)) and self._cache.contains_group(group)

    def __iter__(self) -> Iterator[str]:
        """The names of groups; as with groups(), one may be seen twice."""
        for group, _ in self.groups():
            yield group

    def __len__(self) -> int:
        """How many entries."""
        return self.stats().entries

    def groups(self) -> Iterator[tuple[str, int]]:
        """Groups and how many fields each has. What is there all along is seen, some of it maybe twice."""
        cursor = 0
        while True:
            cursor, groups = self._cache._scan_groups(cursor, _SCANNED)
            yield from groups
            if cursor == 0:
                return

    def items(self, group: Name) -> Iterator[tuple[str, bytes]]:
        """The entries of a group, as groups() goes over groups."""
        cursor = 0
        while True:
            cursor, entries = self._cache._scan(group, cursor, _SCANNED)
            yield from entries
            if cursor == 0:
                return

    def erase_group(self, group: Name) -> bool:
        """Removes a group, at once for readers whatever its size; answers whether there was one."""
        return self._cache.erase_group(group)

    def group_size(self, group: Name) -> int:
        """How many fields a group has; 0 if there is none."""
        return self._cache.group_size(group)

    def rename_group(self, old: Name, new: Name, *, replace: bool = False) -> None:
        """Gives a group another name in one step. Raises MissingError, ExistsError."""
        self._cache.rename_group(old, new, replace=replace)

    def expire_group(self, group: Name, ttl: Seconds | None) -> bool:
        """Gives a group a time to live from now, or takes it away; answers whether there is one."""
        return self._cache._expire_group(group, _ms(ttl))

    def group_ttl(self, group: Name) -> float | None:
        """As ttl(), of a group."""
        left = self._cache._group_ttl_ms(group)
        return None if left is None else _seconds(left)

    def set_group_limits(self, group: Name, *, max_fields: int = 0, max_bytes: int = 0,
                         idle_ttl: Seconds | None = None) -> bool:
        """Limits of one group, which go with it; answers whether there is one."""
        return self._cache._set_group_limits(group, max_fields, max_bytes, _ms(idle_ttl))

    def clear(self) -> None:
        """Removes everything."""
        self._cache.clear()

    # --- loading

    def get_or_load(self, group: Name, field: Name, loader: Callable[[], Content | None], *,
                    ttl: Seconds | None = None, negative_ttl: Seconds | None = None) -> bytes | None:
        """The value, or what the loader answers, stored; None if that says there is none.

        While one thread loads an entry others that ask for it wait for that flight, without the GIL. A set() or
        erase() meanwhile wins over what was loaded. What the loader raises is raised here; those who waited get
        LoadFailedError.
        """
        return self._cache._get_or_load(group, field, loader, _ms(ttl), _ms(negative_ttl))

    async def load(self, group: Name, field: Name, loader: Callable[[], Awaitable[Content | None]], *,
                   ttl: Seconds | None = None) -> bytes | None:
        """The same for asyncio: while one task of this loop loads an entry, the others await its answer.

        A task that is cancelled stops waiting; the loader goes on as long as anybody waits. A set() meanwhile wins
        over what was loaded; an erase() does not, unlike with get_or_load().
        """
        value = self.get(group, field, None)
        if value is not None:
            return value
        key = (_key(group), _key(field))
        flight = self._flights.get(key)
        if flight is None or flight.task.get_loop() is not asyncio.get_running_loop():
            flight = _Flight(asyncio.ensure_future(self._fly(key, group, field, loader, ttl)))
            self._flights[key] = flight
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if flight.waiting == 0 and not flight.task.done():
                if self._flights.get(key) is flight:
                    del self._flights[key]
                flight.task.cancel()

    async def _fly(self, key: tuple[object, object], group: Name, field: Name,
                   loader: Callable[[], Awaitable[Content | None]], ttl: Seconds | None) -> bytes | None:
        try:
            loaded = await loader()
            if loaded is None:
                return None
            # Somebody may have written it meanwhile: then that counts.
            if self.set(group, field, loaded, ttl=ttl, condition="if_absent") == "unchanged":
                present = self.get(group, field, None)
                if present is not None:
                    return present
            return loaded.encode("utf-8", "surrogateescape") if isinstance(loaded, str) else bytes(loaded)
        finally:
            flight = self._flights.get(key)
            if flight is not None and flight.task is asyncio.current_task():
                del self._flights[key]

    # --- limits and care

    def set_memory_limit(self, limit: int) -> None:
        """Changes the limit, up to max_memory_limit. Downwards it evicts in this call. Raises LimitError."""
        self._cache.set_memory_limit(limit)

    def define_class(self, pattern: str, *, min: int = 0, low: int = 0, high: int = 0, max: int = 0,
                     group_max_fields: int = 0, group_max_bytes: int = 0, ttl: Seconds | None = None,
                     weight: int = 0) -> None:
        """Gives all groups of a pattern ("session:*") limits together, in bytes."""
        self._cache._define_class(pattern, min, low, high, max, group_max_fields, group_max_bytes, _ms(ttl), weight)

    def remove_class(self, pattern: str) -> bool:
        """Answers whether there was such a class."""
        return self._cache.remove_class(pattern)

    def tick(self, budget: int = 1000) -> int:
        """Does up to so many steps of maintenance; fewer done means that nothing is left."""
        return self._cache.tick(budget)

    def stats(self) -> Stats:
        """Reads the counters."""
        return Stats(**self._cache._stats())

    def metrics(self) -> str:
        """Figures of the cache for Prometheus."""
        return self._cache.metrics()

    def data_profile(self) -> bytes:
        """Who owns the bytes: a gzipped profile for `go tool pprof`."""
        return self._cache.data_profile()

    def validate(self) -> None:
        """Walks everything and proves that the books balance: for tests and doubt."""
        self._cache.validate()

    # --- JSON documents: a group holds one, each of its leaves is an entry

    def json_put(self, group: Name, json: str | bytes, pointer: str = "", *, ttl: Seconds | None = None) -> None:
        """Puts a document, or the part that a JSON Pointer names. Raises JsonError, WrongTypeError, ..."""
        self._cache._json_put(group, pointer, json, _ms(ttl))

    def json_get(self, group: Name, pointer: str = "") -> str | None:
        """The text of a document or a part of it."""
        found = self._cache._json_get(group, pointer)
        return None if found is None else found[0]

    def json_is_complete(self, group: Name, pointer: str = "") -> bool:
        """Whether it is there and has lost no leaf to eviction or expiry."""
        found = self._cache._json_get(group, pointer)
        return found is not None and found[1]

    def json_erase(self, group: Name, pointer: str = "") -> int | None:
        """Removes a part and answers how many leaves went; None if nothing is there."""
        return self._cache.json_erase(group, pointer)

    def json_merge(self, group: Name, patch: str | bytes) -> None:
        """Merges a JSON Merge Patch (RFC 7396)."""
        self._cache.json_merge(group, patch)

    def json_patch(self, group: Name, patch: str | bytes) -> None:
        """Applies a JSON Patch (RFC 6902), all of it or nothing."""
        self._cache.json_patch(group, patch)


def _key(name: Name) -> object:
    return name if isinstance(name, (str, bytes)) else bytes(name)


class Group(MutableMapping[str, bytes]):
    """One group as a mapping. Holds nothing: each call asks the cache."""

    def __init__(self, cache: Cache, name: Name) -> None:
        self.cache = cache
        self.name = name

    def __getitem__(self, field: str) -> bytes:
        value = self.cache.get(self.name, field, None)
        if value is None:
            raise KeyError(field)
        return value

    def __setitem__(self, field: str, value: Content) -> None:
        self.cache.set(self.name, field, value)

    def __delitem__(self, field: str) -> None:
        if not self.cache.erase(self.name, field):
            raise KeyError(field)

    def __contains__(self, field: object) -> bool:
        return isinstance(field, (str, bytes)) and self.cache.contains(self.name, field)

    def __iter__(self) -> Iterator[str]:
        seen = set()
        for field, _ in self.cache.items(self.name):
            if field not in seen:
                seen.add(field)
                yield field

    def __len__(self) -> int:
        return self.cache.group_size(self.name)

    def clear(self) -> None:
        """Removes the group, in one step."""
        self.cache.erase_group(self.name)

    def __repr__(self) -> str:
        return f"<ullage.Group {self.name!r} of {len(self)} fields>"
