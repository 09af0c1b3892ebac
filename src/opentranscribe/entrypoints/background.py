"""What background processes do before they work: logging, and waiting for a fitting schema."""

from __future__ import annotations

import logging
import time

from opentranscribe.schema.migrations.errors import DatabaseUnreachableError
from opentranscribe.schema.migrations.runner import check

log = logging.getLogger(__name__)

WAIT_SECONDS = 120.0
PAUSE_SECONDS = 1.0


def configure_logging(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
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
