"""One question put to the server: words by BM25, meaning by nearest vectors, fused by rank.

The rules are those of the index in PostgreSQL (:mod:`adapters.search.asking`), so that either can
answer. Only the frequencies that BM25 weighs words by are those of all recordings on the server.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opentranscribe.adapters.search.asking import MAX_DISTANCE
from opentranscribe.adapters.search.matching import ENOUGH
from opentranscribe.adapters.search.opensearch.documents import rounded
from opentranscribe.adapters.search.opensearch.generations import Generation, vector_field
from opentranscribe.adapters.search.opensearch.server import Server
from opentranscribe.adapters.search.questions import Lexemes, Question
from opentranscribe.adapters.search.ranking import FURTHER_MATCH, SCORED_MATCHES
from opentranscribe.adapters.search.statements import FUSED, FUSION_CONSTANT, NEAREST
from opentranscribe.ports.search import SearchQuery

#: Chunks that files are ranked by; files beyond these follow in order of their best chunk.
BEST = 1000
#: How deep the server looks, which is its own limit.
DEEPEST = 10_000
#: Up to so many files with matches are counted exactly.
COUNTED_FILES = 40_000

#: A hit says its place by what it is sorted by: nothing that is stored of it is unpacked.
BY_SCORE: Sequence[Any] = ("_score", {"file_id": "asc"}, {"chunk_index": "asc"})
PLACE_ONLY: Mapping[str, Any] = {
    "stored_fields": "_none_",
    "sort": BY_SCORE,
    "track_scores": True,
}

#: File id and chunk index.
Place = tuple[int, int]
Query = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question, and where it is put."""

    server: Server
    generation: Generation
    query: SearchQuery
    question: Question
    lexemes: Lexemes

    @property
    def wanted(self) -> frozenset[str]:
        return frozenset(one for options in self.lexemes.values() for one in options)


@dataclass(frozen=True, slots=True)
class Asked:
    """``files`` are in order, each with its chunks, best first; ``by_words`` are the places that
    have the words, not only the meaning."""

    words: Query
    files: tuple[tuple[int, float, tuple[tuple[Place, float], ...]], ...]
    by_words: frozenset[Place]
    total_files: int
    total_chunks: int
    #: Whether ``files`` holds every matching chunk, so that counts can be read off it.
    is_whole: bool
    titled: tuple[int, ...]
    semantic: bool


def ask_server(inquiry: Inquiry) -> Asked:
    """Raises UnavailableError."""
    server, generation, query = inquiry.server, inquiry.generation, inquiry.query
    question = inquiry.question
    semantic = query.mode == "hybrid" and query.vector is not None
    words = words_query(inquiry, every=True)
    chunks = generation.chunks
    asked = [(chunks, _ranked(words)), (chunks, _counted(words))]
    asked.append((generation.files, _by_title(query, question)))
    if semantic and bool(query.vector.any()):  # type: ignore[union-attr]
        asked.append((chunks, _nearest(query)))
    said, counted, titled, *near = server.search_all(asked)
    if len(question.phrases) > 1 and _total(counted) < ENOUGH:
        words = words_query(inquiry, every=False)
        said, counted = server.search_all([(chunks, _ranked(words)), (chunks, _counted(words))])
    scores = _scores(said)
    by_words = frozenset(scores)
    fused = _fused(scores, _near_places(near[0] if near else None)) if semantic else scores
    total = _total(counted)
    files = _rank(fused)
    only_near = {place[0] for place in fused} - {place[0] for place in by_words}
    return Asked(
        words=words,
        files=files,
        by_words=by_words,
        total_files=int(counted["aggregations"]["files"]["value"]) + len(only_near),
        total_chunks=total + len(fused) - len(scores),
        is_whole=total <= len(scores),
        titled=tuple(int(hit["_id"]) for hit in titled["hits"]["hits"]) if _titles(query) else (),
        semantic=semantic,
    )


def further_files(inquiry: Inquiry, asked: Asked, most: int) -> list[int]:
    """Files with the words that are not among those ranked, in order of their best chunk."""
    known = {file_id for file_id, _, _ in asked.files}
    body = {
        "query": asked.words,
        "size": min(DEEPEST, len(known) + most),
        "stored_fields": "_none_",
        "collapse": {"field": "file_id"},
        "docvalue_fields": ["file_id"],
    }
    hits = inquiry.server.search(inquiry.generation.chunks, body)["hits"]["hits"]
    found = [int(hit["fields"]["file_id"][0]) for hit in hits]
    return [file_id for file_id in found if file_id not in known][:most]


def count_chunks(inquiry: Inquiry, asked: Asked, files: Sequence[int]) -> dict[int, int]:
    """How many chunks of these files have the words."""
    within = {"bool": {"filter": [asked.words, {"terms": {"file_id": list(files)}}]}}
    counts = {"files": {"terms": {"field": "file_id", "size": max(1, len(files))}}}
    body = {"query": within, "size": 0, "aggs": counts}
    found = inquiry.server.search(inquiry.generation.chunks, body)
    buckets = found["aggregations"]["files"]["buckets"]
    return {int(bucket["key"]): int(bucket["doc_count"]) for bucket in buckets}


def words_query(inquiry: Inquiry, *, every: bool) -> Query:
    """Chunks with every phrase, or with any; each lexeme adds its BM25."""
    options = list(inquiry.lexemes.values())
    are_apart = len(inquiry.wanted) == sum(map(len, options))
    if are_apart and all(len(phrase) == 1 for phrase in inquiry.question.phrases):
        return _single_words(inquiry, options, every=every)
    phrases = [_phrase(phrase, inquiry.lexemes) for phrase in inquiry.question.phrases]
    wanted = phrases if every else [{"bool": {"should": phrases, "minimum_should_match": 1}}]
    return {
        "bool": {
            "filter": [*filters(inquiry.query), *wanted],
            "should": [
                {"term": {"lexemes": {"value": lexeme}}} for lexeme in sorted(inquiry.wanted)
            ],
        }
    }


def _single_words(inquiry: Inquiry, options: Sequence[Iterable[str]], *, every: bool) -> Query:
    """The same in half the time: what must be there is what is weighed."""
    words = [_weighed(lexemes) for lexemes in options]
    wanted = {"must": words} if every else {"should": words, "minimum_should_match": 1}
    return {"bool": {"filter": filters(inquiry.query), **wanted}}


def _weighed(lexemes: Iterable[str]) -> Query:
    terms = [{"term": {"lexemes": {"value": lexeme}}} for lexeme in sorted(lexemes)]
    return terms[0] if len(terms) == 1 else {"bool": {"should": terms, "minimum_should_match": 1}}


def filters(query: SearchQuery, *, of_chunks: bool = True) -> list[Query]:
    """The owner's always; what else was asked for."""
    wanted: list[Query] = [{"term": {"owner_id": query.file_ids_of}}]
    if query.file_id is not None:
        wanted.append({"term": {"file_id": query.file_id}})
    if query.languages:
        wanted.append({"terms": {"language": list(query.languages)}})
    if query.date_from is not None:
        wanted.append({"range": {"uploaded_at": {"gte": query.date_from.isoformat()}}})
    if query.date_to is not None:
        wanted.append({"range": {"uploaded_at": {"lte": query.date_to.isoformat()}}})
    if of_chunks and query.speakers:
        wanted.append({"terms": {"speaker_key": [name.lower() for name in query.speakers]}})
    return wanted


def _phrase(phrase: Sequence[str], lexemes: Lexemes) -> Query:
    if len(phrase) == 1:
        return {"terms": {"lexemes": sorted(lexemes[phrase[0]])}}
    if all(len(lexemes[token]) == 1 for token in phrase):
        said = " ".join(lexeme for token in phrase for lexeme in lexemes[token])
        return {"match_phrase": {"lexemes": {"query": said}}}
    tokens = [_any_of(lexemes[token]) for token in phrase]
    return {"span_near": {"clauses": tokens, "slop": 0, "in_order": True}}


def _any_of(options: Iterable[str]) -> Query:
    terms = [{"span_term": {"lexemes": option}} for option in sorted(options)]
    return terms[0] if len(terms) == 1 else {"span_or": {"clauses": terms}}


def _ranked(words: Query) -> Query:
    """The best only: uncounted, those that cannot be among them are passed over."""
    return {"query": words, "size": BEST, **PLACE_ONLY, "track_total_hits": False}


def _counted(words: Query) -> Query:
    """How many chunks and files; unweighed, and remembered by the server for the next page."""
    files = {"cardinality": {"field": "file_id", "precision_threshold": COUNTED_FILES}}
    return {
        "query": {"bool": {"filter": [words]}},
        "size": 0,
        "track_total_hits": True,
        "aggs": {"files": files},
    }


def _nearest(query: SearchQuery) -> Query:
    assert query.vector is not None
    wanted = filters(query)
    if query.vector_model:
        wanted.append({"term": {"embedding_model": query.vector_model}})
    near = {
        "vector": rounded(query.vector),
        "k": NEAREST,
        "filter": {"bool": {"filter": wanted}},
    }
    return {
        "query": {"knn": {vector_field(len(query.vector)): near}},
        "size": NEAREST,
        **PLACE_ONLY,
    }


def _titles(query: SearchQuery) -> bool:
    return not query.speakers


def _by_title(query: SearchQuery, question: Question) -> Query:
    """Files whose title has all the words, newest first."""
    words = [{"term": {"title_words": token}} for token in question.tokens]
    return {
        "query": {"bool": {"filter": [*filters(query, of_chunks=False), *words]}},
        "size": 50,
        "_source": False,
        "sort": [{"uploaded_at": "desc"}],
    }


def _total(answer: Mapping[str, Any]) -> int:
    return int(answer["hits"]["total"]["value"])


def _place(hit: Mapping[str, Any]) -> Place:
    _, file_id, index = hit["sort"]
    return int(file_id), int(index)


def _scores(answer: Mapping[str, Any]) -> dict[Place, float]:
    return {_place(hit): float(hit["_score"]) for hit in answer["hits"]["hits"]}


def _near_places(answer: Mapping[str, Any] | None) -> list[Place]:
    """Nearest first; a score is (1 + cosine) / 2."""
    hits = answer["hits"]["hits"] if answer else []
    return [_place(hit) for hit in hits if 2 - 2 * float(hit["_score"]) < MAX_DISTANCE]


def _fused(scores: Mapping[Place, float], near: Sequence[Place]) -> dict[Place, float]:
    """The best by words with the nearest by reciprocal rank; other chunks with the words follow."""
    rest = 1 / (FUSION_CONSTANT + FUSED + 1)
    fused = {place: rest * score / (1 + score) for place, score in scores.items()}
    best = sorted(scores, key=lambda place: (-scores[place], place))[:FUSED]
    ranks: dict[Place, float] = defaultdict(float)
    for places in (best, near):
        for rank, place in enumerate(places, start=1):
            ranks[place] += 1 / (FUSION_CONSTANT + rank)
    return fused | ranks


def _rank(
    scores: Mapping[Place, float],
) -> tuple[tuple[int, float, tuple[tuple[Place, float], ...]], ...]:
    """A file's score grows with further matches, each counting less."""
    by_file: dict[int, list[tuple[Place, float]]] = defaultdict(list)
    for place, score in sorted(scores.items(), key=lambda one: (-one[1], one[0])):
        by_file[place[0]].append((place, score))
    ranked = [
        (
            file_id,
            sum(score * FURTHER_MATCH**n for n, (_, score) in enumerate(chunks[:SCORED_MATCHES])),
            tuple(chunks),
        )
        for file_id, chunks in by_file.items()
    ]
    return tuple(sorted(ranked, key=lambda file: (-file[1], file[0])))
