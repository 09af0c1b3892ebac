"""Every SQL statement of the library."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, exists, func, or_, select
from sqlalchemy.orm import Session

from opentranscribe.schema.jobs import Job, JobStep
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.speakers import Speaker, SpeakerProfile
from opentranscribe.schema.transcript import TranscriptDraft, TranscriptEdit, TranscriptSegment
from opentranscribe.work import Work
from opentranscribe.work.access import visible_files

SORT_COLUMNS = {
    "upload_time": MediaFile.upload_time,
    "completed_at": MediaFile.completed_at,
    "title": func.lower(func.coalesce(MediaFile.title, MediaFile.filename)),
    "filename": func.lower(MediaFile.filename),
    "duration": MediaFile.duration,
    "file_size": MediaFile.file_size,
}


@dataclass(frozen=True)
class FileFilter:
    search: str | None = None
    statuses: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    from_date: datetime | None = None
    to_date: datetime | None = None
    sort_by: str = "upload_time"
    descending: bool = True
    page: int = 1
    page_size: int = 50


def page_of_files(work: Work, wanted: FileFilter) -> tuple[int, Sequence[MediaFile]]:
    """How many there are in all, and this page of them."""
    matching = _matching(work, wanted)
    total = work.session.scalar(select(func.count()).select_from(matching.subquery())) or 0
    column = SORT_COLUMNS[wanted.sort_by]
    order = column.desc().nulls_last() if wanted.descending else column.asc().nulls_last()
    rows = work.session.scalars(
        matching.order_by(order, MediaFile.id.desc())
        .limit(wanted.page_size)
        .offset((wanted.page - 1) * wanted.page_size)
    )
    return total, rows.all()


def _matching(work: Work, wanted: FileFilter) -> Select[MediaFile]:
    query = select(MediaFile).where(visible_files(work.actor))
    if wanted.search:
        pattern = f"%{_escape_like(wanted.search)}%"
        query = query.where(or_(MediaFile.title.ilike(pattern), MediaFile.filename.ilike(pattern)))
    if wanted.statuses:
        query = query.where(MediaFile.status.in_(wanted.statuses))
    if wanted.languages:
        query = query.where(MediaFile.language.in_(wanted.languages))
    if wanted.speakers:
        query = query.where(
            exists().where(
                Speaker.media_file_id == MediaFile.id, Speaker.display_name.in_(wanted.speakers)
            )
        )
    if wanted.from_date:
        query = query.where(MediaFile.upload_time >= wanted.from_date)
    if wanted.to_date:
        query = query.where(MediaFile.upload_time <= wanted.to_date)
    return query


def _escape_like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def speakers_of(session: Session, file_ids: Iterable[int]) -> dict[int, list[Speaker]]:
    """Speakers by file, in the order of their labels."""
    found: dict[int, list[Speaker]] = {file_id: [] for file_id in file_ids}
    rows = session.scalars(
        select(Speaker).where(Speaker.media_file_id.in_(found)).order_by(Speaker.name, Speaker.id)
    )
    for speaker in rows:
        found[speaker.media_file_id].append(speaker)
    return found


def latest_jobs(session: Session, file_ids: Iterable[int]) -> dict[int, tuple[Job, list[JobStep]]]:
    """The newest transcription job of each file with its steps in order."""
    jobs = session.scalars(
        select(Job)
        .where(Job.media_file_id.in_(list(file_ids)), Job.kind.like("transcription.%"))
        .distinct(Job.media_file_id)
        .order_by(Job.media_file_id, Job.id.desc())
    ).all()
    steps: dict[int, list[JobStep]] = {job.id: [] for job in jobs}
    for step in session.scalars(
        select(JobStep).where(JobStep.job_id.in_(steps)).order_by(JobStep.position)
    ):
        steps[step.job_id].append(step)
    return {job.media_file_id: (job, steps[job.id]) for job in jobs if job.media_file_id}


def segment_rows(session: Session, file_id: int) -> Sequence[Row[Any]]:
    """Plain rows: a ten-hour transcript is too large to be worth mapping."""
    columns = (
        TranscriptSegment.uuid,
        TranscriptSegment.speaker_id,
        TranscriptSegment.start_time,
        TranscriptSegment.end_time,
        TranscriptSegment.text,
        TranscriptSegment.confidence,
        TranscriptSegment.is_overlap,
        TranscriptSegment.flags,
        TranscriptSegment.words,
    )
    return session.execute(
        select(*columns)
        .where(TranscriptSegment.media_file_id == file_id)
        .order_by(TranscriptSegment.start_time, TranscriptSegment.id)
    ).all()


def segment_count(session: Session, file_id: int) -> int:
    counted = select(func.count()).where(TranscriptSegment.media_file_id == file_id)
    return session.scalar(counted) or 0


def draft_windows(session: Session, file_id: int) -> Sequence[TranscriptDraft]:
    """Windows decoded so far by the newest job that has any, in the order of time."""
    newest = (
        select(func.max(TranscriptDraft.job_id))
        .where(TranscriptDraft.media_file_id == file_id)
        .scalar_subquery()
    )
    return session.scalars(
        select(TranscriptDraft)
        .where(TranscriptDraft.job_id == newest)
        .order_by(TranscriptDraft.window_index)
    ).all()


def profile_uuids(session: Session, profile_ids: Iterable[int]) -> dict[int, Any]:
    rows = session.execute(
        select(SpeakerProfile.id, SpeakerProfile.uuid).where(
            SpeakerProfile.id.in_(list(profile_ids))
        )
    )
    return {row.id: row.uuid for row in rows}


def last_change(session: Session, file_id: int) -> datetime | None:
    """When somebody last edited, undid or redid something in this file."""
    return session.scalar(
        select(
            func.greatest(
                func.max(TranscriptEdit.created_at),
                func.max(TranscriptEdit.undone_at),
                func.max(TranscriptEdit.redone_at),
            )
        ).where(TranscriptEdit.media_file_id == file_id)
    )
