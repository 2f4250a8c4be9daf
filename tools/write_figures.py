#!/usr/bin/env python3
"""Writes docs/figures.md from the results of the benchmarks.

    tools/write_figures.py RESULTS_DIR [--output docs/figures.md]

Reads every RESULTS_DIR/*.json:
    {"name": str, "commit": str, "command": str, "date": str (optional, else the file's time),
     "figures": [{"figure": str, "bar": str, "result": str, "passed": true | false | null,
                  "peer": str, "workload": str}]}
A file may also hold a list of such objects. Figures that fall short are in the table like the
others, and marked; a figure without a bar has "passed": null and is only reported.

Rows of commands that have no results here stay as they are, with their commit and date: whoever
runs one benchmark does not take away what the others have measured, bars that fall short included.
"""

import argparse
import datetime
import json
import pathlib
import re
import sys

HEADER = """# Figures

Every figure we quote, with its bar, what was measured, and the command that measures it again.
`./dev bench` writes this file from the raw results in `build/bench-results`; do not edit it.
A bar that is not met says **no**. A figure without a bar is only reported.

"""
COLUMNS = ("figure", "bar", "result", "met?", "peer", "command", "commit", "date")
HEAD = "| " + " | ".join(COLUMNS) + " |"
MET = {True: "yes", False: "**no**", None: "–"}
REQUIRED = ("figure", "result", "passed")


class BadResult(Exception):
    """A file of results that does not say what the table needs."""


def cell(text):
    return " ".join(str(text).replace("|", "\\|").split()) or "–"


def read_results(folder):
    """The runs in all files, in the order of their names."""
    runs = []
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BadResult(f"{path.name}: not JSON: {error}") from error
        for run in content if isinstance(content, list) else [content]:
            if not isinstance(run, dict) or not isinstance(run.get("figures"), list):
                raise BadResult(f"{path.name}: no list \"figures\"")
            for figure in run["figures"]:
                missing = [key for key in REQUIRED if key not in figure]
                if missing:
                    raise BadResult(f"{path.name}: a figure without {', '.join(missing)}")
                if figure["passed"] not in MET:
                    raise BadResult(f"{path.name}: \"passed\" is {figure['passed']!r}")
            written = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.timezone.utc)
            run.setdefault("date", written.date().isoformat())
            run.setdefault("name", path.stem)
            runs.append(run)
    return runs


def row(run, figure):
    name = cell(figure["figure"])
    if figure.get("workload"):
        name += f"<br>{cell(figure['workload'])}"
    command = f"`{cell(run['command'])}`" if run.get("command") else "–"
    values = (name, cell(figure.get("bar", "")), cell(figure["result"]), MET[figure["passed"]],
              cell(figure.get("peer", "")), command, cell(run.get("commit", "")),
              cell(run["date"]))
    return "| " + " | ".join(values) + " |"


def cells_of(line):
    """A row's cells, as row() has written them."""
    return re.split(r"(?<!\\) \| ", line.removeprefix("| ").removesuffix(" |"))


def command_of(line):
    return cells_of(line)[COLUMNS.index("command")]


def kept_rows(path, runs):
    """Rows of the present table whose commands have no new results."""
    if not path.exists():
        return []
    measured = {f"`{cell(run['command'])}`" for run in runs if run.get("command")}
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and line != HEAD]
    return [line for line in rows if command_of(line) not in measured]


def summary(rows):
    met = [cells_of(line)[COLUMNS.index("met?")] for line in rows]
    return (f"{met.count(MET[True])} bars met, {met.count(MET[False])} not met, "
            f"{met.count(MET[None])} figures reported without a bar.\n")


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=pathlib.Path)
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--output", type=pathlib.Path, default=root / "docs" / "figures.md")
    options = parser.parse_args(arguments)
    try:
        runs = read_results(options.results)
    except BadResult as error:
        print(f"write_figures: {error}", file=sys.stderr)
        return 1
    if not runs:
        print(f"write_figures: no results in {options.results}", file=sys.stderr)
        return 1
    rows = kept_rows(options.output, runs)
    rows += [row(run, figure) for run in runs for figure in run["figures"]]
    rows.sort(key=command_of)  # stable: those of one command stay in their order
    table = "\n".join([HEAD, "|---" * len(COLUMNS) + "|", *rows]) + "\n"
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(HEADER + summary(rows) + "\n" + table, encoding="utf-8")
    print(f"write_figures: {options.output.name}: {summary(rows)}", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
