"""One page of what the server found: titles, moments, the words marked."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from opentranscribe.adapters.search.opensearch.asking import (
    Asked,
    Inquiry,
    Place,
    count_chunks,
    further_files,
)
from opentranscribe.adapters.search.showing import OCCURRENCES_IN_ONE_FILE, OCCURRENCES_SHOWN
from opentranscribe.adapters.search.snippets import cut_snippet, mark_words
from opentranscribe.ports.search import FileHit, Occurrence, SearchResult

Ranked = tuple[int, float, tuple[tuple[Place, float], ...]]


def show_page(inquiry: Inquiry, asked: Asked, corrected: str | None) -> SearchResult:
    """Raises UnavailableError."""
    query = inquiry.query
    first = (query.page - 1) * query.page_size
    ranked = list(asked.files[first : first + query.page_size])
    known = {file_id for file_id, _, _ in asked.files}
    if not asked.is_whole and len(ranked) < query.page_size:
        beyond = max(0, first - len(asked.files)) + query.page_size
        further = further_files(inquiry, asked, beyond)
        known.update(further)
        further = further[max(0, first - len(asked.files)) :]
        ranked += [(one, 0.0, ()) for one in further[: query.page_size - len(ranked)]]
    by_title = [file_id for file_id in asked.titled if file_id not in known]
    titled = by_title[max(0, first - asked.total_files) :][: query.page_size - len(ranked)]
    page = [*ranked, *((file_id, 0.0, ()) for file_id in titled)]
    return SearchResult(
        hits=_hits(inquiry, asked, page),
        total_files=asked.total_files + len(by_title),
        total_occurrences=asked.total_chunks,
        corrected=corrected,
        semantic=asked.semantic,
    )


def _hits(inquiry: Inquiry, asked: Asked, page: Sequence[Ranked]) -> tuple[FileHit, ...]:
    if not page:
        return ()
    most = OCCURRENCES_IN_ONE_FILE if inquiry.query.file_id is not None else OCCURRENCES_SHOWN
    shown = {place: score for _, _, chunks in page for place, score in chunks[:most]}
    titles, chunks = _sources(inquiry, [file_id for file_id, _, _ in page], shown)
    counts: dict[int, int] = {}
    if not asked.is_whole:
        counts = count_chunks(inquiry, asked, list(titles))
    tokens = set(inquiry.question.tokens)
    return tuple(
        FileHit(
            file_id=file_id,
            score=score,
            title_html=mark_words(titles[file_id], tokens),
            occurrences=tuple(
                _occurrence(
                    place, chunks[place], inquiry.wanted, place in asked.by_words, shown[place]
                )
                for place, _ in found[:most]
                if place in chunks
            ),
            occurrence_count=max(len(found), counts.get(file_id, 0)),
        )
        for file_id, score, found in page
        if file_id in titles
    )


def _sources(
    inquiry: Inquiry, files: Sequence[int], places: Iterable[Place]
) -> tuple[dict[int, str], dict[Place, Mapping[str, Any]]]:
    generation = inquiry.generation
    wanted: list[dict[str, Any]] = [
        {"_index": generation.files, "_id": str(file_id)} for file_id in files
    ]
    in_order = list(places)
    wanted += [
        {"_index": generation.chunks, "_id": f"{file_id}-{index}"} for file_id, index in in_order
    ]
    found = inquiry.server.documents(wanted)
    titles = {
        file_id: doc["_source"]["title"]
        for file_id, doc in zip(files, found, strict=False)
        if doc.get("found")
    }
    chunks = {
        place: doc["_source"]
        for place, doc in zip(in_order, found[len(files) :], strict=True)
        if doc.get("found")
    }
    return titles, chunks


def _occurrence(
    place: Place, chunk: Mapping[str, Any], wanted: frozenset[str], has_words: bool, score: float
) -> Occurrence:
    said = chunk["lexemes"].split(" ")
    positions = [number for number, lexeme in enumerate(said, start=1) if lexeme in wanted]
    starts = np.frombuffer(b64decode(chunk["word_starts"]), "<f4").tolist()
    snippet = cut_snippet(chunk["content"], starts, positions)
    return Occurrence(
        chunk_index=place[1],
        snippet_html=snippet.html,
        start=round(snippet.start if positions else float(chunk["start_time"]), 3),
        end=round(float(chunk["end_time"]), 3),
        speaker=chunk["speaker"],
        match="text" if has_words else "meaning",
        score=score,
    )
