"""Voices in a file, the people they belong to, and the prints that tell them apart."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import REAL, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from opentranscribe.schema.base import Base, BigKey, CreatedAt, IntKey, PublicId, UpdatedAt


class SpeakerProfile(Base):
    """A person who is recognised across files of one owner."""

    __tablename__ = "speaker_profile"

    id: Mapped[IntKey]
    uuid: Mapped[PublicId]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    embedding_count: Mapped[int] = mapped_column(server_default="0", default=0)
    last_embedding_update: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class Speaker(Base):
    """A voice in one file. ``name`` is the diarizer's label (SPEAKER_00), ``display_name`` what a
    person called it, ``suggested_name`` what the voice resembles with ``confidence``."""

    __tablename__ = "speaker"

    id: Mapped[IntKey]
    uuid: Mapped[PublicId]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    media_file_id: Mapped[int] = mapped_column(ForeignKey("media_file.id", ondelete="CASCADE"))
    profile_id: Mapped[int | None] = mapped_column(
        ForeignKey("speaker_profile.id", ondelete="SET NULL")
    )
    name: Mapped[str] = mapped_column(String(255))
    display_name: Mapped[str | None] = mapped_column(String(255))
    suggested_name: Mapped[str | None] = mapped_column(String(255))
    suggestion_source: Mapped[str | None] = mapped_column(String(50))
    verified: Mapped[bool] = mapped_column(server_default="false", default=False)
    confidence: Mapped[float | None]
    created_at: Mapped[CreatedAt]


class Voiceprint(Base):
    """The truth about a voice: an L2-normalised embedding with the model that made it."""

    __tablename__ = "voiceprint"
    __table_args__ = (UniqueConstraint("speaker_id", "model", "version"),)

    id: Mapped[BigKey]
    speaker_id: Mapped[int] = mapped_column(ForeignKey("speaker.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    media_file_id: Mapped[int] = mapped_column(
        ForeignKey("media_file.id", ondelete="CASCADE"), index=True
    )
    model: Mapped[str] = mapped_column(String(100))
    version: Mapped[str] = mapped_column(String(40))
    dimension: Mapped[int]
    vector: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    speech_seconds: Mapped[float]
    created_at: Mapped[CreatedAt]
