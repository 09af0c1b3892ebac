"""Search over 200 000 synthetic segments with ready-made vectors: p50, p95, p99 by kind of query.

    python bench/search.py [--chunks 40000] [--queries 200] [--keep FOLDER]

200 000 segments of about 40 words make 40 000 chunks of 200 words. Words follow a Zipf law over
30 000, vectors have 384 dimensions. Words are asked for as they are used, so that a third of the
questions have the word that stands in every chunk. What is found is compared with BM25 worked out
over all the chunks. The peer, in the same run and on the same words, is the plain way to do it in
PostgreSQL: a tsvector, ``websearch_to_tsquery``, ``ts_rank_cd``.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from opentranscribe.adapters.search.asking import ask_index
from opentranscribe.adapters.search.postgres import PostgresSearch
from opentranscribe.adapters.search.questions import ask as question_of
from opentranscribe.adapters.search.stems import stem_words
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.ports.search import IndexedChunk, IndexedFile, SearchQuery
from opentranscribe.schema.migrations.runner import upgrade

OWNER, WORDS_A_CHUNK, VOCABULARY, CHUNKS_A_FILE = 1, 200, 30_000, 200
PEER = """
CREATE TABLE derived.bench_peer AS
SELECT file_id, chunk_index, to_tsvector('simple', body) AS lexemes FROM derived.search_chunk;
CREATE INDEX ON derived.bench_peer USING gin (lexemes)
"""
ASK_PEER = (
    "SELECT file_id, chunk_index, ts_rank_cd(lexemes, q) AS rank FROM derived.bench_peer,"
    " websearch_to_tsquery('simple', :words) AS q WHERE lexemes @@ q ORDER BY rank DESC LIMIT 20"
)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--chunks", type=int, default=40_000)
    options.add_argument("--queries", type=int, default=200)
    options.add_argument(
        "--keep", type=Path, help="a folder to keep the database in, for next time"
    )
    wanted = options.parse_args()
    folder = wanted.keep or Path(tempfile.mkdtemp(prefix="bench-search-"))
    folder.mkdir(exist_ok=True)
    server = EmbeddedPostgres(folder / "data", folder / "run", "bench")
    server.start(folder / "log")
    try:
        upgrade(server.url())
        engine = create_engine(server.url())
        index = PostgresSearch(engine)
        index.ensure_schema()
        if not is_filled(engine, wanted.chunks):
            fill(engine, index, wanted.chunks)
        report(engine, index, wanted.queries)
        compare(engine, wanted.chunks)
    finally:
        server.stop()
        if wanted.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def is_filled(engine: Engine, chunks: int) -> bool:
    with engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM derived.search_chunk")) == chunks


def files(chunks: int) -> Iterator[np.ndarray]:
    """Word numbers of each file, shape (chunks, words); the same ones each time."""
    rng = np.random.default_rng(7)
    weights = 1.0 / np.arange(1, VOCABULARY + 1)
    weights /= weights.sum()
    for _ in range(chunks // CHUNKS_A_FILE):
        yield rng.choice(VOCABULARY, (CHUNKS_A_FILE, WORDS_A_CHUNK), p=weights)


def fill(engine: Engine, index: PostgresSearch, chunks: int) -> None:
    rng = np.random.default_rng(8)
    starts = tuple(0.4 * i for i in range(WORDS_A_CHUNK))
    when = datetime(2026, 1, 1, tzinfo=UTC)
    taken = []
    for number, drawn in enumerate(files(chunks)):
        vectors = rng.standard_normal((CHUNKS_A_FILE, 384)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        cut = tuple(
            IndexedChunk(i, "Ann", " ".join(WORDS[w] for w in row), 0, 80, starts, vectors[i])
            for i, row in enumerate(drawn)
        )
        file = IndexedFile(number, OWNER, f"File {number}", "en", when, 16_000, cut, "bench")
        started = time.perf_counter()
        with Session(engine) as session:
            index.index_file(session, file)
            session.commit()
        taken.append(time.perf_counter() - started)
    print(
        f"indexed {chunks} chunks ({chunks * 5} segments) in {sum(taken):.0f} s, "
        f"{chunks * 5 / sum(taken):.0f} segments/s; a file of {CHUNKS_A_FILE} chunks: "
        f"p50 {percentile(taken, 50) * 1000:.0f} ms, p95 {percentile(taken, 95) * 1000:.0f} ms"
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(PEER))
        connection.execute(text("VACUUM ANALYZE"))


def report(engine: Engine, index: PostgresSearch, count: int) -> None:
    rng = random.Random(11)
    word = partial(draw_word, rng)

    def vector() -> np.ndarray:
        drawn = np.random.default_rng(rng.randrange(2**31)).standard_normal(384)
        return (drawn / np.linalg.norm(drawn)).astype(np.float32)

    def ask(words: str, **how: object) -> Callable[[Session], object]:
        query = SearchQuery(words, OWNER, **how)  # type: ignore[arg-type]
        return lambda session: index.query(session, query)

    kinds: dict[str, Callable[[], Callable[[Session], object]]] = {
        "one word": lambda: ask(word(), mode="keyword"),
        "two words": lambda: ask(f"{word()} {word()}", mode="keyword"),
        "phrase": lambda: ask(f'"{word()} {word()}"', mode="keyword"),
        "two, of one speaker": lambda: ask(f"{word()} {word()}", mode="keyword", speakers=("Ann",)),
        "hybrid": lambda: ask(f"{word()} {word()}", vector=vector()),
    }
    print(f"\n{'query':<22}{'p50 ms':>8}{'p95 ms':>8}{'p99 ms':>8}")
    measured = {}
    for name, make in kinds.items():
        measured[name] = timed(engine, make, count)
        show(name, measured[name])

    def plain() -> Callable[[Session], object]:
        values = {"words": f"{word()} or {word()}"}
        return lambda session: session.execute(text(ASK_PEER), values).all()

    peer = timed(engine, plain, count)
    show("peer: ts_rank_cd", peer)
    ratio = percentile(peer, 95) / percentile(measured["two words"], 95)
    print(f"\np95 of the peer over ours, two words: {ratio:.2f}")
    for name, limit in (("one word", 25), ("two words", 25), ("phrase", 25), ("hybrid", 60)):
        value = percentile(measured[name], 95)
        print(
            f"{name}: p95 {value:.1f} ms, goal {limit} ms, {'met' if value <= limit else 'MISSED'}"
        )


def compare(engine: Engine, chunks: int) -> None:
    """Our best 20 chunks against those of BM25 over all chunks, on 50 questions of two words."""
    rng = random.Random(12)
    drawn = np.concatenate(list(files(chunks)))
    shared = []
    with Session(engine) as session:
        stems = stem_words(session, WORDS, "en")
        lexeme_of = np.unique([stems[word] for word in WORDS], return_inverse=True)[1]
        number_of = dict(zip(WORDS, lexeme_of.tolist(), strict=True))
        said = lexeme_of[drawn].astype(np.int32)
        for _ in range(50):
            words = [draw_word(rng), draw_word(rng)]
            exact = exhaustive(said, list({number_of[word] for word in words}))
            query = SearchQuery(" ".join(words), OWNER, mode="keyword")
            asked = ask_index(session, query, question_of(query.text))
            assert asked is not None
            ours = asked.matches.numbers[np.argsort(-asked.matches.scores, kind="stable")[:20]]
            least = np.sort(exact)[-len(ours) :][0] if len(ours) else 0.0
            shared.append(float(np.mean(exact[ours] >= least - 1e-9)) if len(ours) else 1.0)
    print(f"of our best 20 chunks, among the best 20 of exhaustive BM25: {np.mean(shared):.4f}")


def exhaustive(said: np.ndarray, lexemes: list[int]) -> np.ndarray:
    """Scores of all chunks; with fewer than ten that have all the words, some of them suffice."""
    counts = np.stack([(said == lexeme).sum(axis=1) for lexeme in lexemes])
    chunks = counts.shape[1]
    having = (counts > 0).sum(axis=1, keepdims=True)
    idf = np.log(1 + (chunks - having + 0.5) / (having + 0.5))
    scores = (idf * counts * 2.2 / (counts + 1.2)).sum(axis=0)  # all chunks are equally long
    has_all = (counts > 0).all(axis=0)
    return np.where(has_all, scores, 0.0) if has_all.sum() >= 10 else scores


def timed(
    engine: Engine, make: Callable[[], Callable[[Session], object]], count: int
) -> list[float]:
    taken = []
    with Session(engine) as session:
        for number in range(count + 10):
            run = make()
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


def draw_word(rng: random.Random) -> str:
    return WORDS[min(int(rng.paretovariate(0.6)), VOCABULARY - 1)]


WORDS = [f"w{spelled(number)}" for number in range(VOCABULARY)]

if __name__ == "__main__":
    sys.exit(main())
