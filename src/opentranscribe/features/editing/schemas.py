"""Editing's shapes on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, StringConstraints

from opentranscribe.features.editing.service import MAX_SEGMENT_CHARACTERS
from opentranscribe.features.library.schemas import SegmentOut
from opentranscribe.schema.transcript import TranscriptEdit

SUMMARIES = {
    "segment_text": "Corrected the words",
    "segment_speaker": "Changed who says a passage",
    "speaker_name": "Named a speaker",
    "speaker_suggestion": "Said who a speaker is not",
    "speaker_merge": "Merged two speakers",
}


class TextChange(BaseModel):
    text: Annotated[str, StringConstraints(max_length=MAX_SEGMENT_CHARACTERS)]


class SpeakerChange(BaseModel):
    speaker_uuid: UUID | None


class EditOut(BaseModel):
    uuid: UUID
    kind: str
    summary: str
    subject_uuid: UUID
    user_name: str | None
    created_at: datetime
    undone_at: datetime | None
    before: dict[str, Any]
    after: dict[str, Any]

    @classmethod
    def of(cls, edit: TranscriptEdit, user_name: str | None = None) -> EditOut:
        return cls(
            uuid=edit.uuid,
            kind=edit.kind,
            summary=SUMMARIES[edit.kind],
            subject_uuid=edit.subject_uuid,
            user_name=user_name,
            created_at=edit.created_at,
            undone_at=edit.undone_at,
            before=_readable(edit.before),
            after=_readable(edit.after),
        )


class SegmentEdited(BaseModel):
    """``edit`` is None when nothing was different."""

    segment: SegmentOut
    edit: EditOut | None


def _readable(state: dict[str, Any]) -> dict[str, Any]:
    """What a person can make sense of: no word times, no private ids."""
    private = {"words", "segments", "profile_id", "rejected_profile_id", "flags", "heard"}
    hidden = private | {"suggestion_source", "confidence"}
    return {key: value for key, value in state.items() if key not in hidden}
