"""What processes do before they work and while they do: logging, and heeding the schema."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time

from opentranscribe.kit.log_context import JsonFormatter
from opentranscribe.schema.migrations.errors import DatabaseUnreachableError
from opentranscribe.schema.migrations.runner import check
from opentranscribe.settings import Settings

log = logging.getLogger(__name__)

WAIT_SECONDS = 120.0
PAUSE_SECONDS = 1.0
WATCH_SECONDS = 5.0


def configure_logging(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    if settings.log_format == "json":
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonFormatter())
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


def wait_for_schema(url: str, wait_seconds: float = WAIT_SECONDS) -> bool:
    """Whether the database has the schema of this version; waits while it is being brought there
    or cannot be reached. Never changes anything."""
    until = time.monotonic() + wait_seconds
    told = ""
    while True:
        try:
            state = check(url)
            if state.fits:
                return True
            advice = state.advice
        except DatabaseUnreachableError as error:
            advice = error.message
        if advice != told:
            log.warning("waiting for the database: %s", advice)
            told = advice
        if time.monotonic() > until:
            log.error("gave up waiting for the database: %s", advice)
            return False
        time.sleep(PAUSE_SECONDS)


def watch_schema(url: str, every: float = WATCH_SECONDS) -> bool:
    """Whether the schema suits this release now, as far as it can be asked; if so, a thread goes on
    asking, and ends this process by SIGTERM when it no longer does: a later release has taken over,
    or an older schema was put in place for longer than one look."""
    try:
        state = check(url)
    except DatabaseUnreachableError as error:
        log.warning("the schema will be checked later: %s", error.message)
    else:
        if not state.fits:
            log.error("%s", state.advice)
            return False
    threading.Thread(target=_watch, args=(url, every), name="schema watch", daemon=True).start()
    return True


def _watch(url: str, every: float) -> None:
    misfits = 0
    while misfits < 2:
        time.sleep(every)
        try:
            state = check(url)
        except DatabaseUnreachableError:
            continue
        misfits = 0 if state.fits else misfits + (2 if state.kind in {"newer", "readable"} else 1)
    log.error("this process ends: %s", state.advice)
    os.kill(os.getpid(), signal.SIGTERM)
