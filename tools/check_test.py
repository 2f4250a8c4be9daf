#!/usr/bin/env python3
"""Tests of check_layers.py and check_style.py: each breach made in a temporary tree is reported
with its file and line, and a tree without a breach is not."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check_layers  # noqa: E402
import check_style  # noqa: E402

LAYERS = """ullage_layer(base)
ullage_layer(arena DEPS base)
ullage_layer(policy DEPS base)
ullage_layer(engine PUBLIC_API DEPS arena policy base)
"""
MARKER = "TO" + "DO"
SKIP = "GTEST_" + "SKIP()"
HOME = "/ho" + "me/somebody"


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def assert_only(self, breaches, start):
        breaches = list(breaches)
        self.assertEqual(len(breaches), 1, breaches)
        self.assertTrue(breaches[0].startswith(start), breaches[0])


class Layers(Tree):
    def setUp(self):
        super().setUp()
        self.write("src/CMakeLists.txt", LAYERS)
        self.write("src/base/x.h", "#include <cstdint>\n#include <sys/mman.h>\n")
        self.write("src/arena/a.h", '#include "arena/b.h"\n#include "base/x.h"\n')
        self.write("src/engine/e.h", '#include <ullage/cache.h>\n#include "policy/p.h"\n')
        self.write("src/engine/e_test.cpp", '#include <gtest/gtest.h>\n#include "engine/e.h"\n'
                   '#include "support/testing.h"\n')
        self.write("include/ullage/cache.h", "#include <string>\n#include <ullage/result.h>\n")
        self.write("apps/ullage/main.cpp", '#include <fmt/format.h>\n#include "replay.h"\n')

    def breaches(self):
        return check_layers.check(self.root)

    def test_good_tree_has_no_breach(self):
        self.assertEqual(list(self.breaches()), [])

    def test_upward_include(self):
        self.write("src/base/bad.cpp", '#include "base/x.h"\n#include "arena/a.h"\n')
        self.assert_only(self.breaches(), "src/base/bad.cpp:2: ")

    def test_include_between_siblings(self):
        self.write("src/arena/bad.h", '\n#  include "policy/p.h"\n')
        self.assert_only(self.breaches(), "src/arena/bad.h:2: ")

    def test_way_around_the_include_path(self):
        self.write("src/base/bad.cpp", '#include "../arena/a.h"\n')
        self.assert_only(self.breaches(), "src/base/bad.cpp:1: ")

    def test_name_without_its_layer(self):
        self.write("src/base/bad.cpp", '#include "x.h"\n')
        self.assert_only(self.breaches(), "src/base/bad.cpp:1: ")

    def test_public_header_in_a_layer_without_public_api(self):
        self.write("src/arena/bad.cpp", "#include <ullage/cache.h>\n")
        self.assert_only(self.breaches(), "src/arena/bad.cpp:1: ")

    def test_helpers_of_tests_in_the_library(self):
        self.write("src/engine/bad.cpp", '#include "support/testing.h"\n')
        self.assert_only(self.breaches(), "src/engine/bad.cpp:1: ")

    def test_helpers_of_tests_in_a_layer_without_public_api(self):
        self.write("src/arena/bad_test.cpp", '#include "support/testing.h"\n')
        self.assert_only(self.breaches(), "src/arena/bad_test.cpp:1: ")

    def test_package_in_the_library(self):
        self.write("src/engine/bad.cpp", "#include <boost/unordered_map.hpp>\n")
        self.assert_only(self.breaches(), "src/engine/bad.cpp:1: ")

    def test_internal_header_in_a_public_one(self):
        self.write("include/ullage/bad.h", '#include "engine/e.h"\n')
        self.assert_only(self.breaches(), "include/ullage/bad.h:1: ")

    def test_internal_header_in_the_program(self):
        self.write("apps/ullage/bad.cpp", '#include "engine/e.h"\n')
        self.assert_only(self.breaches(), "apps/ullage/bad.cpp:1: ")

    def test_own_folder_of_the_program_with_the_name_of_a_layer(self):
        self.write("apps/ullage/policy/lru.h", "#include <list>\n")
        self.write("apps/ullage/policy/lru.cpp", '#include "policy/lru.h"\n')
        self.assertEqual(list(self.breaches()), [])

    def test_dependency_that_the_design_does_not_have(self):
        self.write("src/CMakeLists.txt", LAYERS.replace("policy DEPS base", "policy DEPS arena"))
        self.assert_only(self.breaches(), "src/CMakeLists.txt:3: ")

    def test_layer_that_the_design_does_not_have(self):
        self.write("src/CMakeLists.txt", LAYERS + "ullage_layer(misc)\n")
        self.assert_only(self.breaches(), "src/CMakeLists.txt:5: ")

    def test_folder_that_is_no_layer(self):
        self.write("src/extra/x.h", "\n")
        self.assert_only(self.breaches(), "src/extra:1: ")


class Style(Tree):
    def breaches(self):
        return check_style.check(self.root)

    def test_good_tree_has_no_breach(self):
        self.write("src/base/x.h", "int x;\n" * check_style.MAX_LINES)
        self.write("tests/system/x_test.cpp", SKIP + ";\n")
        self.write("docs/x.md", "text, see docs/work/x and https://example.org/home/x\n")
        self.write("build/dev/x.cpp", f"// {MARKER}\n")
        self.assertEqual(list(self.breaches()), [])

    def test_long_file(self):
        self.write("src/base/x.h", "int x;\n" * (check_style.MAX_LINES + 1))
        self.assert_only(self.breaches(), "src/base/x.h:701: ")

    def test_marker(self):
        for name in ("src/base/x.h", "dev", "docs/x.md", "src/CMakeLists.txt"):
            self.write(name, f"a\n# {MARKER}: later\n")
        self.assertEqual(len(list(self.breaches())), 4)

    def test_skipped_test(self):
        self.write("tests/contract/x_test.cpp", "\n\n" + SKIP + ";\n")
        self.assert_only(self.breaches(), "tests/contract/x_test.cpp:3: ")

    def test_machine_path(self):
        self.write("docs/x.md", f"see {HOME}/x\n")
        self.assert_only(self.breaches(), "docs/x.md:1: ")

    def test_blanks_tabs_and_last_line(self):
        self.write("src/base/x.h", "int x; \n\tint y;\nint z;")
        self.assertEqual(len(list(self.breaches())), 3)


if __name__ == "__main__":
    unittest.main()
