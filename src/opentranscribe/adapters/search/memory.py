"""Search in a dictionary: the rules of the port without an engine, for tests and the command
line. Words must be there as typed; nothing is stemmed, mended or understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from opentranscribe.adapters.search.questions import ask
from opentranscribe.adapters.search.snippets import cut_snippet, mark_words
from opentranscribe.adapters.search.tokens import tokenize
from opentranscribe.ports.search import (
    Facets,
    FileHit,
    IndexedChunk,
    IndexedFile,
    Occurrence,
    SearchQuery,
    SearchResult,
    in_order,
)


class MemorySearch:
    def __init__(self) -> None:
        self.files: dict[int, IndexedFile] = {}

    def vectors_of(
        self, session: Session, file_id: int, model: str
    ) -> Mapping[str, NDArray[np.float32]]:
        file = self.files.get(file_id)
        if file is None or file.vector_model != model:
            return {}
        return {chunk.text: chunk.vector for chunk in file.chunks if chunk.vector is not None}

    def index_file(self, session: Session, file: IndexedFile) -> None:
        self.files[file.file_id] = file

    def delete_file(self, session: Session, file_id: int) -> None:
        self.files.pop(file_id, None)

    def indexed_files(self, session: Session) -> set[int]:
        return set(self.files)

    def query(self, session: Session, query: SearchQuery) -> SearchResult:
        phrases = ask(query.text).phrases
        hits = [
            hit
            for file in self.files.values()
            if _is_wanted(file, query) and (hit := _hit(file, query, phrases)) is not None
        ]
        facets = self._facets(query, phrases) if query.with_facets else None
        hits.sort(key=lambda hit: -hit.score)
        first = (query.page - 1) * query.page_size
        return SearchResult(
            hits=tuple(hits[first : first + query.page_size]),
            total_files=len(hits),
            total_occurrences=sum(hit.occurrence_count for hit in hits),
            facets=facets,
        )

    def _facets(self, query: SearchQuery, phrases: Sequence[tuple[str, ...]]) -> Facets:
        any_speaker, any_language = replace(query, speakers=()), replace(query, languages=())
        speakers: Counter[str] = Counter()
        languages: Counter[str] = Counter()
        for file in self.files.values():
            if _is_wanted(file, any_speaker):
                speakers.update({c.speaker for c in file.chunks if _occurrence(c, phrases)})
            if _is_wanted(file, any_language) and _hit(file, any_language, phrases):
                languages[file.language] += 1
        return Facets(in_order(speakers), in_order(languages))

    def suggest(
        self, session: Session, prefix: str, file_ids_of: int, limit: int = 8
    ) -> Sequence[str]:
        wanted = prefix.casefold()
        own = [file for file in self.files.values() if file.owner_id == file_ids_of]
        titles = [file.title for file in own if wanted in file.title.casefold()]
        speakers = [
            c.speaker for f in own for c in f.chunks if c.speaker.casefold().startswith(wanted)
        ]
        return list(dict.fromkeys([*titles, *speakers]))[:limit]

    def catch_up(self) -> int:
        return 0

    def rebuilding(self) -> AbstractContextManager[Collection[int]]:
        return nullcontext(())

    def ping(self) -> None:
        return


def _is_wanted(file: IndexedFile, query: SearchQuery) -> bool:
    return (
        file.owner_id == query.file_ids_of
        and query.file_id in (None, file.file_id)
        and (not query.languages or file.language in query.languages)
        and (query.date_from is None or file.uploaded_at >= query.date_from)
        and (query.date_to is None or file.uploaded_at <= query.date_to)
    )


def _hit(
    file: IndexedFile, query: SearchQuery, phrases: Sequence[tuple[str, ...]]
) -> FileHit | None:
    speakers = {name.casefold() for name in query.speakers}
    found = [
        occurrence
        for chunk in file.chunks
        if (not speakers or chunk.speaker.casefold() in speakers)
        and (occurrence := _occurrence(chunk, phrases)) is not None
    ]
    wanted = {token for phrase in phrases for token in phrase}
    in_title = not speakers and wanted <= {token.text for token in tokenize(file.title)}
    if not found and not in_title:
        return None
    score = sum(one.score for one in found)
    title = mark_words(file.title, wanted)
    return FileHit(file.file_id, score, title, tuple(found[:10]), len(found))


def _occurrence(chunk: IndexedChunk, phrases: Sequence[tuple[str, ...]]) -> Occurrence | None:
    tokens = [token.text for token in tokenize(chunk.text)]
    positions: set[int] = set()
    for phrase in phrases:
        starts = [i for i in range(len(tokens)) if tuple(tokens[i : i + len(phrase)]) == phrase]
        if not starts:
            return None
        positions |= {i + offset + 1 for i in starts for offset in range(len(phrase))}
    snippet = cut_snippet(chunk.text, chunk.word_starts, sorted(positions))
    return Occurrence(
        chunk_index=chunk.index,
        snippet_html=snippet.html,
        start=snippet.start,
        end=chunk.end,
        speaker=chunk.speaker,
        match="text",
        score=len(positions) / (1 + len(tokens)),
    )
