"""Every SQL statement of the media feature."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select, text, update
from sqlalchemy.orm import Session

from opentranscribe.schema.media import MediaFile, Upload

#: PostgreSQL takes 65 535 parameters in one statement.
MOST_PARAMETERS = 10_000
UNFINISHED = ("active", "finishing")
HASH_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 5040))")


def find_upload(
    session: Session, upload_uuid: uuid.UUID, user_id: int | None, *, lock: bool = False
) -> Upload | None:
    """``user_id`` None is the system, which sees everybody's."""
    query = select(Upload).where(Upload.uuid == upload_uuid)
    if user_id is not None:
        query = query.where(Upload.user_id == user_id)
    if lock:
        query = query.with_for_update()
    return session.scalar(query)


def list_unfinished(session: Session, user_id: int, limit: int = 200) -> Sequence[Upload]:
    query = (
        select(Upload)
        .where(Upload.user_id == user_id, Upload.status.in_(UNFINISHED))
        .order_by(Upload.created_at.desc())
        .limit(limit)
    )
    return session.scalars(query).all()


def list_all_unfinished(session: Session) -> Sequence[Upload]:
    return session.scalars(select(Upload).where(Upload.status.in_(UNFINISHED))).all()


def list_expired(session: Session, now: datetime, ended_before: datetime) -> Sequence[Upload]:
    """Uploads nobody continued, and ended ones whose answer nobody will ask for any more."""
    query = select(Upload).where(
        or_(
            Upload.status.in_(UNFINISHED) & (Upload.expires_at < now),
            Upload.status.not_in(UNFINISHED) & (Upload.updated_at < ended_before),
        )
    )
    return session.scalars(query).all()


def extend_upload(session: Session, upload_uuid: uuid.UUID, expires_at: datetime) -> None:
    session.execute(
        update(Upload)
        .where(Upload.uuid == upload_uuid, Upload.status == "active")
        .values(expires_at=expires_at)
    )


def known_upload_uuids(session: Session) -> set[uuid.UUID]:
    return set(session.scalars(select(Upload.uuid)))


def lock_hash(session: Session, user_id: int, sha256: str) -> None:
    """Two uploads of the same bytes by the same person wait for each other."""
    session.execute(HASH_LOCK, {"name": f"{user_id}:{sha256}"})


def find_by_hash(session: Session, user_id: int, sha256: str) -> MediaFile | None:
    """The owner's own file only: what others have must not be told."""
    query = (
        select(MediaFile)
        .where(MediaFile.user_id == user_id, MediaFile.file_hash == sha256)
        .order_by(MediaFile.id)
        .limit(1)
    )
    return session.scalar(query)


def find_file(session: Session, file_id: int) -> MediaFile | None:
    return session.get(MediaFile, file_id)


def find_file_by_uuid(session: Session, file_uuid: uuid.UUID) -> MediaFile | None:
    return session.scalar(select(MediaFile).where(MediaFile.uuid == file_uuid))


def delete_file(session: Session, file_id: int) -> None:
    """Segments, speakers, edits, voiceprints, comments, jobs and the rest go with it (cascade)."""
    session.execute(delete(MediaFile).where(MediaFile.id == file_id))


def existing_file_uuids(session: Session, uuids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    found: set[uuid.UUID] = set()
    for at in range(0, len(uuids), MOST_PARAMETERS):
        part = uuids[at : at + MOST_PARAMETERS]
        found.update(session.scalars(select(MediaFile.uuid).where(MediaFile.uuid.in_(part))))
    return found
