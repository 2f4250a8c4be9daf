"""Suites that others publish: JSON_checker's texts, and the JSON Patch tests.

They come from packages; ./dev bindings puts the second where ULLAGE_SUITES says.
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import pytest
import ullage
from simplejson.tests import test_fail, test_pass1, test_pass2, test_pass3

# Deep beyond what JSON_checker takes, and within what we take.
TOO_DEEP_FOR_OTHERS = '[[[[[[[[[[[[[[[[[[[["Too deep"]]]]]]]]]]]]]]]]]]]]'
# RFC 8259 takes any value for a text; JSON_checker is older.
A_TEXT_TODAY = '"A JSON payload should be an object or array, not a string."'


@pytest.fixture(scope="module")
def cache() -> ullage.Cache:
    return ullage.Cache(16 << 20)


@pytest.mark.parametrize("text", [test_pass1.JSON, test_pass2.JSON, test_pass3.JSON, TOO_DEEP_FOR_OTHERS, A_TEXT_TODAY])
def test_texts_go_there_and_back(cache: ullage.Cache, text: str) -> None:
    cache.json_put("doc", text)
    kept = cache.json_get("doc")
    assert kept is not None and json.loads(kept) == json.loads(text)


@pytest.mark.parametrize("text", [text for text in test_fail.JSONDOCS if text not in (TOO_DEEP_FOR_OTHERS, A_TEXT_TODAY)])
def test_what_is_no_json_is_refused(cache: ullage.Cache, text: str) -> None:
    with pytest.raises(ullage.JsonError, match="line [0-9]+, column [0-9]+"):
        cache.json_put("refused", text)
    assert cache.json_get("refused") is None


def patches() -> list[Any]:
    folder = os.environ.get("ULLAGE_SUITES")
    if folder is None:
        return []
    tests = json.loads((pathlib.Path(folder) / "json-patch-tests.json").read_text())
    return [test for test in tests if "patch" in test and not test.get("disabled")]


@pytest.mark.skipif("ULLAGE_SUITES" not in os.environ, reason="./dev bindings fetches the suite")
def test_there_is_a_suite_of_patches() -> None:
    assert len(patches()) > 50


@pytest.mark.parametrize("test", patches(), ids=lambda test: str(test.get("comment") or test["patch"])[:60])
def test_patches_do_what_the_suite_says(cache: ullage.Cache, test: Any) -> None:
    cache.erase_group("doc")
    cache.json_put("doc", json.dumps(test["doc"]))
    before = cache.json_get("doc")
    if "error" in test:
        with pytest.raises((ullage.JsonError, ullage.MissingError, ullage.WrongTypeError)):
            cache.json_patch("doc", json.dumps(test["patch"]))
        assert cache.json_get("doc") == before, "all of it or nothing"
        return
    cache.json_patch("doc", json.dumps(test["patch"]))
    after = cache.json_get("doc")
    assert after is not None
    if "expected" in test:
        assert json.loads(after) == test["expected"]
