"""Doing one job: claim it, run its steps, end it. The only place where a job's errors land."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Literal, cast

from sqlalchemy.exc import OperationalError, SQLAlchemyError

from opentranscribe.features.jobs import queries
from opentranscribe.features.jobs.errors import (
    DatabaseAwayError,
    HandedBack,
    LeaseLostError,
)
from opentranscribe.features.jobs.failures import KILLED, failure_of, is_outage, is_transient
from opentranscribe.features.jobs.graph import run_graph
from opentranscribe.features.jobs.kinds import WITHIN, Failure, Kind, Kinds, Outcome, Step, StepRun
from opentranscribe.features.jobs.lease import Lease, cancel, claim, end
from opentranscribe.features.jobs.pulse import Pulse
from opentranscribe.features.jobs.rules import (
    ENDED,
    OUTAGE_DELAY_SECONDS,
    StepStatus,
    retry_delay_seconds,
    smoothed,
)
from opentranscribe.features.jobs.tracker import Tracker
from opentranscribe.kit.errors import AppError
from opentranscribe.kit.log_context import add_to_log, logging_about
from opentranscribe.kit.trace_context import working_within
from opentranscribe.ports.progress import Cancelled
from opentranscribe.ports.queue import Envelope
from opentranscribe.ports.tracing import Fact, NoTracer, Span, Tracer
from opentranscribe.schema.jobs import Job
from opentranscribe.work import Work, WorkFactory

log = logging.getLogger(__name__)

#: How one attempt at a job ended; one that failed may be tried again.
Ended = Literal["succeeded", "failed", "cancelled", "handed back", "lost"]


class JobRunner:
    """``handle`` is what a queue calls; it never raises for a job that fails."""

    def __init__(
        self,
        work: WorkFactory,
        kinds: Kinds,
        *,
        process: str,
        lease_seconds: float = 12.0,
        tracer: Tracer | None = None,
    ) -> None:
        self._work = work
        self._kinds = kinds
        self._process = process
        self._lease_seconds = lease_seconds
        self._tracer = tracer or NoTracer()
        self._hand_back = threading.Event()

    def handle(self, job_uuid: str) -> None:
        owner = f"{self._process}/{uuid.uuid4().hex[:8]}"
        job = uuid.UUID(job_uuid)
        with logging_about(job=job_uuid):
            self._do(job, owner)

    def _do(self, job: uuid.UUID, owner: str) -> None:
        try:
            claimed = claim(self._work, self._kinds, job, owner, self._lease_seconds)
            if claimed is not None:
                self._attempt(*claimed)
        except (SQLAlchemyError, DatabaseAwayError) as error:
            log.warning("job %s is left to the sweeper: %s", job, error)

    def _attempt(self, lease: Lease, kind: Kind) -> None:
        facts: dict[str, Fact] = {
            "messaging.destination.name": kind.queue,
            "opentranscribe.job": str(lease.facts.uuid),
            "opentranscribe.attempt": lease.facts.attempt,
        }
        parent = lease.facts.payload.get(WITHIN)
        with self._tracer.span(kind.name, facts, kind="consumer", parent=parent) as span:
            add_to_log(trace_id=span.trace_id)
            attempt = Attempt(
                self._work,
                lease,
                kind,
                self._lease_seconds,
                hand_back=self._hand_back,
                span=partial(self._tracer.span, parent=span),
            )
            with working_within(span.traceparent):
                ended = attempt.run()
            span.note({"opentranscribe.outcome": ended})
            if ended == "failed":
                span.fail(ended)

    def hand_back(self) -> None:
        """Give what runs back to the queue at its next report of progress; take nothing new."""
        self._hand_back.set()


class Attempt:
    """One try at a job that this process holds."""

    def __init__(
        self,
        work: WorkFactory,
        lease: Lease,
        kind: Kind,
        lease_seconds: float,
        *,
        hand_back: threading.Event,
        span: Callable[[str], AbstractContextManager[Span]],
    ) -> None:
        self._work = work
        self._lease = lease
        self._kind = kind
        self._lease_seconds = lease_seconds
        self._hand_back = hand_back
        self._span = span
        self._subject: Any = None
        self._results: dict[str, dict[str, Any]] = {}
        self._took: dict[str, float] = {}

    def run(self) -> Ended:
        try:
            self._run_steps()
            self._lease.write(self._succeed)
        except LeaseLostError:
            log.warning("job %s was lost to another worker", self._lease.facts.uuid)
            return "lost"
        except HandedBack:
            self._end(self._requeue_unspent)
            return "handed back"
        except Cancelled:
            self._end(self._cancel)
            return "cancelled"
        except Exception as error:  # the worker's last resort: the row tells what happened
            log.log(
                logging.INFO if isinstance(error, AppError) else logging.ERROR,
                "job %s (%s) failed: %s",
                self._lease.facts.uuid,
                self._kind.name,
                error,
                exc_info=not isinstance(error, AppError),
            )
            self._end(partial(self._fail, error=error))
            return "failed"
        return "succeeded"

    def _run_steps(self) -> None:
        facts = self._lease.facts
        ended, rates = self._lease.write(self._take_up)
        self._subject = self._kind.prepare(facts, self._work)
        known = {step.name: rates.get(self._rate_key(step.name)) for step in self._kind.steps}
        tracker = Tracker(
            self._kind.steps,
            rates={name: rate for name, rate in known.items() if rate is not None},
            finished=ended,
        )
        tracker.set_size(self._kind.size(self._subject, self._results))
        with Pulse(self._lease, self._kind, tracker, self._lease_seconds, self._hand_back) as pulse:
            run_graph(
                self._kind.steps,
                partial(self._run_step, tracker=tracker, pulse=pulse),
                finished=frozenset(ended),
                give_up=pulse.given_up.set,
            )

    def _take_up(self, work: Work) -> tuple[dict[str, StepStatus], dict[str, float]]:
        """What earlier attempts finished.

        On the last attempt an optional step that the process died in is given up, so that it
        cannot take the whole job with it.
        """
        rows = queries.steps_of(work.session, self._lease.facts.id)
        job = self._job(work)
        if job.attempt >= job.max_attempts:
            for step in self._kind.steps:
                if step.optional and rows[step.name].status == "running":
                    self._mark_failed(work, step, KILLED)
            work.session.flush()
            work.session.expire_all()
            rows = queries.steps_of(work.session, self._lease.facts.id)
        ended = {
            name: cast(StepStatus, row.status) for name, row in rows.items() if row.status in ENDED
        }
        self._results = {name: dict(rows[name].result) for name in ended if ended[name] == "done"}
        return ended, queries.read_rates(work.session)

    def _run_step(self, step: Step, *, tracker: Tracker, pulse: Pulse) -> None:
        pulse.check()
        if not self._is_wanted(step):
            tracker.begin(step.name)
            tracker.end(step.name, "skipped")
            self._lease.write(partial(self._mark_ended, name=step.name, status="skipped"))
            return
        self._lease.write(partial(self._mark_begun, name=step.name))
        tracker.begin(step.name)
        run = StepRun(
            job=self._lease.facts,
            results=self._results,
            progress=pulse.progress_of(step.name),
            write=self._write_progress,
            work=self._work,
        )
        try:
            with self._span(step.name):
                outcome = step.run(self._subject, run)
            pulse.check()
            self._lease.write(partial(self._mark_done, step=step, outcome=outcome))
        except Cancelled:
            raise
        except Exception as error:
            if not step.optional or isinstance(error, OperationalError) or is_outage(error):
                raise  # a database or a store that is away is no fault of the step
            log.warning("optional step %s failed: %s", step.name, error, exc_info=True)
            failure = failure_of(error)
            self._lease.write(partial(self._mark_failed, step=step, failure=failure))
            tracker.end(step.name, "failed")
            return
        self._results[step.name] = outcome.result
        self._took[step.name] = tracker.end(step.name, "done")
        tracker.set_size(self._kind.size(self._subject, self._results))

    def _write_progress(self, change: Callable[[Work], Any]) -> Any:
        def write(work: Work) -> Any:
            found = change(work)
            self._allow_attempts(work)
            return found

        return self._lease.write(write)

    def _allow_attempts(self, work: Work) -> None:
        """Attempts are limited since the last thing that was finished, not for the whole job."""
        self._job(work).max_attempts = self._lease.facts.attempt - 1 + self._kind.max_attempts

    def _is_wanted(self, step: Step) -> bool:
        """An optional step is pointless when something optional that it needs has not come."""
        if step.optional and any(
            self._kind.step(name).optional and name not in self._results for name in step.after
        ):
            return False
        return step.wanted(self._subject, self._results)

    def _mark_begun(self, work: Work, name: str) -> None:
        queries.set_step(
            work.session,
            self._lease.facts.id,
            name,
            status="running",
            attempt=self._lease.facts.attempt,
            progress=0.0,
            started_at=queries.clock(),
            finished_at=None,
            error_code=None,
            error_message=None,
        )

    def _mark_ended(self, work: Work, name: str, status: str, **values: Any) -> None:
        queries.set_step(
            work.session,
            self._lease.facts.id,
            name,
            status=status,
            finished_at=queries.clock(),
            **values,
        )

    def _mark_done(self, work: Work, step: Step, outcome: Outcome) -> None:
        if outcome.write is not None:
            outcome.write(work)
        work.session.flush()
        self._allow_attempts(work)
        self._mark_ended(work, step.name, "done", progress=1.0, result=outcome.result)

    def _mark_failed(self, work: Work, step: Step, failure: Failure) -> None:
        self._mark_ended(
            work,
            step.name,
            "failed",
            error_code=failure.code,
            error_message=failure.message,
        )
        self._kind.on_step_failure(work, self._lease.facts, step, failure)

    def _job(self, work: Work) -> Job:
        return work.session.get_one(Job, self._lease.facts.id, populate_existing=True)

    def _end(self, how: Any) -> None:
        try:
            self._lease.write(how)
        except LeaseLostError:
            log.warning("job %s was lost to another worker", self._lease.facts.uuid)

    def _succeed(self, work: Work) -> None:
        job = self._job(work)
        end(job, "succeeded")
        job.progress = 1.0
        self._learn(work)
        self._kind.on_success(work, self._lease.facts)

    def _cancel(self, work: Work) -> None:
        cancel(work, self._kind, self._job(work), self._lease.facts)

    def _requeue_unspent(self, work: Work) -> None:
        job = self._job(work)
        job.attempt -= 1
        _release(job)
        work.enqueue(Envelope(str(job.uuid), job.queue, job.priority))

    def _fail(self, work: Work, error: Exception) -> None:
        job = self._job(work)
        failure = failure_of(error)
        outage = is_outage(error)
        if outage or (is_transient(error) and job.attempt < job.max_attempts):
            _release(job)
            delay = OUTAGE_DELAY_SECONDS if outage else retry_delay_seconds(job.attempt)
            job.attempt -= outage  # counts as none
            job.not_before = queries.seconds_from_now(delay)
            job.error_code, job.error_message = failure.code, failure.message
            job.message = f"{failure.message} This is tried again soon."
            return
        end(job, "failed", failure)
        self._kind.on_failure(work, self._lease.facts, failure)

    def _learn(self, work: Work) -> None:
        size = self._kind.size(self._subject, self._results)
        if not size or not self._took:
            return
        rates = queries.read_rates(work.session)
        for name, seconds in self._took.items():
            key = self._rate_key(name)
            rates[key] = smoothed(rates.get(key), seconds / size)
        queries.write_rates(work.session, rates)

    def _rate_key(self, step: str) -> str:
        return f"{self._kind.name}/{step}/{self._kind.variant(self._subject)}"


def _release(job: Job) -> None:
    job.status = "queued"
    job.lease_owner = None
    job.lease_until = None
    job.eta_seconds = None
    job.message = None
