"""Following local speakers from window to window."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from opentranscribe.adapters.diarization.segmentation import (
    STEP_FRAMES,
    WINDOW_FRAMES,
    WINDOW_SAMPLES,
    Window,
    count_frames,
    plan_windows,
)
from opentranscribe.adapters.diarization.tracks import find_stretches, iter_runs

Spoken = list[tuple[int, int, int]]


def make_windows(spoken: Spoken, frames: int, order: np.random.Generator) -> list[Window]:
    """What a perfect network says about (speaker, start, stop): locals numbered at random."""
    talking = np.zeros((frames + WINDOW_FRAMES, 3), dtype=bool)
    for speaker, start, stop in spoken:
        talking[start:stop, speaker] = True
    starts = range(0, max(1, frames - WINDOW_FRAMES + STEP_FRAMES), STEP_FRAMES)
    return [
        Window(start, talking[start : start + WINDOW_FRAMES][:, order.permutation(3)])
        for start in starts
    ]


def mark(windows: list[Window], frames: int) -> dict[int, np.ndarray]:
    """Where each track talks."""
    marks: dict[int, np.ndarray] = {}
    for runs in iter_runs(windows):
        for run in runs:
            own = marks.setdefault(run.track, np.zeros(frames + WINDOW_FRAMES, dtype=bool))
            assert not own[run.start : run.stop].any()
            own[run.start : run.stop] = True
    return marks


class TestIterRuns:
    def test_one_speaker_stays_one_track_whatever_the_local_numbers(self):
        spoken = [(0, 10, 1400)]
        marks = mark(make_windows(spoken, 1500, np.random.default_rng(0)), 1500)
        (only,) = marks.values()
        assert find_stretches(only) == [(10, 1400)]

    def test_two_who_interrupt_each_other_stay_two_tracks(self):
        spoken = [(0, 0, 500), (1, 450, 900), (0, 880, 1300)]
        marks = mark(make_windows(spoken, 1400, np.random.default_rng(1)), 1400)
        found = sorted(find_stretches(own) for own in marks.values())
        assert found == [[(0, 500), (880, 1300)], [(450, 900)]]

    def test_says_what_is_spoken_alone(self):
        spoken = [(0, 0, 300), (1, 250, 500)]
        windows = make_windows(spoken, 600, np.random.default_rng(2))
        runs = [run for part in iter_runs(windows) for run in part]
        assert {(run.start, run.stop) for run in runs if not run.alone} == {(250, 300)}
        assert sum(run.stop - run.start for run in runs if run.alone) == 450

    def test_a_long_silence_ends_a_track(self):
        spoken = [(0, 0, 300), (0, 2000, 2300)]
        marks = mark(make_windows(spoken, 2400, np.random.default_rng(3)), 2400)
        assert len(marks) == 2

    def test_most_windows_win(self):
        windows = make_windows([(0, 0, 1000)], 1000, np.random.default_rng(4))
        windows[2].active[:] = False
        marks = mark(windows, 1000)
        assert sum(own[:1000].sum() for own in marks.values()) >= 1000 - STEP_FRAMES

    @settings(max_examples=40, deadline=None)
    @given(
        seed=st.integers(0, 1000),
        turns=st.lists(st.tuples(st.integers(0, 2), st.integers(20, 400)), max_size=12),
    )
    def test_no_speech_is_lost_or_invented(self, seed, turns):
        spoken, start = [], 0
        for speaker, length in turns:
            spoken.append((speaker, start, start + length))
            start += length + 30
        frames = start + 1
        found = np.zeros(frames + WINDOW_FRAMES, dtype=int)
        for own in mark(make_windows(spoken, frames, np.random.default_rng(seed)), frames).values():
            found += own
        expected = np.zeros_like(found)
        for _, begin, stop in spoken:
            expected[begin:stop] += 1
        assert (found == expected).all()


class TestPlanWindows:
    @given(st.integers(0, 40 * 16_000))
    def test_windows_overlap_and_reach_the_end(self, samples):
        starts = plan_windows(samples)
        assert starts[0] == 0
        assert all(0 < b - a <= STEP_FRAMES for a, b in pairwise(starts))
        assert starts[-1] * 270 + WINDOW_SAMPLES >= samples
        assert starts[-1] <= count_frames(samples)
