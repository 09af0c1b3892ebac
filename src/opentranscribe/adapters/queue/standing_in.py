"""Work goes on while the server that carries messages is away: jobs are taken from their rows."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from opentranscribe.kit.errors import UnavailableError

log = logging.getLogger(__name__)

#: How often it is looked whether the server answers.
LOOK_SECONDS = 1.0
#: So many times in a row without an answer, and it is away.
LOOKS = 2
#: Where nothing waits, or what waited was somebody else's already.
PAUSE_SECONDS = 0.25
#: What is done faster was not done: somebody else has it, or it cannot be begun yet.
NOTHING_SECONDS = 0.02


class StandIn:
    """Entered, it watches; while ``answers`` says no it has ``handle`` do what ``waiting`` names, as
    many at once as ``concurrency``. Left, it lets what runs end."""

    def __init__(
        self,
        answers: Callable[[], bool],
        waiting: Callable[[], Sequence[str]],
        handle: Callable[[str], None],
        concurrency: int,
    ) -> None:
        self._answers = answers
        self._waiting = waiting
        self._handle = handle
        self._concurrency = concurrency
        self._left = threading.Event()
        self._back = threading.Event()
        self._taken: set[str] = set()
        self._taking = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="stand-in", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left.set()
        self._back.set()
        self._thread.join()

    def _watch(self) -> None:
        silent = 0
        while not self._left.wait(LOOK_SECONDS):
            silent = 0 if self._answers() else silent + 1
            if silent >= LOOKS:
                self._stand_in()
                silent = 0

    def _stand_in(self) -> None:
        log.warning("messages cannot be had; jobs are taken from the database meanwhile")
        self._back.clear()
        with ThreadPoolExecutor(self._concurrency, "stand-in") as pool:
            for _ in range(self._concurrency):
                pool.submit(self._work)
            while not self._left.wait(LOOK_SECONDS) and not self._answers():
                pass
            self._back.set()
        log.info("messages are carried again")

    def _work(self) -> None:
        while not self._back.is_set():
            job = self._take()
            if job is None:
                self._back.wait(PAUSE_SECONDS)
                continue
            began = time.monotonic()
            try:
                self._handle(job)
            finally:
                self._taken.discard(job)
            if time.monotonic() - began < NOTHING_SECONDS:
                self._back.wait(PAUSE_SECONDS)

    def _take(self) -> str | None:
        with self._taking:
            try:
                job = next((one for one in self._waiting() if one not in self._taken), None)
            except (SQLAlchemyError, UnavailableError) as error:
                log.warning("nor can jobs be taken from the database: %s", error)
                return None
            if job is not None:
                self._taken.add(job)
            return job
