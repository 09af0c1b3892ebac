"""HTTP for the library."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from opentranscribe.edge.deps import SignedIn, WorkDep
from opentranscribe.features.library.queries import FileFilter
from opentranscribe.features.library.schemas import (
    FileChange,
    FileDetail,
    FilePage,
    SortBy,
    SortOrder,
    TranscriptOut,
)
from opentranscribe.features.library.service import LibraryService

router = APIRouter(tags=["library"])


@router.get("/files")
def list_files(
    caller: SignedIn,
    work: WorkDep,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 50,
    search: Annotated[str | None, Query(max_length=200)] = None,
    status: Annotated[list[str], Query(max_length=20)] = [],  # noqa: B006 - FastAPI copies it
    language: Annotated[list[str], Query(max_length=20)] = [],  # noqa: B006
    speaker: Annotated[list[str], Query(max_length=20)] = [],  # noqa: B006
    from_date: datetime | None = None,
    to_date: datetime | None = None,
    sort_by: SortBy = "upload_time",
    sort_order: SortOrder = "desc",
) -> FilePage:
    """The caller's recordings, newest first unless asked otherwise."""
    wanted = FileFilter(
        search=search,
        statuses=tuple(status),
        languages=tuple(language),
        speakers=tuple(speaker),
        from_date=from_date,
        to_date=to_date,
        sort_by=sort_by,
        descending=sort_order == "desc",
        page=page,
        page_size=page_size,
    )
    return LibraryService(work).list_files(wanted)


@router.get("/files/{file_uuid}")
def open_file(caller: SignedIn, work: WorkDep, file_uuid: UUID) -> FileDetail:
    return LibraryService(work).open_file(file_uuid)


@router.put("/files/{file_uuid}")
def rename_file(caller: SignedIn, work: WorkDep, file_uuid: UUID, change: FileChange) -> FileDetail:
    return LibraryService(work).rename_file(file_uuid, change.title)


@router.get("/files/{file_uuid}/transcript")
def read_transcript(caller: SignedIn, work: WorkDep, file_uuid: UUID) -> TranscriptOut:
    """The whole transcript in columns, or what has been decoded so far."""
    return LibraryService(work).read_transcript(file_uuid)
