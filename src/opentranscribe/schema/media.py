"""Files that people brought, and uploads on their way in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from opentranscribe.schema.base import Base, BigKey, CreatedAt, IntKey, PublicId, UpdatedAt


class MediaFile(Base):
    """A recording. ``status`` walks pending → processing → completed | error | cancelled.

    ``file_hash`` is the SHA-256 of the bytes as uploaded; ``notices`` lists what a reader should
    know (``[{"code", "message"}]``), for instance that the recording is cut short or that
    diarization failed while the transcript is good. ``peaks_path`` and ``thumbnail_path`` are
    object keys like ``storage_path``.
    """

    __tablename__ = "media_file"

    id: Mapped[IntKey]
    uuid: Mapped[PublicId]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    filename: Mapped[str] = mapped_column(String(255))
    title: Mapped[str | None] = mapped_column(String(255))
    author: Mapped[str | None] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    storage_path: Mapped[str] = mapped_column(String(500))
    thumbnail_path: Mapped[str | None] = mapped_column(String(500))
    peaks_path: Mapped[str | None] = mapped_column(String(500))
    file_size: Mapped[int] = mapped_column(BigInteger)
    file_hash: Mapped[str | None] = mapped_column(String(255))
    content_type: Mapped[str] = mapped_column(String(100))
    media_format: Mapped[str | None] = mapped_column(String(50))
    codec: Mapped[str | None] = mapped_column(String(50))
    duration: Mapped[float | None]
    frame_rate: Mapped[float | None]
    resolution_width: Mapped[int | None]
    resolution_height: Mapped[int | None]
    audio_channels: Mapped[int | None]
    audio_sample_rate: Mapped[int | None]
    creation_date: Mapped[datetime | None]
    metadata_raw: Mapped[dict[str, Any] | None]
    language: Mapped[str | None] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(50), server_default="pending", default="pending")
    error_category: Mapped[str | None] = mapped_column(String(50))
    last_error_message: Mapped[str | None] = mapped_column(Text)
    notices: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"), default=list)
    requested_whisper_model: Mapped[str | None] = mapped_column(String)
    whisper_model: Mapped[str | None] = mapped_column(String)
    diarization_model: Mapped[str | None] = mapped_column(String)
    embedding_mode: Mapped[str | None] = mapped_column(String)
    diarization_disabled: Mapped[bool] = mapped_column(server_default="false", default=False)
    upload_time: Mapped[CreatedAt]
    completed_at: Mapped[datetime | None]


class Upload(Base):
    """A resumable upload (tus). The bytes lie in a spool file named by ``uuid``; its durable
    length is the offset, so that no row can promise more than the disk holds.

    ``status`` is active → finishing → finished | failed | aborted.
    """

    __tablename__ = "upload"

    id: Mapped[BigKey]
    uuid: Mapped[PublicId]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    filename: Mapped[str] = mapped_column(String(255))
    content_type: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    expected_sha256: Mapped[str | None] = mapped_column(String(64))
    options: Mapped[dict[str, Any]] = mapped_column(
        server_default=text("'{}'::jsonb"), default=dict
    )
    status: Mapped[str] = mapped_column(String(20), server_default="active", default="active")
    error_message: Mapped[str | None] = mapped_column(Text)
    media_file_id: Mapped[int | None] = mapped_column(
        ForeignKey("media_file.id", ondelete="SET NULL"), index=True
    )
    is_duplicate: Mapped[bool] = mapped_column(server_default="false", default=False)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]
    expires_at: Mapped[datetime]
