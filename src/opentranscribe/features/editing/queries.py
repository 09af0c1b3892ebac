"""Every SQL statement of editing."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update

from opentranscribe.features.editing.errors import (
    EditConflictError,
    EditNotFoundError,
    SegmentNotFoundError,
    SpeakerNotFoundError,
)
from opentranscribe.schema.accounts import User
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.speakers import Speaker, SpeakerProfile
from opentranscribe.schema.transcript import TranscriptEdit, TranscriptSegment
from opentranscribe.work import Work
from opentranscribe.work.access import visible_files


def get_segment(work: Work, segment_uuid: UUID) -> TranscriptSegment:
    """Locked, so that two edits of one segment follow each other."""
    found = work.session.scalar(
        select(TranscriptSegment)
        .join(MediaFile, MediaFile.id == TranscriptSegment.media_file_id)
        .where(TranscriptSegment.uuid == segment_uuid, visible_files(work.actor))
        .with_for_update(of=TranscriptSegment)
    )
    if found is None:
        raise SegmentNotFoundError(
            "That passage is no longer there; the recording was probably transcribed again. "
            "Reload the page to see the present transcript."
        )
    return found


def get_speaker(work: Work, speaker_uuid: UUID) -> Speaker:
    found = work.session.scalar(
        select(Speaker)
        .join(MediaFile, MediaFile.id == Speaker.media_file_id)
        .where(Speaker.uuid == speaker_uuid, visible_files(work.actor))
        .with_for_update(of=Speaker)
    )
    if found is None:
        raise SpeakerNotFoundError(
            "That speaker is no longer there. Reload the page to see the present speakers."
        )
    return found


def speaker_uuid(work: Work, speaker_id: int | None) -> UUID | None:
    if speaker_id is None:
        return None
    return work.session.scalar(select(Speaker.uuid).where(Speaker.id == speaker_id))


def existing_profile_id(work: Work, profile_id: int | None) -> int | None:
    """The profile if it still exists; a name outlives the profile it was linked to."""
    if profile_id is None:
        return None
    return work.session.scalar(select(SpeakerProfile.id).where(SpeakerProfile.id == profile_id))


def require_same_file(segment: TranscriptSegment, speaker: Speaker) -> None:
    if segment.media_file_id != speaker.media_file_id:
        raise EditConflictError("That speaker belongs to another recording.")


def segments_of_speaker(work: Work, speaker: Speaker) -> Sequence[UUID]:
    return work.session.scalars(
        select(TranscriptSegment.uuid)
        .where(TranscriptSegment.speaker_id == speaker.id)
        .order_by(TranscriptSegment.start_time)
    ).all()


def move_segments(work: Work, segments: Sequence[UUID], target: Speaker) -> None:
    work.session.execute(
        update(TranscriptSegment)
        .where(
            TranscriptSegment.uuid.in_(segments),
            TranscriptSegment.media_file_id == target.media_file_id,
        )
        .values(speaker_id=target.id)
    )


def get_file_by_id(work: Work, file_id: int) -> MediaFile:
    return work.session.get_one(MediaFile, file_id)


def list_edits(work: Work, file_id: int, limit: int) -> Sequence[tuple[TranscriptEdit, str | None]]:
    """Newest first, with the name of whoever made each."""
    rows = work.session.execute(
        select(TranscriptEdit, User.full_name, User.email)
        .outerjoin(User, User.id == TranscriptEdit.user_id)
        .where(TranscriptEdit.media_file_id == file_id)
        .order_by(TranscriptEdit.id.desc())
        .limit(limit)
    )
    return [(edit, full_name or email) for edit, full_name, email in rows]


def get_edit(work: Work, file_id: int, edit_uuid: UUID) -> TranscriptEdit:
    found = work.session.scalar(
        select(TranscriptEdit)
        .where(TranscriptEdit.uuid == edit_uuid, TranscriptEdit.media_file_id == file_id)
        .with_for_update()
    )
    if found is None:
        raise EditNotFoundError("There is no such change in this recording's history.")
    return found


def longest_passages(work: Work, speaker: Speaker, limit: int = 10) -> list[list[float]]:
    """[start, end] in seconds of what a voice says, the longest first."""
    rows = work.session.execute(
        select(TranscriptSegment.start_time, TranscriptSegment.end_time)
        .where(TranscriptSegment.speaker_id == speaker.id)
        .order_by((TranscriptSegment.start_time - TranscriptSegment.end_time), TranscriptSegment.id)
        .limit(limit)
    )
    return [[start, end] for start, end in rows]
