"""The search's shapes on the wire, by the names that clients of the earlier system know."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

SearchMode = Literal["hybrid", "keyword"]


class OccurrenceOut(BaseModel):
    """``snippet`` is HTML: escaped text with ``<mark>`` around the words that were asked for."""

    snippet: str
    start_time: float
    end_time: float
    speaker: str
    chunk_index: int
    score: float
    match_type: Literal["content", "title", "speaker"]
    has_keyword_match: bool
    highlight_type: Literal["keyword", "semantic"]


class FileResult(BaseModel):
    file_uuid: UUID
    title: str
    title_highlighted: str
    speakers: list[str]
    upload_time: datetime
    language: str | None
    content_type: str
    duration: float | None
    relevance_score: float
    occurrences: list[OccurrenceOut]
    total_occurrences: int
    keyword_occurrences: int
    semantic_occurrences: int
    semantic_only: bool


class FacetOut(BaseModel):
    """``files`` of the recordings that were found have this value."""

    value: str
    files: int


class FacetsOut(BaseModel):
    """What a search can be narrowed to: people who say it, languages by their codes."""

    speakers: list[FacetOut]
    languages: list[FacetOut]


class SearchOut(BaseModel):
    """``corrected_query`` is set when the words as typed were in no transcript; ``facets`` when
    they were asked for."""

    query: str
    corrected_query: str | None
    results: list[FileResult]
    total_results: int
    total_files: int
    page: int
    page_size: int
    total_pages: int
    search_time_ms: float
    search_mode: SearchMode
    facets: FacetsOut | None


class FiltersOut(BaseModel):
    speakers: list[str]
    languages: list[str]
    first_upload: datetime | None
    last_upload: datetime | None
