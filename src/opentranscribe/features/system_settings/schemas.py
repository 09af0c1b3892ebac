"""Settings and vocabulary on the wire."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Term = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Domain = Literal["medical", "legal", "corporate", "government", "technical", "general"]
DOMAINS: tuple[Domain, ...] = (
    "general",
    "medical",
    "legal",
    "corporate",
    "government",
    "technical",
)
Speakers = Annotated[int, Field(ge=1, le=50)]


class TranscriptionSettings(BaseModel):
    """How the caller's recordings are transcribed unless an upload says otherwise."""

    model: str | None
    language: str | None
    task: Literal["transcribe", "translate"]
    min_speakers: int | None
    max_speakers: int | None
    diarization_source: str
    speaker_prompt_behavior: str
    vad_threshold: float
    vad_min_silence_ms: int
    vad_min_speech_ms: int
    vad_speech_pad_ms: int
    default_model: str


class TranscriptionSettingsChange(BaseModel):
    """Only what is sent is changed; null puts the default back."""

    model_config = ConfigDict(extra="ignore")

    model: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] | None = None
    language: Annotated[str, StringConstraints(pattern=r"^(auto|[a-z]{2,3})$")] | None = None
    task: Literal["transcribe", "translate"] | None = None
    min_speakers: Speakers | None = None
    max_speakers: Speakers | None = None
    diarization_source: Literal["provider", "local", "pyannote", "off"] | None = None
    speaker_prompt_behavior: Literal["always_prompt", "use_defaults", "use_custom"] | None = None
    vad_threshold: Annotated[float, Field(ge=0.1, le=0.95)] | None = None
    vad_min_silence_ms: Annotated[int, Field(ge=50, le=20_000)] | None = None
    vad_min_speech_ms: Annotated[int, Field(ge=0, le=10_000)] | None = None
    vad_speech_pad_ms: Annotated[int, Field(ge=0, le=5_000)] | None = None

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min_speakers and self.max_speakers and self.min_speakers > self.max_speakers:
            raise ValueError("min_speakers must not be more than max_speakers")
        return self


class TermIn(BaseModel):
    term: Term
    domain: Domain = "general"
    category: Annotated[str, StringConstraints(max_length=100)] | None = None
    is_active: bool = True


class TermsIn(BaseModel):
    terms: Annotated[list[TermIn | Term], Field(max_length=1000)]
    domain: Domain = "general"


class TermOut(BaseModel):
    """``is_system`` terms hold for everybody and are changed by administrators only."""

    id: int
    term: str
    domain: str
    category: str | None
    is_active: bool
    is_system: bool


class TermsAdded(BaseModel):
    created: int
    skipped: int
