"""The yardstick of the recognition benchmark."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def word_errors() -> ModuleType:
    path = Path(__file__).parents[3] / "bench" / "word_errors.py"
    spec = importlib.util.spec_from_file_location("word_errors", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["word_errors"] = module
    spec.loader.exec_module(module)
    return module


class TestNormalize:
    def test_leaves_words_only(self, word_errors: ModuleType) -> None:
        said = word_errors.normalize("Well, um, I'm NOT 'sure' (laughs) - two o\u2019clock!")
        assert said == ["well", "i", "am", "not", "sure", "2", "oclock"]

    def test_opens_contractions(self, word_errors: ModuleType) -> None:
        assert word_errors.normalize("They won't, you can't, we've") == (
            ["they", "will", "not", "you", "can", "not", "we", "have"]
        )


class TestAlign:
    @pytest.mark.parametrize(
        ("heard", "errors"),
        [
            ("a b c d", 0),
            ("a x c d", 1),
            ("a c d", 1),
            ("a b b c d", 1),
            ("", 4),
            ("x a b c d y z", 3),
        ],
    )
    def test_counts_the_fewest_changes(
        self, word_errors: ModuleType, heard: str, errors: int
    ) -> None:
        assert sum(word_errors.align(["a", "b", "c", "d"], heard.split())) == errors

    def test_counts_words_where_there_should_be_none(self, word_errors: ModuleType) -> None:
        assert sum(word_errors.align([], ["a", "b"])) == 2


class TestDifferenceInterval:
    def test_contains_nought_for_equals_and_not_for_unequals(self, word_errors: ModuleType) -> None:
        good = [word_errors.Block(20, number % 3) for number in range(50)]
        bad = [word_errors.Block(20, item.errors + 2) for item in good]
        assert word_errors.difference_interval(good, good) == (0.0, 0.0)
        low, high = word_errors.difference_interval(bad, good)
        assert low == high == pytest.approx(0.1)
