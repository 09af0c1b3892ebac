"""HTTP for jobs in general; a file's own job is under ``/files`` in ``transcription``."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from opentranscribe.edge.deps import SignedIn, WorkDep
from opentranscribe.features.jobs.kinds import Kinds
from opentranscribe.features.jobs.schemas import JobPage, JobView
from opentranscribe.features.jobs.service import JobService

router = APIRouter(tags=["jobs"])

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]


def known_kinds(request: Request) -> Kinds:
    """Set by the HTTP entry point as ``app.state.kinds``."""
    kinds: Kinds = request.app.state.kinds
    return kinds


KindsDep = Annotated[Kinds, Depends(known_kinds)]


@router.get("/tasks")
def list_jobs(
    caller: SignedIn,
    work: WorkDep,
    kinds: KindsDep,
    status: Annotated[list[Status], Query(max_length=5)] = [],  # noqa: B006 - FastAPI copies it
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
) -> JobPage:
    """The caller's jobs, newest first."""
    return JobService(work, kinds).list_page(status, page, page_size)


@router.get("/tasks/progress/active")
def list_active_jobs(caller: SignedIn, work: WorkDep, kinds: KindsDep) -> list[JobView]:
    """The caller's jobs that wait or run; at most 100."""
    return JobService(work, kinds).list_page(("queued", "running"), 1, 100).items


@router.get("/tasks/{job_uuid}")
def open_job(caller: SignedIn, work: WorkDep, kinds: KindsDep, job_uuid: UUID) -> JobView:
    service = JobService(work, kinds)
    return service.view(service.get(job_uuid))
