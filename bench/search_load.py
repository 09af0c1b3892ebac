"""Searches at a steady rate from processes of their own, each answer compared with the one that
was given before."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from opentranscribe.adapters.search.opensearch.index import OpenSearchIndex
from opentranscribe.adapters.search.opensearch.server import Server
from opentranscribe.adapters.search.postgres import PostgresSearch
from opentranscribe.ports.search import SearchQuery, SearchResult

PROCESSES, THREADS = 2, 8
QUESTIONS = 200
#: As many recordings as are shown while somebody types. Whoever asks shares the two cores.
PAGE_SIZE = 5
OWNER = 1


class Counting(PostgresSearch):
    asked = 0

    def query(self, session: Session, query: SearchQuery) -> SearchResult:
        self.asked += 1
        return super().query(session, query)


@dataclass
class Answers:
    """``partial`` are those that found less or more than before; ``taken`` are milliseconds."""

    taken: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    partial: list[str] = field(default_factory=list)
    by_postgres: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Load:
    database: str
    server: str
    words: tuple[str, ...]
    rate: float


def questions(words: tuple[str, ...]) -> list[str]:
    """Three of four are one word that tells something, the fourth two that are used more often."""
    rng = random.Random(5)
    pairs = [
        f"{rng.choice(words[10:300])} {rng.choice(words[300:1000])}" for _ in range(QUESTIONS // 4)
    ]
    asked = pairs + [rng.choice(words[1000:]) for _ in range(QUESTIONS - len(pairs))]
    rng.shuffle(asked)
    return asked


@contextmanager
def asked_all_along(load: Load) -> Iterator[list[Answers]]:
    """The list is filled when the block ends, one entry of each process."""
    spawn = multiprocessing.get_context("spawn")
    ended, answers = spawn.Event(), []
    pipes, processes = [], []
    for number in range(PROCESSES):
        here, there = spawn.Pipe()
        one = spawn.Process(target=_ask, args=(load, number, ended, there), daemon=True)
        one.start()
        pipes.append(here)
        processes.append(one)
    try:
        for pipe in pipes:
            assert pipe.poll(120), "a process that searches did not start"
            pipe.recv()
        for pipe in pipes:
            pipe.send("go")
        yield answers
    finally:
        ended.set()
        answers += [pipe.recv() for pipe in pipes if pipe.poll(60)]
        for one in processes:
            one.join(10)
            one.kill()


def _ask(load: Load, number: int, ended: Event, pipe: Connection) -> None:
    engine = create_engine(load.database, pool_size=THREADS)
    stored = Counting(engine)
    index = OpenSearchIndex(engine, Server(load.server), stored=stored)
    asked = questions(load.words)
    found = partial(_found, index, engine)
    expected = {words: found(words) for words in asked}
    stored.asked = 0
    answers = Answers()
    pipe.send("ready")
    pipe.recv()
    began = time.perf_counter()

    def run(place: int) -> None:
        turn = place
        while not ended.is_set():
            due = began + (turn * PROCESSES + number) / load.rate
            time.sleep(max(0.0, due - time.perf_counter()))
            words = asked[turn % len(asked)]
            started = time.perf_counter()
            try:
                told = found(words)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                answers.failed.append(f"{words}: {error!r}")
            else:
                answers.taken.append((time.perf_counter() - started) * 1000)
                if told != expected[words]:
                    answers.partial.append(f"{words}: {told} instead of {expected[words]}")
            turn += THREADS

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(run, range(THREADS)))
    answers.seconds = time.perf_counter() - began
    answers.by_postgres = stored.asked
    pipe.send(answers)


def _found(index: OpenSearchIndex, engine: object, words: str) -> tuple[int, int]:
    with Session(engine) as session:  # type: ignore[arg-type]
        result = index.query(
            session, SearchQuery(words, OWNER, mode="keyword", page_size=PAGE_SIZE)
        )
    return result.total_files, result.total_occurrences
