"""Search over 200 000 synthetic segments with ready-made vectors: p50, p95, p99 by kind of query.

    python bench/search.py [--chunks 40000] [--queries 200]

200 000 segments of about 40 words make 40 000 chunks of 200 words. Words follow a Zipf law over
30 000, vectors have 384 dimensions. The peer, in the same run and on the same rows, is the plain
way to do it in PostgreSQL: ``websearch_to_tsquery`` ranked by ``ts_rank_cd``, and a nearest
neighbour query on its own.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from opentranscribe.adapters.search.postgres import PostgresSearch
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.ports.search import IndexedChunk, IndexedFile, SearchQuery
from opentranscribe.schema.migrations.runner import upgrade

OWNER, WORDS_A_CHUNK, VOCABULARY, CHUNKS_A_FILE = 1, 200, 30_000, 200


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--chunks", type=int, default=40_000)
    options.add_argument("--queries", type=int, default=200)
    wanted = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-search-"))
    server = EmbeddedPostgres(folder / "data", folder / "run", uuid.uuid4().hex)
    server.start(folder / "log")
    try:
        upgrade(server.url())
        engine = create_engine(server.url())
        index = PostgresSearch(engine)
        index.ensure_schema()
        words = fill(engine, index, wanted.chunks)
        report(engine, index, words, wanted.queries)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def fill(engine: Engine, index: PostgresSearch, chunks: int) -> list[str]:
    rng = np.random.default_rng(7)
    words = [f"w{spelled(n)}" for n in range(VOCABULARY)]
    weights = 1.0 / np.arange(1, VOCABULARY + 1)
    weights /= weights.sum()
    started = time.perf_counter()
    for number in range(chunks // CHUNKS_A_FILE):
        drawn = rng.choice(VOCABULARY, (CHUNKS_A_FILE, WORDS_A_CHUNK), p=weights)
        vectors = rng.standard_normal((CHUNKS_A_FILE, 384)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        starts = tuple(0.4 * i for i in range(WORDS_A_CHUNK))
        cut = tuple(
            IndexedChunk(i, "Ann", " ".join(words[w] for w in row), 0, 80, starts, vectors[i])
            for i, row in enumerate(drawn)
        )
        with Session(engine) as session:
            when = datetime(2026, 1, 1, tzinfo=UTC)
            file = IndexedFile(number, OWNER, f"File {number}", "en", when, 16_000, cut, "bench")
            index.index_file(session, file)
            session.commit()
    seconds = time.perf_counter() - started
    print(
        f"indexed {chunks} chunks ({chunks * 5} segments) in {seconds:.0f} s,"
        f" {chunks * 5 / seconds:.0f} segments/s"
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return words


def report(engine: Engine, index: PostgresSearch, words: list[str], count: int) -> None:
    rng = random.Random(11)

    def word() -> str:
        return words[min(int(rng.paretovariate(0.6)), VOCABULARY - 1)]

    def vector() -> np.ndarray:
        drawn = np.random.default_rng(rng.randrange(2**31)).standard_normal(384)
        return (drawn / np.linalg.norm(drawn)).astype(np.float32)

    ours: dict[str, Callable[[], SearchQuery]] = {
        "one word": lambda: SearchQuery(word(), OWNER, mode="keyword"),
        "two words": lambda: SearchQuery(f"{word()} {word()}", OWNER, mode="keyword"),
        "phrase": lambda: SearchQuery(f'"{word()} {word()}"', OWNER, mode="keyword"),
        "hybrid": lambda: SearchQuery(f"{word()} {word()}", OWNER, vector=vector()),
    }
    print(f"\n{'query':<22}{'p50 ms':>8}{'p95 ms':>8}{'p99 ms':>8}")
    measured = {}
    for name, make in ours.items():
        measured[name] = timed(engine, lambda s, make=make: index.query(s, make()), count)
        show(name, measured[name])
    plain = text(
        "SELECT id, ts_rank_cd(lexemes, q) AS rank FROM derived.search_chunk,"
        " websearch_to_tsquery('simple', :words) AS q WHERE owner_id = :owner AND lexemes @@ q"
        " ORDER BY rank DESC LIMIT 20"
    )
    peer = timed(
        engine,
        lambda s: s.execute(plain, {"words": f"{word()} or {word()}", "owner": OWNER}).all(),
        count,
    )
    show("peer: ts_rank_cd", peer)
    ratio = percentile(peer, 95) / percentile(measured["two words"], 95)
    print(f"\np95 of the peer over ours, two words: {ratio:.2f}")
    for name, limit in (("two words", 25), ("phrase", 25), ("hybrid", 60)):
        value = percentile(measured[name], 95)
        print(
            f"{name}: p95 {value:.1f} ms, goal {limit} ms, {'met' if value <= limit else 'MISSED'}"
        )


def timed(engine: Engine, run: Callable[[Session], object], count: int) -> list[float]:
    taken = []
    with Session(engine) as session:
        for number in range(count + 10):
            started = time.perf_counter()
            run(session)
            if number >= 10:
                taken.append((time.perf_counter() - started) * 1000)
            session.rollback()
    return taken


def show(name: str, taken: list[float]) -> None:
    cells = "".join(f"{percentile(taken, p):>8.1f}" for p in (50, 95, 99))
    print(f"{name:<22}{cells}")


def percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def spelled(number: int) -> str:
    letters = ""
    while True:
        number, digit = divmod(number, 26)
        letters += chr(97 + digit)
        if number == 0:
            return letters


if __name__ == "__main__":
    sys.exit(main())
