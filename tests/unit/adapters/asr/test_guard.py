"""Telling a transcript from what Whisper makes up."""

from __future__ import annotations

import pytest

from opentranscribe.adapters.asr.guard import Attempt, compression_ratio, find_doubts, has_loop


def _attempt(
    text: str, *, seconds: float = 10.0, log_probability: float = -0.3, no_speech: float = 0.05
) -> Attempt:
    return Attempt(text, seconds, log_probability, no_speech)


class TestFindDoubts:
    def test_believes_an_ordinary_sentence(self) -> None:
        text = "And so, my fellow Americans, ask not what your country can do for you."
        assert find_doubts(_attempt(text)) == ()

    def test_believes_people_who_repeat_themselves(self) -> None:
        assert find_doubts(_attempt("No, no, no, no, no. I said no.")) == ()
        assert find_doubts(_attempt("Again and again and again we tried.")) == ()

    @pytest.mark.parametrize("phrase", ["go to the store ", "you know ", "la "])
    def test_sees_a_phrase_that_does_not_end(self, phrase: str) -> None:
        assert "loop" in find_doubts(_attempt("He said " + phrase * 12, seconds=30))

    def test_sees_a_loop_with_small_changes(self) -> None:
        text = " ".join(f"and then we went to number {number}" for number in range(30))
        assert "loop" in find_doubts(_attempt(text, seconds=60))

    def test_sees_text_that_compresses_too_well(self) -> None:
        assert "compression" in find_doubts(_attempt("aaaaaaaaaa" * 20, seconds=30))

    def test_sees_more_words_than_anybody_can_say(self) -> None:
        words = " ".join(f"word{number}" for number in range(40))
        assert "loop" in find_doubts(_attempt(words, seconds=2.0))

    def test_takes_improbable_text_over_no_speech_for_silence(self) -> None:
        doubts = find_doubts(_attempt("you", log_probability=-1.4, no_speech=0.8))
        assert doubts == ("silence",)

    def test_takes_a_stock_phrase_over_no_speech_for_silence(self) -> None:
        said = "Thank you for watching!"
        assert find_doubts(_attempt(said, no_speech=0.8)) == ("silence",)
        assert find_doubts(_attempt(said, no_speech=0.1)) == ()

    def test_doubts_what_the_model_itself_does(self) -> None:
        assert find_doubts(_attempt("gibberish here", log_probability=-1.2)) == ("improbable",)

    def test_has_nothing_against_silence(self) -> None:
        assert find_doubts(_attempt("", log_probability=-2.0, no_speech=0.9)) == ()


class TestHasLoop:
    def test_counts_whole_phrases_only(self) -> None:
        assert not has_loop(["a", "b", "a", "b", "a", "b", "c"])
        assert has_loop(["a", "b", "a", "b", "a", "b", "a", "b"])


class TestCompressionRatio:
    def test_is_low_for_speech_and_high_for_repetition(self) -> None:
        assert compression_ratio("The quick brown fox jumps over the lazy dog.") < 1.2
        assert compression_ratio("ha " * 100) > 10
        assert compression_ratio("") == 0.0
