#!/usr/bin/env python3
"""Writes the seeds of colliding_fuzz: fuzz/seeds/make_colliding_seeds.py

Each way of colliding with a corner that it makes hard. The format is in src/engine/colliding_fuzz.cpp:
one byte of setup, one of collisions, then seven bytes for each command.
"""

import pathlib

from make_cache_seeds import SEEDS, command, seed

# Choices of kept_bits() in colliding_fuzz.cpp, for groups and for fields.
ALL, NONE, TAG, NO_TAG, LAST_BITS, BEHIND_LAST, BRANCH, EIGHT_PAGES = range(8)


def colliding(groups, fields, cache_seed):
    """A seed of cache_fuzz with the byte of collisions behind its setup."""
    return cache_seed[:1] + bytes([groups + 8 * fields]) + cache_seed[1:]


FILL = [command("set", group=g, field=f, size=100 + 37 * f, arg=f) for f in range(40) for g in (2, 3)]
READ = [command(op, group=g) for g in (2, 3) for op in ("for_each", "scan_start", "scan_step", "scan_step")]
CROWD = seed(0, *FILL, *READ, *[command("erase", group=3, field=f) for f in range(40)], command("drain"))

SEEDS_HERE = {
    "one_hash_for_all": colliding(NONE, NONE, SEEDS["lives"]),
    "one_page_of_fields": colliding(ALL, TAG, CROWD),
    "one_page_of_groups": colliding(TAG, ALL, SEEDS["renames"]),
    "lying_tags": colliding(NO_TAG, NO_TAG, SEEDS["sizes"]),
    "deepest_directory": colliding(LAST_BITS, LAST_BITS, SEEDS["grow_and_shrink"]),
    "behind_the_deepest": colliding(BEHIND_LAST, BEHIND_LAST, SEEDS["grow_and_shrink"]),
    "one_branch": colliding(BRANCH, BRANCH, SEEDS["pressure"]),
    "eight_pages": colliding(EIGHT_PAGES, EIGHT_PAGES, SEEDS["expiry"]),
    "limits_on_one_page": colliding(NONE, NONE, SEEDS["limits"]),
    "renames_on_one_page": colliding(NONE, NONE, SEEDS["renames"]),
}


def main():
    folder = pathlib.Path(__file__).parent / "colliding_fuzz"
    folder.mkdir(exist_ok=True)
    for name, data in SEEDS_HERE.items():
        (folder / name).write_bytes(data)
    print(f"{len(SEEDS_HERE)} seeds in {folder.name}")


if __name__ == "__main__":
    main()
