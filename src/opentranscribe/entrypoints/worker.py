"""The worker process: takes job ids from the queue and does the jobs.

``python -m opentranscribe.entrypoints.worker --queues gpu[,cpu…]``
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Self

from opentranscribe import __version__
from opentranscribe.bootstrap import App, build_app
from opentranscribe.entrypoints.background import configure_logging, wait_for_schema, watch_schema
from opentranscribe.entrypoints.worker_pool import Bounds, WorkerPool, worker_command
from opentranscribe.features.jobs import queries
from opentranscribe.features.jobs.heartbeat import Heartbeat
from opentranscribe.features.jobs.runner import JobRunner
from opentranscribe.features.readiness.devices import tell_device_later
from opentranscribe.ports.queue import CPU, GPU, QUEUES
from opentranscribe.settings import Settings
from opentranscribe.work import SYSTEM

log = logging.getLogger(__name__)

#: After being told to stop, a job may go on for this long before it is handed back.
GRACE_SECONDS = 6.0
IDLE_CHECK_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="opentranscribe.entrypoints.worker")
    parser.add_argument("--queues", type=parse_queues, default=QUEUES, help=", ".join(QUEUES))
    parser.add_argument("--concurrency", type=int, default=1, help="jobs at a time")
    parser.add_argument("--autoscale", type=Bounds.parse, help="LEAST,MOST processes")
    chosen = parser.parse_args(arguments)
    settings = Settings.load()
    configure_logging(settings)
    if not (wait_for_schema(settings.sqlalchemy_url) and watch_schema(settings.sqlalchemy_url)):
        return 1
    app = build_app(settings)
    try:
        if chosen.autoscale is None:
            work(app, chosen.queues, chosen.concurrency)
        else:
            keep_workers(app, chosen.queues, chosen.autoscale)
    finally:
        app.close()
    return 0


def parse_queues(text: str) -> tuple[str, ...]:
    """Of names separated by commas. Raises argparse.ArgumentTypeError: at a queue that does not
    exist a worker would wait for ever."""
    queues = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = ", ".join(name for name in queues if name not in QUEUES)
    if unknown or not queues:
        raise argparse.ArgumentTypeError(f"no queue {unknown!r}; there are {', '.join(QUEUES)}")
    return queues


def keep_workers(app: App, queues: Sequence[str], bounds: Bounds) -> None:
    """The pool shows itself as a worker: there is one more as soon as something waits."""
    with heartbeat(app, process_name("pool"), queues):
        WorkerPool(app, queues, bounds, worker_command(queues)).run()


def heartbeat(app: App, name: str, queues: Sequence[str]) -> Heartbeat:
    return Heartbeat(
        app.work, name=name, kind="worker", version=__version__, queues=",".join(queues)
    )


def work(app: App, queues: Sequence[str], concurrency: int) -> None:
    """Until SIGTERM: what runs may finish within GRACE_SECONDS, else it goes back to the queue."""
    name = process_name("worker")
    runner = JobRunner(
        app.work,
        app.kinds,
        process=name,
        lease_seconds=app.options.lease_seconds,
        tracer=app.tracer,
    )
    signal.signal(signal.SIGTERM, lambda *_: _hand_back_later(runner))
    if GPU in queues or CPU in queues:
        tell_device_later(app.work, app.ports.recognizer, name)
    with (
        heartbeat(app, name, queues),
        IdleUnloader(app, app.settings.model_idle_seconds) as unloader,
    ):
        log.info("working at %s", ", ".join(queues))
        app.ports.queue.work(
            queues,
            unloader.watched(runner.handle),
            concurrency=concurrency,
            waiting=partial(due_jobs, app),
        )


def due_jobs(app: App, queues: Sequence[str]) -> list[str]:
    with app.work(SYSTEM) as unit:
        return queries.due_jobs(unit.session, queues)


def process_name(kind: str) -> str:
    return f"{kind}@{socket.gethostname()}:{os.getpid()}"


def _hand_back_later(runner: JobRunner) -> None:
    timer = threading.Timer(GRACE_SECONDS, runner.hand_back)
    timer.daemon = True
    timer.start()


class IdleUnloader:
    """Gives the memory of models back after a while without work; a context manager."""

    def __init__(self, app: App, idle_seconds: float) -> None:
        self._app = app
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._busy = 0
        self._used_at: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="idle-unloader", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def watched(self, handle: Callable[[str], None]) -> Callable[[str], None]:
        """The same handler, its times of work noted."""

        def noted(job_uuid: str) -> None:
            with self._lock:
                self._busy += 1
            try:
                handle(job_uuid)
            finally:
                with self._lock:
                    self._busy -= 1
                    self._used_at = time.monotonic()

        return noted

    def _run(self) -> None:
        while not self._stop.wait(min(IDLE_CHECK_SECONDS, max(self._idle_seconds, 0.1))):
            with self._lock:
                used = self._used_at
                idle = used is not None and time.monotonic() - used >= self._idle_seconds
                if not idle or self._busy:
                    continue
                self._used_at = None
                self._app.unload_models()
            log.info("gave the memory of idle models back")


if __name__ == "__main__":
    sys.exit(main())
