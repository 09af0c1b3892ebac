"""Clearing away what nobody can use any more: ended sessions, guesses of the day before."""

from __future__ import annotations

import logging

from opentranscribe.features.accounts import queries as accounts
from opentranscribe.features.auth import queries
from opentranscribe.kit import clock
from opentranscribe.work import SYSTEM, WorkFactory

log = logging.getLogger(__name__)


def sweep_sign_ins(work_factory: WorkFactory) -> int:
    """How many ended sessions were removed. A person's own list keeps them for thirty days."""
    at = clock.now()
    with work_factory(SYSTEM) as work:
        count = queries.delete_ended_sessions(work, at)
        accounts.delete_forgotten_tries(work, at)
    if count:
        log.info("removed %d sessions that ended long ago", count)
    return count
