"""Jobs on the wire."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class JobProblem(BaseModel):
    code: str
    message: str


class StepView(BaseModel):
    """``status`` is pending, running, done, failed or skipped; ``seconds`` what it took."""

    name: str
    label: str
    status: str
    progress: float
    error: JobProblem | None
    seconds: float | None


class JobView(BaseModel):
    """``status`` is queued, running, succeeded, failed or cancelled; ``progress`` in [0, 1]."""

    uuid: UUID
    kind: str
    status: str
    progress: float
    eta_seconds: float | None
    message: str | None
    queue_position: int | None
    steps: list[StepView]
    error: JobProblem | None
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested: bool = False
    file_uuid: UUID | None = None
    file_title: str | None = None


class JobPage(BaseModel):
    items: list[JobView]
    total: int
    page: int
    page_size: int
    total_pages: int
    has_more: bool
