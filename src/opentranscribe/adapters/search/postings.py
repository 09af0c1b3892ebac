"""Posting lists: in which chunks a term stands, how often, and at which words.

An entry is eight bytes, little-endian: the chunk's index in its file, how many words the chunk
has, how often the term is among them. Places are two bytes each, counted from 1, entry by entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

ENTRY = np.dtype([("chunk", "<u4"), ("words", "<u2"), ("count", "<u2")])
PLACE = np.dtype("<u2")
#: Words of one chunk beyond this are not indexed; a chunk is far shorter.
MAX_PLACE = 65_535

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TermPostings:
    """One term in one file. ``word`` is how the file writes it most often."""

    lexeme: str
    word: str
    chunks: int
    entries: bytes
    places: bytes


def pack_words(
    indexes: Sequence[int], tokens: Sequence[Sequence[str]], stems: Mapping[str, str]
) -> list[TermPostings]:
    """Postings of a file's chunks (their ``indexes`` and tokens), in order of lexemes."""
    flat = list(chain.from_iterable(tokens))
    if not flat:
        return []
    words = {word: number for number, word in enumerate(dict.fromkeys(flat))}
    lexemes = {lexeme: number for number, lexeme in enumerate(sorted({stems[w] for w in words}))}
    word_of = np.fromiter(map(words.__getitem__, flat), np.int64, len(flat))
    lexeme_of_word = np.array([lexemes[stems[word]] for word in words])
    lengths = np.array([len(chunk) for chunk in tokens])
    row_of = np.repeat(np.arange(len(tokens)), lengths)
    place_of = np.arange(len(flat)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1

    lexeme_of = lexeme_of_word[word_of]
    order = np.argsort(lexeme_of, kind="stable")
    lexeme_of, row_of = lexeme_of[order], row_of[order]
    places = place_of[order].astype(PLACE)
    first = np.flatnonzero(np.diff(lexeme_of, prepend=-1) | np.diff(row_of, prepend=-1))
    entries = np.empty(len(first), ENTRY)
    entries["chunk"] = np.asarray(indexes)[row_of[first]]
    entries["words"] = lengths[row_of[first]]
    entries["count"] = np.diff(first, append=len(flat))
    bounds = np.arange(len(lexemes) + 1)
    entry_bounds = np.searchsorted(lexeme_of[first], bounds).tolist()
    place_bounds = np.searchsorted(lexeme_of, bounds).tolist()
    spelled = _commonest(list(words), lexeme_of_word, np.bincount(word_of))
    return [
        TermPostings(
            lexeme,
            spelled[number],
            entry_bounds[number + 1] - entry_bounds[number],
            entries[entry_bounds[number] : entry_bounds[number + 1]].tobytes(),
            places[place_bounds[number] : place_bounds[number + 1]].tobytes(),
        )
        for lexeme, number in lexemes.items()
    ]


def _commonest(words: list[str], lexeme_of_word: Integers, uses: Integers) -> list[str]:
    """By lexeme the word that is used most for it."""
    order = np.lexsort((-uses, lexeme_of_word))
    first = np.flatnonzero(np.diff(lexeme_of_word[order], prepend=-1))
    return [words[at] for at in order[first].tolist()]


def pack_speakers(
    indexes: Sequence[int], speakers: Sequence[str], lengths: Sequence[int]
) -> Iterator[TermPostings]:
    """A speaker as a term of all the chunks that are theirs; case does not matter."""
    by_name: dict[str, list[tuple[int, int, int]]] = {}
    spelled: dict[str, str] = {}
    for index, speaker, words in zip(indexes, speakers, lengths, strict=True):
        name = speaker.lower()
        by_name.setdefault(name, []).append((index, words, 1))
        spelled.setdefault(name, speaker)
    for name, rows in by_name.items():
        packed = np.array(rows, ENTRY).tobytes()
        yield TermPostings(name, spelled[name], len(rows), packed, b"")
