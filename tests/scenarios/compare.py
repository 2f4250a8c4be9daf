#!/usr/bin/env python3
"""Runs a program on the scenario and compares what it prints with what is expected.

    tests/scenarios/compare.py PROGRAM [ARGUMENT...]
"""

import difflib
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def main():
    program = sys.argv[1:]
    run = subprocess.run([*program, HERE / "scenario.txt"], capture_output=True, timeout=60, check=False)
    if run.returncode != 0:
        sys.exit(f"{program[0]} ended with {run.returncode}\n{run.stderr.decode(errors='replace')}")
    expected = (HERE / "expected.txt").read_bytes()
    if run.stdout != expected:
        lines = difflib.unified_diff(expected.decode("latin-1").splitlines(), run.stdout.decode("latin-1").splitlines(),
                                     "expected.txt", program[0], n=1, lineterm="")
        sys.exit("\n".join(lines))
    print(f"{len(expected.splitlines())} answers as expected")


if __name__ == "__main__":
    main()
