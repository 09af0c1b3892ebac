"""The library's shapes on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
SortBy = Literal["upload_time", "completed_at", "title", "filename", "duration", "file_size"]
SortOrder = Literal["asc", "desc"]


class NoticeOut(BaseModel):
    code: str
    message: str


class SpeakerTag(BaseModel):
    uuid: UUID
    label: str
    name: str


class StepSummary(BaseModel):
    name: str
    status: str
    progress: float


class JobSummary(BaseModel):
    """How far the work on a file is; ``GET /files/{uuid}/job`` tells more."""

    uuid: UUID
    kind: str
    status: str
    progress: float
    eta_seconds: float | None
    message: str | None
    attempt: int
    created_at: datetime
    started_at: datetime | None
    steps: list[StepSummary]


class FileItem(BaseModel):
    uuid: UUID
    filename: str
    title: str
    status: str
    content_type: str
    has_video: bool
    duration: float | None
    language: str | None
    file_size: int
    file_hash: str | None
    upload_time: datetime
    completed_at: datetime | None
    thumbnail_url: str | None
    speakers: list[SpeakerTag]
    speaker_count: int
    error: NoticeOut | None
    notices: list[NoticeOut]
    job: JobSummary | None
    whisper_model: str | None


class FileDetail(FileItem):
    author: str | None
    description: str | None
    media_format: str | None
    codec: str | None
    resolution_width: int | None
    resolution_height: int | None
    audio_channels: int | None
    audio_sample_rate: int | None
    creation_date: datetime | None
    requested_whisper_model: str | None
    diarization_model: str | None
    total_segments: int
    my_permission: Literal["owner"] = "owner"


class FilePage(BaseModel):
    items: list[FileItem]
    total: int
    page: int
    page_size: int
    total_pages: int
    has_more: bool


class FileChange(BaseModel):
    title: Title


class SpeakerOut(BaseModel):
    """A voice in this file; ``color_index`` is stable for its whole life."""

    uuid: UUID
    label: str
    name: str
    display_name: str | None
    suggested_name: str | None
    suggestion_source: str | None
    confidence: float | None
    verified: bool
    profile_uuid: UUID | None
    color_index: int
    talk_seconds: float


class SegmentOut(BaseModel):
    """``w``, ``e`` (ms) and ``c`` (0..100) have one entry per whitespace token of ``text``."""

    uuid: UUID | None
    speaker_uuid: UUID | None
    start: float
    end: float
    text: str
    confidence: float | None
    is_overlap: bool
    flags: list[str]
    w: list[int]
    e: list[int]
    c: list[int]


class TranscriptOut(BaseModel):
    file_uuid: UUID
    language: str | None
    status: Literal["none", "draft", "final"]
    duration: float | None
    revision: int = Field(description="Grows with every change of what is said or who says it.")
    speakers: list[SpeakerOut]
    segments: list[SegmentOut]
