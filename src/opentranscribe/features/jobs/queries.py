"""Every SQL statement of jobs. Leases are measured by the database's clock alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, true, update
from sqlalchemy.dialects.postgresql import INTERVAL, insert
from sqlalchemy.orm import Session

from opentranscribe.schema.accounts import SystemSetting
from opentranscribe.schema.jobs import Job, JobStep, ProcessHeartbeat
from opentranscribe.schema.media import MediaFile
from opentranscribe.work import Actor, Work

OPEN = ("queued", "running")
STEP_RATES_KEY = "jobs.step_rates"
clock = func.clock_timestamp
#: A worker that is frozen in the middle of a transaction holds its job's row. The server ends that
#: transaction after this long, so that another worker can take the job.
FROZEN_SECONDS = 30


def seconds_from_now(seconds: float) -> ColumnElement[Any]:
    interval = func.make_interval(0, 0, 0, 0, 0, 0, literal(seconds), type_=INTERVAL)
    return clock() + interval


def find_job(session: Session, job_uuid: UUID, *, lock: bool = False) -> Job | None:
    query = select(Job).where(Job.uuid == job_uuid)
    return session.scalar(query.with_for_update() if lock else query)


def limit_lock_wait(session: Session, seconds: float) -> None:
    """For this transaction: rather fail than wait for whoever holds a row and is frozen."""
    session.execute(select(func.set_config("lock_timeout", f"{round(seconds * 1000)}ms", True)))


def lock_claimable(session: Session, job_uuid: UUID) -> tuple[Job, bool] | None:
    """The locked row and whether somebody died over it; None when it is not to be had now."""
    due = or_(Job.not_before.is_(None), Job.not_before <= clock())
    expired = or_(Job.lease_until.is_(None), Job.lease_until < clock())
    query = (
        select(Job, Job.status == "running")
        .where(
            Job.uuid == job_uuid,
            or_(and_(Job.status == "queued", due), and_(Job.status == "running", expired)),
        )
        .with_for_update(of=Job)
    )
    row = session.execute(query).one_or_none()
    return (row[0], row[1]) if row else None


def fence(session: Session, job_id: int, owner: str, attempt: int) -> bool:
    """Lock the job if it is still held by this owner in this attempt."""
    held = (
        select(Job.id, _end_when_frozen())
        .where(
            Job.id == job_id,
            Job.status == "running",
            Job.lease_owner == owner,
            Job.attempt == attempt,
        )
        .with_for_update()
    )
    return session.scalar(held) is not None


def lock_file(session: Session, file_id: int) -> None:
    """Files are locked before jobs everywhere, so that two of us never wait for each other."""
    session.execute(
        select(MediaFile.id).where(MediaFile.id == file_id).with_for_update(key_share=True)
    )


def renew(session: Session, job_id: int, owner: str, attempt: int, **values: Any) -> bool | None:
    """Renew the lease and store progress; whether to cancel, or None when the lease is lost."""
    renewed = session.execute(
        update(Job)
        .where(
            Job.id == job_id,
            Job.status == "running",
            Job.lease_owner == owner,
            Job.attempt == attempt,
        )
        .values(**values)
        .returning(Job.cancel_requested, _end_when_frozen())
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return None if renewed is None else bool(renewed[0])


def steps_of(session: Session, job_id: int) -> dict[str, JobStep]:
    rows = session.scalars(
        select(JobStep).where(JobStep.job_id == job_id).order_by(JobStep.position)
    )
    return {row.name: row for row in rows}


def add_steps(session: Session, job_id: int, names: Sequence[str]) -> None:
    """Make the rows of a job's steps; those that exist stay as they are."""
    rows = [
        {"job_id": job_id, "name": name, "position": position, "result": {}}
        for position, name in enumerate(names)
    ]
    session.execute(
        insert(JobStep).values(rows).on_conflict_do_nothing(index_elements=["job_id", "name"])
    )


def set_step(session: Session, job_id: int, name: str, **values: Any) -> None:
    session.execute(
        update(JobStep)
        .where(JobStep.job_id == job_id, JobStep.name == name)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def set_step_fractions(session: Session, job_id: int, fractions: Mapping[str, float]) -> None:
    for name, fraction in fractions.items():
        set_step(session, job_id, name, progress=fraction)


def file_uuid(session: Session, file_id: int | None) -> UUID | None:
    if file_id is None:
        return None
    return session.scalar(select(MediaFile.uuid).where(MediaFile.id == file_id))


def unfinished_jobs(session: Session, file_id: int, kind_prefix: str = "") -> Sequence[Job]:
    """Locked, oldest first."""
    return session.scalars(
        select(Job)
        .where(Job.media_file_id == file_id, Job.status.in_(OPEN), Job.kind.startswith(kind_prefix))
        .order_by(Job.id)
        .with_for_update()
    ).all()


def newest_job(session: Session, file_id: int, kind_prefix: str) -> Job | None:
    return session.scalar(
        select(Job)
        .where(Job.media_file_id == file_id, Job.kind.startswith(kind_prefix))
        .order_by(Job.id.desc())
        .limit(1)
    )


def visible_jobs(actor: Actor) -> ColumnElement[bool]:
    return true() if actor.is_system else Job.user_id == actor.user_id


def page_of_jobs(
    work: Work, statuses: Sequence[str], page: int, page_size: int
) -> tuple[int, Sequence[tuple[Job, UUID | None, str | None]]]:
    query = (
        select(Job, MediaFile.uuid, func.coalesce(MediaFile.title, MediaFile.filename))
        .outerjoin(MediaFile, MediaFile.id == Job.media_file_id)
        .where(visible_jobs(work.actor))
    )
    if statuses:
        query = query.where(Job.status.in_(statuses))
    total = work.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = work.session.execute(
        query.order_by(Job.id.desc()).limit(page_size).offset((page - 1) * page_size)
    )
    return total, [(job, uuid, title) for job, uuid, title in rows]


def steps_of_jobs(session: Session, job_ids: Sequence[int]) -> dict[int, list[JobStep]]:
    found: dict[int, list[JobStep]] = {job_id: [] for job_id in job_ids}
    rows = session.scalars(
        select(JobStep).where(JobStep.job_id.in_(job_ids)).order_by(JobStep.position)
    )
    for step in rows:
        found[step.job_id].append(step)
    return found


def queue_position(session: Session, job: Job) -> int | None:
    """1 for the job that is next in its queue; None unless it waits."""
    if job.status != "queued":
        return None
    ahead = select(func.count()).where(
        Job.queue == job.queue,
        Job.status == "queued",
        or_(Job.priority < job.priority, and_(Job.priority == job.priority, Job.id < job.id)),
    )
    return (session.scalar(ahead) or 0) + 1


def jobs_to_enqueue(session: Session, grace_seconds: float, limit: int = 200) -> Sequence[Job]:
    """Jobs whose message may have been lost: due and unclaimed, or running with a dead holder."""
    waiting = and_(
        Job.status == "queued",
        or_(
            and_(Job.not_before.is_(None), Job.created_at < clock() - _seconds(grace_seconds)),
            Job.not_before <= clock(),
        ),
    )
    abandoned = and_(Job.status == "running", Job.lease_until < clock())
    return session.scalars(
        select(Job).where(or_(waiting, abandoned)).order_by(Job.priority, Job.id).limit(limit)
    ).all()


def due_jobs(session: Session, queues: Sequence[str], limit: int = 50) -> list[str]:
    """Uuids of jobs of these queues that could be begun now, most urgent first."""
    is_due = and_(Job.status == "queued", or_(Job.not_before.is_(None), Job.not_before <= clock()))
    abandoned = and_(Job.status == "running", Job.lease_until < clock())
    found = select(Job.uuid).where(Job.queue.in_(queues), or_(is_due, abandoned))
    rows = session.scalars(found.order_by(Job.priority, Job.id).limit(limit))
    return [str(one) for one in rows]


def count_due(session: Session, queues: Sequence[str]) -> int:
    """Jobs of these queues that could be begun now."""
    due = or_(Job.not_before.is_(None), Job.not_before <= clock())
    waiting = select(func.count()).where(Job.queue.in_(queues), Job.status == "queued", due)
    return session.scalar(waiting) or 0


def lease_owners(session: Session, queues: Sequence[str]) -> Sequence[str]:
    """Who is at a job of these queues."""
    running = select(Job.lease_owner).where(
        Job.queue.in_(queues), Job.status == "running", Job.lease_owner.is_not(None)
    )
    return [owner for owner in session.scalars(running) if owner is not None]


def _end_when_frozen() -> ColumnElement[str]:
    """For the rest of this transaction, at no cost: a column of the statement that takes the row."""
    name = "idle_in_transaction_session_timeout"
    return func.set_config(name, f"{FROZEN_SECONDS}s", literal(True))


def _seconds(seconds: float) -> ColumnElement[Any]:
    return func.make_interval(0, 0, 0, 0, 0, 0, literal(seconds), type_=INTERVAL)


def read_rates(session: Session) -> dict[str, float]:
    """Learnt seconds per unit of size by ``kind/step/variant``."""
    value = session.scalar(select(SystemSetting.value).where(SystemSetting.key == STEP_RATES_KEY))
    return dict(json.loads(value)) if value else {}


def write_rates(session: Session, rates: Mapping[str, float]) -> None:
    value = json.dumps({key: round(rate, 6) for key, rate in sorted(rates.items())})
    statement = insert(SystemSetting).values(
        key=STEP_RATES_KEY, value=value, description="Measured speed of the steps of jobs"
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["key"], set_={"value": value, "updated_at": func.now()}
        )
    )


def beat(session: Session, name: str, kind: str, queues: str, version: str) -> None:
    statement = insert(ProcessHeartbeat).values(
        name=name, kind=kind, queues=queues, version=version
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"beat_at": clock(), "queues": queues}
        )
    )


def forget_processes(session: Session, silent_seconds: float) -> None:
    stale = ProcessHeartbeat.beat_at < clock() - _seconds(silent_seconds)
    for row in session.scalars(select(ProcessHeartbeat).where(stale)):
        session.delete(row)


def forget_process(session: Session, name: str) -> None:
    found = session.get(ProcessHeartbeat, name)
    if found is not None:
        session.delete(found)
