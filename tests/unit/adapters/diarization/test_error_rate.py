"""The scorer that the benchmark and the integration tests use; values agree with pyannote.metrics."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def load_scorer() -> ModuleType:
    path = Path(__file__).parents[4] / "bench" / "diarization_error.py"
    spec = importlib.util.spec_from_file_location("diarization_error", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


scorer = load_scorer()
Spoken = scorer.Spoken

REFERENCE = [
    Spoken(0.0, 5.0, "anna"),
    Spoken(4.0, 9.0, "ben"),
    Spoken(12.0, 15.0, "anna"),
    Spoken(15.2, 19.0, "cleo"),
]
FOUND = [
    Spoken(0.2, 4.4, "0"),
    Spoken(4.4, 9.6, "1"),
    Spoken(12.0, 14.0, "0"),
    Spoken(14.0, 18.0, "2"),
    Spoken(20.0, 21.0, "2"),
]


class TestMeasureError:
    @pytest.mark.parametrize(("collar", "rate"), [(0.0, 0.297619), (0.25, 0.242754)])
    def test_agrees_with_the_usual_tool(self, collar, rate):
        assert scorer.measure_error(REFERENCE, FOUND, collar).rate == pytest.approx(rate, abs=1e-6)

    def test_nothing_found_is_all_missed(self):
        error = scorer.measure_error(REFERENCE, [], 0.0)
        assert error.rate == 1.0
        assert error.missed == pytest.approx(16.8)

    def test_names_do_not_matter(self):
        renamed = [Spoken(part.start, part.end, part.speaker[::-1]) for part in REFERENCE]
        assert scorer.measure_error(REFERENCE, renamed, 0.0).rate == 0.0

    def test_within_the_collar_nothing_is_wrong(self):
        shifted = [Spoken(part.start + 0.2, part.end + 0.2, part.speaker) for part in REFERENCE]
        assert scorer.measure_error(REFERENCE, shifted, 0.25).rate == 0.0
