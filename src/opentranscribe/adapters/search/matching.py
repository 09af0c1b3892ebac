"""Which chunks match, and how well: sets, phrases and BM25 over posting lists.

Every match is scored, none is guessed: forty thousand postings are a millisecond of arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opentranscribe.adapters.search.postings import Integers
from opentranscribe.adapters.search.questions import Lexemes, Question
from opentranscribe.adapters.search.space import Mask, Postings, Space

#: Okapi BM25 (Robertson & Zaragoza 2009) with the usual constants.
BM25_K1 = 1.2
BM25_B = 0.75
#: Fewer chunks than this with all the words: chunks with some of them are worth showing too.
ENOUGH = 10

Scores = NDArray[np.float32]
Counts = NDArray[np.uint16]
#: Postings with places, of the lexemes, in the files of the chunks of the mask.
ReadPlaces = Callable[[Iterable[str], Mask], Mapping[str, Postings]]


@dataclass(frozen=True, slots=True)
class Matches:
    """Chunk numbers in rising order, and their scores."""

    numbers: Integers
    scores: Scores


@dataclass(frozen=True, slots=True)
class Matcher:
    """``allowed`` are the chunks that the filters let through."""

    space: Space
    allowed: Mask
    lexemes: Lexemes
    postings: Mapping[str, Postings]
    read_places: ReadPlaces

    def match(self, question: Question) -> Matches:
        """Chunks with all the words and phrases; when they are few, with some of them too."""
        masks = [self._phrase(phrase) for phrase in question.phrases]
        found = np.logical_and.reduce(masks) & self.allowed
        if len(masks) > 1 and np.count_nonzero(found) < ENOUGH:
            found = np.logical_or.reduce(masks) & self.allowed
        numbers = np.flatnonzero(found)
        return Matches(numbers, self._scores(found)[numbers])

    def _scores(self, found: Mask) -> Scores:
        scores = np.zeros(self.space.size, np.float32)
        for postings in self.postings.values():
            inside = found[postings.numbers]
            numbers = postings.numbers[inside]
            counts, words = postings.counts[inside], postings.words[inside]
            idf = inverse_frequency(self.space.size, postings.chunks)
            scores[numbers] += idf * saturation(counts, words, self.space.mean_words)
        return scores

    def _options(self, token: str, postings: Mapping[str, Postings]) -> list[Postings]:
        return [postings[one] for one in self.lexemes[token] if one in postings]

    def _token(self, token: str) -> Mask:
        mask = np.zeros(self.space.size, np.bool_)
        for postings in self._options(token, self.postings):
            mask[postings.numbers] = True
        return mask

    def _phrase(self, phrase: Sequence[str]) -> Mask:
        mask: Mask = np.logical_and.reduce([self._token(token) for token in phrase])
        if len(phrase) == 1:
            return mask
        mask &= self.allowed
        if not mask.any():
            return mask
        placed = self.read_places({o for t in phrase for o in self.lexemes[t]}, mask)
        return side_by_side(mask, [self._options(token, placed) for token in phrase])


def inverse_frequency(chunks: int, having: int) -> np.float32:
    return np.float32(np.log1p((chunks - having + 0.5) / (having + 0.5)))


def saturation(counts: Counts, words: Counts, mean_words: float) -> Scores:
    """What a term's uses in chunks of so many words count: more with more uses, each less."""
    uses = counts.astype(np.float32)
    flat, steep = np.float32(BM25_K1 * (1 - BM25_B)), np.float32(BM25_K1 * BM25_B / mean_words)
    lengths = words.astype(np.float32)
    share: Scores = uses / (uses + flat + steep * lengths)
    return np.multiply(share, np.float32(BM25_K1 + 1), dtype=np.float32)


def side_by_side(mask: Mask, tokens: Sequence[Sequence[Postings]]) -> Mask:
    """Those chunks of the mask in which the tokens, each any of some terms, follow each other.

    The words of all these chunks are numbered in one row, with gaps as long as the phrase. A
    token at n begins a phrase at n less its place in it; where all of them agree, it stands.
    """
    numbers = np.flatnonzero(mask)
    row_of = np.cumsum(mask) - 1
    words = np.zeros(len(numbers), np.int64)
    for postings in (postings for options in tokens for postings in options):
        inside = mask[postings.numbers]
        words[row_of[postings.numbers[inside]]] = postings.words[inside]
    first = np.cumsum(words + len(tokens)) - words
    end = int(first[-1] + words[-1]) + 1
    found: Integers | None = None
    for offset, options in enumerate(tokens):
        begins = [_words_at(mask, row_of, first, one) - offset for one in options]
        at = np.concatenate(begins) if begins else np.empty(0, np.int64)
        if found is not None:
            flags = np.zeros(end, np.bool_)
            flags[found] = True
            at = at[flags[at]]
        found = at
    assert found is not None
    kept = np.zeros_like(mask)
    kept[numbers[np.searchsorted(first, found, side="right") - 1]] = True
    return kept


def _words_at(mask: Mask, row_of: Integers, first: Integers, postings: Postings) -> Integers:
    """The term's uses in chunks of the mask, as numbers in the row of all words."""
    assert postings.places is not None
    inside = mask[postings.numbers]
    places, numbers, counts = postings.places, postings.numbers, postings.counts
    if not inside.all():
        places = places[np.repeat(inside, counts)]
        numbers, counts = numbers[inside], counts[inside]
    at: Integers = np.repeat(first[row_of[numbers]], counts)
    at += places
    at -= 1
    return at
