"""Speech that got no words."""

from __future__ import annotations

from opentranscribe.adapters.asr.coverage import find_gaps
from opentranscribe.adapters.asr.decoder import DecodedPart, insert_found
from opentranscribe.adapters.asr.segments import TimedWord


def _word(start: float, text: str, probability: float = 0.9) -> TimedWord:
    return TimedWord(start, start + 0.4, f" {text}", probability)


class TestFindGaps:
    def test_sees_the_whole_when_nothing_was_heard(self) -> None:
        assert find_gaps([], 8.0) == [(0.0, 8.0)]

    def test_sees_the_begin_the_middle_and_the_end(self) -> None:
        words = [_word(3.0, "a"), _word(3.5, "b"), _word(7.0, "c")]
        assert find_gaps(words, 10.0) == [(0.0, 3.0), (3.9, 7.0), (7.4, 10.0)]

    def test_overlooks_pauses_of_up_to_a_second(self) -> None:
        assert find_gaps([_word(0.5, "a"), _word(1.5, "b")], 2.5) == []
        assert find_gaps([_word(0.0, "a"), _word(1.9, "b")], 2.5) == [(0.4, 1.9)]


class TestInsertFound:
    PART = DecodedPart((_word(0.0, "one"), _word(8.0, "four")), ())

    def test_puts_found_words_between_the_others(self) -> None:
        parts = insert_found([self.PART], [_word(3.0, "two"), _word(4.0, "three")])
        said = [(word.text.strip(), part.flags) for part in parts for word in part.words]
        assert said == [
            ("one", ()),
            ("two", ("repaired",)),
            ("three", ("repaired",)),
            ("four", ()),
        ]

    def test_drops_words_of_the_edge_that_were_heard_before(self) -> None:
        parts = insert_found(
            [self.PART], [_word(0.3, "One,"), _word(4.0, "two"), _word(7.8, "four.")]
        )
        assert [word.text for part in parts for word in part.words] == [" one", " two", " four"]

    def test_does_not_believe_improbable_words(self) -> None:
        assert insert_found([self.PART], [_word(3.0, "president", 0.07)]) == [self.PART]
