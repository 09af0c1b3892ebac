"""Search on OpenSearch over the same synthetic segments as bench/search.py: p50, p95, p99.

    python bench/search_opensearch.py [--segments 20000] [--queries 200] [--heap 1g]
                                      [--without-vectors] [--rate 200]

A node is started beside an embedded PostgreSQL. Measured are: carrying all recordings to an empty
server, questions by kind, a change until it is found, and a whole rebuild beside the index that
answers; with ``--rate`` once more under so many searches a second, each of which must find what it
found before. Peers in the same run: the server's own plain ``match`` on the same text with the
same words, and the index in PostgreSQL, of which is told how many of the ten best files both have
in common. ``load`` is the machine's load average of the last minute: two cores are busy at 2.
Recordings are thought up beforehand: a million segments take 2 GB for that.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from opensearchpy import OpenSearch
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
    timed,
)
from bench.search_load import Load, asked_all_along
from tests.contract.opensearch_node import OpenSearchNode

from opentranscribe.adapters.search.opensearch.index import OpenSearchIndex
from opentranscribe.adapters.search.opensearch.server import Server
from opentranscribe.adapters.search.postgres import PostgresSearch
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.ports.search import IndexedChunk, IndexedFile, SearchQuery, SearchResult
from opentranscribe.schema.migrations.runner import upgrade

SEGMENTS_A_CHUNK = 5
STARTS = tuple(0.4 * i for i in range(WORDS_A_CHUNK))
#: Questions before those that count, for the server's compiler.
WARMED_BY = 100
#: Seconds that the server may go on merging after it was filled.
SETTLED_WITHIN = 300
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
GOAL_MS, GOAL_SEGMENTS = 80, 3000


class MustNotAnswer(PostgresSearch):
    def query(self, session: Session, query: SearchQuery) -> SearchResult:
        raise AssertionError("PostgreSQL was asked instead of the server")


class Measuring:
    """One filled installation."""

    def __init__(self, engine: Engine, node: OpenSearchNode, wanted: argparse.Namespace) -> None:
        self.engine, self.node = engine, node
        self.segments: int = wanted.segments
        self.vectors = not wanted.without_vectors
        self.files = list(made(self.segments // SEGMENTS_A_CHUNK, vectors=self.vectors))
        self.stored = PostgresSearch(engine)
        self.index = OpenSearchIndex(engine, Server(node.address), stored=MustNotAnswer(engine))
        self.plain = OpenSearch([node.address], timeout=60)
        self.rng = random.Random(11)

    def fill(self) -> None:
        self.stored.ensure_schema()
        self._speed("indexed in PostgreSQL", partial(self._index_all, self.stored))
        self.index.ensure_schema()
        self._speed("carried to an empty server", self._drain)
        until = time.monotonic() + SETTLED_WITHIN
        while self._merging() and time.monotonic() < until:
            time.sleep(1)
        (parts,) = self.plain.indices.segments(index="transcript_chunks")["indices"].values()
        held = len(parts["shards"]["0"][0]["segments"])
        still = ", still merging" if self._merging() else ""
        print(f"the server holds them in {held} parts{still}", flush=True)

    def rebuild(self, what: str) -> None:
        def run() -> None:
            with self.index.rebuilding():
                self._index_all(self.index)

        speed = self._speed(f"rebuilt {what}", run)
        met = "met" if speed >= GOAL_SEGMENTS else "MISSED"
        print(f"  goal {GOAL_SEGMENTS} segments/s, {met}", flush=True)

    def rebuild_under(self, rate: int) -> None:
        url = self.engine.url.render_as_string(hide_password=False)
        load = Load(url, self.node.address, tuple(WORDS), rate)
        with asked_all_along(load) as answers:
            self.rebuild(f"under {rate} searches/s")
            time.sleep(5)
        taken = [one for each in answers for one in each.taken]
        failed = [one for each in answers for one in each.failed]
        lacking = [one for each in answers for one in each.partial]
        seconds = max(each.seconds for each in answers)
        print(
            f"  {len(taken)} searches in {seconds:.0f} s, {len(taken) / seconds:.0f} a second: "
            f"{len(failed)} failed, {len(lacking)} partial, "
            f"{sum(each.by_postgres for each in answers)} answered by PostgreSQL; "
            f"p50 {percentile(taken, 50):.0f} ms, p95 {percentile(taken, 95):.0f} ms"
        )
        for one in [*failed[:3], *lacking[:3]]:
            print(f"  {one}")

    def ask(self, count: int) -> None:
        kinds: dict[str, Callable[[], SearchQuery]] = {
            "one word": lambda: SearchQuery(self._word(), OWNER, mode="keyword"),
            "two words": lambda: SearchQuery(self._two(), OWNER, mode="keyword"),
            "phrase": lambda: SearchQuery(f'"{self._two()}"', OWNER, mode="keyword"),
            "hybrid": lambda: SearchQuery(self._two(), OWNER, vector=self._vector()),
        }
        if not self.vectors:
            del kinds["hybrid"]
        timed(self.engine, lambda: self._plainly, WARMED_BY)
        for make in kinds.values():
            timed(self.engine, partial(asking, self.index, make), WARMED_BY)
        print(f"\n{'query':<22}{'p50 ms':>8}{'p95 ms':>8}{'p99 ms':>8}    load")
        measured = {}
        for name, make in kinds.items():
            measured[name] = timed(self.engine, partial(asking, self.index, make), count)
            show_loaded(name, measured[name])
        peer = timed(self.engine, lambda: self._plainly, count)
        show_loaded("peer: plain match", peer)
        last = list(kinds)[-1]
        theirs = timed(self.engine, partial(asking, self.stored, kinds[last]), min(count, 50))
        show_loaded(f"PostgreSQL: {last}", theirs)
        ours = percentile(measured[last], 95)
        print(f"\n{last}: p95 {ours:.1f} ms, {ours / percentile(peer, 95):.2f} x the plain match,")
        print(f"{percentile(theirs, 95) / ours:.2f} x as fast as PostgreSQL's index;")
        if self.vectors:
            print(f"goal {GOAL_MS} ms, {'met' if ours <= GOAL_MS else 'MISSED'}")
        self._compare(kinds["two words"])

    def change(self) -> None:
        """From before the commit until a search finds it."""
        taken = []
        for file in self.files[:20]:
            with Session(self.engine) as session:
                started = time.perf_counter()
                self.index.index_file(session, replace(file, title="Changed"))
                session.commit()
                self.index.query(session, SearchQuery("wb", OWNER, mode="keyword"))
                taken.append((time.perf_counter() - started) * 1000)
        print(
            f"a changed recording of {CHUNKS_A_FILE} chunks until it is found: "
            f"p50 {percentile(taken, 50):.0f} ms, p95 {percentile(taken, 95):.0f} ms",
            flush=True,
        )

    def _index_all(self, index: PostgresSearch | OpenSearchIndex) -> None:
        with Session(self.engine) as session:
            for file in self.files:
                index.index_file(session, file)
                session.commit()

    def _drain(self) -> None:
        while self.index.catch_up():
            pass

    def _merging(self) -> bool:
        stats = self.plain.indices.stats(index="transcript_chunks*", metric="merge")
        return bool(stats["_all"]["primaries"]["merges"]["current"])

    def _speed(self, what: str, run: Callable[[], object]) -> float:
        started = time.perf_counter()
        run()
        taken = time.perf_counter() - started
        speed = self.segments / taken
        print(f"{what}: {taken:.1f} s, {speed:.0f} segments/s, load {os.getloadavg()[0]:.1f}")
        sys.stdout.flush()
        return speed

    def _word(self) -> str:
        return draw_word(self.rng)

    def _two(self) -> str:
        return f"{self._word()} {self._word()}"

    def _vector(self) -> np.ndarray:
        drawn = np.random.default_rng(self.rng.randrange(2**31)).standard_normal(384)
        return (drawn / np.linalg.norm(drawn)).astype(np.float32)

    def _plainly(self, _session: Session) -> object:
        """What everybody does first: both words, the best twenty with their text."""
        match = {"lexemes": {"query": self._two(), "operator": "and"}}
        body = {"query": {"match": match}, "size": 20, "track_total_hits": True}
        return self.plain.search(index="transcript_chunks", body=body)

    def _compare(self, make: Callable[[], SearchQuery]) -> None:
        common = []
        with Session(self.engine) as session:
            for _ in range(30):
                query = make()
                ours = best_files(self.index.query(session, query))
                theirs = best_files(self.stored.query(session, query))
                common.append(len(ours & theirs) / max(1, len(ours | theirs)))
        print(f"of the ten best files, in common with PostgreSQL's: {np.mean(common):.3f}\n")


def made(chunks: int, *, vectors: bool) -> Iterator[IndexedFile]:
    for number, drawn in enumerate(files(chunks)):
        rng = np.random.default_rng(number)
        means = rng.standard_normal((CHUNKS_A_FILE, 384)).astype(np.float32) if vectors else None
        if means is not None:
            means /= np.linalg.norm(means, axis=1, keepdims=True)
        cut = tuple(
            IndexedChunk(
                *(i, "Ann", " ".join(WORDS[w] for w in row), 0, 80, STARTS),
                vector=None if means is None else means[i],
            )
            for i, row in enumerate(drawn)
        )
        yield IndexedFile(number, OWNER, f"File {number}", "en", WHEN, 16_000, cut, "bench")


def asking(
    index: PostgresSearch | OpenSearchIndex, make: Callable[[], SearchQuery]
) -> Callable[[Session], object]:
    query = make()
    return lambda session: index.query(session, query)


def best_files(result: SearchResult) -> set[int]:
    return {hit.file_id for hit in result.hits[:10]}


def show_loaded(name: str, taken: list[float]) -> None:
    cells = "".join(f"{percentile(taken, p):>8.1f}" for p in (50, 95, 99))
    print(f"{name:<22}{cells}{os.getloadavg()[0]:>8.1f}", flush=True)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--segments", type=int, default=20_000)
    options.add_argument("--queries", type=int, default=200)
    options.add_argument("--heap", default="1g")
    options.add_argument("--without-vectors", action="store_true")
    options.add_argument("--rate", type=int, default=0)
    wanted = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-opensearch-"))
    postgres = EmbeddedPostgres(folder / "data", folder / "run", "bench")
    postgres.make()
    postgres.start(folder / "log")
    node = OpenSearchNode(lasts=True, heap=wanted.heap)
    try:
        upgrade(postgres.url())
        measuring = Measuring(create_engine(postgres.url()), node, wanted)
        print(f"{wanted.segments} segments, {wanted.heap} of heap", flush=True)
        measuring.fill()
        if wanted.queries:
            measuring.ask(wanted.queries)
        measuring.rebuild("with vectors" if measuring.vectors else "without vectors")
        if wanted.rate:
            measuring.rebuild_under(wanted.rate)
        measuring.change()
    finally:
        node.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
