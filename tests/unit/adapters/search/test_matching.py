from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pytest

from opentranscribe.adapters.search import matching
from opentranscribe.adapters.search.matching import Matcher, Matches, side_by_side, top
from opentranscribe.adapters.search.postings import ENTRY, PLACE, pack_words
from opentranscribe.adapters.search.questions import ask
from opentranscribe.adapters.search.space import Mask, Postings, Space


def space(*chunk_counts: int, words: int = 10) -> Space:
    counts = np.array(chunk_counts)
    return Space(
        files=np.arange(len(counts)),
        chunk_counts=counts,
        first=np.cumsum(counts) - counts,
        wanted=np.ones(len(counts), np.bool_),
        words=words,
        languages=(),
    )


def postings_of(chunks: Sequence[str]) -> dict[str, Postings]:
    tokens = [chunk.split() for chunk in chunks]
    stems = {word: word for words in tokens for word in words}
    found = {}
    for one in pack_words(range(len(chunks)), tokens, stems):
        entries = np.frombuffer(one.entries, ENTRY)
        found[one.lexeme] = Postings(
            numbers=entries["chunk"].astype(np.int64),
            counts=entries["count"],
            words=entries["words"],
            chunks=one.chunks,
            places=np.frombuffer(one.places, PLACE),
        )
    return found


def matched(words: str, *chunks: str) -> list[int]:
    question = ask(words)
    postings = postings_of(chunks)

    def read_places(some: Iterable[str], _: Mask) -> Mapping[str, Postings]:
        return {lexeme: postings[lexeme] for lexeme in some if lexeme in postings}

    matcher = Matcher(
        space=space(len(chunks), words=sum(len(c.split()) for c in chunks)),
        allowed=np.ones(len(chunks), np.bool_),
        lexemes={token: frozenset({token}) for token in question.tokens},
        postings=read_places(question.tokens, np.empty(0, np.bool_)),
        read_places=read_places,
    )
    matches = matcher.match(question)
    return matches.numbers[np.argsort(-matches.scores, kind="stable")].tolist()


class TestMatcher:
    def test_more_uses_and_shorter_chunks_come_first(self) -> None:
        assert matched("b", "b x x x", "b b x x", "a a a a", "b x x x x x x x") == [1, 0, 3]

    def test_a_few_with_all_words_are_followed_by_those_with_some(self) -> None:
        assert matched("a b", "a x x", "x x x", "a b x", "b x x x") == [2, 0, 3]

    def test_many_with_all_words_are_enough(self) -> None:
        assert matched("a b", *["a b"] * matching.ENOUGH, "a x") == list(range(matching.ENOUGH))

    @pytest.mark.parametrize(
        ("chunk", "is_there"),
        [
            ("a b", True),
            ("b a", False),
            ("a x b", False),
            ("x a a b", True),
            ("b x x a", False),
        ],
    )
    def test_a_phrase_is_words_in_their_order(self, chunk: str, is_there: bool) -> None:
        assert matched('"a b"', chunk) == ([0] if is_there else [])

    def test_a_phrase_does_not_reach_into_the_next_chunk(self) -> None:
        assert matched('"a b c"', "x a", "b c", "a b", "c x", "x a b c") == [4]

    def test_a_word_can_repeat_in_a_phrase(self) -> None:
        assert matched('"a a a"', "a a x a", "x a a a") == [1]

    def test_of_very_many_chunks_the_best_have_the_phrase_looked_for_first(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chunks = ["a b x x"] * 3 + ["a b a b"] * 3 + ["b a b a"]
        monkeypatch.setattr(matching, "LOOKED_INTO", 4)
        monkeypatch.setattr(matching, "PLENTY", 3)
        assert matched('"a b"', *chunks) == [3, 4, 5, 6]
        monkeypatch.setattr(matching, "PLENTY", 5)
        assert matched('"a b"', *chunks) == [3, 4, 5, 6, 0, 1, 2]


class TestSideBySide:
    def test_any_spelling_of_a_token_will_do(self) -> None:
        found = postings_of(["go home", "went home", "home went"])
        tokens = [[found["go"], found["went"]], [found["home"]]]
        assert side_by_side(np.ones(3, np.bool_), tokens).tolist() == [True, True, False]

    def test_chunks_outside_the_mask_are_not_looked_into(self) -> None:
        found = postings_of(["a b"] * 3)
        mask = np.array([False, True, True])
        assert side_by_side(mask, [[found["a"]], [found["b"]]]).tolist() == mask.tolist()


class TestTop:
    def test_of_equals_takes_the_first(self) -> None:
        matches = Matches(np.arange(5), np.array([1, 2, 1, 3, 1], np.float32))
        assert top(matches, 3).numbers.tolist() == [0, 1, 3]
