#!/usr/bin/env python3
"""Tests of write_figures.py."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import write_figures  # noqa: E402


def figure(name, passed, **more):
    return {"figure": name, "bar": "<= 12 B", "result": "11.4 B", "passed": passed,
            "peer": "map|map 115 B", "workload": "2M entries", **more}


class WriteFigures(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.output = self.root / "docs" / "figures.md"

    def run_with(self, **files):
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (self.root / f"{name}.json").write_text(text)
        self.messages = io.StringIO()
        with contextlib.redirect_stdout(self.messages), contextlib.redirect_stderr(self.messages):
            return write_figures.main([str(self.root), "--output", str(self.output)])

    def test_every_figure_has_its_row_and_a_missed_bar_is_marked(self):
        run = {"name": "overhead", "commit": "abc1234", "command": "./dev bench overhead",
               "date": "2025-01-02",
               "figures": [figure("a", True), figure("b", False), figure("c", None)]}
        self.assertEqual(self.run_with(overhead=run), 0)
        rows = [line for line in self.output.read_text().splitlines() if line.startswith("| ")][1:]
        self.assertEqual(len(rows), 3)
        self.assertIn("| yes |", rows[0])
        self.assertIn("| **no** |", rows[1])
        self.assertIn("| – |", rows[2])
        self.assertIn("| map\\|map 115 B | `./dev bench overhead` | abc1234 | 2025-01-02 |",
                      rows[0])
        self.assertIn("1 bars met, 1 not met, 1 figures", self.output.read_text())

    def test_broken_results_are_named_and_nothing_is_written(self):
        for broken in ("{", "{}", {"figures": [{"figure": "a"}]},
                       {"figures": [figure("a", "maybe")]}):
            self.assertEqual(self.run_with(broken=broken), 1)
            self.assertIn("broken.json", self.messages.getvalue())
            self.assertFalse(self.output.exists())

    def test_what_others_have_measured_stays(self):
        def of(name, *figures, date="2025-01-02"):
            return {"name": name, "command": f"./dev bench {name}", "commit": "abc", "date": date,
                    "figures": list(figures)}
        self.assertEqual(self.run_with(bound=of("bound", figure("a", False), figure("b", True)),
                                       work=of("work", figure("c", True))), 0)
        before = self.output.read_text().splitlines()
        (self.root / "bound.json").unlink()
        (self.root / "work.json").unlink()
        self.assertEqual(self.run_with(get=of("get", figure("d", None)),
                                       work=of("work", figure("c", False), date="2025-02-03")), 0)
        after = self.output.read_text().splitlines()
        rows = [line for line in after if line.startswith("| ")][1:]
        self.assertEqual(rows[:2], [line for line in before if "bench bound" in line])
        self.assertIn("./dev bench get", rows[2])
        self.assertIn("2025-02-03", rows[3])
        self.assertEqual(len(rows), 4)
        self.assertIn("1 bars met, 2 not met, 1 figures", self.output.read_text())

    def test_no_results_is_an_error(self):
        self.assertEqual(self.run_with(), 1)


if __name__ == "__main__":
    unittest.main()
