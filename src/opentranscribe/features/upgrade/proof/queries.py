"""What a proof looks up and clears away in the database."""

from __future__ import annotations

import uuid

from sqlalchemy import Row, delete, func, select

from opentranscribe.schema.accounts import User, UserSession
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.transcript import TranscriptSegment
from opentranscribe.work import Work

SAMPLED_FILES = 100


def list_people(work: Work, domain: str) -> list[int]:
    found = select(User.id).where(User.email.like(f"proof-%@{domain}"))
    return list(work.session.scalars(found))


def find_newest_transcript(work: Work) -> Row[uuid.UUID, int, str, str] | None:
    """One passage with words of the newest recording that has any."""
    return work.session.execute(
        select(MediaFile.uuid, MediaFile.user_id, MediaFile.storage_path, TranscriptSegment.text)
        .join(TranscriptSegment, TranscriptSegment.media_file_id == MediaFile.id)
        .join(User, User.id == MediaFile.user_id)
        .where(
            MediaFile.status == "completed", User.is_active, func.length(TranscriptSegment.text) > 8
        )
        .order_by(MediaFile.id.desc(), TranscriptSegment.start_time)
        .limit(1)
    ).first()


def delete_sessions(work: Work, user_agent: str) -> None:
    work.session.execute(delete(UserSession).where(UserSession.user_agent == user_agent))


def digest_sample(work: Work) -> tuple[int, str | None]:
    """Recordings and passages of the newest files read whole; their number and a digest."""
    newest = select(MediaFile.id).order_by(MediaFile.id.desc()).limit(SAMPLED_FILES).subquery()
    texts = select(func.md5(func.coalesce(func.string_agg(TranscriptSegment.text, " "), ""))).where(
        TranscriptSegment.media_file_id.in_(select(newest.c.id))
    )
    count = work.session.scalar(select(func.count()).select_from(newest)) or 0
    return count, work.session.scalar(texts)


def list_stored(work: Work) -> list[str]:
    found = select(MediaFile.storage_path).order_by(MediaFile.id.desc()).limit(SAMPLED_FILES)
    return [path for path in work.session.scalars(found) if path]
