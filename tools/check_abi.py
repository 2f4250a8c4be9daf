#!/usr/bin/env python3
"""Compares the C library's interface with the one that is written down.

    tools/check_abi.py LIBRARY            says what differs, and exits 1 if anything does
    tools/check_abi.py --write LIBRARY    writes it down anew, if the version says what changed

What is written down, src/cabi/ullage_c.abi, is a line for each symbol that the library exports, each
prototype, each number of an enum and each member of a struct with its place and size, as the compiler has it.
A line that is new wants a new UL_ABI_MINOR, a line that is gone a new UL_ABI_MAJOR.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WRITTEN = ROOT / "src/cabi/ullage_c.abi"
HEADER = ROOT / "include/ullage/c.h"

STRUCT = re.compile(r"typedef struct (\w+) \{(.*?)\} \1;", re.DOTALL)
ENUM = re.compile(r"\benum \{(.*?)\};", re.DOTALL)
MEMBER = re.compile(r"(\w+)(?:\[\w+\])?$")


def plain(text):
    """The header without comments and directives."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    text = re.sub(r"^\s*#(?:[^\n\\]|\\.|\\\n)*", "", text, flags=re.MULTILINE)
    return text


def compiled(lines):
    """What a C program of these statements prints."""
    source = ('#include <ullage/c.h>\n#include <stdio.h>\nint main(void) {\n' + "\n".join(lines) + "\nreturn 0; }\n")
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "layout"
        (pathlib.Path(folder) / "layout.c").write_text(source)
        subprocess.run(["cc", "-std=c11", "-I", ROOT / "include", "-o", program, f"{folder}/layout.c"], check=True)
        return subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()


def interface(library):
    text = plain(HEADER.read_text())
    lines = []
    for match in re.finditer(r"UL_API ([^;{]*);", text):
        lines.append("call " + " ".join(match.group(1).split()))
    for match in re.finditer(r"typedef [^;{]*\([^;{]*;|typedef struct \w+ \w+;|typedef \w+ \w+;", text):
        lines.append("type " + " ".join(match.group(0).split()))
    asks = []
    for match in ENUM.finditer(text):
        for name in re.findall(r"\b(UL_\w+)\b(?:\s*=\s*-?\d+)?", match.group(1)):
            asks.append(f'printf("number {name} = %d\\n", (int){name});')
    for match in STRUCT.finditer(text):
        struct, body = match.groups()
        asks.append(f'printf("struct {struct}: %zu bytes\\n", sizeof({struct}));')
        for declaration in body.split(";"):
            declaration = " ".join(declaration.split())
            if declaration:
                name = MEMBER.search(declaration).group(1)
                asks.append(f'printf("member {struct}: {declaration} at %zu, %zu bytes\\n", '
                            f'offsetof({struct}, {name}), sizeof((({struct} *)0)->{name}));')
    lines += compiled(asks)
    symbols = subprocess.run(["nm", "-D", "--defined-only", "--with-symbol-versions", library], capture_output=True,
                             text=True, check=True).stdout
    for line in symbols.splitlines():
        kind, name = line.split()[1:3]
        if kind != "A":
            lines.append(f"symbol {name}")
    return sorted(lines)


def version():
    text = HEADER.read_text()
    return tuple(int(re.search(rf"#define UL_ABI_{part} (\d+)", text).group(1)) for part in ("MAJOR", "MINOR"))


def written():
    lines = WRITTEN.read_text().splitlines()
    return tuple(int(part) for part in lines[0].split()[-1].split(".")), lines[1:]


def wanted(then, before, now):
    """The least version that may have what is there now."""
    if set(before) - set(now):
        return (then[0] + 1, 0)
    return (then[0], then[1] + 1) if set(now) - set(before) else then


def main():
    words = sys.argv[1:]
    now = interface(words[-1])
    if words[0] != "--write":
        then, before = written()
        if before == now and then == version():
            print(f"the C interface is {then[0]}.{then[1]} as it is written down: {len(now)} lines")
            return
        for line in before:
            if line not in now:
                print(f"gone: {line}")
        for line in now:
            if line not in before:
                print(f"new:  {line}")
        least = wanted(then, before, now)
        sys.exit(f"the C interface is another than {WRITTEN.name} says: it wants version {least[0]}.{least[1]} in c.h "
                 "(UL_ABI_MAJOR, UL_ABI_MINOR), and then ./dev abi")
    if WRITTEN.exists():
        then, before = written()
        least = wanted(then, before, now)
        if version() < least:
            sys.exit(f"c.h says version {version()[0]}.{version()[1]}; what has changed wants {least[0]}.{least[1]}")
    WRITTEN.write_text("version %d.%d\n" % version() + "\n".join(now) + "\n")


if __name__ == "__main__":
    main()
