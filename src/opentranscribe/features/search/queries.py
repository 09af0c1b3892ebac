"""Every SQL statement of the search feature, beside the index's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, or_, select
from sqlalchemy.orm import Session

from opentranscribe.schema.jobs import Job
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.speakers import Speaker
from opentranscribe.schema.transcript import TranscriptSegment
from opentranscribe.work import Work
from opentranscribe.work.access import visible_files


def spoken_segments(session: Session, file_id: int) -> Sequence[Row[Any]]:
    return session.execute(
        select(
            TranscriptSegment.text,
            TranscriptSegment.words,
            TranscriptSegment.start_time,
            TranscriptSegment.end_time,
            Speaker.name.label("label"),
            Speaker.display_name,
        )
        .outerjoin(Speaker, Speaker.id == TranscriptSegment.speaker_id)
        .where(TranscriptSegment.media_file_id == file_id)
        .order_by(TranscriptSegment.start_time, TranscriptSegment.id)
    ).all()


def waiting_job(session: Session, file_id: int, kind: str) -> int | None:
    """A job of that kind that will be taken up next: it will see what is being written now.

    One that waits out a failure does not count; people expect search to follow within a second.
    """
    return session.scalar(
        select(Job.id).where(
            Job.media_file_id == file_id,
            Job.kind == kind,
            Job.status == "queued",
            or_(Job.not_before.is_(None), Job.not_before <= func.now()),
        )
    )


def unfinished_job(session: Session, kind: str) -> Job | None:
    unfinished = select(Job).where(Job.kind == kind, Job.status.in_(("queued", "running")))
    return session.scalars(unfinished.order_by(Job.id).limit(1)).first()


def transcribed_files(session: Session) -> list[int]:
    """Ids of all recordings that have a transcript, newest first: those are looked for most."""
    spoken = select(TranscriptSegment.id).where(TranscriptSegment.media_file_id == MediaFile.id)
    return list(
        session.scalars(select(MediaFile.id).where(spoken.exists()).order_by(MediaFile.id.desc()))
    )


def existing_files(session: Session) -> Sequence[int]:
    return session.scalars(select(MediaFile.id)).all()


def files_with_job(session: Session, kind: str) -> Sequence[int]:
    """Files that a job of that kind waits or works for."""
    unfinished = Job.status.in_(("queued", "running"))
    found = select(Job.media_file_id).where(Job.kind == kind, unfinished)
    return [file_id for file_id in session.scalars(found) if file_id is not None]


def files_by_id(session: Session, file_ids: Iterable[int]) -> dict[int, MediaFile]:
    rows = session.scalars(select(MediaFile).where(MediaFile.id.in_(list(file_ids))))
    return {file.id: file for file in rows}


def speaker_names(session: Session, file_ids: Iterable[int]) -> Sequence[Any]:
    return session.execute(
        select(Speaker.media_file_id, Speaker.name, Speaker.display_name)
        .where(Speaker.media_file_id.in_(list(file_ids)))
        .order_by(Speaker.name)
    ).all()


def all_speaker_names(work: Work) -> list[str]:
    return list(
        work.session.scalars(
            select(Speaker.display_name)
            .distinct()
            .join(MediaFile, MediaFile.id == Speaker.media_file_id)
            .where(visible_files(work.actor), Speaker.display_name.is_not(None))
            .order_by(Speaker.display_name)
        )
    )


def named_among(work: Work, names: Sequence[str]) -> set[str]:
    """Those that are names which somebody gave to a voice, not the labels of voices."""
    return set(
        work.session.scalars(
            select(Speaker.display_name)
            .distinct()
            .join(MediaFile, MediaFile.id == Speaker.media_file_id)
            .where(visible_files(work.actor), Speaker.display_name.in_(names))
        )
    )


def all_languages(work: Work) -> list[str]:
    return list(
        work.session.scalars(
            select(MediaFile.language)
            .distinct()
            .where(visible_files(work.actor), MediaFile.language.is_not(None))
            .order_by(MediaFile.language)
        )
    )


def upload_range(work: Work) -> tuple[datetime | None, datetime | None]:
    first, last = work.session.execute(
        select(func.min(MediaFile.upload_time), func.max(MediaFile.upload_time)).where(
            visible_files(work.actor)
        )
    ).one()
    return first, last
