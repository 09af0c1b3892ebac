"""Search on OpenSearch over the same synthetic segments as bench/search.py: p50, p95, p99.

    python bench/search_opensearch.py [--chunks 40000] [--queries 200]

A node of one gigabyte of heap is started beside an embedded PostgreSQL. Measured are: carrying all
recordings to an empty server, questions by kind, a change until it is found, and a whole rebuild
beside the index that answers. The same questions are put to the index in PostgreSQL, and how many
of the ten best files both have in common is told.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.search import (
    CHUNKS_A_FILE,
    OWNER,
    WORDS,
    WORDS_A_CHUNK,
    draw_word,
    files,
    percentile,
    show,
    timed,
)
from tests.contract.opensearch_node import OpenSearchNode

from opentranscribe.adapters.search.opensearch.index import OpenSearchIndex
from opentranscribe.adapters.search.opensearch.server import Server
from opentranscribe.adapters.search.postgres import PostgresSearch
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.ports.search import IndexedChunk, IndexedFile, SearchQuery, SearchResult
from opentranscribe.schema.migrations.runner import upgrade

STARTS = tuple(0.4 * i for i in range(WORDS_A_CHUNK))
#: Questions before those that count, for the server's compiler.
WARMED_BY = 100
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


class MustNotAnswer(PostgresSearch):
    def query(self, session: Session, query: SearchQuery) -> SearchResult:
        raise AssertionError("PostgreSQL was asked instead of the server")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--chunks", type=int, default=40_000)
    options.add_argument("--queries", type=int, default=200)
    wanted = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-opensearch-"))
    postgres = EmbeddedPostgres(folder / "data", folder / "run", "bench")
    postgres.make()
    postgres.start(folder / "log")
    node = OpenSearchNode(lasts=True)
    try:
        upgrade(postgres.url())
        engine = create_engine(postgres.url())
        measure(engine, node, wanted.chunks, wanted.queries)
    finally:
        node.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def measure(engine: Engine, node: OpenSearchNode, chunks: int, queries: int) -> None:
    stored = PostgresSearch(engine)
    stored.ensure_schema()
    drawn = list(files(chunks))
    with Session(engine) as session:
        for number, words in enumerate(drawn):
            stored.index_file(session, made(number, words))
            session.commit()
    print(f"{chunks} chunks ({chunks * 5} segments) in {len(drawn)} recordings")
    index = OpenSearchIndex(engine, Server(node.address), stored=MustNotAnswer(engine))
    index.ensure_schema()
    said_speed("filled an empty server", chunks, partial(drain, index))
    report(engine, index, stored, queries)
    report_change(engine, index, drawn)

    def rebuild() -> None:
        with index.rebuilding(), Session(engine) as session:
            for number, words in enumerate(drawn):
                index.index_file(session, made(number, words))
                session.commit()

    said_speed("rebuilt beside it, PostgreSQL's index included", chunks, rebuild)


def drain(index: OpenSearchIndex) -> None:
    while index.catch_up():
        pass


def said_speed(what: str, chunks: int, run: Callable[[], object]) -> None:
    started = time.perf_counter()
    run()
    taken = time.perf_counter() - started
    print(f"{what}: {taken:.1f} s, {chunks * 5 / taken:.0f} segments/s")


def made(number: int, words: np.ndarray) -> IndexedFile:
    rng = np.random.default_rng(number)
    vectors = rng.standard_normal((CHUNKS_A_FILE, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cut = tuple(
        IndexedChunk(i, "Ann", " ".join(WORDS[w] for w in row), 0, 80, STARTS, vectors[i])
        for i, row in enumerate(words)
    )
    return IndexedFile(number, OWNER, f"File {number}", "en", WHEN, 16_000, cut, "bench")


def report(engine: Engine, index: OpenSearchIndex, stored: PostgresSearch, count: int) -> None:
    rng = random.Random(11)
    word = partial(draw_word, rng)

    def vector() -> np.ndarray:
        drawn = np.random.default_rng(rng.randrange(2**31)).standard_normal(384)
        return (drawn / np.linalg.norm(drawn)).astype(np.float32)

    kinds: dict[str, Callable[[], SearchQuery]] = {
        "one word": lambda: SearchQuery(word(), OWNER, mode="keyword"),
        "two words": lambda: SearchQuery(f"{word()} {word()}", OWNER, mode="keyword"),
        "phrase": lambda: SearchQuery(f'"{word()} {word()}"', OWNER, mode="keyword"),
        "hybrid": lambda: SearchQuery(f"{word()} {word()}", OWNER, vector=vector()),
    }
    for make in kinds.values():
        timed(engine, lambda make=make: partial(ask_index, index, make()), WARMED_BY)
    print(f"\n{'query':<22}{'p50 ms':>8}{'p95 ms':>8}{'p99 ms':>8}")
    for name, make in kinds.items():
        show(name, timed(engine, lambda make=make: partial(ask_index, index, make()), count))
    common = []
    with Session(engine) as session:
        for _ in range(50):
            query = kinds["two words"]()
            ours = best_files(index.query(session, query))
            theirs = best_files(stored.query(session, query))
            common.append(len(ours & theirs) / max(1, len(ours | theirs)))
    print(f"of the ten best files, in common with PostgreSQL's: {np.mean(common):.3f}")


def ask_index(index: OpenSearchIndex, query: SearchQuery, session: Session) -> SearchResult:
    return index.query(session, query)


def best_files(result: SearchResult) -> set[int]:
    return {hit.file_id for hit in result.hits[:10]}


def report_change(engine: Engine, index: OpenSearchIndex, drawn: list[np.ndarray]) -> None:
    """From before the commit until a search finds it."""
    taken = []
    for number, words in enumerate(drawn[:20]):
        file = made(number, words)
        with Session(engine) as session:
            started = time.perf_counter()
            index.index_file(session, file)
            session.commit()
            index.query(session, SearchQuery("wb", OWNER, mode="keyword"))
            taken.append((time.perf_counter() - started) * 1000)
    print(
        f"a changed recording of {CHUNKS_A_FILE} chunks until it is found: "
        f"p50 {percentile(taken, 50):.0f} ms, p95 {percentile(taken, 95):.0f} ms"
    )


if __name__ == "__main__":
    sys.exit(main())
