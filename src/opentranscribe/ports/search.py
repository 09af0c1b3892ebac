"""Full-text and semantic search over transcripts, for one person's files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy.orm import Session

from opentranscribe.kit.errors import InvalidError


class SearchQueryError(InvalidError):
    code = "search_query"


@dataclass(frozen=True, slots=True)
class IndexedChunk:
    """About 200 words of one speaker. ``word_starts`` are seconds, one per whitespace token."""

    index: int
    speaker: str
    text: str
    start: float
    end: float
    word_starts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class IndexedFile:
    file_id: int
    owner_id: int
    title: str
    language: str
    uploaded_at: datetime
    duration_seconds: float
    chunks: tuple[IndexedChunk, ...]


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """``file_ids_of`` restricts to files this user may see; it is never optional."""

    text: str
    file_ids_of: int
    mode: Literal["hybrid", "keyword"] = "hybrid"
    speakers: tuple[str, ...] = ()
    date_from: datetime | None = None
    date_to: datetime | None = None
    file_id: int | None = None
    page: int = 1
    page_size: int = 20


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


@dataclass(frozen=True, slots=True)
class SearchResult:
    """``corrected`` is the query with spelling mended when the words as typed found nothing."""

    hits: tuple[FileHit, ...]
    total_files: int
    total_occurrences: int
    corrected: str | None = None
    semantic: bool = False


class SearchIndex(Protocol):
    def index_file(self, session: Session, file: IndexedFile) -> None:
        """Replace everything known of the file, within the caller's transaction."""
        ...

    def delete_file(self, session: Session, file_id: int) -> None: ...

    def query(self, session: Session, query: SearchQuery) -> SearchResult:
        """Raises SearchQueryError for a query that cannot mean anything."""
        ...

    def suggest(self, session: Session, prefix: str, file_ids_of: int, limit: int = 8) -> Sequence[str]: ...

    def ping(self) -> None: ...
