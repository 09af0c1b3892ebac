"""One page of what was found: files with their titles, moments with their words marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from opentranscribe.adapters.search import statements
from opentranscribe.adapters.search.asking import Asked
from opentranscribe.adapters.search.ranking import RankedFile, files_of, rank_files
from opentranscribe.adapters.search.rows import fetch
from opentranscribe.adapters.search.snippets import cut_snippet, mark_words
from opentranscribe.adapters.search.space import read_postings
from opentranscribe.ports.search import FileHit, Occurrence, SearchQuery, SearchResult

OCCURRENCES_SHOWN = 3
OCCURRENCES_IN_ONE_FILE = 50


def show_page(
    session: Session, query: SearchQuery, asked: Asked, corrected: str | None
) -> SearchResult:
    matched, _, _ = files_of(asked.space, asked.matches)
    by_title = files_by_title(session, query, asked, asked.space.files[matched])
    first = (query.page - 1) * query.page_size
    shown = OCCURRENCES_IN_ONE_FILE if query.file_id is not None else OCCURRENCES_SHOWN
    ranked = rank_files(asked.space, asked.matches, first, query.page_size, shown)
    titled = by_title[max(0, first - len(matched)) :][: query.page_size - len(ranked)]
    page = [*ranked, *(RankedFile(file_id, 0.0, 0, ()) for file_id in titled)]
    return SearchResult(
        hits=_hits(session, query, asked, page),
        total_files=len(matched) + len(by_title),
        total_occurrences=len(asked.matches.numbers),
        corrected=corrected,
        semantic=asked.semantic,
    )


def files_by_title(
    session: Session, query: SearchQuery, asked: Asked, others: np.ndarray[Any, Any]
) -> list[int]:
    """Files whose title has all the words, newest first, but for those among the ``others``."""
    if query.speakers:
        return []
    values = statements.filters(query) | {"tokens": asked.question.tokens}
    rows = fetch(session, statements.FILES_BY_TITLE, values)
    known = set(others.tolist())
    return [row.file_id for row in rows if row.file_id not in known]


def _hits(
    session: Session, query: SearchQuery, asked: Asked, page: Sequence[RankedFile]
) -> tuple[FileHit, ...]:
    files = [file.file_id for file in page]
    rows = fetch(session, statements.TITLES, {"files": files})
    titles = {row.file_id: row.title for row in rows}
    occurrences = _occurrences(session, query, asked, page)
    tokens = set(asked.question.tokens)
    return tuple(
        FileHit(
            file_id=file.file_id,
            score=file.score,
            title_html=mark_words(titles[file.file_id], tokens),
            occurrences=tuple(occurrences[n] for n, _ in file.best if n in occurrences),
            occurrence_count=file.match_count,
        )
        for file in page
        if file.file_id in titles
    )


def _occurrences(
    session: Session, query: SearchQuery, asked: Asked, page: Sequence[RankedFile]
) -> Mapping[int, Occurrence]:
    """By chunk number."""
    scores = dict(one for file in page for one in file.best)
    if not scores:
        return {}
    numbers = np.array(sorted(scores))
    files, chunks = asked.space.places_of(numbers)
    rows = fetch(session, statements.CHUNKS, {"files": files, "chunks": chunks})
    places = _places(session, query, asked, numbers, sorted(set(files)))
    by_words = asked.by_words[np.searchsorted(asked.matches.numbers, numbers)]
    has_words = dict(zip(numbers.tolist(), by_words.tolist(), strict=True))
    row_numbers = asked.space.numbers([r.file_id for r in rows], [r.chunk_index for r in rows])
    return {
        number: _occurrence(row, places.get(number, ()), has_words[number], scores[number])
        for number, row in zip(row_numbers.tolist(), rows, strict=True)
        if number in scores
    }


def _places(
    session: Session,
    query: SearchQuery,
    asked: Asked,
    numbers: np.ndarray[Any, Any],
    files: Sequence[int],
) -> dict[int, list[int]]:
    """By chunk number where the words asked for stand, from 1."""
    lexemes = {lexeme for options in asked.lexemes.values() for lexeme in options}
    found = read_postings(session, asked.space, query.file_ids_of, lexemes, files=files)
    places: dict[int, set[int]] = {number: set() for number in numbers.tolist()}
    for postings in found.values():
        assert postings.places is not None
        ends = np.cumsum(postings.counts)
        for at in np.flatnonzero(np.isin(postings.numbers, numbers)).tolist():
            stands = postings.places[ends[at] - postings.counts[at] : ends[at]]
            places[int(postings.numbers[at])].update(stands.tolist())
    return {number: sorted(stands) for number, stands in places.items()}


def _occurrence(row: Any, places: Sequence[int], has_words: bool, score: float) -> Occurrence:
    starts = np.frombuffer(row.word_starts, "<f4").tolist()
    snippet = cut_snippet(row.body, starts, places)
    return Occurrence(
        chunk_index=row.chunk_index,
        snippet_html=snippet.html,
        start=round(snippet.start if places else row.start_time, 3),
        end=round(row.end_time, 3),
        speaker=row.speaker,
        match="text" if has_words else "meaning",
        score=float(score),
    )
