"""Facets by the server: the rules are those of :mod:`adapters.search.facets`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from opentranscribe.adapters.search.facets import languages_of, with_names
from opentranscribe.adapters.search.opensearch.asking import (
    COUNTED_FILES,
    Asked,
    Inquiry,
    Query,
    ask_server,
)
from opentranscribe.ports.search import FACET_VALUES, Facets, SearchQuery, in_order


def count_facets(session: Session, inquiry: Inquiry, asked: Asked) -> Facets:
    """``asked`` is the answer to the inquiry; where it is narrowed by a facet it is asked again
    without that. Raises UnavailableError."""
    query = inquiry.query
    by_speaker = _widened(inquiry, replace(query, speakers=()), asked)
    by_language = _widened(inquiry, replace(query, languages=()), asked)
    chunks = inquiry.generation.chunks
    speakers, languages, titled = inquiry.server.search_all(
        [
            (chunks, _counted(by_speaker, "speaker_key")),
            (chunks, _counted(by_language, "language")),
            (chunks, _titled(by_language)),
        ]
    )
    by_title = set(by_language.titled) - {int(bucket["key"]) for bucket in _buckets(titled)}
    files = Counter(_files_by_value(languages)) + Counter(languages_of(session, sorted(by_title)))
    return Facets(
        speakers=with_names(session, query, in_order(_files_by_value(speakers))),
        languages=in_order(files),
    )


def _widened(inquiry: Inquiry, wide: SearchQuery, asked: Asked) -> Asked:
    return asked if wide == inquiry.query else ask_server(replace(inquiry, query=wide))


def _matching(asked: Asked) -> Query:
    """Chunks with the words, and those with the meaning only."""
    places = {place for _, _, chunks in asked.files for place, _ in chunks} - asked.by_words
    if not places:
        return asked.words
    near = {"ids": {"values": [f"{file_id}-{index}" for file_id, index in sorted(places)]}}
    return {"bool": {"should": [asked.words, near], "minimum_should_match": 1}}


def _counted(asked: Asked, field: str) -> Query:
    files = {"cardinality": {"field": "file_id", "precision_threshold": COUNTED_FILES}}
    values = {"field": field, "size": FACET_VALUES, "order": {"files": "desc"}}
    return _aggregated([_matching(asked)], {"terms": values, "aggs": {"files": files}})


def _titled(asked: Asked) -> Query:
    """Which of the files that have the words in their title have them in a chunk, too."""
    within = {"terms": {"file_id": list(asked.titled)}}
    files = {"field": "file_id", "size": max(1, len(asked.titled))}
    return _aggregated([_matching(asked), within], {"terms": files})


def _aggregated(filters: list[Query], values: Mapping[str, Any]) -> Query:
    return {"query": {"bool": {"filter": filters}}, "size": 0, "aggs": {"values": values}}


def _buckets(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer["aggregations"]["values"]["buckets"]
    return found


def _files_by_value(answer: Mapping[str, Any]) -> dict[str, int]:
    return {str(one["key"]): int(one["files"]["value"]) for one in _buckets(answer)}
