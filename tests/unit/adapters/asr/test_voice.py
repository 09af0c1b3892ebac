"""Spans of speech out of probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from opentranscribe.adapters.asr.voice import FRAME_SECONDS, find_spans
from opentranscribe.ports.asr import RecognitionOptions

OPTIONS = RecognitionOptions()


def _frames(*parts: tuple[float, float]) -> np.ndarray:
    """(seconds, probability) pairs one after another."""
    return np.concatenate(
        [np.full(round(seconds / FRAME_SECONDS), value, np.float32) for seconds, value in parts]
    )


class TestFindSpans:
    def test_finds_nothing_in_silence(self) -> None:
        assert find_spans(_frames((10, 0.01)), OPTIONS, 10.0) == []

    def test_pads_what_it_finds(self) -> None:
        (span,) = find_spans(_frames((5, 0.0), (3, 0.9), (5, 0.0)), OPTIONS, 13.0)
        assert span.start == pytest.approx(4.6, abs=0.05)
        assert span.end == pytest.approx(8.4, abs=0.05)

    def test_stays_inside_the_recording(self) -> None:
        (span,) = find_spans(_frames((2, 0.9)), OPTIONS, 2.0)
        assert (span.start, span.end) == (0.0, 2.0)

    def test_bridges_short_pauses(self) -> None:
        frames = _frames((2, 0.9), (1, 0.0), (2, 0.9))
        assert len(find_spans(frames, OPTIONS, 5.0)) == 1

    def test_ends_at_long_ones_without_overlap(self) -> None:
        frames = _frames((2, 0.9), (2.5, 0.0), (2, 0.9))
        first, second = find_spans(frames, OPTIONS, 6.5)
        assert first.end <= second.start

    def test_ignores_a_click(self) -> None:
        assert find_spans(_frames((3, 0.0), (0.1, 0.9), (3, 0.0)), OPTIONS, 6.1) == []

    def test_cuts_long_speech_at_its_pauses(self) -> None:
        frames = _frames(*([(6.0, 0.9), (0.5, 0.05)] * 6))
        spans = find_spans(frames, OPTIONS, 39.0)
        assert len(spans) == 6
        assert spans[0].end == pytest.approx(6.1, abs=0.05)
        assert spans[1].start == pytest.approx(6.4, abs=0.05)

    def test_cuts_speech_without_any_pause_too(self) -> None:
        spans = find_spans(_frames((60, 0.9)), OPTIONS, 60.0)
        assert max(span.end - span.start for span in spans) <= 12.5
        assert spans[-1].end == 60.0
