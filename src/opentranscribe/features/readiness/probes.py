"""Asking the parts how they are, without ever hanging on one that does not answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from opentranscribe.features.readiness.rules import Status

log = logging.getLogger(__name__)

LIMIT_SECONDS = 1.5
REMEMBER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Remark:
    """A part works, but somebody should know this."""

    detail: str
    status: Status = "degraded"


#: Raises when the part is down.
Probe = Callable[[], Remark | None]


@dataclass(frozen=True, slots=True)
class Answer:
    name: str
    status: Status
    detail: str | None
    seconds: float


class Probes:
    """Answers are remembered for a second, so that watchers cost nothing; a part that hangs keeps
    one thread busy, however often it is asked."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = dict(probes)
        self._pool = ThreadPoolExecutor(len(probes), thread_name_prefix="probe")
        self._running: dict[str, tuple[float, Future[Answer]]] = {}
        self._lock = threading.Lock()
        self._remembered: tuple[float, list[Answer]] | None = None

    def ask(self) -> list[Answer]:
        with self._lock:
            if self._remembered and time.monotonic() - self._remembered[0] < REMEMBER_SECONDS:
                return self._remembered[1]
            answers = self._ask_all()
            self._remembered = (time.monotonic(), answers)
            return answers

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask_all(self) -> list[Answer]:
        for name, probe in self._probes.items():
            if name not in self._running:
                started = time.monotonic()
                self._running[name] = (started, self._pool.submit(_answer, name, probe))
        wait([future for _, future in self._running.values()], timeout=LIMIT_SECONDS)
        return [self._collect(name) for name in self._probes]

    def _collect(self, name: str) -> Answer:
        started, future = self._running[name]
        if future.done():
            del self._running[name]
            return future.result()
        seconds = round(time.monotonic() - started, 4)
        return Answer(name, "unhealthy", "It does not answer.", seconds)


def _answer(name: str, probe: Probe) -> Answer:
    started = time.monotonic()
    try:
        remark = probe() or Remark("", "healthy")
    except Exception:  # whatever is wrong with a part, the page that says so must work
        log.warning("%s is not answering", name, exc_info=True)
        seconds = round(time.monotonic() - started, 4)
        return Answer(name, "unhealthy", "It answers with an error; see the log.", seconds)
    seconds = round(time.monotonic() - started, 4)
    return Answer(name, remark.status, remark.detail or None, seconds)
