"""Searching the caller's recordings."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from opentranscribe.features.library.rules import speaker_name
from opentranscribe.features.search import queries
from opentranscribe.features.search.rules import parse_query
from opentranscribe.features.search.schemas import (
    FacetOut,
    FacetsOut,
    FileResult,
    FiltersOut,
    OccurrenceOut,
    SearchMode,
    SearchOut,
)
from opentranscribe.ports.embedding import SentenceEncoder
from opentranscribe.ports.search import Facets, FileHit, Occurrence, SearchIndex, SearchQuery
from opentranscribe.schema.media import MediaFile
from opentranscribe.work import Work
from opentranscribe.work.access import get_file

SPEAKERS_SHOWN = 20


@dataclass(frozen=True)
class Wish:
    """What a caller asks for, as typed."""

    typed: str
    mode: SearchMode = "hybrid"
    speakers: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    date_from: datetime | None = None
    date_to: datetime | None = None
    file_uuid: UUID | None = None
    page: int = 1
    page_size: int = 20
    with_facets: bool = False


class SearchService:
    def __init__(self, work: Work, index: SearchIndex, encoder: SentenceEncoder) -> None:
        self.work = work
        self.index = index
        self.encoder = encoder

    def search(self, wish: Wish) -> SearchOut:
        """Raises SearchQueryError, RecordingNotFoundError."""
        started = time.perf_counter()
        parsed = parse_query(wish.typed)
        model = self.encoder.model() if wish.mode == "hybrid" and parsed.text else None
        query = SearchQuery(
            text=parsed.text,
            file_ids_of=self._owner(),
            mode=wish.mode,
            speakers=tuple(dict.fromkeys([*wish.speakers, *parsed.speakers])),
            languages=wish.languages,
            date_from=wish.date_from,
            date_to=wish.date_to,
            file_id=get_file(self.work, wish.file_uuid).id if wish.file_uuid else None,
            page=wish.page,
            page_size=wish.page_size,
            vector=self.encoder.encode([parsed.text], "query")[0] if model else None,
            vector_model=model.name if model else "",
            with_facets=wish.with_facets,
        )
        found = self.index.query(self.work.session, query)
        return SearchOut(
            query=wish.typed,
            corrected_query=found.corrected,
            results=self._results(found.hits),
            total_results=found.total_occurrences,
            total_files=found.total_files,
            page=wish.page,
            page_size=wish.page_size,
            total_pages=-(-found.total_files // wish.page_size),
            search_time_ms=round((time.perf_counter() - started) * 1000, 2),
            search_mode="hybrid" if found.semantic else "keyword",
            facets=self._facets(found.facets) if found.facets else None,
        )

    def suggest(self, prefix: str, limit: int) -> list[str]:
        return list(self.index.suggest(self.work.session, prefix, self._owner(), limit))

    def filters(self) -> FiltersOut:
        first, last = queries.upload_range(self.work)
        return FiltersOut(
            speakers=queries.all_speaker_names(self.work),
            languages=queries.all_languages(self.work),
            first_upload=first,
            last_upload=last,
        )

    def _facets(self, found: Facets) -> FacetsOut:
        """Of the speakers those whom somebody has named: Speaker 1 is nobody in particular."""
        names = queries.named_among(self.work, [one.value for one in found.speakers])
        named = [one for one in found.speakers if one.value in names]
        return FacetsOut(
            speakers=[FacetOut(value=one.value, files=one.files) for one in named[:SPEAKERS_SHOWN]],
            languages=[FacetOut(value=one.value, files=one.files) for one in found.languages],
        )

    def _owner(self) -> int:
        owner = self.work.actor.user_id
        assert owner is not None, "search is always somebody's"
        return owner

    def _results(self, hits: tuple[FileHit, ...]) -> list[FileResult]:
        session = self.work.session
        files = queries.files_by_id(session, [hit.file_id for hit in hits])
        names: dict[int, list[str]] = defaultdict(list)
        for row in queries.speaker_names(session, files):
            names[row.media_file_id].append(speaker_name(row.name, row.display_name))
        return [
            _file_result(hit, files[hit.file_id], names[hit.file_id])
            for hit in hits
            if hit.file_id in files
        ]


def _file_result(hit: FileHit, file: MediaFile, speakers: list[str]) -> FileResult:
    by_words = sum(o.match == "text" for o in hit.occurrences)
    return FileResult(
        file_uuid=file.uuid,
        title=file.title or file.filename,
        title_highlighted=hit.title_html,
        speakers=speakers,
        upload_time=file.upload_time,
        language=file.language,
        content_type=file.content_type,
        duration=file.duration,
        relevance_score=round(hit.score, 6),
        occurrences=[_occurrence(o) for o in hit.occurrences],
        total_occurrences=hit.occurrence_count,
        keyword_occurrences=by_words,
        semantic_occurrences=len(hit.occurrences) - by_words,
        semantic_only=by_words == 0 and bool(hit.occurrences),
    )


def _occurrence(found: Occurrence) -> OccurrenceOut:
    by_words = found.match == "text"
    return OccurrenceOut(
        snippet=found.snippet_html,
        start_time=found.start,
        end_time=found.end,
        speaker=found.speaker,
        chunk_index=found.chunk_index,
        score=round(found.score, 6),
        match_type="content",
        has_keyword_match=by_words,
        highlight_type="keyword" if by_words else "semantic",
    )
