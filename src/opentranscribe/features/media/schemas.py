"""What the media routes take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field


class MediaFileOut(BaseModel):
    """A stored file as its uploader sees it right away; the library tells more."""

    uuid: UUID
    filename: str
    title: str | None
    status: str
    file_size: int
    content_type: str
    upload_time: datetime
    is_duplicate: bool = False


class UploadOut(BaseModel):
    uuid: UUID
    filename: str
    size_bytes: int
    offset: int
    status: str
    created_at: datetime
    expires_at: datetime


class UploadResult(BaseModel):
    """``file_id`` is there once ``status`` is ``finished``."""

    status: str
    file_id: UUID | None = None
    is_duplicate: bool = False
    error: str | None = None


class PrepareIn(BaseModel):
    filename: Annotated[str, Field(min_length=1, max_length=4096)]
    file_size: Annotated[int, Field(ge=0, lt=2**63)]
    content_type: Annotated[str, Field(max_length=255)] = "application/octet-stream"
    file_hash: Annotated[str | None, Field(max_length=128)] = None


class PrepareOut(BaseModel):
    """``upload_url`` takes the bytes by tus 1.0, unless the file is here already."""

    file_id: UUID | None
    is_duplicate: bool
    upload_url: str | None


class StreamUrl(BaseModel):
    url: str


class WaveformOut(BaseModel):
    """``peaks`` are [minimum, maximum] pairs in -1..1; ``duration`` in seconds."""

    samples: int
    duration: float | None
    peaks: list[list[float]]


class FormatOut(BaseModel):
    extension: str
    content_type: str


class FormatsOut(BaseModel):
    formats: list[FormatOut]
    max_bytes: int
