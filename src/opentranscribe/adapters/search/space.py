"""One person's chunks as a row of numbers, so that matching is arithmetic on arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from opentranscribe.adapters.search import statements
from opentranscribe.adapters.search.postings import ENTRY, PLACE, Integers
from opentranscribe.adapters.search.rows import fetch

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Space:
    """Chunk ``index`` of the n-th of ``files`` (ascending) has the number ``first[n] + index``.

    ``wanted`` says of each file whether the filters let it through.
    """

    files: Integers
    chunk_counts: Integers
    first: Integers
    wanted: Mask
    words: int
    languages: tuple[str, ...]

    @property
    def size(self) -> int:
        return int(self.chunk_counts.sum())

    @property
    def mean_words(self) -> float:
        return max(1.0, self.words / max(1, self.size))

    def file_of(self, numbers: Integers) -> Integers:
        """Which of ``files`` each chunk is in."""
        return np.searchsorted(self.first, numbers, side="right") - 1

    def places_of(self, numbers: Integers) -> tuple[list[int], list[int]]:
        """File ids and chunk indexes."""
        at = self.file_of(numbers)
        return self.files[at].tolist(), (numbers - self.first[at]).tolist()

    def numbers(self, files: Sequence[int], chunks: Sequence[int]) -> Integers:
        """-1 for a chunk that came into being since the space was read."""
        first, ends = self._bounds(np.asarray(files, np.int64))
        numbers = first + np.asarray(chunks, np.int64)
        return np.where(numbers < ends, numbers, -1)

    def unpack(self, row: Any) -> Postings:
        entries = np.frombuffer(row.entries, ENTRY)
        sizes = np.frombuffer(row.sizes, ">i4")
        first, ends = self._bounds(np.frombuffer(row.files, ">i4"))
        numbers = np.repeat(first, sizes) + entries["chunk"]
        counts = entries["count"]
        places = None if row.places is None else np.frombuffer(row.places, PLACE)
        is_known = numbers < np.repeat(ends, sizes)
        if not is_known.all():
            places = None if places is None else places[np.repeat(is_known, counts)]
            numbers, counts, entries = numbers[is_known], counts[is_known], entries[is_known]
        return Postings(numbers, counts, entries["words"], row.chunks, places)

    def _bounds(self, files: Integers) -> tuple[Integers, Integers]:
        """The number of each file's first chunk and that after its last; a file that came into
        being since the space was read has none."""
        at = np.minimum(np.searchsorted(self.files, files), len(self.files) - 1)
        first = self.first[at]
        return first, np.where(self.files[at] == files, first + self.chunk_counts[at], 0)


@dataclass(frozen=True, slots=True)
class Postings:
    """One term: chunk numbers in rising order, uses in each, words of each.

    ``chunks`` says in how many of the owner's chunks the term is. ``places`` are the words at
    which it stands, from 1, ``counts[i]`` of them for the i-th chunk; None if not asked for.
    """

    numbers: Integers
    counts: NDArray[np.uint16]
    words: NDArray[np.uint16]
    chunks: int
    places: NDArray[np.uint16] | None = None


def read_space(session: Session, filters: Mapping[str, Any]) -> Space | None:
    """None when the owner has nothing in the index."""
    rows = fetch(session, statements.SPACE, filters)
    if not rows:
        return None
    (row,) = rows
    counts = np.frombuffer(row.chunks, ">i4").astype(np.int64)
    return Space(
        files=np.frombuffer(row.files, ">i4").astype(np.int64),
        chunk_counts=counts,
        first=np.cumsum(counts) - counts,
        wanted=np.frombuffer(row.wanted, np.uint8).astype(np.bool_),
        words=int(row.words),
        languages=tuple(row.languages),
    )


def read_postings(
    session: Session,
    space: Space,
    owner_id: int,
    lexemes: Iterable[str],
    *,
    files: Sequence[int] | None = None,
    is_speaker: bool = False,
) -> dict[str, Postings]:
    """By lexeme; with places when the ``files`` are named."""
    values = {"owner": owner_id, "is_speaker": is_speaker, "lexemes": sorted(set(lexemes))}
    statement = statements.POSTINGS
    if files is not None:
        statement, values["files"] = statements.PLACED_POSTINGS, list(files)
    return {row.lexeme: space.unpack(row) for row in fetch(session, statement, values)}


def read_speakers(session: Session, space: Space, owner_id: int) -> dict[str, Postings]:
    """By the name of the speaker in small letters."""
    rows = fetch(session, statements.SPEAKER_POSTINGS, {"owner": owner_id})
    return {row.lexeme: space.unpack(row) for row in rows}
