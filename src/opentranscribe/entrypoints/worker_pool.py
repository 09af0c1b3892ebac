"""As many worker processes as there is work for: ``worker --queues cpu --autoscale 1,4``.

Each worker is a process of its own, because decoding threads of one process share a model. The
jobs' rows say how much waits, whatever carries the messages.
"""

from __future__ import annotations

import argparse
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from opentranscribe.bootstrap import App
from opentranscribe.entrypoints.supervisor.children import die_with_parent
from opentranscribe.features.jobs import queries
from opentranscribe.work import SYSTEM

log = logging.getLogger(__name__)

#: Longer than a worker takes to start and claim its first job.
LOOK_SECONDS = 5.0
#: A worker that nobody needs is kept for as long, because what comes often comes again.
IDLE_SECONDS = 60.0
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Bounds:
    least: int
    most: int

    @classmethod
    def parse(cls, text: str) -> Bounds:
        """Of ``LEAST,MOST``. Raises argparse.ArgumentTypeError."""
        least, comma, most = text.partition(",")
        if not (comma and least.strip().isdecimal() and most.strip().isdecimal()):
            raise argparse.ArgumentTypeError("say LEAST,MOST such as 1,4")
        bounds = cls(int(least), int(most))
        if not 1 <= bounds.least <= bounds.most:
            raise argparse.ArgumentTypeError("say LEAST,MOST with 1 ≤ LEAST ≤ MOST")
        return bounds


def wanted_workers(alive: int, waiting: int, idle_seconds: float, bounds: Bounds) -> int:
    """One more each time that something waits, one less after some time in which one was idle."""
    if waiting:
        alive += 1
    elif idle_seconds >= IDLE_SECONDS:
        alive -= 1
    return min(max(alive, bounds.least), bounds.most)


class WorkerPool:
    """``command`` starts one worker."""

    def __init__(
        self, app: App, queues: Sequence[str], bounds: Bounds, command: Sequence[str]
    ) -> None:
        self._app = app
        self._queues = queues
        self._bounds = bounds
        self._command = command
        self._workers: list[subprocess.Popen[bytes]] = []
        self._needed_all = time.monotonic()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Until SIGTERM; then until every worker has ended."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        self._hold(self._bounds.least)
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                self.look()
            except SQLAlchemyError as error:
                log.warning("the number of workers stays as it is: %s", error)
        self._stop()

    def look(self) -> None:
        """Count what waits and what runs, and start or end a worker accordingly."""
        with self._app.work(SYSTEM) as work:
            waiting = queries.count_due(work.session, self._queues)
            owners = queries.lease_owners(work.session, self._queues)
        self._workers = [worker for worker in self._workers if worker.poll() is None]
        busy = {worker.pid for worker in self._workers if _is_owner(worker.pid, owners)}
        if waiting or len(busy) >= len(self._workers):
            self._needed_all = time.monotonic()
        idle_seconds = time.monotonic() - self._needed_all
        self._hold(
            wanted_workers(len(self._workers), waiting, idle_seconds, self._bounds), busy=busy
        )

    def _hold(self, count: int, *, busy: set[int] | None = None) -> None:
        while len(self._workers) < count:
            self._workers.append(
                subprocess.Popen(self._command, preexec_fn=die_with_parent(signal.SIGTERM))
            )
            log.info("%d workers", len(self._workers))
        idle = [worker for worker in self._workers if worker.pid not in (busy or set())]
        for worker in idle[: max(len(self._workers) - count, 0)]:
            # Should it have begun something this very moment, it hands that back.
            worker.terminate()
            self._workers.remove(worker)
            self._needed_all = time.monotonic()
            log.info("%d workers", len(self._workers))

    def _stop(self) -> None:
        for worker in self._workers:
            worker.terminate()
        until = time.monotonic() + STOP_SECONDS
        for worker in self._workers:
            try:
                worker.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def _is_owner(process_id: int, owners: Sequence[str]) -> bool:
    return any(f":{process_id}/" in owner for owner in owners)


def worker_command(queues: Sequence[str]) -> list[str]:
    module = "opentranscribe.entrypoints.worker"
    return [sys.executable, "-m", module, "--queues", ",".join(queues)]
