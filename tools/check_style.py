#!/usr/bin/env python3
"""Checks the rules of style that a formatter cannot.

    tools/check_style.py [ROOT]

- a source file has at most 700 lines: a file is one idea (past 500, look for the second one);
- no unfinished-work markers: what is open is an issue, not a comment;
- GTEST_SKIP only in tests/system, and in apps/, where a trace or a feature of the kernel may be absent;
- no absolute home or work folder of somebody's machine, in any text file;
- text files end with one newline and have no trailing blanks, tabs only where the format asks.

Prints one line per breach, `file:line: what`, and exits 1 if there is any.
"""

import pathlib
import re
import subprocess
import sys

MAX_LINES = 700
CPP_SUFFIXES = {".h", ".cpp", ".cc", ".c", ".inc"}
SOURCE_SUFFIXES = CPP_SUFFIXES | {".py", ".sh", ".cmake", ".go"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | {".md", ".txt", ".json", ".in", ".toml", ".yml", ".yaml", ""}
# Written in pieces, so that this file does not breach its own rules.
MARKER = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
SKIP = re.compile(r"\b" + "GTEST_" + r"SKIP\b")
MACHINE_PATH = re.compile(r"(?<![\w./-])/(home|work|root|Users)/\w")
SKIP_FOLDERS = {".git", "build", "__pycache__", ".cache", "third_party"}
THIS = pathlib.Path(__file__).name


def tree(root):
    """Files git knows or would add; without git, all but the build folder."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others",
             "--exclude-standard"],
            check=True, capture_output=True).stdout.decode().split("\0")
        top = subprocess.run(["git", "-C", str(root), "rev-parse", "--show-toplevel"],
                             check=True, capture_output=True, text=True).stdout.strip()
        if pathlib.Path(top).resolve() == root:
            return sorted({root / name for name in listed if name and (root / name).is_file()})
    except (OSError, subprocess.CalledProcessError):
        pass
    return sorted(p for p in root.rglob("*") if p.is_file()
                  and not SKIP_FOLDERS & set(p.relative_to(root).parts[:-1]))


def check_file(root, path):
    name = path.relative_to(root).as_posix()
    if path.suffix not in TEXT_SUFFIXES or path.name == "LICENSE":
        return
    data = path.read_bytes()
    if b"\0" in data or name.startswith("fuzz/seeds/"):
        return
    text = data.decode("utf-8", errors="replace")
    lines = text.splitlines()
    is_source = path.suffix in SOURCE_SUFFIXES or name == "dev"
    if is_source and len(lines) > MAX_LINES:
        yield f"{name}:{MAX_LINES + 1}: {len(lines)} lines; a file has at most {MAX_LINES}"
    if data and not data.endswith(b"\n"):
        yield f"{name}:{len(lines)}: no newline at the end"
    for number, line in enumerate(lines, 1):
        where = f"{name}:{number}"
        if MARKER.search(line) and path.name != THIS:
            yield f"{where}: an unfinished-work marker; finish it or open an issue"
        if path.suffix in CPP_SUFFIXES and SKIP.search(line) and not name.startswith(("tests/system/", "apps/")):
            yield f"{where}: skipping a test is allowed in tests/system and apps only"
        if MACHINE_PATH.search(line):
            yield f"{where}: a path of one machine"
        if is_source and line != line.rstrip():
            yield f"{where}: blanks at the end of the line"
        if is_source and "\t" in line and path.suffix != ".go":
            yield f"{where}: a tab; indent with spaces, write \\t in a string"


def check(root):
    for path in tree(root):
        yield from check_file(root, path)


def main(arguments):
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).parent.parent
    breaches = list(check(root.resolve()))
    for breach in breaches:
        print(breach)
    print(f"check_style: {len(breaches)} breaches" if breaches else "check_style: ok")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
