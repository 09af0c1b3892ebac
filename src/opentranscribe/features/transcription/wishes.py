"""What is wanted of a transcription; kept as the payload of its job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from opentranscribe.ports.asr import RecognitionOptions
from opentranscribe.ports.diarization import SpeakerCount

Task = Literal["transcribe", "translate"]
MOST_SPEAKERS = 50


@dataclass(frozen=True, slots=True)
class Wishes:
    """``language`` None is detected; speaker bounds None are open."""

    model: str = "base"
    language: str | None = None
    task: Task = "transcribe"
    min_speakers: int | None = None
    max_speakers: int | None = None
    diarize: bool = True
    vad_threshold: float = 0.5
    vad_min_silence_ms: int = 2000
    vad_min_speech_ms: int = 250
    vad_speech_pad_ms: int = 400
    beam_size: int = 1

    @property
    def speaker_count(self) -> SpeakerCount:
        return SpeakerCount(self.min_speakers, self.max_speakers)

    def recognition(self, hotwords: tuple[str, ...]) -> RecognitionOptions:
        return RecognitionOptions(
            model=self.model,
            language=self.language,
            task=self.task,
            beam_size=self.beam_size,
            hotwords=hotwords,
            vad_threshold=self.vad_threshold,
            vad_min_silence_ms=self.vad_min_silence_ms,
            vad_min_speech_ms=self.vad_min_speech_ms,
            vad_speech_pad_ms=self.vad_speech_pad_ms,
        )

    def as_payload(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_payload(cls, payload: Mapping[str, Any]) -> Wishes:
        """Unknown keys are ignored, so that a job of another version can still be read."""
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in payload.items() if key in known})

    def changed_by(self, options: Mapping[str, Any]) -> Wishes:
        """These wishes with what an upload or a request asks for; nonsense is not taken over.

        Understands model (or whisper_model), language (``auto`` is detection), task,
        num_speakers, min_speakers, max_speakers and disable_diarization.
        """
        values = asdict(self)
        model = options.get("model") or options.get("whisper_model")
        if isinstance(model, str) and model.strip():
            values["model"] = model.strip()[:200]
        language = options.get("language")
        if isinstance(language, str) and language.strip():
            code = language.strip().lower()[:10]
            values["language"] = None if code == "auto" else code
        if options.get("task") in ("transcribe", "translate"):
            values["task"] = options["task"]
        exact = as_count(options.get("num_speakers"))
        minimum = exact or as_count(options.get("min_speakers"))
        maximum = exact or as_count(options.get("max_speakers"))
        if minimum or maximum:
            values["min_speakers"], values["max_speakers"] = _ordered(minimum, maximum)
        if options.get("disable_diarization") is not None:
            values["diarize"] = not is_true(options["disable_diarization"])
        return Wishes(**values)


def as_count(value: object) -> int | None:
    """A speaker count, from a number or its text; None for anything else."""
    text = str(value).strip() if isinstance(value, int | str) else ""
    if not text.isascii() or not text.isdigit():
        return None
    number = int(text[:6])
    return min(number, MOST_SPEAKERS) if number >= 1 else None


def is_true(value: object) -> bool:
    return value is True or str(value).strip().lower() in {"1", "true", "yes", "on"}


def _ordered(minimum: int | None, maximum: int | None) -> tuple[int | None, int | None]:
    if minimum and maximum and minimum > maximum:
        return maximum, minimum
    return minimum, maximum
