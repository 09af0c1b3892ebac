from __future__ import annotations

from opentranscribe.adapters.search.snippets import WORDS_BEFORE, WORDS_SHOWN, cut_snippet


class TestCutSnippet:
    def test_shows_a_few_words_before_and_plays_from_the_word(self) -> None:
        words = [f"w{n}" for n in range(100)]
        snippet = cut_snippet(" ".join(words), [float(n) for n in range(100)], [51])
        shown = " ".join(words[50 - WORDS_BEFORE : 50 - WORDS_BEFORE + WORDS_SHOWN])
        assert snippet.html == f"… {shown.replace('w50', '<mark>w50</mark>')} …"
        assert snippet.start == 50.0

    def test_goes_where_the_words_stand_together(self) -> None:
        words = [f"w{n}" for n in range(200)]
        snippet = cut_snippet(" ".join(words), [float(n) for n in range(200)], [3, 121, 123])
        assert snippet.start == 120.0
        assert "<mark>w120</mark> w121 <mark>w122</mark>" in snippet.html

    def test_a_word_in_the_middle_of_others_is_played_from_their_start(self) -> None:
        snippet = cut_snippet("one two-three-four five", [0.0, 1.0, 2.0], [3])
        assert snippet.html == "one two-<mark>three</mark>-four five"
        assert snippet.start == 1.0

    def test_without_hits_shows_the_beginning(self) -> None:
        assert cut_snippet("  one <two> ", [4.0, 5.0], []).html == "one &lt;two&gt;"
        assert cut_snippet("one", [4.0], []).start == 4.0

    def test_nothing_said_is_nothing_shown(self) -> None:
        assert cut_snippet("", [], []).html == ""
