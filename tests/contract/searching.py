"""Recordings to search in, and every index there is to search them with."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from tests.contract.opensearch_node import OpenSearchNode

from opentranscribe.adapters.search.memory import MemorySearch
from opentranscribe.adapters.search.opensearch.index import OpenSearchIndex
from opentranscribe.adapters.search.opensearch.server import Server
from opentranscribe.adapters.search.postgres import PostgresSearch
from opentranscribe.ports.search import (
    IndexedChunk,
    IndexedFile,
    SearchIndex,
    SearchQuery,
    SearchResult,
)

ANN, BOB = 1, 2
DAY = datetime(2026, 3, 1, tzinfo=UTC)


def chunk(
    index: int, words: str, speaker: str = "Ann", vector: NDArray[np.float32] | None = None
) -> IndexedChunk:
    """Half a second a word, ten seconds a chunk."""
    starts = tuple(10.0 * index + 0.5 * i for i in range(len(words.split())))
    return IndexedChunk(index, speaker, words, 10.0 * index, 10.0 * index + 9, starts, vector)


def file(file_id: int, *chunks: IndexedChunk, owner: int = ANN, **other: object) -> IndexedFile:
    facts = {"title": f"Recording {file_id}", "language": "en", "uploaded_at": DAY} | other
    return IndexedFile(
        file_id=file_id,
        owner_id=owner,
        duration_seconds=60.0,
        chunks=chunks,
        **facts,  # type: ignore[arg-type]
    )


class MustNotAnswer(PostgresSearch):
    """Keeps the index, and fails a test in which the server should have answered."""

    def query(self, session: Session, query: SearchQuery) -> SearchResult:
        raise AssertionError("PostgreSQL was asked instead of the server")


class Committing(OpenSearchIndex):
    """Commits each change, which the server is told of only then."""

    def index_file(self, session: Session, file: IndexedFile) -> None:
        super().index_file(session, file)
        session.commit()

    def delete_file(self, session: Session, file_id: int) -> None:
        super().delete_file(session, file_id)
        session.commit()


def make_index(name: str, request: pytest.FixtureRequest, session: Session) -> SearchIndex:
    if name == "memory":
        return MemorySearch()
    engine = session.get_bind()
    assert isinstance(engine, Engine)
    if name == "postgres":
        return PostgresSearch(engine)
    node: OpenSearchNode = request.getfixturevalue("opensearch_node")
    stored = MustNotAnswer(engine)
    index = Committing(engine, Server(node.address), stored=stored, prefix=node.new_prefix())
    index.ensure_schema()
    index.catch_up()
    return index


def found(
    index: SearchIndex, session: Session, words: str, owner: int = ANN, **how: object
) -> list[int]:
    result = index.query(session, SearchQuery(text=words, file_ids_of=owner, **how))  # type: ignore[arg-type]
    return [hit.file_id for hit in result.hits]
