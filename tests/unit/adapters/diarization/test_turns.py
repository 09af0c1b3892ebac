"""From labelled tracks to turns: rules that hold for any input."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from opentranscribe.adapters.diarization.pieces import (
    LONGEST_SECONDS,
    SHORTEST_SECONDS,
    cut_pieces,
    to_seconds,
)
from opentranscribe.adapters.diarization.tracks import Run
from opentranscribe.adapters.diarization.turns import (
    MARGIN_SECONDS,
    PAUSE_SECONDS,
    build_turns,
    renumber,
)
from opentranscribe.ports.diarization import Turn

FRAMES_A_SECOND = 16_000 / 270


def speak(track: int, start: float, stop: float, *, alone: bool = True) -> Run:
    return Run(track, round(start * FRAMES_A_SECOND), round(stop * FRAMES_A_SECOND), alone)


def build(runs: list[Run], labels: dict[int, int], end: float = 100.0) -> list[Turn]:
    """Every track has the voice that ``labels`` gives it."""
    pieces = cut_pieces(runs)
    voices = np.array([labels[piece.track] for piece in pieces], dtype=np.int64)
    return build_turns(runs, pieces, voices, end)


class TestBuildTurns:
    def test_short_pauses_belong_to_the_turn(self):
        runs = [speak(0, 1, 3), speak(0, 3 + PAUSE_SECONDS - 0.1, 6)]
        assert [turn.speaker for turn in build(runs, {0: 0})] == [0]

    def test_long_pauses_end_it(self):
        runs = [speak(0, 1, 3), speak(0, 3 + PAUSE_SECONDS + 0.2, 6)]
        assert len(build(runs, {0: 0})) == 2

    def test_an_answer_in_the_pause_ends_it_too(self):
        runs = [speak(0, 1, 3), speak(1, 3.05, 3.5), speak(0, 3.6, 6)]
        assert [turn.speaker for turn in build(runs, {0: 0, 1: 1})] == [0, 1, 0]

    def test_a_click_is_no_turn(self):
        runs = [speak(0, 1, 3), speak(0, 8, 8.1)]
        assert len(build(runs, {0: 0})) == 1

    def test_two_tracks_of_one_voice_make_one_speaker(self):
        runs = [speak(0, 1, 3), speak(1, 3.1, 5)]
        (turn,) = build(runs, {0: 4, 1: 4})
        assert turn.end - turn.start > 3.9

    def test_overlapped_speech_gives_overlapping_turns(self):
        runs = [
            speak(0, 1, 4),
            speak(0, 4, 5, alone=False),
            speak(1, 4, 5, alone=False),
            speak(1, 5, 8),
        ]
        first, second = build(runs, {0: 0, 1: 1})
        assert first.end - second.start > 0.9

    def test_a_track_is_cut_where_its_voice_changes(self):
        runs = [speak(0, 0, 9.6)]
        pieces = cut_pieces(runs)
        turns = build_turns(runs, pieces, np.array([0, 0, 0, 1, 1], dtype=np.int64), 10.0)
        assert [turn.speaker for turn in turns] == [0, 1]
        assert abs(turns[0].end - 5.775) < 0.1

    def test_margins_stop_where_somebody_else_talks(self):
        runs = [speak(0, 1, 3), speak(1, 3, 5)]
        first, second = build(runs, {0: 0, 1: 1})
        assert first.end <= second.start + 0.02
        assert abs(first.start - (1 - MARGIN_SECONDS)) < 0.03

    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 3), st.floats(0, 60), st.floats(0.05, 9), st.booleans()),
            max_size=25,
        ),
        st.lists(st.integers(0, 2), min_size=4, max_size=4),
    )
    def test_turns_are_in_order_within_the_recording_and_never_overlap_themselves(
        self, spoken, voices
    ):
        runs, busy = [], {}
        for track, start, length, alone in sorted(spoken, key=lambda item: item[1]):
            begin = max(start, busy.get(track, 0.0))
            busy[track] = begin + length
            runs.append(speak(track, begin, begin + length, alone=alone))
        turns = build(runs, dict(enumerate(voices)), end=50.0)
        assert turns == sorted(turns, key=lambda turn: (turn.start, turn.end, turn.speaker))
        for turn in turns:
            assert 0 <= turn.start < turn.end <= 50.0
        for speaker in range(3):
            own = [turn for turn in turns if turn.speaker == speaker]
            assert all(a.end <= b.start for a, b in pairwise(own))


class TestCutPieces:
    @given(st.lists(st.tuples(st.floats(0.05, 12), st.floats(0.05, 3)), max_size=12))
    def test_pieces_are_short_and_hold_all_that_is_said_alone(self, spoken):
        runs, start = [], 0.0
        for length, pause in spoken:
            runs.append(speak(0, start, start + length))
            start += length + pause
        runs = [run for run in runs if run.stop > run.start]
        pieces = cut_pieces(runs)
        assert all(SHORTEST_SECONDS <= p.seconds < LONGEST_SECONDS + 0.1 for p in pieces)
        said = sum(to_seconds(run.stop) - to_seconds(run.start) for run in runs)
        assert sum(piece.seconds for piece in pieces) <= said + 1e-6
        lost = [run for run in runs if run.stop - run.start > 40]
        for run in lost:
            middle = (to_seconds(run.start) + to_seconds(run.stop)) / 2
            assert any(a <= middle <= b for p in pieces for a, b in p.spans)

    def test_speech_over_others_is_left_out_when_there_is_other(self):
        runs = [speak(0, 0, 2), speak(0, 2, 4, alone=False)]
        (piece,) = cut_pieces(runs)
        assert piece.stop < 2.1

    def test_who_only_talks_over_others_is_heard_all_the_same(self):
        (piece,) = cut_pieces([speak(0, 2, 4, alone=False)])
        assert piece.seconds > 1.9


class TestRenumber:
    def test_counts_in_order_of_first_speech(self):
        turns, order = renumber([Turn(0, 1, 7), Turn(1, 2, 3), Turn(2, 3, 7)])
        assert [turn.speaker for turn in turns] == [0, 1, 0]
        assert order == [7, 3]
