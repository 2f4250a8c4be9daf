"""Compares the binding with what a Python service has without it: a dict of dicts.

    python bench.py [--tiny] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from typing import Any

import ullage

FIELDS = 10


def group(number: int) -> str:
    return f"user:{number}"


def field(number: int) -> str:
    return f"setting.{number}"


def value(number: int, size: int) -> str:
    return str(number).ljust(size, ".")


def resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def plain(entries: int, size: int) -> dict[str, dict[str, str]]:
    """As services fill it: each name and value was read from somewhere, and is an object of its own."""
    return {group(g): {field(f): value(g, size) for f in range(FIELDS)} for g in range(entries // FIELDS)}


def ours(entries: int, size: int) -> ullage.Cache:
    cache = ullage.Cache(entries * (size + 80) + (16 << 20))
    for g in range(entries // FIELDS):
        cache.set_many(group(g), {field(f): value(g, size) for f in range(FIELDS)})
    if cache.stats().entries != entries:
        sys.exit(f"{cache.stats().entries} of {entries} entries are there")
    return cache


def memory_of(what: str, entries: int, size: int) -> int:
    said = subprocess.run([sys.executable, __file__, "--measure", what, "--entries", str(entries), "--size", str(size)],
                          capture_output=True, text=True, check=True)
    return int(said.stdout)


class Report:
    def __init__(self, tiny: bool) -> None:
        self.tiny = tiny
        self.figures: list[dict[str, Any]] = []

    def add(self, figure: str, bar: str, result: str, met: bool | None, workload: str) -> None:
        self.figures.append({"figure": figure, "bar": bar, "result": result, "passed": None if self.tiny else met,
                             "peer": "dict of dicts", "workload": workload})
        print(f"{figure}: {result} (bar {bar or 'none'}) {met}")

    def write(self, path: str) -> None:
        whole = {"name": "python", "commit": os.environ.get("ULLAGE_COMMIT", "unknown"),
                 "command": os.environ.get("ULLAGE_COMMAND", "./dev bench python"), "tiny": self.tiny,
                 "figures": self.figures}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(whole, file, indent=1)


def speed(report: Report, entries: int, reads: int, rounds: int, size: int) -> None:
    theirs, cache = plain(entries, size), ours(entries, size)
    numbers = random.Random(1)
    single, batched = [], []
    for _ in range(rounds):
        keys = [(group(numbers.randrange(entries // FIELDS)), field(numbers.randrange(FIELDS))) for _ in range(reads)]
        began = time.perf_counter()
        for g, f in keys:
            theirs[g][f]
        plain_s = time.perf_counter() - began
        get = cache.get
        began = time.perf_counter()
        for g, f in keys:
            get(g, f)
        ours_s = time.perf_counter() - began
        if get(*keys[0]) != theirs[keys[0][0]][keys[0][1]].encode():
            sys.exit(f"{keys[0]} is another")
        single.append(plain_s / ours_s)

        fields = [field(f) for f in range(FIELDS)]
        began = time.perf_counter()
        for g, _ in keys[: reads // FIELDS]:
            [theirs[g][f] for f in fields]
        plain_s = time.perf_counter() - began
        began = time.perf_counter()
        for g, _ in keys[: reads // FIELDS]:
            cache.get_many(g, fields)
        batched.append(plain_s / (time.perf_counter() - began))
    workload = f"{entries} entries, {FIELDS} fields a group, values of {size} B, uniform reads"
    for figure, bar, samples in (("Python: get, speed over a dict of dicts", 0.2, single),
                                 (f"Python: {FIELDS} fields of a group at once, speed over a dict of dicts", None, batched)):
        low, mid, high = statistics.quantiles(samples, n=4)
        report.add(figure, f">= {bar} x" if bar else "", f"{mid:.2f} x [{low:.2f}, {high:.2f}]",
                   mid >= bar if bar else None, workload)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="a run of seconds that measures nothing real")
    parser.add_argument("--json", help="where to write the results")
    parser.add_argument("--measure", choices=["plain", "ours"], help="for a process of its own")
    parser.add_argument("--entries", type=int, default=2_000_000)
    parser.add_argument("--size", type=int, default=32)
    given = parser.parse_args()
    if given.measure:
        before = resident()
        keep = (plain if given.measure == "plain" else ours)(given.entries, given.size)
        print(resident() - before)
        del keep
        return
    report = Report(given.tiny)
    entries, reads, rounds, fast = (10_000, 1000, 3, 10_000) if given.tiny else (given.entries, 200_000, 15, 1_000_000)
    for size in (16, 32):
        theirs, own = memory_of("plain", entries, size), memory_of("ours", entries, size)
        report.add("Python: resident memory, over a dict of dicts", "<= 0.2 x",
                   f"{own / theirs:.3f} x ({own >> 20} over {theirs >> 20} MiB)", own <= 0.2 * theirs,
                   f"{entries} entries, {FIELDS} fields a group, values of {size} characters")
    speed(report, fast, reads, rounds, given.size)
    if given.json:
        report.write(given.json)


if __name__ == "__main__":
    main()
