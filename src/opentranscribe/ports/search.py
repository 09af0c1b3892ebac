"""Full-text and semantic search over transcripts, for one person's files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from opentranscribe.kit.errors import InvalidError


class SearchQueryError(InvalidError):
    code = "search_query"


@dataclass(frozen=True, slots=True)
class IndexedChunk:
    """About 200 words of one speaker. ``word_starts`` are seconds, one per whitespace token.

    ``vector`` is the passage embedding, None when there is no sentence model.
    """

    index: int
    speaker: str
    text: str
    start: float
    end: float
    word_starts: tuple[float, ...]
    vector: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class IndexedFile:
    file_id: int
    owner_id: int
    title: str
    language: str
    uploaded_at: datetime
    duration_seconds: float
    chunks: tuple[IndexedChunk, ...]
    vector_model: str = ""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """``file_ids_of`` restricts to files this user may see; it is never optional.

    ``vector`` is the query embedding; without it, or in mode ``keyword``, words alone count.
    """

    text: str
    file_ids_of: int
    mode: Literal["hybrid", "keyword"] = "hybrid"
    speakers: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    date_from: datetime | None = None
    date_to: datetime | None = None
    file_id: int | None = None
    page: int = 1
    page_size: int = 20
    vector: NDArray[np.float32] | None = None
    vector_model: str = ""
    with_facets: bool = False


@dataclass(frozen=True, slots=True)
class Occurrence:
    """``snippet_html`` is escaped text with ``<mark>`` only; ``start`` is where to play, seconds."""

    chunk_index: int
    snippet_html: str
    start: float
    end: float
    speaker: str
    match: Literal["text", "meaning", "title"]
    score: float


@dataclass(frozen=True, slots=True)
class FileHit:
    file_id: int
    score: float
    title_html: str
    occurrences: tuple[Occurrence, ...]
    occurrence_count: int


#: Values of a facet at most.
FACET_VALUES = 50


@dataclass(frozen=True, slots=True)
class FacetCount:
    """In how many of the files that are found ``value`` is."""

    value: str
    files: int


@dataclass(frozen=True, slots=True)
class Facets:
    """What could be asked for further, most files first. A speaker counts where something was found
    in their own words, a language where it is the file's. Neither is narrowed by the query's own
    choice of it: what else could be chosen stays in sight."""

    speakers: tuple[FacetCount, ...]
    languages: tuple[FacetCount, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """``corrected`` is the query with spelling mended when the words as typed found nothing;
    ``facets`` are there when they were asked for."""

    hits: tuple[FileHit, ...]
    total_files: int
    total_occurrences: int
    corrected: str | None = None
    semantic: bool = False
    facets: Facets | None = None


def in_order(counts: Mapping[str, int]) -> tuple[FacetCount, ...]:
    """A facet from the number of files by value."""
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return tuple(FacetCount(value, files) for value, files in ordered[:FACET_VALUES])


class SearchIndex(Protocol):
    def vectors_of(
        self, session: Session, file_id: int, model: str
    ) -> Mapping[str, NDArray[np.float32]]:
        """Passage vectors by chunk text that an earlier indexing of the file left, so that one
        corrected word does not cost embedding ten hours again."""
        ...

    def index_file(self, session: Session, file: IndexedFile) -> None:
        """Replace everything known of the file, within the caller's transaction."""
        ...

    def delete_file(self, session: Session, file_id: int) -> None: ...

    def indexed_files(self, session: Session) -> set[int]:
        """Ids of all files it knows, whosever they are: what is missing can be added."""
        ...

    def query(self, session: Session, query: SearchQuery) -> SearchResult:
        """Raises SearchQueryError for a query that cannot mean anything."""
        ...

    def suggest(
        self, session: Session, prefix: str, file_ids_of: int, limit: int = 8
    ) -> Sequence[str]: ...

    def catch_up(self) -> int:
        """Carry what was committed to wherever it has not arrived; how many recordings. Called
        every few seconds; what cannot be carried yet waits for the next time."""
        ...

    def rebuilding(self) -> AbstractContextManager[Collection[int]]:
        """Around indexing every recording again; yields those that need not be, because an attempt
        that was cut off has. Searches find everything meanwhile; what is indexed inside, by
        anybody, is in the index that answers afterwards."""
        ...

    def ping(self) -> None: ...
