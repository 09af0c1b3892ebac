"""What the steps hand to each other and what comes out, with the forms they are kept in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from opentranscribe.features.transcription.rules.cleanup import StoredSegment
from opentranscribe.features.transcription.rules.voices import Resemblance
from opentranscribe.ports.asr import RecognitionInfo, RecognitionWindow, Segment, SpeechSpan, Word
from opentranscribe.ports.diarization import Diarization, Turn, Voiceprint


@dataclass(frozen=True, slots=True)
class Voice:
    """Speaker ``number`` of a transcript. ``label`` is SPEAKER_00 for the first to speak."""

    number: int
    voiceprint: Voiceprint | None
    resembles: Resemblance | None

    @property
    def label(self) -> str:
        return f"SPEAKER_{self.number:02d}"


@dataclass(frozen=True, slots=True)
class Transcript:
    """``recognition`` is None when the words were there already and only voices are new."""

    segments: tuple[StoredSegment, ...]
    voices: tuple[Voice, ...]
    duration_seconds: float
    recognition: Mapping[str, Any] | None
    diarization_model: str | None


def segment_json(segment: Segment) -> dict[str, Any]:
    """As kept in transcript_draft: ``words`` as in transcript_segment, one per token."""
    return {
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "confidence": round(segment.confidence, 4),
        "flags": list(segment.flags),
        "words": [
            {
                "word": word.text,
                "start": round(word.start, 3),
                "end": round(word.end, 3),
                "score": round(word.probability, 4),
            }
            for word in segment.words
        ],
    }


def segment_of_json(entry: Mapping[str, Any]) -> Segment:
    return Segment(
        start=entry["start"],
        end=entry["end"],
        text=entry["text"],
        words=words_of_json(entry.get("words") or ()),
        confidence=entry.get("confidence") or 0.0,
        flags=tuple(entry.get("flags") or ()),
    )


def words_of_json(entries: Iterable[Mapping[str, Any]]) -> tuple[Word, ...]:
    return tuple(
        Word(entry["start"], entry["end"], entry["word"], entry.get("score") or 0.0)
        for entry in entries
    )


def speech_json(spans: Sequence[SpeechSpan]) -> dict[str, Any]:
    return {"spans": [[round(span.start, 3), round(span.end, 3)] for span in spans]}


def speech_of_json(result: Mapping[str, Any]) -> list[SpeechSpan]:
    return [SpeechSpan(start, end) for start, end in result["spans"]]


def recognition_json(info: RecognitionInfo) -> dict[str, Any]:
    return {
        "language": info.language,
        "language_probability": round(info.language_probability, 4),
        "model": info.model,
        "device": info.device,
        "compute_type": info.compute_type,
    }


def diarization_json(found: Diarization) -> dict[str, Any]:
    return {
        "turns": [[round(t.start, 3), round(t.end, 3), t.speaker] for t in found.turns],
        "prints": [None if one is None else _print_json(one) for one in found.voiceprints],
    }


def diarization_of_json(result: Mapping[str, Any]) -> Diarization:
    return Diarization(
        turns=tuple(Turn(start, end, speaker) for start, end, speaker in result["turns"]),
        voiceprints=tuple(None if one is None else _print_of_json(one) for one in result["prints"]),
    )


def resemblances_json(found: Mapping[int, Resemblance]) -> dict[str, Any]:
    return {
        "voices": {
            str(voice): {
                "profile_id": one.profile_id,
                "name": one.name,
                "score": round(one.score, 4),
                "sure": one.sure,
            }
            for voice, one in found.items()
        }
    }


def resemblances_of_json(result: Mapping[str, Any]) -> dict[int, Resemblance]:
    return {int(voice): Resemblance(**one) for voice, one in result["voices"].items()}


def window_segments(windows: Mapping[int, Sequence[Segment]]) -> list[Segment]:
    """The segments of all windows in the order of time."""
    return [segment for index in sorted(windows) for segment in windows[index]]


def storable_window(window: RecognitionWindow) -> list[dict[str, Any]]:
    return [segment_json(segment) for segment in window.segments]


def _print_json(one: Voiceprint) -> dict[str, Any]:
    return {
        "vector": [round(float(value), 7) for value in one.vector],
        "model": one.model,
        "version": one.version,
        "speech_seconds": round(one.speech_seconds, 2),
    }


def _print_of_json(entry: Mapping[str, Any]) -> Voiceprint:
    return Voiceprint(
        vector=np.asarray(entry["vector"], dtype=np.float32),
        model=entry["model"],
        version=entry["version"],
        speech_seconds=entry["speech_seconds"],
    )
