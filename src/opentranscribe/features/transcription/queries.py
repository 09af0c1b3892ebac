"""Every SQL statement of transcription."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import delete, exists, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from opentranscribe.features.transcription.rules.voices import KnownPrint, Rejection
from opentranscribe.schema.accounts import CustomVocabulary
from opentranscribe.schema.jobs import Job
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.speakers import Speaker, SpeakerProfile, Voiceprint
from opentranscribe.schema.transcript import TranscriptDraft, TranscriptEdit, TranscriptSegment

#: A namespace for the ids of stretches of overlapping speech, stable for a file.
OVERLAPS = uuid.UUID("7b7d5a52-0d54-5b0b-8f37-1f6a3f0a9c11")


def get_file_row(session: Session, file_id: int) -> MediaFile:
    return session.get_one(MediaFile, file_id)


def has_segments(session: Session, file_id: int) -> bool:
    query = select(exists().where(TranscriptSegment.media_file_id == file_id))
    return bool(session.scalar(query))


def draft_windows(session: Session, job_id: int) -> dict[int, list[Any]]:
    rows = session.execute(
        select(TranscriptDraft.window_index, TranscriptDraft.segments).where(
            TranscriptDraft.job_id == job_id
        )
    )
    return dict(rows.tuples().all())


def put_draft(session: Session, values: Mapping[str, Any]) -> None:
    statement = upsert(TranscriptDraft).values(**values)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["job_id", "window_index"],
            set_={name: values[name] for name in ("start_time", "end_time", "segments")},
        )
    )


def delete_drafts(session: Session, file_id: int) -> None:
    session.execute(delete(TranscriptDraft).where(TranscriptDraft.media_file_id == file_id))


def stored_segments(session: Session, file_id: int) -> Sequence[TranscriptSegment]:
    return session.scalars(
        select(TranscriptSegment)
        .where(TranscriptSegment.media_file_id == file_id)
        .order_by(TranscriptSegment.start_time, TranscriptSegment.id)
    ).all()


def named_voices(session: Session, file_id: int) -> dict[int, tuple[str | None, bool]]:
    """Names that people gave to voices of a file, by the person they are linked to."""
    rows = session.execute(
        select(Speaker.profile_id, Speaker.display_name, Speaker.verified).where(
            Speaker.media_file_id == file_id,
            Speaker.profile_id.is_not(None),
            Speaker.display_name.is_not(None),
        )
    )
    return {profile: (name, verified) for profile, name, verified in rows if profile}


def rejections(session: Session, file_id: int) -> list[Rejection]:
    """What people said the voices of a file are not, unless they took it back."""
    rows = session.execute(
        select(TranscriptEdit.before, TranscriptEdit.after).where(
            TranscriptEdit.media_file_id == file_id,
            TranscriptEdit.kind == "speaker_suggestion",
            TranscriptEdit.undone_at.is_(None),
        )
    )
    return [
        Rejection(
            after["rejected_profile_id"],
            before["suggested_name"],
            tuple((start, end) for start, end in after["heard"]),
        )
        for before, after in rows
    ]


def known_prints(
    session: Session, user_id: int, model: str, version: str, people: Collection[int] | None = None
) -> list[KnownPrint]:
    """Prints of the voices that the owner has named, in one embedding space: of everybody, or of
    the people with these profile ids."""
    prints = (
        select(SpeakerProfile.id, SpeakerProfile.name, Voiceprint.vector, Voiceprint.speech_seconds)
        .join(Speaker, Speaker.id == Voiceprint.speaker_id)
        .join(SpeakerProfile, SpeakerProfile.id == Speaker.profile_id)
        .where(
            Voiceprint.user_id == user_id,
            Voiceprint.model == model,
            Voiceprint.version == version,
            Speaker.display_name.is_not(None),
        )
    )
    if people is not None:
        prints = prints.where(SpeakerProfile.id.in_(people))
    return [
        KnownPrint(profile, name, np.asarray(vector, dtype=np.float32), seconds)
        for profile, name, vector, seconds in session.execute(prints)
    ]


def delete_transcript(session: Session, file_id: int) -> None:
    """Segments, voices and their prints; in the order that references allow."""
    session.execute(delete(TranscriptSegment).where(TranscriptSegment.media_file_id == file_id))
    session.execute(delete(Voiceprint).where(Voiceprint.media_file_id == file_id))
    session.execute(delete(Speaker).where(Speaker.media_file_id == file_id))


def insert_rows(session: Session, table: type[Any], rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        session.execute(insert(table), [dict(row) for row in rows])


def insert_speaker(session: Session, **values: Any) -> int:
    return session.scalars(insert(Speaker).values(**values).returning(Speaker.id)).one()


def hotwords(session: Session, user_id: int, limit: int = 200) -> tuple[str, ...]:
    """The terms to expect: the user's own first, then those for everybody."""
    rows = session.scalars(
        select(CustomVocabulary.term)
        .where(
            CustomVocabulary.is_active,
            (CustomVocabulary.user_id == user_id) | CustomVocabulary.user_id.is_(None),
        )
        .order_by(CustomVocabulary.user_id.is_(None), func.lower(CustomVocabulary.term))
        .limit(limit)
    )
    return tuple(dict.fromkeys(rows))


def files_in_work(session: Session) -> set[str]:
    """The uuids of files that have an unfinished job, as text."""
    rows = session.scalars(
        select(MediaFile.uuid)
        .join(Job, Job.media_file_id == MediaFile.id)
        .where(Job.status.in_(("queued", "running")))
    )
    return {str(found) for found in rows}
