"""Asking for a transcription again, on the wire."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Speakers = Annotated[int, Field(ge=1, le=50)]
Stage = Annotated[str, StringConstraints(max_length=40)]


class Reprocess(BaseModel):
    """What is left out stays as it was. ``stages`` ["rediarize"] keeps the words."""

    model_config = ConfigDict(extra="ignore")

    stages: Annotated[list[Stage], Field(max_length=20)] = []
    model: Annotated[str, StringConstraints(max_length=200)] | None = None
    whisper_model: Annotated[str, StringConstraints(max_length=200)] | None = None
    language: Annotated[str, StringConstraints(pattern=r"^(auto|[a-z]{2,3})$")] | None = None
    task: Literal["transcribe", "translate"] | None = None
    min_speakers: Speakers | None = None
    max_speakers: Speakers | None = None
    num_speakers: Speakers | None = None
    disable_diarization: bool | None = None

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min_speakers and self.max_speakers and self.min_speakers > self.max_speakers:
            raise ValueError("min_speakers must not be more than max_speakers")
        return self
