"""Corrected words keep, share or borrow the times of what they replace."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opentranscribe.features.editing.rules import mean_score, retime


def spoken(text: str, start: float = 10.0, each: float = 0.5) -> list[dict[str, Any]]:
    return [
        {"word": w, "start": start + i * each, "end": start + (i + 1) * each, "score": 0.8}
        for i, w in enumerate(text.split())
    ]


class TestRetime:
    def test_untouched_words_keep_their_time_and_score(self) -> None:
        words = spoken("I went to the shop")
        retimed = retime(words, "I went to a shop", 10.0, 12.5)
        assert retimed[0] == words[0]
        assert retimed[4] == words[4]
        assert retimed[3] == {"word": "a", "start": 11.5, "end": 12.0, "score": 1.0}

    def test_punctuation_and_case_do_not_move_a_word(self) -> None:
        retimed = retime(spoken("hello there"), "Hello, there!", 10.0, 11.0)
        assert [(w["word"], w["start"]) for w in retimed] == [("Hello,", 10.0), ("there!", 10.5)]

    def test_two_words_for_one_share_its_time_by_length(self) -> None:
        retimed = retime(spoken("alot of"), "a lot of", 10.0, 11.0)
        assert [w["word"] for w in retimed] == ["a", "lot", "of"]
        assert retimed[0]["end"] == retimed[1]["start"] == 10.125

    def test_an_inserted_word_takes_the_gap_it_falls_into(self) -> None:
        words = [
            {"word": "one", "start": 10.0, "end": 10.5, "score": 1},
            {"word": "three", "start": 11.5, "end": 12.0, "score": 1},
        ]
        assert retime(words, "one two three", 10.0, 12.0)[1]["start"] == 10.5

    def test_a_segment_without_words_shares_its_whole_time(self) -> None:
        retimed = retime([], "two words", 1.0, 2.0)
        assert retimed[0]["start"] == 1.0
        assert retimed[-1]["end"] == 2.0

    @given(
        st.lists(st.sampled_from(["ab", "cd", "efg", "hi"]), max_size=12),
        st.lists(st.sampled_from(["ab", "cd", "efg", "xyz"]), min_size=1, max_size=12),
    )
    def test_gives_every_token_a_time_that_never_goes_back(
        self, old: list[str], new: list[str]
    ) -> None:
        words = spoken(" ".join(old))
        end = 10.0 + 0.5 * len(old)
        retimed = retime(words, " ".join(new), 10.0, end)
        assert [w["word"] for w in retimed] == new
        assert all(10.0 <= w["start"] <= w["end"] <= end for w in retimed)
        assert all(a["start"] <= b["start"] for a, b in pairwise(retimed))


def test_mean_score_of_no_scores_is_none() -> None:
    assert mean_score([{"word": "x"}]) is None
    assert mean_score([{"score": 0.5}, {"score": 1.0}]) == 0.75
