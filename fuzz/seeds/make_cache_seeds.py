#!/usr/bin/env python3
"""Writes the seeds of cache_fuzz: fuzz/seeds/make_cache_seeds.py

Each seed leads the fuzzer to one corner of the cache. The format is in fuzz/cache_fuzz.cpp:
one byte of setup, then seven bytes for each command.
"""

import pathlib
import struct

OPS = ("set set_if read get_many erase compare_and_set increment update expire expire_group check_ttl for_each "
       "erase_if scan_start scan_step erase_group rename_group clear group_limits default_limits advance tick "
       "drain memory_limit burst classes edit_group read_group").split()


def command(op, group=3, field=3, size=20, arg=1):
    return struct.pack("<BBBHH", OPS.index(op), group, field, size, arg)


def seed(setup, *commands):
    return bytes([setup]) + b"".join(commands)


SEEDS = {
    "lives": seed(0, *[command(op, arg=i) for i, op in enumerate(OPS)]),
    "grow_and_shrink": seed(0, *[command("burst", arg=i, size=250) for i in range(12)],
                            *[command("erase", field=f) for f in range(64)], command("drain")),
    "sizes": seed(0, *[command("set", field=f, size=f * 1000, arg=f) for f in range(64)],
                  *[command("read", field=f, arg=f) for f in range(64)]),
    "expiry": seed(1, *[command("set", group=f % 3, field=f, arg=f) for f in range(40)],
                   *[c for i in range(10) for c in (command("advance", arg=i), command("for_each", group=i % 3))]),
    "renames": seed(0, *[c for i in range(20) for c in (command("burst", group=i % 8, arg=i, size=60),
                                                        command("rename_group", group=i % 8, arg=i),
                                                        command("scan_start", group=i % 8), command("scan_step"))]),
    "limits": seed(12, *[command("set", group=f % 2, field=f, size=f * 40, arg=f) for f in range(64)],
                   command("group_limits", arg=5), command("default_limits", arg=6), command("drain")),
    "idle_and_counted": seed(18, *[c for i in range(30) for c in (command("burst", group=i % 8, arg=i, size=30),
                                                                  command("advance", arg=i * 37))]),
    "pressure": seed(0, *[command("set", group=i % 8, field=i, size=0xffff - i, arg=i * 11) for i in range(120)],
                     command("memory_limit", arg=9), command("drain")),
}


def main():
    folder = pathlib.Path(__file__).parent / "cache_fuzz"
    folder.mkdir(exist_ok=True)
    for name, data in SEEDS.items():
        (folder / name).write_bytes(data)
    print(f"{len(SEEDS)} seeds in {folder.name}")


if __name__ == "__main__":
    main()
