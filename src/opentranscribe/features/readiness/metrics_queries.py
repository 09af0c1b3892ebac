"""The statements behind /metrics: few, and cheap however many jobs there ever were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import extract, func, select, text

from opentranscribe.schema.jobs import Job, JobStep, ProcessHeartbeat
from opentranscribe.schema.media import MediaFile
from opentranscribe.work import Work

REVISION = text("SELECT version_num FROM alembic_version LIMIT 1")


@dataclass(frozen=True)
class Waiting:
    queue: str
    kind: str
    jobs: int
    oldest_seconds: float


@dataclass(frozen=True)
class Step:
    kind: str
    step: str
    status: str
    count: int
    seconds: float


def read_revision(work: Work) -> str:
    return str(work.session.scalar(REVISION) or "")


def iter_jobs(work: Work) -> Iterator[tuple[str, str, int]]:
    """Kind, status, how many."""
    query = select(Job.kind, Job.status, func.count()).group_by(Job.kind, Job.status)
    yield from work.session.execute(query).tuples()


def iter_waiting(work: Work, now: datetime) -> Iterator[Waiting]:
    """What could be begun and is not."""
    query = (
        select(Job.queue, Job.kind, func.count(), func.min(Job.created_at))
        .where(Job.status == "queued", func.coalesce(Job.not_before, now) <= now)
        .group_by(Job.queue, Job.kind)
    )
    for queue, kind, count, oldest in work.session.execute(query).tuples():
        yield Waiting(queue, kind, count, max(0.0, (now - oldest).total_seconds()))


def iter_steps(work: Work, since: datetime) -> Iterator[Step]:
    """Steps that ended since then."""
    took = extract("epoch", JobStep.finished_at - JobStep.started_at)
    query = (
        select(Job.kind, JobStep.name, JobStep.status, func.count(), func.sum(took))
        .join(Job, Job.id == JobStep.job_id)
        .where(JobStep.finished_at >= since, JobStep.started_at.is_not(None))
        .group_by(Job.kind, JobStep.name, JobStep.status)
    )
    for kind, name, status, count, seconds in work.session.execute(query).tuples():
        yield Step(kind, name, status, count, float(seconds or 0))


def read_realtime_factor(work: Work, kind: str, since: datetime) -> float | None:
    """Seconds of recordings to each second of work on them; None when none was done since."""
    took = extract("epoch", Job.finished_at - Job.started_at)
    query = (
        select(func.sum(MediaFile.duration), func.sum(took))
        .join(MediaFile, MediaFile.id == Job.media_file_id)
        .where(Job.kind == kind, Job.status == "succeeded", Job.finished_at >= since)
    )
    heard, spent = work.session.execute(query).one()
    return float(heard) / float(spent) if heard and spent else None


def iter_processes(work: Work, since: datetime) -> Iterator[tuple[str, str, int]]:
    """Kind, version, how many live."""
    query = (
        select(ProcessHeartbeat.kind, ProcessHeartbeat.version, func.count())
        .where(ProcessHeartbeat.beat_at >= since)
        .group_by(ProcessHeartbeat.kind, ProcessHeartbeat.version)
    )
    yield from work.session.execute(query).tuples()
