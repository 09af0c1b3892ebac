"""Every SQL statement about the parts of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import any_, delete, exists, func, literal, select
from sqlalchemy.orm import Session

from opentranscribe.schema.jobs import Job, ProcessHeartbeat
from opentranscribe.schema.transcript import TranscriptDraft

PART = "recognition.part"
#: A worker that has been silent for longer is not counted on.
SILENT = timedelta(seconds=30)


def workers_at(session: Session, queue: str, version: str) -> int:
    """Living workers of this version that take jobs of the queue."""
    queues = func.string_to_array(ProcessHeartbeat.queues, ",")
    counted = select(func.count()).where(
        ProcessHeartbeat.kind == "worker",
        ProcessHeartbeat.version == version,
        ProcessHeartbeat.beat_at > func.now() - SILENT,
        literal(queue) == any_(queues),
    )
    return session.scalar(counted) or 0


def queue_of(session: Session, job_id: int) -> str:
    return session.scalars(select(Job.queue).where(Job.id == job_id)).one()


def held_parts(session: Session, file_id: int) -> Sequence[int]:
    """The jobs of parts that somebody alive is at."""
    held = select(Job.id).where(
        Job.media_file_id == file_id,
        Job.kind == PART,
        Job.status == "running",
        Job.lease_until >= func.clock_timestamp(),
    )
    return session.scalars(held).all()


def take_back(session: Session, job_id: int) -> bool:
    """Remove a part unless somebody alive is at it; whether it is gone."""
    held = (Job.status == "running") & (Job.lease_until >= func.clock_timestamp())
    session.execute(delete(Job).where(Job.id == job_id, ~held))
    return not session.scalar(select(exists().where(Job.id == job_id)))


def delete_parts(session: Session, file_id: int) -> None:
    """Whoever is at one of them finds its lease lost."""
    session.execute(delete(Job).where(Job.media_file_id == file_id, Job.kind == PART))


def drafted(session: Session, job_id: int) -> frozenset[int]:
    """The windows that have been decoded."""
    query = select(TranscriptDraft.window_index).where(TranscriptDraft.job_id == job_id)
    return frozenset(session.scalars(query))


def is_drafted(session: Session, job_id: int, window: int) -> bool:
    found = exists().where(TranscriptDraft.job_id == job_id, TranscriptDraft.window_index == window)
    return bool(session.scalar(select(found)))
