from __future__ import annotations

from opentranscribe.features.transcription.rules.assignment import SpokenSegment
from opentranscribe.features.transcription.rules.cleanup import StoredSegment, clean_segments
from opentranscribe.features.transcription.rules.tokens import TimedWord


def segment(*words: tuple[str, float, float] | TimedWord) -> SpokenSegment:
    made = tuple(
        word if isinstance(word, TimedWord) else TimedWord(*word, score=0.5) for word in words
    )
    return SpokenSegment(made[0].start, made[-1].end, made)


def clean(*segments: SpokenSegment, duration: float = 100.0) -> list[StoredSegment]:
    return clean_segments(segments, duration)


class TestCleanSegments:
    def test_makes_word_times_go_forward(self) -> None:
        (one,) = clean(segment(("a", 5, 6), ("b", 4, 5), ("c", 7, 6.5)))
        assert [(w.start, w.end) for w in one.words] == [(5, 6), (5, 5), (7, 7)]

    def test_keeps_times_within_the_recording(self) -> None:
        (one,) = clean(segment(("a", -1, 1), ("b", 9, 12)), duration=10)
        assert (one.start, one.end) == (0, 10)

    def test_names_a_word_that_nobody_can_have_said(self) -> None:
        (one,) = clean(segment(("yes", 0, 1), ("ha" * 30, 1, 3), ("no", 3, 4)))
        assert one.text == "yes [background noise] no"
        assert [w.text for w in one.words] == ["yes", "[background", "noise]", "no"]

    def test_names_a_run_of_noise_once(self) -> None:
        (one,) = clean(segment(("x" * 60, 0, 1), ("y" * 60, 1, 2), ("z" * 60, 2, 3)))
        assert one.text == "[background noise]"

    def test_leaves_long_words_of_scripts_without_spaces_alone(self) -> None:
        words = [TimedWord("好", i, i + 1, 0.5, spaced=False) for i in range(60)]
        (one,) = clean(segment(*words))
        assert one.text == "好" * 60
        assert [(w.start, w.end) for w in one.words] == [(0, 60)]

    def test_drops_what_is_there_twice(self) -> None:
        assert len(clean(segment(("a", 0, 1)), segment(("a", 0, 1)))) == 1

    def test_drops_what_the_database_cannot_keep(self) -> None:
        (one,) = clean(segment(("a\0b\ud800", 0, 1), ("\0", 1, 2)))
        assert one.text == "ab"
        assert len(one.words) == 1

    def test_gives_a_point_in_time_some_length(self) -> None:
        (one,) = clean(segment(("a", 10, 10)), duration=10)
        assert one.end > one.start
