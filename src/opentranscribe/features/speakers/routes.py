"""HTTP for speakers and the people they are."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, status

from opentranscribe.edge.deps import SignedIn, WorkDep
from opentranscribe.features.editing.queries import get_speaker
from opentranscribe.features.editing.schemas import EditOut
from opentranscribe.features.speakers import queries
from opentranscribe.features.speakers.schemas import (
    NewSpeaker,
    ProfileView,
    SpeakerChange,
    SpeakerChanged,
    SpeakerView,
    Verdict,
)
from opentranscribe.features.speakers.service import SpeakerService

router = APIRouter(tags=["speakers"])


@router.get("/speakers")
def list_speakers(
    caller: SignedIn, work: WorkDep, file_uuid: UUID | None = None
) -> list[SpeakerView]:
    found = queries.list_speakers(work, file_uuid)
    return [SpeakerView.of(speaker, uuid) for speaker, uuid in found]


@router.get("/speakers/{speaker_uuid}")
def open_speaker(caller: SignedIn, work: WorkDep, speaker_uuid: UUID) -> SpeakerView:
    speaker = get_speaker(work, speaker_uuid)
    return SpeakerView.of(speaker, SpeakerService(work).file_uuid(speaker))


@router.put("/speakers/{speaker_uuid}")
def rename_speaker(
    caller: SignedIn, work: WorkDep, speaker_uuid: UUID, change: SpeakerChange
) -> SpeakerChanged:
    """Name a voice here, or the person everywhere."""
    service = SpeakerService(work)
    speaker, edit, files = service.rename(speaker_uuid, change.display_name, change.scope)
    return SpeakerChanged(
        speaker=SpeakerView.of(speaker, service.file_uuid(speaker)),
        edit=EditOut.of(edit) if edit else None,
        changed_files=files,
    )


@router.post("/files/{file_uuid}/speakers", status_code=status.HTTP_201_CREATED)
def add_speaker(caller: SignedIn, work: WorkDep, file_uuid: UUID, new: NewSpeaker) -> SpeakerView:
    return SpeakerView.of(SpeakerService(work).add(file_uuid, new.display_name), file_uuid)


@router.post("/speakers/{speaker_uuid}/verify")
def verify_speaker(
    caller: SignedIn, work: WorkDep, speaker_uuid: UUID, action: Verdict = "accept"
) -> SpeakerChanged:
    """Answer a suggestion: accept takes the name over, reject is remembered for this voice."""
    service = SpeakerService(work)
    answer = service.accept if action == "accept" else service.reject
    speaker, edit, files = answer(speaker_uuid)
    return SpeakerChanged(
        speaker=SpeakerView.of(speaker, service.file_uuid(speaker)),
        edit=EditOut.of(edit) if edit else None,
        changed_files=files,
    )


@router.post("/speakers/{speaker_uuid}/merge/{target_uuid}")
def merge_speakers(
    caller: SignedIn, work: WorkDep, speaker_uuid: UUID, target_uuid: UUID
) -> SpeakerChanged:
    """All that the first says becomes the second's."""
    service = SpeakerService(work)
    target, edit = service.merge(speaker_uuid, target_uuid)
    view = SpeakerView.of(target, service.file_uuid(target))
    return SpeakerChanged(speaker=view, edit=EditOut.of(edit), changed_files=1)


@router.get("/speaker-profiles/profiles")
def list_profiles(caller: SignedIn, work: WorkDep) -> list[ProfileView]:
    """The people who can be named, for completion while typing."""
    return [
        ProfileView(uuid=profile.uuid, name=profile.name, media_count=count)
        for profile, count in queries.list_profiles(work)
    ]
