"""Speech recognition: sound in, segments with a time for every word out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from opentranscribe.kit.errors import InvalidError, UnavailableError
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.progress import Progress


@dataclass(frozen=True, slots=True)
class Word:
    """``text`` without surrounding space; times in seconds from the start of the recording."""

    start: float
    end: float
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Segment:
    """One utterance as the recogniser delivered it, before speakers are known.

    ``flags`` says what a reader should know: ``repaired`` (decoded again because the first try
    looped, blew up or spoke over silence), ``uncertain`` (still doubtful after that).
    """

    start: float
    end: float
    text: str
    words: tuple[Word, ...]
    confidence: float
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpeechSpan:
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class RecognitionOptions:
    model: str = "base"
    #: ISO 639-1 code, or None to detect.
    language: str | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    beam_size: int = 1
    hotwords: tuple[str, ...] = ()
    vad_threshold: float = 0.5
    vad_min_silence_ms: int = 2000
    vad_min_speech_ms: int = 250
    vad_speech_pad_ms: int = 400


@dataclass(frozen=True, slots=True)
class RecognitionWindow:
    """A stretch of the recording that was decoded to its end.

    ``index`` counts windows by time from 0, but windows may arrive in any order when several are
    decoded side by side. The same recording and options always give the same windows, so that a
    caller can leave out those that it kept, or that somebody else decodes.
    """

    index: int
    count: int
    start: float
    end: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class RecognitionInfo:
    language: str
    language_probability: float
    model: str
    device: str
    compute_type: str
    duration_seconds: float
    window_count: int
    speech: tuple[SpeechSpan, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class RecognizerModel:
    """A model this recogniser could use. ``state`` tells if it is on this machine."""

    name: str
    languages: Literal["all", "en"]
    size_bytes: int
    translates: bool
    state: Literal["ready", "missing", "damaged"]


class ModelMissingError(UnavailableError):
    """No source has the model; the message names the folder and the files that would do."""

    code = "model_missing"
    transient = False


class UnknownLanguageError(InvalidError):
    code = "unknown_language"


def take_all(_index: int) -> bool:
    """Every window is ours."""
    return True


class Recognizer(Protocol):
    def device(self) -> Literal["cpu", "cuda"]:
        """What it computes on, as its engine says; nothing is loaded for the answer."""
        ...

    def models(self) -> Sequence[RecognizerModel]:
        """Everything that could be asked for, whether present or not."""
        ...

    def detect_speech(
        self, audio: Pcm, options: RecognitionOptions, progress: Progress
    ) -> list[SpeechSpan]:
        """Where somebody speaks (Silero VAD), in order, not overlapping, in seconds."""
        ...

    def recognize(
        self,
        audio: Pcm,
        speech: Sequence[SpeechSpan],
        options: RecognitionOptions,
        progress: Progress,
        *,
        take: Callable[[int], bool] = take_all,
    ) -> tuple[RecognitionInfo, Iterator[RecognitionWindow]]:
        """Decode the speech. The iterator is lazy: stop consuming it and the work stops.

        ``take`` is asked once for each window, in order, shortly before it would be decoded;
        those that it refuses are left out.

        Raises ModelMissingError, UnknownLanguageError, Cancelled (through ``progress``).
        """
        ...

    def unload(self) -> None:
        """Give the memory of loaded models back."""
        ...
