"""Every SQL statement of the speakers feature."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.speakers import Speaker, SpeakerProfile
from opentranscribe.work import Work
from opentranscribe.work.access import visible_files


def list_speakers(work: Work, file_uuid: UUID | None) -> Sequence[tuple[Speaker, UUID]]:
    query = (
        select(Speaker, MediaFile.uuid)
        .join(MediaFile, MediaFile.id == Speaker.media_file_id)
        .where(visible_files(work.actor))
        .order_by(MediaFile.id.desc(), Speaker.name)
        .limit(2000)
    )
    if file_uuid is not None:
        query = query.where(MediaFile.uuid == file_uuid)
    return [(speaker, uuid) for speaker, uuid in work.session.execute(query)]


def labels_in_file(work: Work, file_id: int) -> list[str]:
    return list(work.session.scalars(select(Speaker.name).where(Speaker.media_file_id == file_id)))


def profile_named(work: Work, user_id: int, name: str) -> SpeakerProfile:
    """The owner's person of that name, made if there is none; safe against two at once."""
    work.session.execute(
        insert(SpeakerProfile)
        .values(user_id=user_id, name=name)
        .on_conflict_do_nothing(index_elements=["user_id", "name"])
    )
    return work.session.scalars(
        select(SpeakerProfile).where(SpeakerProfile.user_id == user_id, SpeakerProfile.name == name)
    ).one()


def profile_id_named(work: Work, user_id: int, name: str) -> int | None:
    return work.session.scalar(
        select(SpeakerProfile.id).where(
            SpeakerProfile.user_id == user_id, SpeakerProfile.name == name
        )
    )


def same_person(work: Work, speaker: Speaker) -> Sequence[UUID]:
    """The owner's other voices that are linked to the same person."""
    if speaker.profile_id is None:
        return []
    return work.session.scalars(
        select(Speaker.uuid)
        .where(
            Speaker.user_id == speaker.user_id,
            Speaker.id != speaker.id,
            Speaker.profile_id == speaker.profile_id,
        )
        .order_by(Speaker.id)
    ).all()


def list_profiles(work: Work) -> Sequence[tuple[SpeakerProfile, int]]:
    """The caller's people by name, with the number of their recordings."""
    files = func.count(func.distinct(Speaker.media_file_id))
    rows = work.session.execute(
        select(SpeakerProfile, files)
        .outerjoin(Speaker, Speaker.profile_id == SpeakerProfile.id)
        .where(SpeakerProfile.user_id == work.actor.user_id)
        .group_by(SpeakerProfile.id)
        .order_by(func.lower(SpeakerProfile.name))
    )
    return [(profile, count) for profile, count in rows]
