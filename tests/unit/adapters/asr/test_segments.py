"""Segments of readable length from timed words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opentranscribe.adapters.asr.segments import TimedWord, split_into_segments


def _words(text: str, *, pace: float = 0.4) -> list[TimedWord]:
    return [
        TimedWord(number * pace, number * pace + 0.3, f" {word}", 0.9)
        for number, word in enumerate(text.split())
    ]


class TestSplitIntoSegments:
    def test_ends_a_segment_with_the_sentence(self) -> None:
        segments = split_into_segments(_words("Hello there. How are you? Fine."))
        assert [item.text for item in segments] == ["Hello there.", "How are you?", "Fine."]

    def test_does_not_take_an_abbreviation_for_an_end(self) -> None:
        segments = split_into_segments(_words("I met Dr. Smith today."))
        assert len(segments) == 1

    def test_ends_a_segment_at_a_long_pause(self) -> None:
        words = [TimedWord(0, 0.5, " one", 1.0), TimedWord(3.0, 3.5, " two", 1.0)]
        assert len(split_into_segments(words)) == 2

    def test_bounds_speech_without_punctuation(self) -> None:
        segments = split_into_segments(_words("word " * 100))
        assert max(item.end - item.start for item in segments) <= 12.0

    def test_joins_languages_without_spaces(self) -> None:
        words = [TimedWord(0, 1, "東京", 0.8), TimedWord(1, 2, "です。", 0.6)]
        (segment,) = split_into_segments(words)
        assert segment.text == "東京です。"
        assert segment.confidence == 0.7

    def test_marks_every_segment_with_the_flags(self) -> None:
        segments = split_into_segments(_words("One. Two."), ("repaired",))
        assert {item.flags for item in segments} == {("repaired",)}

    @given(
        st.lists(
            st.tuples(
                st.floats(0, 100), st.floats(0, 100), st.sampled_from([" a", " b.", " ", "c,"])
            )
        )
    )
    def test_never_lets_time_go_back(self, raw: list[tuple[float, float, str]]) -> None:
        words = [TimedWord(start, end, text, 0.5) for start, end, text in raw]
        segments = split_into_segments(words)
        times = [
            time for item in segments for word in item.words for time in (word.start, word.end)
        ]
        assert times == sorted(times)
        assert sum(len(item.words) for item in segments) == sum(
            1 for word in words if word.text.strip()
        )
        for item in segments:
            assert item.start == item.words[0].start
            assert item.end == item.words[-1].end
            assert all(word.text == word.text.strip() for word in item.words)
