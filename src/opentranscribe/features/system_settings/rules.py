"""Settings are stored as text; this is how each key is read and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


def _truth(text: str) -> bool:
    return text.strip().lower() in {"1", "true", "yes", "on"}


def _choice(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return read


def _language(text: str) -> str | None:
    return None if text in ("", "auto") else text


@dataclass(frozen=True, slots=True)
class StoredChoice:
    """``name`` is ours, ``key`` the row's; ``read`` raises ValueError for nonsense."""

    name: str
    key: str
    read: Callable[[str], Any]
    default: Any


CHOICES = (
    StoredChoice("model", "transcription_model", str, None),
    StoredChoice("language", "transcription_source_language", _language, None),
    StoredChoice(
        "task",
        "transcription_translate_to_english",
        lambda text: "translate" if _truth(text) else "transcribe",
        "transcribe",
    ),
    StoredChoice("min_speakers", "transcription_min_speakers", int, None),
    StoredChoice("max_speakers", "transcription_max_speakers", int, None),
    StoredChoice(
        "diarization_source",
        "transcription_diarization_source",
        _choice("provider", "local", "pyannote", "off"),
        "local",
    ),
    StoredChoice(
        "speaker_prompt_behavior",
        "transcription_speaker_prompt_behavior",
        _choice("always_prompt", "use_defaults", "use_custom"),
        "always_prompt",
    ),
    StoredChoice("vad_threshold", "transcription_vad_threshold", float, 0.5),
    StoredChoice("vad_min_silence_ms", "transcription_vad_min_silence_ms", int, 2000),
    StoredChoice("vad_min_speech_ms", "transcription_vad_min_speech_ms", int, 250),
    StoredChoice("vad_speech_pad_ms", "transcription_vad_speech_pad_ms", int, 400),
)
BY_NAME = {choice.name: choice for choice in CHOICES}


def read_choices(stored: Mapping[str, str | None]) -> dict[str, Any]:
    """Every choice by our names; what is absent or unreadable has its default."""
    found: dict[str, Any] = {}
    for choice in CHOICES:
        text = stored.get(choice.key)
        try:
            found[choice.name] = choice.default if text is None else choice.read(text)
        except ValueError:
            found[choice.name] = choice.default
    return found


def stored_text(name: str, value: Any) -> str | None:
    """As the row keeps it; None removes the row."""
    if name == "task":
        return "true" if value == "translate" else "false"
    return None if value is None else str(value)
