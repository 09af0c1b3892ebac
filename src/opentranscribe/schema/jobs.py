"""Work to be done: a job exists if and only if its row was committed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from opentranscribe.schema.base import Base, BigKey, CreatedAt, PublicId


class Job(Base):
    """``status``: queued → running → succeeded | failed | cancelled.

    A running job is held by ``lease_owner`` until ``lease_until``; who finds it expired may take
    it over. ``attempt`` counts take-ups; past ``max_attempts`` the job is failed, not repeated for
    ever. ``progress`` in [0, 1], ``eta_seconds`` measured, never guessed from nothing.
    """

    __tablename__ = "job"

    id: Mapped[BigKey]
    uuid: Mapped[PublicId]
    kind: Mapped[str] = mapped_column(String(60))
    queue: Mapped[str] = mapped_column(String(40))
    priority: Mapped[int] = mapped_column(server_default="5", default=5)
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("user.id", ondelete="CASCADE"), index=True
    )
    media_file_id: Mapped[int | None] = mapped_column(
        ForeignKey("media_file.id", ondelete="CASCADE"), index=True
    )
    payload: Mapped[dict[str, Any]] = mapped_column(
        server_default=text("'{}'::jsonb"), default=dict
    )
    status: Mapped[str] = mapped_column(
        String(20), server_default="queued", default="queued", index=True
    )
    attempt: Mapped[int] = mapped_column(server_default="0", default=0)
    max_attempts: Mapped[int] = mapped_column(server_default="3", default=3)
    cancel_requested: Mapped[bool] = mapped_column(server_default="false", default=False)
    not_before: Mapped[datetime | None]
    progress: Mapped[float] = mapped_column(server_default="0", default=0.0)
    eta_seconds: Mapped[float | None]
    message: Mapped[str | None] = mapped_column(Text)
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(Text)
    lease_owner: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class JobStep(Base):
    """One step of a job, idempotent by (job, name, attempt).

    ``status``: pending → running → done | failed | skipped. ``result`` is what later steps need.
    """

    __tablename__ = "job_step"
    __table_args__ = (UniqueConstraint("job_id", "name"),)

    id: Mapped[BigKey]
    job_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("job.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(40))
    position: Mapped[int]
    status: Mapped[str] = mapped_column(String(20), server_default="pending", default="pending")
    attempt: Mapped[int] = mapped_column(server_default="0", default=0)
    progress: Mapped[float] = mapped_column(server_default="0", default=0.0)
    result: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"), default=dict)
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ProcessHeartbeat(Base):
    """A worker or scheduler that is alive; stale rows are dead processes."""

    __tablename__ = "process_heartbeat"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    queues: Mapped[str] = mapped_column(String(200), server_default="")
    version: Mapped[str] = mapped_column(String(40))
    started_at: Mapped[CreatedAt]
    beat_at: Mapped[CreatedAt]
