"""Holding a job: taking it, writing only while it is ours, and ending it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from opentranscribe.features.jobs import queries
from opentranscribe.features.jobs.errors import DatabaseAwayError, LeaseLostError
from opentranscribe.features.jobs.failures import KILLED
from opentranscribe.features.jobs.kinds import Failure, JobFacts, Kind, Kinds
from opentranscribe.schema.jobs import Job
from opentranscribe.work import SYSTEM, Work, WorkFactory

log = logging.getLogger(__name__)
T = TypeVar("T")

#: A worker keeps what it has computed this long while the database is away.
PATIENCE_SECONDS = 900.0
PAUSE_SECONDS = 1.0
#: A claim does not wait longer for a row that somebody else has locked; the sweeper asks again.
CLAIM_WAIT_SECONDS = 5.0


class Lease:
    """A job held by this process. ``lost`` is set once somebody else has it or it is gone."""

    def __init__(self, work: WorkFactory, facts: JobFacts, owner: str) -> None:
        self.facts = facts
        self.owner = owner
        self.lost = threading.Event()
        self._work = work

    def write(self, change: Callable[[Work], T]) -> T:
        """Apply ``change`` in one transaction while the job is ours.

        Waits for a database that is away, so ``change`` may run more than once. Raises
        LeaseLostError, or DatabaseAwayError after PATIENCE_SECONDS.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with self._work(SYSTEM) as work:
                    self._fence(work)
                    return change(work)
            except DBAPIError as error:
                if not _may_come_back(error):
                    raise
                if time.monotonic() > until:
                    raise DatabaseAwayError(
                        "The database has been away for too long. What was done so far is kept."
                    ) from error
                log.warning("job %s waits for the database: %s", self.facts.uuid, error.orig)
                if self.lost.wait(PAUSE_SECONDS):
                    raise LeaseLostError from error

    def renew(
        self, lease_seconds: float, values: dict[str, Any], after: Callable[[Work], None]
    ) -> bool:
        """Extend the lease and store progress; whether somebody wants the job cancelled."""
        facts = self.facts
        with self._work(SYSTEM) as work:
            until = queries.seconds_from_now(lease_seconds)
            cancel = queries.renew(
                work.session, facts.id, self.owner, facts.attempt, lease_until=until, **values
            )
            if cancel is None:
                self.lost.set()
                return False
            after(work)
        return cancel

    def _fence(self, work: Work) -> None:
        if self.facts.file_id is not None:
            queries.lock_file(work.session, self.facts.file_id)
        if not queries.fence(work.session, self.facts.id, self.owner, self.facts.attempt):
            self.lost.set()
            raise LeaseLostError


def claim(
    work_factory: WorkFactory, kinds: Kinds, job_uuid: UUID, owner: str, lease_seconds: float
) -> tuple[Lease, Kind] | None:
    """Take the job if it waits or its holder is dead; None when there is nothing to do.

    A job that was cancelled, that nobody here knows how to do, or that has outlived its attempts
    is ended on the spot.
    """
    with work_factory(SYSTEM) as work:
        queries.limit_lock_wait(work.session, CLAIM_WAIT_SECONDS)
        lock_order(work, job_uuid)
        found = queries.lock_claimable(work.session, job_uuid)
        if found is None:
            return None
        job, abandoned = found
        kind = kinds.find(job.kind)
        facts = facts_of(work, job)
        if kind is None:
            log.error("job %s is of an unknown kind: %s", job.uuid, job.kind)
            end(job, "failed", Failure("unknown_kind", f"This version cannot do {job.kind!r}."))
            return None
        if job.cancel_requested:
            cancel(work, kind, job, facts)
            return None
        if job.attempt >= job.max_attempts:
            failure = KILLED if abandoned else last_failure(job)
            end(job, "failed", failure)
            kind.on_failure(work, facts, failure)
            return None
        job.attempt += 1
        job.status = "running"
        job.lease_owner = owner
        job.lease_until = queries.seconds_from_now(lease_seconds)
        job.not_before = None
        job.error_code = job.error_message = None
        job.started_at = job.started_at or queries.clock()
        queries.add_steps(work.session, job.id, [step.name for step in kind.steps])
        work.session.flush()
        facts = facts_of(work, job)
        kind.on_start(work, facts)
    return Lease(work_factory, facts, owner), kind


def _may_come_back(error: DBAPIError) -> bool:
    """Whether the database is away, or has ended the transaction because we were frozen in it."""
    if isinstance(error, (OperationalError, InterfaceError)):
        return True
    return isinstance(error.orig, IdleInTransactionSessionTimeout)


def lock_order(work: Work, job_uuid: UUID) -> None:
    job = queries.find_job(work.session, job_uuid)
    if job is not None and job.media_file_id is not None:
        queries.lock_file(work.session, job.media_file_id)
    if job is not None:
        work.session.expire(job)


def facts_of(work: Work, job: Job) -> JobFacts:
    return JobFacts(
        id=job.id,
        uuid=job.uuid,
        kind=job.kind,
        user_id=job.user_id,
        file_id=job.media_file_id,
        file_uuid=queries.file_uuid(work.session, job.media_file_id),
        payload=dict(job.payload),
        attempt=job.attempt,
    )


def end(job: Job, status: str, failure: Failure | None = None) -> None:
    """Nobody holds an ended job."""
    job.status = status
    job.lease_owner = None
    job.lease_until = None
    job.eta_seconds = None
    job.message = None
    job.finished_at = queries.clock()
    if failure is not None:
        job.error_code, job.error_message = failure.code, failure.message


def cancel(work: Work, kind: Kind, job: Job, facts: JobFacts) -> None:
    end(job, "cancelled")
    kind.on_cancel(work, facts)


def last_failure(job: Job) -> Failure:
    if job.error_code and job.error_message:
        return Failure(job.error_code, job.error_message)
    return KILLED
