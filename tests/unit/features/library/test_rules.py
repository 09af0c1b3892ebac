"""Columns of words, and what to call a voice."""

from __future__ import annotations

import pytest

from opentranscribe.features.library.rules import columns, speaker_name


class TestColumns:
    def test_are_milliseconds_and_percent(self) -> None:
        words = [
            {"word": "Hi", "start": 0.1, "end": 0.25, "score": 0.5},
            {"word": "there", "start": 0.3, "end": 0.9, "score": None},
        ]
        assert columns("Hi there", words, 0.0, 1.0) == ([100, 300], [250, 900], [50, 0])

    def test_words_that_do_not_fit_the_text_are_not_trusted(self) -> None:
        starts, ends, confidences = columns("aa bb", [{"word": "aa bb"}], 1.0, 2.0)
        assert (starts, ends, confidences) == ([1000, 1500], [1500, 2000], [0, 0])

    def test_an_empty_segment_has_no_columns(self) -> None:
        assert columns("", None, 1.0, 1.0) == ([], [], [])


class TestSpeakerName:
    @pytest.mark.parametrize(
        ("label", "given", "shown"),
        [
            ("SPEAKER_00", None, "Speaker 1"),
            ("SPEAKER_11", None, "Speaker 12"),
            ("SPEAKER_00", "Ann", "Ann"),
            ("narrator", None, "narrator"),
        ],
    )
    def test_prefers_the_given_name(self, label: str, given: str | None, shown: str) -> None:
        assert speaker_name(label, given) == shown
