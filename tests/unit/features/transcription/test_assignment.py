from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from opentranscribe.features.transcription.rules.assignment import (
    LONGEST_SECONDS,
    assign_speakers,
    overlap_stretches,
)
from opentranscribe.features.transcription.rules.cleanup import clean_segments
from opentranscribe.features.transcription.rules.tokens import timed_words
from opentranscribe.ports.asr import Segment, Word
from opentranscribe.ports.diarization import Turn


def said(text: str, start: float = 0.0, each: float = 0.4, spaced: bool = True) -> Segment:
    """A segment whose words follow each other, each of the same length."""
    pieces = text.split()
    words = tuple(
        Word(start + i * each, start + (i + 1) * each, piece, 0.9) for i, piece in enumerate(pieces)
    )
    written = (" " if spaced else "").join(pieces)
    return Segment(start, start + len(pieces) * each, written, words, 0.9)


def lines(segments: list[Segment], turns: list[Turn]) -> list[tuple[int | None, str]]:
    return [
        (segment.speaker, " ".join(word.text for word in segment.words))
        for segment in assign_speakers(segments, turns).segments
    ]


class TestAssignSpeakers:
    def test_cuts_where_the_speaker_changes(self) -> None:
        found = lines(
            [said("How are you? Fine, thank you very much.")],
            [Turn(0.0, 1.2, 0), Turn(1.2, 4.0, 1)],
        )
        assert found == [(0, "How are you?"), (1, "Fine, thank you very much.")]

    def test_keeps_a_sentence_whole_when_the_boundary_is_a_word_too_early(self) -> None:
        found = lines(
            [said("That is all I know. Thank you.")], [Turn(0.0, 1.5, 0), Turn(1.5, 4.0, 1)]
        )
        assert found == [(0, "That is all I know."), (1, "Thank you.")]

    def test_keeps_a_sentence_whole_when_the_boundary_is_a_word_too_late(self) -> None:
        found = lines(
            [said("That is all I know. Thank you very much.")],
            [Turn(0.0, 2.4, 0), Turn(2.4, 4.0, 1)],
        )
        assert found == [(0, "That is all I know."), (1, "Thank you very much.")]

    def test_lets_a_speaker_change_in_the_middle_of_a_long_sentence(self) -> None:
        found = lines(
            [said("one two three four five six seven eight nine ten")],
            [Turn(0.0, 2.0, 0), Turn(2.0, 4.0, 1)],
        )
        assert found == [(0, "one two three four five"), (1, "six seven eight nine ten")]

    def test_gives_a_word_outside_every_turn_to_the_nearest(self) -> None:
        assert lines([said("well", start=5.0)], [Turn(0, 4.5, 1), Turn(9, 12, 2)]) == [(0, "well")]

    def test_leaves_a_word_far_from_every_turn_to_nobody(self) -> None:
        assert lines([said("well", start=50.0)], [Turn(0, 4.5, 1)]) == [(None, "well")]

    def test_without_turns_nobody_speaks(self) -> None:
        assert lines([said("Hello there.")], []) == [(None, "Hello there.")]

    def test_counts_speakers_by_their_first_word(self) -> None:
        assigned = assign_speakers(
            [said("One two three.", 0.0), said("Four five six.", 10.0)],
            [Turn(0, 2, 3), Turn(10, 12, 1), Turn(20, 22, 0)],
        )
        assert [segment.speaker for segment in assigned.segments] == [0, 1]
        assert assigned.voices == (3, 1)

    def test_marks_speech_over_speech(self) -> None:
        assigned = assign_speakers(
            [said("One two three.", 0.0), said("Four five six.", 10.0)],
            [Turn(0, 2, 0), Turn(0.5, 1.0, 1), Turn(10, 12, 1), Turn(11.9, 12, 0)],
        )
        assert [segment.overlap for segment in assigned.segments] == [0, None]

    def test_cuts_after_a_sentence_once_a_segment_is_long_enough(self) -> None:
        text = "one two three four five six seven eight nine ten. eleven twelve. thirteen."
        assert len(lines([said(text)], [Turn(0, 30, 0)])) == 2

    def test_cuts_at_a_long_pause(self) -> None:
        assert len(lines([said("Well"), said("then", start=3.0)], [Turn(0, 9, 0)])) == 2

    def test_carries_what_a_reader_should_know(self) -> None:
        repaired = Segment(0, 1, "Hello.", (Word(0, 1, "Hello.", 0.5),), 0.5, ("repaired",))
        assert assign_speakers([repaired], []).segments[0].flags == ("repaired",)


class TestOverlapStretches:
    def test_ignores_what_is_short(self) -> None:
        assert overlap_stretches([Turn(0, 2, 0), Turn(1.8, 4, 1)]) == []

    def test_joins_more_than_two_voices(self) -> None:
        turns = [Turn(0, 4, 0), Turn(1, 3, 1), Turn(2, 5, 2)]
        assert overlap_stretches(turns) == [(1, 4)]


class TestTimedWords:
    def test_knows_where_no_space_is_written(self) -> None:
        segment = said("你好 世界", spaced=False)
        assert [word.spaced for word in timed_words(segment)] == [True, False]

    def test_shares_the_time_of_a_segment_without_words(self) -> None:
        words = timed_words(Segment(1.0, 3.0, "ab cd", (), 0.8))
        assert [(word.text, word.start, word.end) for word in words] == [
            ("ab", 1.0, 2.0),
            ("cd", 2.0, 3.0),
        ]


moments = st.floats(0, 100, allow_nan=False)
turns_strategy = st.lists(
    st.builds(
        lambda start, length, speaker: Turn(start, start + length, speaker),
        moments,
        st.floats(0.05, 20),
        st.integers(0, 4),
    ),
    max_size=20,
)
text_strategy = st.text(
    st.characters(codec="utf-8", exclude_characters="\x1c\x1d\x1e\x1f\x85"), min_size=1, max_size=60
)


@st.composite
def any_segment(draw: st.DrawFn) -> Segment:
    start = draw(moments)
    words, at = [], start
    for _ in range(draw(st.integers(0, 12))):
        at += draw(st.floats(-0.5, 2.0))
        end = at + draw(st.floats(-0.2, 1.0))
        words.append(Word(at, end, draw(text_strategy), draw(st.floats(0, 1))))
    joiner = draw(st.sampled_from([" ", ""]))
    text = joiner.join(word.text for word in words) if words else draw(text_strategy)
    return Segment(start, max(at, start) + 1.0, text, tuple(words), 0.5)


class TestLaws:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(any_segment(), max_size=6), turns_strategy)
    def test_no_word_is_lost_added_or_moved(
        self, segments: list[Segment], turns: list[Turn]
    ) -> None:
        assigned = assign_speakers(segments, turns)
        ordered = sorted(segments, key=lambda s: (s.start, s.end))
        before = [word for segment in ordered for word in timed_words(segment)]
        assert [word for one in assigned.segments for word in one.words] == before

    @settings(max_examples=60, deadline=None)
    @given(st.lists(any_segment(), max_size=6), turns_strategy)
    def test_speakers_are_numbered_without_gaps_in_order_of_first_word(
        self, segments: list[Segment], turns: list[Turn]
    ) -> None:
        assigned = assign_speakers(segments, turns)
        first = dict.fromkeys(s.speaker for s in assigned.segments if s.speaker is not None)
        assert list(first) == list(range(len(assigned.voices)))
        assert {turn.speaker for turn in turns} >= set(assigned.voices)

    @settings(max_examples=100, deadline=None)
    @given(st.lists(any_segment(), max_size=6), turns_strategy, st.floats(0.1, 120))
    def test_what_is_stored_is_consistent(
        self, segments: list[Segment], turns: list[Turn], duration: float
    ) -> None:
        stored = clean_segments(assign_speakers(segments, turns).segments, duration)
        assert stored == sorted(stored, key=lambda s: (s.start, s.end))
        assert len({(s.start, s.end, s.text) for s in stored}) == len(stored)
        for segment in stored:
            assert segment.text.split() == [word.text for word in segment.words]
            starts = [word.start for word in segment.words]
            assert starts == sorted(starts)
            assert 0 <= segment.start < segment.end <= max(duration, 0.02) + 1e-3
            assert all(w.start <= w.end <= duration + 1e-3 for w in segment.words)
            segment.text.encode("utf-8")
            assert "\0" not in segment.text

    @settings(max_examples=100, deadline=None)
    @given(st.lists(any_segment(), min_size=1, max_size=6), turns_strategy)
    def test_no_segment_of_several_words_is_longer_than_a_listener_likes(
        self, segments: list[Segment], turns: list[Turn]
    ) -> None:
        for segment in assign_speakers(segments, turns).segments:
            length = segment.words[-1].end - segment.words[0].start
            assert len(segment.words) == 1 or length <= LONGEST_SECONDS
