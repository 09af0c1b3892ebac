"""Every statement about the state of the installation."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Text, cast, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert

from opentranscribe.schema.accounts import SystemSetting, User
from opentranscribe.schema.jobs import Job, ProcessHeartbeat
from opentranscribe.schema.media import MediaFile
from opentranscribe.work import Work

DEVICES_KEY = "engine.devices"


def read_devices(work: Work) -> dict[str, str]:
    """What recognition computes on, by host."""
    value = work.session.scalar(select(SystemSetting.value).where(SystemSetting.key == DEVICES_KEY))
    return dict(json.loads(value)) if value else {}


def write_device(work: Work, host: str, device: str) -> None:
    value = json.dumps({host: device})
    statement = insert(SystemSetting).values(
        key=DEVICES_KEY, value=value, description="What recognition computes on, by host"
    )
    merged = cast(SystemSetting.value, JSONB).concat(cast(statement.excluded.value, JSONB))
    work.session.execute(
        statement.on_conflict_do_update(
            index_elements=["key"], set_={"value": cast(merged, Text), "updated_at": func.now()}
        )
    )


def ask_database(work: Work) -> None:
    work.session.execute(select(1))


def read_server_version(work: Work) -> str:
    return str(work.session.scalar(text("SHOW server_version")))


def list_live_processes(work: Work, since: datetime) -> list[ProcessHeartbeat]:
    query = (
        select(ProcessHeartbeat)
        .where(ProcessHeartbeat.beat_at >= since)
        .order_by(ProcessHeartbeat.kind, ProcessHeartbeat.name)
        .limit(200)
    )
    return list(work.session.scalars(query))


def count_users(work: Work) -> tuple[int, int]:
    """All, and those who may sign in."""
    query = select(func.count(), func.count().filter(User.is_active)).select_from(User)
    total, active = work.session.execute(query).one()
    return total, active


def sum_files(work: Work) -> tuple[int, float, int]:
    """How many recordings, their seconds, their bytes."""
    query = select(
        func.count(),
        func.coalesce(func.sum(MediaFile.duration), 0.0),
        func.coalesce(func.sum(MediaFile.file_size), 0),
    ).select_from(MediaFile)
    count, seconds, size = work.session.execute(query).one()
    return count, float(seconds or 0), int(size or 0)


def count_files_by_status(work: Work) -> dict[str, int]:
    query = select(MediaFile.status, func.count()).group_by(MediaFile.status)
    return dict(work.session.execute(query).tuples().all())


def count_jobs_by_status(work: Work) -> dict[str, int]:
    query = select(Job.status, func.count()).group_by(Job.status)
    return dict(work.session.execute(query).tuples().all())
