"""In how many of the files that were found each speaker says it, and each language is spoken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy.orm import Session

from opentranscribe.adapters.search import statements
from opentranscribe.adapters.search.asking import Asked, ask_index
from opentranscribe.adapters.search.rows import fetch
from opentranscribe.adapters.search.showing import files_by_title
from opentranscribe.adapters.search.space import read_speakers
from opentranscribe.ports.search import FacetCount, Facets, SearchQuery, in_order


def count_facets(session: Session, query: SearchQuery, asked: Asked) -> Facets:
    """``asked`` is the answer to the query; where it is narrowed by a facet it is asked again
    without that."""
    any_speaker, any_language = replace(query, speakers=()), replace(query, languages=())
    return Facets(
        speakers=_speakers(session, query, _widened(session, query, any_speaker, asked)),
        languages=_languages(session, any_language, _widened(session, query, any_language, asked)),
    )


def _widened(session: Session, query: SearchQuery, wide: SearchQuery, asked: Asked) -> Asked:
    return asked if wide == query else ask_index(session, wide, asked.question) or asked


def _speakers(session: Session, query: SearchQuery, asked: Asked) -> tuple[FacetCount, ...]:
    matched = np.zeros(asked.space.size, np.bool_)
    matched[asked.matches.numbers] = True
    counts = {}
    for speaker, postings in read_speakers(session, asked.space, query.file_ids_of).items():
        theirs = postings.numbers[matched[postings.numbers]]
        if len(theirs):
            # Chunks are numbered file by file, so that those of one file follow each other.
            counts[speaker] = 1 + int(np.count_nonzero(np.diff(asked.space.file_of(theirs))))
    return with_names(session, query, in_order(counts))


def with_names(
    session: Session, query: SearchQuery, counts: Sequence[FacetCount]
) -> tuple[FacetCount, ...]:
    """Speakers as their names are written, who are compared in small letters."""
    values = {"owner": query.file_ids_of, "speakers": [one.value for one in counts]}
    rows = fetch(session, statements.SPEAKER_NAMES, values)
    names = {row.lexeme: row.word for row in rows}
    return tuple(FacetCount(names.get(one.value, one.value), one.files) for one in counts)


def _languages(session: Session, query: SearchQuery, asked: Asked) -> tuple[FacetCount, ...]:
    matched = asked.space.files[np.unique(asked.space.file_of(asked.matches.numbers))]
    titled = files_by_title(session, query, asked, matched)
    return in_order(languages_of(session, [*matched.tolist(), *titled]))


def languages_of(session: Session, files: Sequence[int]) -> dict[str, int]:
    """How many of the files are in each language."""
    rows = fetch(session, statements.LANGUAGES, {"files": list(files)})
    return {row.language: row.files for row in rows}
