"""HTTP for editing."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from opentranscribe.edge.deps import SignedIn, WorkDep
from opentranscribe.features.editing import queries
from opentranscribe.features.editing.schemas import (
    EditOut,
    SegmentEdited,
    SpeakerChange,
    TextChange,
)
from opentranscribe.features.editing.service import EditingService
from opentranscribe.features.library.service import segment_view
from opentranscribe.schema.transcript import TranscriptEdit
from opentranscribe.work import Work
from opentranscribe.work.access import get_file

router = APIRouter(tags=["editing"])


@router.put("/files/{file_uuid}/transcript/segments/{segment_uuid}")
def correct_segment(
    caller: SignedIn, work: WorkDep, file_uuid: UUID, segment_uuid: UUID, change: TextChange
) -> SegmentEdited:
    """Correct the words of a passage; their times follow."""
    edit = EditingService(work).correct_text(file_uuid, segment_uuid, change.text)
    return _edited(work, segment_uuid, edit)


@router.put("/transcripts/segments/{segment_uuid}/speaker")
def give_segment(
    caller: SignedIn, work: WorkDep, segment_uuid: UUID, change: SpeakerChange
) -> SegmentEdited:
    """Say who says a passage."""
    edit = EditingService(work).give_segment(segment_uuid, change.speaker_uuid)
    return _edited(work, segment_uuid, edit)


@router.get("/files/{file_uuid}/edits")
def list_edits(
    caller: SignedIn,
    work: WorkDep,
    file_uuid: UUID,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[EditOut]:
    """The newest changes first."""
    file = get_file(work, file_uuid)
    return [EditOut.of(edit, name) for edit, name in queries.list_edits(work, file.id, limit)]


@router.post("/files/{file_uuid}/edits/{edit_uuid}/undo")
def undo_edit(caller: SignedIn, work: WorkDep, file_uuid: UUID, edit_uuid: UUID) -> EditOut:
    return EditOut.of(EditingService(work).turn(file_uuid, edit_uuid, "undo"))


@router.post("/files/{file_uuid}/edits/{edit_uuid}/redo")
def redo_edit(caller: SignedIn, work: WorkDep, file_uuid: UUID, edit_uuid: UUID) -> EditOut:
    return EditOut.of(EditingService(work).turn(file_uuid, edit_uuid, "redo"))


def _edited(work: Work, segment_uuid: UUID, edit: TranscriptEdit | None) -> SegmentEdited:
    segment = queries.get_segment(work, segment_uuid)
    view = segment_view(segment, queries.speaker_uuid(work, segment.speaker_id))
    return SegmentEdited(segment=view, edit=EditOut.of(edit) if edit else None)
