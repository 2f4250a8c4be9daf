"""What every binding answers: tests/scenarios/README.md."""

from __future__ import annotations

import pathlib
import re
from collections import Counter
from typing import Callable

import ullage

SCENARIOS = pathlib.Path(__file__).resolve().parents[3] / "tests" / "scenarios"
SHOWN_MAX = 60


def unescaped(word: str) -> bytes:
    return re.sub(rb"%([0-9a-fA-F]{2})", lambda match: bytes([int(match[1], 16)]), word.encode())


def decoded(word: str) -> bytes:
    text = b""
    while match := re.match(r"\*(\d+):([^*]*)", word):
        text += int(match[1]) * unescaped(match[2])
        word = word[match.end():]
    return text + unescaped(word)


def shown(value: bytes) -> str:
    text = "".join(chr(c) if chr(c).isascii() and (chr(c).isalnum() or chr(c) in "-_.:/") else f"%{c:02x}"
                   for c in value[:SHOWN_MAX])
    return text if len(value) <= SHOWN_MAX else f"{text}...({len(value)})"


def raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def value(found: bytes | None) -> str:
    return "none" if found is None else f"value {shown(found)}"


def left(seconds: float | None) -> str:
    if seconds is None:
        return "none"
    return "never" if seconds == float("inf") else str(round(seconds * 1000))


def listed(entries: dict[bytes, bytes]) -> str:
    return "".join([str(len(entries))] + [f" {shown(name)}={shown(entries[name])}" for name in sorted(entries)])


class Runner:
    def __init__(self) -> None:
        self.clock = ullage.ManualClock(1000)
        self.removed: Counter[str] = Counter()
        self.cache = ullage.Cache(8 << 20, manual=True, clock=self.clock, on_removal=self.hear)

    def hear(self, removal: ullage.Removal) -> None:
        self.removed[removal.cause] += 1

    def run(self, call: str, w: list[bytes]) -> str:
        method: Callable[[list[bytes]], str | None] = getattr(self, "do_" + call)
        try:
            return method(w) or "ok"
        except ullage.ClosedError:
            return "error closed"
        except ullage.Error as error:
            return f"error {error.code}: {error.message}"

    def do_set(self, w: list[bytes]) -> str:
        options = set(w[3:])
        ttl = next((int(word[4:]) / 1000 for word in options if word.startswith(b"ttl=")), None)
        if b"if=absent" in options:
            return self.cache.set(*w[:3], condition="if_absent")
        if b"if=present" in options:
            return self.cache.set(*w[:3], condition="if_present")
        return self.cache.set(*w[:3], ttl=ttl, keep_ttl=b"keep" in options)

    def do_get(self, w: list[bytes]) -> str:
        return value(self.cache.get(w[0], w[1], None))

    def do_contains(self, w: list[bytes]) -> str:
        return yes(self.cache.contains(w[0], w[1]))

    def do_erase(self, w: list[bytes]) -> str:
        return yes(self.cache.erase(w[0], w[1]))

    def do_size(self, _: list[bytes]) -> str:
        return str(len(self.cache))

    def do_groups(self, _: list[bytes]) -> str:
        return str(self.cache.stats().groups)

    def do_group_size(self, w: list[bytes]) -> str:
        return str(len(self.cache[w[0]]))

    def do_increment(self, w: list[bytes]) -> str:
        return str(self.cache.increment(w[0], w[1], int(w[2])))

    def do_compare_and_set(self, w: list[bytes]) -> str:
        return yes(self.cache.compare_and_set(*w))

    def do_ttl(self, w: list[bytes]) -> str:
        return left(self.cache.ttl(w[0], w[1]))

    def do_group_ttl(self, w: list[bytes]) -> str:
        return left(self.cache.group_ttl(w[0]))

    def do_expire(self, w: list[bytes]) -> str:
        return yes(self.cache.expire(w[0], w[1], int(w[2]) / 1000))

    def do_expire_group(self, w: list[bytes]) -> str:
        return yes(self.cache.expire_group(w[0], int(w[1]) / 1000))

    def do_advance(self, w: list[bytes]) -> None:
        self.clock.advance(int(w[0]) / 1000)

    def do_get_many(self, w: list[bytes]) -> str:
        values = self.cache.get_many(w[0], w[1:])
        return " ".join([str(len(values)), *map(value, values)])

    def do_set_many(self, w: list[bytes]) -> str:
        try:
            return str(self.cache.set_many(w[0], dict(zip(w[1::2], w[2::2]))))
        except ullage.Error as error:
            return f"{getattr(error, 'written')} error {error.code}: {error.message}"

    def do_for_each(self, w: list[bytes]) -> str:
        return listed({raw(field): found for field, found in self.cache[w[0]].items()})

    def do_scan(self, w: list[bytes]) -> str:
        return listed({raw(field): found for field, found in self.cache.items(w[0])})

    def do_list(self, _: list[bytes]) -> str:
        return listed({raw(group): str(fields).encode() for group, fields in self.cache.groups()})

    do_scan_groups = do_list

    def do_erase_group(self, w: list[bytes]) -> str:
        return yes(self.cache.erase_group(w[0]))

    def do_rename_group(self, w: list[bytes]) -> None:
        self.cache.rename_group(w[0], w[1], replace=len(w) > 2)

    def do_group_limits(self, w: list[bytes]) -> str:
        return yes(self.cache.set_group_limits(w[0], max_fields=int(w[1]), max_bytes=int(w[2]),
                                               idle_ttl=int(w[3]) / 1000))

    def do_clear(self, _: list[bytes]) -> None:
        self.cache.clear()

    def do_tick(self, _: list[bytes]) -> None:
        while self.cache.tick() == 1000:
            pass

    def do_load(self, w: list[bytes]) -> str:
        def loader() -> bytes | None:
            if w[2] == b"fail":
                raise RuntimeError(w[3].decode())
            return None if w[2] == b"none" else w[3]

        try:
            return value(self.cache.get_or_load(w[0], w[1], loader, ttl=int(w[4]) / 1000 if len(w) > 4 else None))
        except RuntimeError as error:  # what the loader raised, as it was
            return f"error load_failed: {error}"

    def do_define_class(self, w: list[bytes]) -> None:
        self.cache.define_class(w[0].decode(), max=int(w[1]))

    def do_remove_class(self, w: list[bytes]) -> str:
        return yes(self.cache.remove_class(w[0].decode()))

    def do_json_put(self, w: list[bytes]) -> None:
        self.cache.json_put(w[0], w[2], w[1].decode())

    def do_json_get(self, w: list[bytes]) -> str:
        text = self.cache.json_get(w[0], w[1].decode())
        if text is None:
            return "none"
        return f"json {text}" + ("" if self.cache.json_is_complete(w[0]) else " incomplete")

    def do_json_erase(self, w: list[bytes]) -> str:
        leaves = self.cache.json_erase(w[0], w[1].decode())
        return "none" if leaves is None else str(leaves)

    def do_json_merge(self, w: list[bytes]) -> None:
        self.cache.json_merge(w[0], w[1])

    def do_json_patch(self, w: list[bytes]) -> None:
        self.cache.json_patch(w[0], w[1])

    def do_removals(self, _: list[bytes]) -> str:
        return " ".join(["removals"] + [f"{cause}={count}" for cause, count in sorted(self.removed.items())])

    def do_stats(self, _: list[bytes]) -> str:
        stats = self.cache.stats()
        return (f"entries={stats.entries} groups={stats.groups} limit={stats.memory_limit} "
                f"erased={stats.removals['erased']}")

    def do_validate(self, _: list[bytes]) -> None:
        self.cache.validate()

    def do_close(self, _: list[bytes]) -> None:
        self.cache.close()


def test_answers_as_cpp_does() -> None:
    runner = Runner()
    said = []
    for number, line in enumerate((SCENARIOS / "scenario.txt").read_text().splitlines(), 1):
        if line and not line.startswith("#"):
            call, *words = line.split("\t")
            said.append(f"{number} {call} {runner.run(call, list(map(decoded, words)))}")
    assert said == (SCENARIOS / "expected.txt").read_text().splitlines()
