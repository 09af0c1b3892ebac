"""The speakers' shapes on the wire."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, StringConstraints

from opentranscribe.features.editing.schemas import EditOut
from opentranscribe.features.library.rules import speaker_name
from opentranscribe.schema.speakers import Speaker

Name = Annotated[str, StringConstraints(max_length=2000)]


#: What a person says of a suggestion.
Verdict = Literal["accept", "reject"]


class SpeakerView(BaseModel):
    uuid: UUID
    file_uuid: UUID
    label: str
    name: str
    display_name: str | None
    suggested_name: str | None
    suggestion_source: str | None
    confidence: float | None
    verified: bool

    @classmethod
    def of(cls, speaker: Speaker, file_uuid: UUID) -> SpeakerView:
        return cls(
            uuid=speaker.uuid,
            file_uuid=file_uuid,
            label=speaker.name,
            name=speaker_name(speaker.name, speaker.display_name),
            display_name=speaker.display_name,
            suggested_name=speaker.suggested_name,
            suggestion_source=speaker.suggestion_source,
            confidence=speaker.confidence,
            verified=speaker.verified,
        )


class SpeakerChange(BaseModel):
    """``everywhere`` renames the person, in every recording the voice is linked to."""

    display_name: Name | None
    scope: Literal["file", "everywhere"] = "file"


class NewSpeaker(BaseModel):
    display_name: Name | None = None


class SpeakerChanged(BaseModel):
    speaker: SpeakerView
    edit: EditOut | None
    changed_files: int


class ProfileView(BaseModel):
    uuid: UUID
    name: str
    media_count: int
