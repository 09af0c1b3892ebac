"""One question put to the index: its words read, its chunks matched, words and meaning fused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from opentranscribe.adapters.search import statements
from opentranscribe.adapters.search.matching import Matcher, Matches, top
from opentranscribe.adapters.search.questions import Lexemes, Question
from opentranscribe.adapters.search.rows import fetch
from opentranscribe.adapters.search.space import (
    Mask,
    Postings,
    Space,
    read_postings,
    read_space,
)
from opentranscribe.adapters.search.stems import stem_choices
from opentranscribe.ports.search import SearchQuery

#: Cosine distance beyond which a nearest chunk is merely the least far; by model, measured on
#: paraphrases against unrelated sentences.
MAX_DISTANCE = 0.78


@dataclass(frozen=True, slots=True)
class Asked:
    """``by_words`` says of each match whether it has the words, or only the meaning."""

    question: Question
    space: Space
    lexemes: Lexemes
    matches: Matches
    by_words: Mask
    semantic: bool


def ask_index(session: Session, query: SearchQuery, question: Question) -> Asked | None:
    """None when the owner has nothing in the index."""
    filters = statements.filters(query)
    space = read_space(session, filters)
    if space is None:
        return None
    lexemes = stem_choices(session, question.tokens, space.languages)
    matches = match_words(session, query, question, space, lexemes)
    by_words = np.ones(len(matches.numbers), np.bool_)
    semantic = query.mode == "hybrid" and query.vector is not None
    if semantic:
        matches, by_words = _fuse(session, query, filters, space, matches)
    return Asked(question, space, lexemes, matches, by_words, semantic)


def match_words(
    session: Session, query: SearchQuery, question: Question, space: Space, lexemes: Lexemes
) -> Matches:
    """All chunks that match by words, scored by BM25."""
    owner = query.file_ids_of
    asked = {lexeme for options in lexemes.values() for lexeme in options}

    def read_places(some: Iterable[str], mask: Mask) -> Mapping[str, Postings]:
        at = np.unique(space.file_of(np.flatnonzero(mask)))
        return read_postings(session, space, owner, some, files=space.files[at].tolist())

    matcher = Matcher(
        space=space,
        allowed=_allowed(session, query, space),
        lexemes=lexemes,
        postings=read_postings(session, space, owner, asked),
        read_places=read_places,
    )
    return matcher.match(question)


def _allowed(session: Session, query: SearchQuery, space: Space) -> Mask:
    allowed = np.repeat(space.wanted, space.chunk_counts)
    if query.speakers:
        names = [name.lower() for name in query.speakers]
        spoken = read_postings(session, space, query.file_ids_of, names, is_speaker=True)
        theirs = np.zeros_like(allowed)
        for postings in spoken.values():
            theirs[postings.numbers] = True
        allowed &= theirs
    return allowed


def _fuse(
    session: Session, query: SearchQuery, filters: Mapping[str, Any], space: Space, found: Matches
) -> tuple[Matches, Mask]:
    """Reciprocal rank fusion of the best by words with the nearest by meaning. Other chunks with
    the words follow after all of these, in their order."""
    assert query.vector is not None
    best = top(found, statements.FUSED)
    ranked = best.numbers[np.argsort(-best.scores, kind="stable")]
    files, chunks = space.places_of(ranked)
    values = {
        **filters,
        "files": files,
        "chunks": chunks,
        "vector": "[" + ",".join(f"{value:.5f}" for value in query.vector.tolist()) + "]",
        "vector_model": query.vector_model,
        "speakers": [name.lower() for name in query.speakers] or None,
        "max_distance": MAX_DISTANCE,
    }
    rows = fetch(session, statements.HYBRID, values)
    numbers = space.numbers([r.file_id for r in rows], [r.chunk_index for r in rows])
    known = numbers >= 0
    scores = np.zeros(space.size, np.float32)
    scores[found.numbers] = found.scores / (1 + found.scores)
    scores *= 1 / (statements.FUSION_CONSTANT + statements.FUSED + 1)
    scores[numbers[known]] = np.array([r.score for r in rows], np.float32)[known]
    has_words = np.zeros(space.size, np.bool_)
    has_words[found.numbers] = True
    matched = has_words.copy()
    matched[numbers[known]] = True
    all_numbers = np.flatnonzero(matched)
    return Matches(all_numbers, scores[all_numbers]), has_words[all_numbers]
