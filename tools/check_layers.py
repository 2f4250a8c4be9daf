#!/usr/bin/env python3
"""Checks that every folder includes only what its layer may see.

The build enforces the same through include paths. This check adds what a compiler cannot say:
file and line of every breach, headers reached by a way around (`../`), and dependencies that
somebody added to src/CMakeLists.txt although the design does not have them.

    tools/check_layers.py [ROOT]

Prints one line per breach, `file:line: what`, and exits 1 if there is any.
"""

import pathlib
import re
import sys

# The design's table: layer -> (layers it may use, whether it may use the public headers).
# A layer that is not here may not exist; to add one, change this table, src/CMakeLists.txt and
# the table in HACKING.md.
ALLOWED = {
    "base": (set(), False),
    "arena": ({"base"}, False),
    "policy": ({"base"}, False),
    "engine": ({"arena", "policy", "base"}, True),
    "pool": (set(), True),
    "document": (set(), True),
    "observe": ({"base"}, True),
    "heap": ({"observe"}, True),
    "resp": ({"base"}, False),
    "command": ({"resp", "observe"}, True),
    "server": ({"command", "observe", "resp"}, True),
    "cabi": (set(), True),
}
# Folders outside src/ that see the public headers and their own files, no layer.
# What the counting build counts is the one thing inside the library that others may look at.
COUNTERS = ("base/touch.h", {"bench/count_hit_bench.cpp", "tests/count/hit_test.cpp"})
# What the program starts the server with, and how both read sizes: it knows nothing else of it.
SERVER_DOOR = {"server/serve.h", "server/settings.h", "server/sizes.h"}
OUTSIDE = ("apps", "tests", "bench", "fuzz", "examples")
# The library links the standard library and the kernel's interface, nothing else.
BARE_LAYERS = {"base", "arena", "policy", "engine", "pool"}
# Headers with a path that are the system's, not a package's.
SYSTEM_FOLDERS = ("sys/", "linux/", "asm/", "bits/", "arpa/", "netinet/")
TEST_PACKAGES = ("gtest/", "gmock/", "rapidcheck", "benchmark/", "boost/")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
LAYER_CALL = re.compile(r"^\s*ullage_layer\(([^)]*)\)", re.MULTILINE)
SOURCE_SUFFIXES = {".h", ".cpp", ".cc", ".inc"}
TEST_STEM = re.compile(r"_(test|testing|bench|fuzz)$")


def includes(path):
    """Yields (line number, '<' or '"', included name)."""
    text = path.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1), match.group(2)


def sources(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in SOURCE_SUFFIXES and p.is_file())


def declared_layers(root):
    """The table in src/CMakeLists.txt: layer -> (dependencies, public api, line)."""
    cmake = root / "src" / "CMakeLists.txt"
    if not cmake.is_file():
        return {}
    text = cmake.read_text(encoding="utf-8")
    table = {}
    for match in LAYER_CALL.finditer(text):
        words = match.group(1).split()
        deps = set(words[words.index("DEPS") + 1 :]) if "DEPS" in words else set()
        line = text.count("\n", 0, match.start()) + 1
        table[words[0]] = (deps - {"PUBLIC_API"}, "PUBLIC_API" in words, line)
    return table


def check_declarations(root, declared):
    for layer, (deps, public, line) in sorted(declared.items()):
        where = f"src/CMakeLists.txt:{line}"
        if layer not in ALLOWED:
            yield f"{where}: layer '{layer}' is not in the table of tools/check_layers.py"
            continue
        for dep in sorted(deps - ALLOWED[layer][0]):
            yield f"{where}: layer '{layer}' may not depend on '{dep}'"
        if public and not ALLOWED[layer][1]:
            yield f"{where}: layer '{layer}' may not see include/ullage"
    src = root / "src"
    if src.is_dir():
        for folder in sorted(p for p in src.iterdir() if p.is_dir()):
            if folder.name not in declared:
                yield f"src/{folder.name}:1: no ullage_layer({folder.name}) in src/CMakeLists.txt"


def check_layer(root, layer, deps, public):
    for path in sources(root / "src" / layer):
        is_test = bool(TEST_STEM.search(path.stem))
        for line, kind, name in includes(path):
            where = f"{path.relative_to(root)}:{line}"
            top = name.split("/")[0]
            if ".." in name.split("/"):
                yield f"{where}: '{name}' goes around the include path; write \"<layer>/x.h\""
            elif top == "ullage":
                if not public:
                    yield f"{where}: layer '{layer}' may not see include/ullage ('{name}')"
                elif kind == '"':
                    yield f"{where}: write <{name}> for a public header"
            elif kind == '"':
                if "/" not in name:
                    yield f"{where}: write \"{layer}/{name}\", with its layer"
                elif top == "support" and is_test and public:
                    continue  # tests/support is made of public headers
                elif top != layer and top not in deps:
                    yield f"{where}: layer '{layer}' may not include '{name}'"
            elif layer in BARE_LAYERS and "/" in name and not name.startswith(SYSTEM_FOLDERS):
                if not (is_test and name.startswith(TEST_PACKAGES)):
                    yield f"{where}: layer '{layer}' uses the standard library only, not <{name}>"


def check_public(root):
    for path in sources(root / "include"):
        for line, kind, name in includes(path):
            where = f"{path.relative_to(root)}:{line}"
            if name.startswith("ullage/") and kind == "<" and ".." not in name:
                continue
            if kind == '"' or "/" in name and not name.startswith(SYSTEM_FOLDERS):
                yield (f"{where}: a public header includes the standard library and <ullage/x.h> "
                       f"only, not '{name}'")


def check_outside(root, layers):
    for folder in OUTSIDE:
        for path in sources(root / folder):
            for line, kind, name in includes(path):
                where = f"{path.relative_to(root)}:{line}"
                parts = name.split("/")
                if name == COUNTERS[0] and str(path.relative_to(root)) in COUNTERS[1]:
                    continue
                if folder == "apps" and name in SERVER_DOOR:
                    continue
                if ".." in parts and ({"src"} | layers) & set(parts):
                    yield f"{where}: {folder}/ sees the public headers only, not '{name}'"
                elif len(parts) > 1 and parts[0] in layers | {"src"}:
                    own = [root / folder / name, path.parent / name]
                    own += [p / name for p in path.parents if root / folder in (p, *p.parents)]
                    if not any(candidate.is_file() for candidate in own):
                        yield f"{where}: {folder}/ sees the public headers only, not '{name}'"


def check(root):
    declared = declared_layers(root)
    yield from check_declarations(root, declared)
    for layer, (deps, public, _) in sorted(declared.items()):
        yield from check_layer(root, layer, deps, public)
    yield from check_public(root)
    yield from check_outside(root, set(ALLOWED))


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else __file__).resolve()
    if not arguments:
        root = root.parent.parent
    breaches = list(check(root))
    for breach in breaches:
        print(breach)
    print(f"check_layers: {len(breaches)} breaches" if breaches else "check_layers: ok")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
