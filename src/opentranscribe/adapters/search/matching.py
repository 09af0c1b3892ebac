"""Which chunks match, and how well: sets, phrases and BM25 over posting lists.

Every match is scored, none is guessed: forty thousand postings are a millisecond of arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

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
#: Where the words of a phrase are in more chunks than this, the best of them by words are looked
#: into first, and only these if they have the phrase plenty of times.
LOOKED_INTO = 2500
PLENTY = 200

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
        phrases = question.phrases
        with_words = [self._words(phrase) for phrase in phrases]
        together = np.logical_and.reduce([*with_words, self.allowed])
        found = np.logical_and.reduce([self._phrase(phrase, together) for phrase in phrases])
        if len(phrases) > 1 and np.count_nonzero(found) < ENOUGH:
            some = zip(phrases, with_words, strict=True)
            found = np.logical_or.reduce([self._phrase(p, mask & self.allowed) for p, mask in some])
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

    def _words(self, phrase: Sequence[str]) -> Mask:
        return cast(Mask, np.logical_and.reduce([self._token(token) for token in phrase]))

    def _phrase(self, phrase: Sequence[str], among: Mask) -> Mask:
        """Those chunks, all with the words, in which they stand side by side."""
        if len(phrase) == 1 or not among.any():
            return among
        numbers = np.flatnonzero(among)
        if len(numbers) > LOOKED_INTO:
            best = np.zeros_like(among)
            scores = self._scores(among)[numbers]
            best[top(Matches(numbers, scores), LOOKED_INTO).numbers] = True
            found = self._side_by_side(phrase, best)
            if np.count_nonzero(found) >= PLENTY:
                return found
        return self._side_by_side(phrase, among)

    def _side_by_side(self, phrase: Sequence[str], among: Mask) -> Mask:
        placed = self.read_places({o for t in phrase for o in self.lexemes[t]}, among)
        return side_by_side(among, [self._options(token, placed) for token in phrase])


def top(matches: Matches, most: int) -> Matches:
    """The best of them, in rising order of numbers; of equals the first."""
    if len(matches.numbers) <= most:
        return matches
    least = -np.partition(-matches.scores, most - 1)[most - 1]
    above = matches.scores > least
    equal = np.flatnonzero(matches.scores == least)[: most - int(np.count_nonzero(above))]
    above[equal] = True
    return Matches(matches.numbers[above], matches.scores[above])


def inverse_frequency(chunks: int, having: int) -> np.float32:
    return np.float32(np.log1p((chunks - having + 0.5) / (having + 0.5)))


def saturation(counts: Counts, words: Counts, mean_words: float) -> Scores:
    """What a term's uses in chunks of so many words count: more with more uses, each less."""
    uses = counts.astype(np.float32)
    flat, steep = np.float32(BM25_K1 * (1 - BM25_B)), np.float32(BM25_K1 * BM25_B / mean_words)
    lengths = words.astype(np.float32)
    share: Scores = np.divide(uses, uses + flat + steep * lengths, dtype=np.float32)
    share *= np.float32(BM25_K1 + 1)
    return share


def side_by_side(mask: Mask, tokens: Sequence[Sequence[Postings]]) -> Mask:
    """Those chunks of the mask in which the tokens, each any of some terms, follow each other.

    The words of all these chunks are numbered in one row, with gaps as long as the phrase. A
    token at n begins a phrase at n less its place in it; where all of them agree, it stands.
    """
    numbers = np.flatnonzero(mask)
    first, end = _word_row(mask, numbers, tokens)
    offsets = sorted(range(len(tokens)), key=lambda at: _uses(tokens[at]))
    found: Integers | None = None
    for offset in offsets:
        begins = [_words_at(mask, first - (1 + offset), one) for one in tokens[offset]]
        at = begins[0] if len(begins) == 1 else np.concatenate(begins)
        if found is not None:
            flags = np.zeros(end, np.bool_)
            flags[found] = True
            at = at[flags.take(at)]
        found = at
    assert found is not None
    kept = np.zeros_like(mask)
    kept[numbers[np.searchsorted(first[numbers], found, side="right") - 1]] = True
    return kept


def _uses(options: Sequence[Postings]) -> int:
    return sum(0 if one.places is None else len(one.places) for one in options)


def _word_row(
    mask: Mask, numbers: Integers, tokens: Sequence[Sequence[Postings]]
) -> tuple[Integers, int]:
    """By chunk number where its words begin in the row, and where the row ends. All chunks of
    the mask have the first token, so that its postings know how long they are."""
    words = np.zeros(len(mask), np.int32)
    for postings in tokens[0]:
        words[postings.numbers] = postings.words
    words = words[numbers]
    ends = np.cumsum(words + len(tokens), dtype=np.int64)
    first = np.zeros(len(mask), np.int64)
    first[numbers] = ends - words
    return first, int(ends[-1]) + 1


def _words_at(mask: Mask, first: Integers, postings: Postings) -> Integers:
    """The term's uses in chunks of the mask, as numbers in the row of all words."""
    assert postings.places is not None
    inside = mask[postings.numbers]
    places, numbers, counts = postings.places, postings.numbers, postings.counts
    if not inside.all():
        ends = np.cumsum(counts, dtype=np.int64)[inside]
        numbers, counts = numbers[inside], counts[inside]
        kept = np.cumsum(counts, dtype=np.int64)
        places = places[np.arange(kept[-1] if len(kept) else 0) + np.repeat(ends - kept, counts)]
    at: Integers = np.repeat(first[numbers], counts)
    at += places
    return at
