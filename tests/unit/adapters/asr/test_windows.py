"""Dividing speech into windows."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentranscribe.adapters.asr.windows import Window, plan_windows
from opentranscribe.ports.asr import SpeechSpan
from opentranscribe.ports.audio import Pcm


@pytest.fixture
def silence(tmp_path: Path) -> Pcm:
    path = tmp_path / "sound.raw"
    np.zeros(16_000 * 200, dtype="<i2").tofile(path)
    return Pcm(path)


def _spans(*times: tuple[float, float]) -> list[SpeechSpan]:
    return [SpeechSpan(start, end) for start, end in times]


class TestPlanWindows:
    def test_gives_none_without_speech(self, silence: Pcm) -> None:
        assert plan_windows([], silence) == []

    def test_keeps_a_short_recording_in_one_window(self, silence: Pcm) -> None:
        windows = plan_windows(_spans((1, 8), (9, 20)), silence)
        assert [(window.start, window.end) for window in windows] == [(1, 20)]

    def test_lets_the_first_window_fit_one_pass(self, silence: Pcm) -> None:
        windows = plan_windows(_spans(*((at, at + 9.5) for at in range(0, 190, 10))), silence)
        assert windows[0].speech_seconds <= 29.5
        assert len(windows) >= 4

    def test_cuts_at_the_longest_pause_in_reach(self, silence: Pcm) -> None:
        spans = _spans((0, 9), (9.2, 18), (18.1, 24), (25.5, 27), (27.1, 50))
        windows = plan_windows(spans, silence)
        assert windows[0].end == 24

    def test_leaves_long_silences_out(self, silence: Pcm) -> None:
        windows = plan_windows(_spans((0, 8), (100, 110)), silence)
        assert len(windows) == 1
        assert windows[0].speech_seconds == 18

    def test_cuts_endless_speech_at_its_quietest_moment(self, tmp_path: Path) -> None:
        sound = np.full(16_000 * 60, 3000, dtype="<i2")
        sound[16_000 * 27 : 16_000 * 27 + 8000] = 0
        sound.tofile(tmp_path / "loud.raw")
        windows = plan_windows(_spans((0, 60)), Pcm(tmp_path / "loud.raw"))
        assert windows[0].end == pytest.approx(27.2, abs=0.3)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(st.lists(st.tuples(st.floats(0.0, 5.0), st.floats(0.3, 60.0)), min_size=1, max_size=40))
    def test_covers_all_speech_once_and_in_order(
        self, silence: Pcm, pairs: list[tuple[float, float]]
    ) -> None:
        spans, at = [], 0.0
        for gap, length in pairs:
            spans.append(SpeechSpan(at + gap, at + gap + length))
            at += gap + length
        windows = plan_windows(spans, silence)
        assert windows == plan_windows(spans, silence)
        assert [window.index for window in windows] == list(range(len(windows)))
        pieces = [piece for window in windows for piece in window.pieces]
        for before, after in itertools.pairwise(pieces):
            assert before.end <= after.start + 1e-6
        for span in spans:
            covered = sum(
                max(0.0, min(piece.end, span.end) - max(piece.start, span.start))
                for piece in pieces
            )
            assert covered == pytest.approx(span.end - span.start, abs=1e-3)
        assert all(window.speech_seconds <= 90 for window in windows)


class TestPlace:
    def test_puts_joined_time_back_where_it_was(self) -> None:
        window = Window(0, tuple(_spans((10, 15), (60, 64))))
        assert window.place(1.0, 2.0) == (11.0, 12.0)
        assert window.place(6.0, 6.5) == (61.0, 61.5)

    def test_keeps_a_word_in_one_piece(self) -> None:
        window = Window(0, tuple(_spans((10, 15), (60, 64))))
        assert window.place(4.5, 5.2) == (14.5, 15.0)
        assert window.place(8.9, 9.7) == (63.9, 64.0)
