"""The scheduler process: what must happen by itself, from time to time, once per installation.

``python -m opentranscribe.entrypoints.scheduler``; of several, the one that holds an advisory lock
works and the others wait to take over.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from opentranscribe import __version__
from opentranscribe.bootstrap import App, build_app
from opentranscribe.entrypoints.background import configure_logging, wait_for_schema, watch_schema
from opentranscribe.entrypoints.backup_clerk import BackupClerk
from opentranscribe.entrypoints.worker import process_name
from opentranscribe.features.auth.janitor import sweep_sign_ins
from opentranscribe.features.jobs.heartbeat import Heartbeat
from opentranscribe.features.jobs.sweeper import sweep
from opentranscribe.features.media import jobs as media
from opentranscribe.features.search.rebuilding import complete_index
from opentranscribe.features.transcription.janitor import remove_stale_scratch
from opentranscribe.settings import Settings

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
#: Any number that nothing else in this database locks.
LEADER_LOCK = 7_140_234


@dataclass(frozen=True)
class Chore:
    name: str
    every_seconds: float
    run: Callable[[App], object]


CHORES: tuple[Chore, ...] = (
    Chore("sweep jobs", 3.0, lambda app: sweep(app.work)),
    Chore(
        "finish uploads",
        5.0,
        lambda app: media.finish_pending(app.work, app.ports.objects, app.options),
    ),
    Chore("carry changes to the search server", 5.0, lambda app: app.ports.search.catch_up()),
    Chore("carry voices to the search server", 10.0, lambda app: app.ports.voices.catch_up()),
    Chore(
        "complete the search index",
        60.0,
        lambda app: complete_index(app.work, app.kinds, app.ports.search),
    ),
    Chore(
        "expire uploads",
        3600.0,
        lambda app: media.expire_uploads(app.work, app.options),
    ),
    Chore(
        "remove orphaned objects",
        6 * 3600.0,
        lambda app: media.remove_orphans(app.work, app.ports.objects),
    ),
    Chore(
        "remove stale scratch",
        3600.0,
        lambda app: remove_stale_scratch(app.work, app.options.scratch_dir),
    ),
    Chore("sweep sign-ins", 3600.0, lambda app: sweep_sign_ins(app.work)),
    Chore("backups", 2.0, BackupClerk()),
)


def main() -> int:
    settings = Settings.load()
    configure_logging(settings)
    if not (wait_for_schema(settings.sqlalchemy_url) and watch_schema(settings.sqlalchemy_url)):
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    app = build_app(settings)
    name = process_name("scheduler")
    try:
        with Heartbeat(app.work, name=name, kind="scheduler", version=__version__):
            run(app, stop)
    finally:
        app.close()
    return 0


def run(app: App, stop: threading.Event, chores: Sequence[Chore] = CHORES) -> None:
    """Do the chores until told to stop, surviving a database that goes away."""
    due = {chore.name: 0.0 for chore in chores}
    while not stop.is_set():
        try:
            with leadership(app.engine) as connection:
                while connection is not None and not stop.is_set():
                    connection.execute(text("SELECT 1"))
                    connection.rollback()
                    do_due(app, chores, due)
                    stop.wait(TICK_SECONDS)
        except SQLAlchemyError as error:
            log.warning("the scheduler waits for the database: %s", error)
        stop.wait(TICK_SECONDS)


@contextmanager
def leadership(engine: Engine) -> Iterator[Connection | None]:
    """A connection that holds the lock as long as it lives, or None while another leads."""
    with engine.connect() as connection:
        connection.detach()
        held = connection.scalar(text(f"SELECT pg_try_advisory_lock({LEADER_LOCK})"))
        connection.rollback()
        yield connection if held else None


def do_due(app: App, chores: Sequence[Chore], due: dict[str, float]) -> None:
    for chore in chores:
        if time.monotonic() < due[chore.name]:
            continue
        due[chore.name] = time.monotonic() + chore.every_seconds
        try:
            chore.run(app)
        except Exception:  # the scheduler's last resort: one chore never stops the others
            log.exception("the chore %r failed", chore.name)


if __name__ == "__main__":
    sys.exit(main())
