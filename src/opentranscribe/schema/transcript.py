"""What was said: segments with words, drafts while decoding goes on, and every edit."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from opentranscribe.schema.base import Base, BigKey, CreatedAt, IntKey, PublicId


class TranscriptSegment(Base):
    """One utterance of one speaker. ``words`` is ``[{"word", "start", "end", "score"}]`` with
    times in seconds, in the order of ``text``; ``flags`` as in ports.asr.Segment."""

    __tablename__ = "transcript_segment"

    id: Mapped[IntKey]
    uuid: Mapped[PublicId]
    media_file_id: Mapped[int] = mapped_column(ForeignKey("media_file.id", ondelete="CASCADE"))
    speaker_id: Mapped[int | None] = mapped_column(ForeignKey("speaker.id", ondelete="SET NULL"))
    start_time: Mapped[float]
    end_time: Mapped[float]
    text: Mapped[str] = mapped_column(Text)
    words: Mapped[list[Any] | None]
    confidence: Mapped[float | None]
    is_overlap: Mapped[bool] = mapped_column(server_default="false", default=False)
    overlap_group_id: Mapped[UUID | None]
    overlap_confidence: Mapped[float | None]
    flags: Mapped[list[Any]] = mapped_column(server_default=sql("'[]'::jsonb"), default=list)


class TranscriptDraft(Base):
    """A decoded window of a running job: shown as it comes, and not decoded again after a crash."""

    __tablename__ = "transcript_draft"
    __table_args__ = (UniqueConstraint("job_id", "window_index"),)

    id: Mapped[BigKey]
    job_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("job.id", ondelete="CASCADE"))
    media_file_id: Mapped[int] = mapped_column(
        ForeignKey("media_file.id", ondelete="CASCADE"), index=True
    )
    window_index: Mapped[int] = mapped_column(Integer)
    start_time: Mapped[float]
    end_time: Mapped[float]
    segments: Mapped[list[Any]]
    created_at: Mapped[CreatedAt]


class TranscriptEdit(Base):
    """One operation a person made on a transcript; undone by setting ``undone_at``, never deleted.

    ``kind``: segment_text, segment_speaker, speaker_name, speaker_merge, speaker_suggestion.
    ``before`` and ``after`` hold exactly what is needed to go either way.
    """

    __tablename__ = "transcript_edit"

    id: Mapped[BigKey]
    uuid: Mapped[PublicId]
    media_file_id: Mapped[int] = mapped_column(
        ForeignKey("media_file.id", ondelete="CASCADE"), index=True
    )
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    kind: Mapped[str] = mapped_column(String(40))
    subject_uuid: Mapped[UUID]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    created_at: Mapped[CreatedAt]
    undone_at: Mapped[datetime | None]
    redone_at: Mapped[datetime | None]
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
