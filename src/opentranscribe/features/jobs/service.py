"""Making jobs, telling how they are, and stopping them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from opentranscribe.features.jobs import queries
from opentranscribe.features.jobs.errors import JobNotFoundError, JobStateError
from opentranscribe.features.jobs.kinds import WITHIN, Kind, Kinds
from opentranscribe.features.jobs.lease import cancel, facts_of
from opentranscribe.features.jobs.schemas import JobPage, JobProblem, JobView, StepView
from opentranscribe.kit import clock
from opentranscribe.kit.trace_context import current_span
from opentranscribe.ports.queue import Envelope
from opentranscribe.schema.jobs import Job, JobStep
from opentranscribe.work import Work


class JobService:
    """``kinds`` gives steps their labels; without it their names are shown."""

    def __init__(self, work: Work, kinds: Kinds | None = None) -> None:
        self.work = work
        self.kinds = kinds or Kinds()

    def create(
        self,
        kind: Kind,
        *,
        user_id: int | None = None,
        file_id: int | None = None,
        payload: Mapping[str, Any] | None = None,
        priority: int | None = None,
        queue: str | None = None,
    ) -> Job:
        """The job and its message, both in the caller's transaction."""
        within = {WITHIN: span} if (span := current_span()) else {}
        job = Job(
            kind=kind.name,
            queue=queue or kind.choose_queue(payload or {}) or kind.queue,
            priority=kind.priority if priority is None else priority,
            user_id=user_id,
            media_file_id=file_id,
            payload={**(payload or {}), **within},
            max_attempts=kind.max_attempts,
        )
        self.work.session.add(job)
        self.work.session.flush()
        queries.add_steps(self.work.session, job.id, [step.name for step in kind.steps])
        self.work.session.refresh(job)
        self.work.enqueue(Envelope(str(job.uuid), job.queue, job.priority))
        return job

    def cancel(self, job: Job) -> bool:
        """Stop a job: at once when it waits, at its next report of progress when it runs.

        False when it had already ended.
        """
        if job.status not in queries.OPEN:
            return False
        job.cancel_requested = True
        kind = self.kinds.find(job.kind)
        if job.status == "queued" and kind is not None:
            cancel(self.work, kind, job, facts_of(self.work, job))
        self.work.session.flush()
        return True

    def get(self, job_uuid: UUID) -> Job:
        """People see their own; administrators also those that are about nobody's recording."""
        job = queries.find_job(self.work.session, job_uuid)
        actor = self.work.actor
        if job is None or not (
            actor.is_system
            or job.user_id == actor.user_id
            or (actor.is_admin and job.media_file_id is None)
        ):
            raise JobNotFoundError("There is no such job, or it is not yours.")
        return job

    def require_idle(self, file_id: int, kind_prefix: str) -> None:
        """Raises JobStateError while a job of the kind waits or runs for the file."""
        if queries.unfinished_jobs(self.work.session, file_id, kind_prefix):
            raise JobStateError(
                "This recording is being worked on. Wait until that is done, or cancel it first."
            )

    def view(self, job: Job, file_uuid: UUID | None = None, title: str | None = None) -> JobView:
        steps = queries.steps_of_jobs(self.work.session, [job.id])[job.id]
        return self._view(job, steps, file_uuid, title)

    def list_page(self, statuses: Sequence[str], page: int, page_size: int) -> JobPage:
        total, rows = queries.page_of_jobs(self.work, statuses, page, page_size)
        steps = queries.steps_of_jobs(self.work.session, [job.id for job, _, _ in rows])
        return JobPage(
            items=[self._view(job, steps[job.id], uuid, title) for job, uuid, title in rows],
            total=total,
            page=page,
            page_size=page_size,
            total_pages=-(-total // page_size),
            has_more=page * page_size < total,
        )

    def _view(
        self, job: Job, steps: Sequence[JobStep], file_uuid: UUID | None, title: str | None
    ) -> JobView:
        return JobView(
            uuid=job.uuid,
            kind=job.kind,
            status=job.status,
            progress=job.progress,
            eta_seconds=job.eta_seconds,
            message=job.message,
            queue_position=queries.queue_position(self.work.session, job),
            steps=[self._step_view(job, step) for step in steps],
            error=_problem(job.error_code, job.error_message),
            attempt=job.attempt,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            cancel_requested=job.cancel_requested,
            file_uuid=file_uuid,
            file_title=title,
        )

    def _step_view(self, job: Job, step: JobStep) -> StepView:
        return StepView(
            name=step.name,
            label=self.kinds.label(job.kind, step.name),
            status=step.status,
            progress=step.progress,
            error=_problem(step.error_code, step.error_message),
            seconds=_seconds(step.started_at, step.finished_at),
        )


def _problem(code: str | None, message: str | None) -> JobProblem | None:
    return JobProblem(code=code, message=message or "") if code else None


def _seconds(started: datetime | None, finished: datetime | None) -> float | None:
    if started is None:
        return None
    return round(((finished or clock.now()) - started).total_seconds(), 2)
