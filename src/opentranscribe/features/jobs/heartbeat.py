"""A row that says that this process is alive, for health pages and for people."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from opentranscribe.features.jobs import queries
from opentranscribe.work import SYSTEM, Work, WorkFactory

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 10.0


class Heartbeat:
    """A context manager; the row goes when the process ends in order."""

    def __init__(
        self, work: WorkFactory, *, name: str, kind: str, version: str, queues: str = ""
    ) -> None:
        self._work = work
        self._name = name
        self._kind = kind
        self._version = version
        self._queues = queues
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._try(lambda work: queries.forget_process(work.session, self._name))

    def _run(self) -> None:
        while True:
            self._try(self._beat)
            if self._stop.wait(INTERVAL_SECONDS):
                return

    def _beat(self, work: Work) -> None:
        queries.beat(work.session, self._name, self._kind, self._queues, self._version)

    def _try(self, change: Callable[[Work], None]) -> None:
        try:
            with self._work(SYSTEM) as work:
                change(work)
        except SQLAlchemyError as error:
            log.warning("could not say that this process is alive: %s", error)
