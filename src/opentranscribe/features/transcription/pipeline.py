"""What each step does to one recording, the same under the server and on the command line.

A step reads what it needs, computes outside any transaction and says what to write. Where things
are written is the business of a :class:`TranscriptStore`.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from opentranscribe.features.jobs.kinds import Outcome, Results, StepRun
from opentranscribe.features.transcription import transcript as forms
from opentranscribe.features.transcription.rules.assignment import assign_speakers
from opentranscribe.features.transcription.rules.cleanup import clean_segments
from opentranscribe.features.transcription.rules.voices import KnownPrint, recognise_voices
from opentranscribe.features.transcription.transcript import Transcript, Voice
from opentranscribe.features.transcription.wishes import Wishes
from opentranscribe.kit.errors import InvalidError
from opentranscribe.ports.asr import RecognitionInfo, RecognitionWindow, Recognizer, Segment
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.diarization import Diarization, Diarizer
from opentranscribe.ports.media_tools import Decoded, MediaInfo, MediaTools
from opentranscribe.ports.progress import Progress, ignore_progress
from opentranscribe.work import Work

Write = Callable[[Work], None]
THUMBNAIL_PART = 0.1
THUMBNAIL_LATEST_SECONDS = 30.0


class TranscriptStore(Protocol):
    """Where steps find and leave things. A returned write runs when the step is marked done."""

    def save_media_facts(self, info: MediaInfo) -> Write | None: ...

    def save_sound(self, decoded: Decoded, peaks: Path) -> Write | None:
        """May take the peaks file away."""
        ...

    def save_thumbnail(self, picture: Path) -> Write | None: ...

    def windows(self) -> dict[int, list[Segment]]:
        """What has been recognised so far, by window."""
        ...

    def save_window(self, run: StepRun, window: RecognitionWindow) -> None: ...

    def words(self) -> list[Segment]:
        """Everything recognised, in order of time."""
        ...

    def known_prints(
        self, model: str, version: str, vectors: Sequence[NDArray[np.float32]]
    ) -> Sequence[KnownPrint]:
        """Of the people whom voices with these prints may be, or of everybody."""
        ...

    def save_transcript(self, transcript: Transcript) -> Write | None: ...


class Share(Protocol):
    """Who decodes which windows of a recording."""

    def progress(self, fraction: float) -> None:
        """Tell how far the recognition is; raises when it is no longer wanted."""
        ...

    def offer(self, info: RecognitionInfo) -> None:
        """The recording is known now; others may be asked to help."""
        ...

    def take(self, window: int) -> bool:
        """Whether this window is ours to decode."""
        ...

    def wait(self) -> bool:
        """Until others have done theirs; whether windows are left over for us."""
        ...

    def withdraw(self, work: Work) -> None:
        """Nobody shall help any more."""
        ...


class Alone:
    """Every window is ours."""

    def __init__(self, run: StepRun) -> None:
        self._run = run

    def progress(self, fraction: float) -> None:
        self._run.progress(fraction)

    def offer(self, info: RecognitionInfo) -> None:
        """There is nobody to offer it to."""

    def take(self, window: int) -> bool:
        return True

    def wait(self) -> bool:
        return False

    def withdraw(self, work: Work) -> None:
        """Nobody was asked."""


def alone(run: StepRun) -> Share:
    return Alone(run)


class OtherWindowsError(InvalidError):
    """This version would cut the recording differently from the one that asked for help."""

    code = "other_windows"


@dataclass(frozen=True)
class Engines:
    media_tools: MediaTools
    recognizer: Recognizer
    diarizer: Diarizer


class Pipeline:
    """The subject of the steps: one recording and what is wanted of it."""

    def __init__(
        self,
        engines: Engines,
        store: TranscriptStore,
        *,
        source: Path,
        scratch: Path,
        wishes: Wishes,
        hotwords: tuple[str, ...] = (),
        share: Callable[[StepRun], Share] = alone,
    ) -> None:
        self.engines = engines
        self.store = store
        self.source = source
        self.scratch = scratch
        self.wishes = wishes
        self._share = share
        self._options = wishes.recognition(hotwords)
        self._audio_lock = threading.Lock()
        self._assigned: Transcript | None = None

    @property
    def sound_file(self) -> Path:
        return self.scratch / "audio.s16"

    def discard_scratch(self) -> None:
        shutil.rmtree(self.scratch, ignore_errors=True)

    def is_diarization_wanted(self, _results: Results) -> bool:
        return self.wishes.diarize

    def has_video(self, results: Results) -> bool:
        return bool(results["probe"].get("has_video"))

    def duration_seconds(self, results: Results) -> float | None:
        """Seconds of sound, once decoded (or as the container says, before)."""
        decoded = results.get("decode", {}).get("duration")
        return decoded if decoded is not None else results.get("probe", {}).get("duration")

    def probe(self, run: StepRun) -> Outcome:
        info = self.engines.media_tools.probe(self.source)
        result = {"duration": info.duration_seconds, "has_video": info.has_video}
        return Outcome(result, self.store.save_media_facts(info))

    def decode(self, run: StepRun) -> Outcome:
        peaks = self.scratch / "peaks.i16"
        decoded = self._decode(peaks, run.progress)
        result = {
            "duration": decoded.duration_seconds,
            "samples": decoded.sample_count,
            "warnings": list(decoded.warnings),
        }
        return Outcome(result, self.store.save_sound(decoded, peaks))

    def make_thumbnail(self, run: StepRun) -> Outcome:
        duration = run.results["probe"].get("duration") or 0.0
        at_seconds = min(duration * THUMBNAIL_PART, THUMBNAIL_LATEST_SECONDS)
        self.scratch.mkdir(parents=True, exist_ok=True)
        picture = self.scratch / "thumbnail.webp"
        self.engines.media_tools.thumbnail(self.source, picture, at_seconds)
        return Outcome(write=self.store.save_thumbnail(picture))

    def detect_speech(self, run: StepRun) -> Outcome:
        spans = self.engines.recognizer.detect_speech(
            self._audio(run.results), self._options, run.progress
        )
        return Outcome(forms.speech_json(spans))

    def transcribe(self, run: StepRun) -> Outcome:
        """Passes over the windows until none is left; a second one only after others failed."""
        share = self._share(run)
        options = self._options
        found: RecognitionInfo | None = None
        while found is None or share.wait():
            kept = frozenset(self.store.windows())
            info, windows = self.engines.recognizer.recognize(
                self._audio(run.results),
                forms.speech_of_json(run.results["speech"]),
                options,
                share.progress,
                take=partial(_is_to_be_done, share=share, kept=kept),
            )
            found = found or info
            options = replace(options, language=found.language)
            share.offer(found)
            self._keep(run, windows)
        return Outcome(forms.recognition_json(found), share.withdraw)

    def transcribe_part(
        self, run: StepRun, results: Results, wanted: range, window_count: int, language: str
    ) -> None:
        """Decode the ``wanted`` windows of a recording whose job, held by somebody else, has found
        ``results`` so far. Raises OtherWindowsError when the recording has not ``window_count``."""
        kept = frozenset(self.store.windows())
        info, windows = self.engines.recognizer.recognize(
            self._audio(results),
            forms.speech_of_json(results["speech"]),
            replace(self._options, language=language),
            run.progress,
            take=lambda index: index in wanted and index not in kept,
        )
        if info.window_count != window_count:
            raise OtherWindowsError("This worker would cut the recording differently.")
        self._keep(run, windows)

    def _keep(self, run: StepRun, windows: Iterator[RecognitionWindow]) -> None:
        try:
            for window in windows:
                self.store.save_window(run, window)
        finally:
            if isinstance(windows, Generator):  # its threads end now, not when it is collected
                windows.close()

    def diarize(self, run: StepRun) -> Outcome:
        found = self.engines.diarizer.diarize(
            self._audio(run.results), self.wishes.speaker_count, run.progress
        )
        return Outcome(forms.diarization_json(found))

    def compare_voices(self, run: StepRun) -> Outcome:
        found = forms.diarization_of_json(run.results["diarize"])
        prints = {i: one for i, one in enumerate(found.voiceprints) if one is not None}
        if not prints:
            return Outcome(forms.resemblances_json({}))
        one = next(iter(prints.values()))
        vectors = [one.vector for one in prints.values()]
        known = self.store.known_prints(one.model, one.version, vectors)
        band = self.engines.diarizer.match_band(one.model, one.version)
        voices = {i: (one.vector, one.speech_seconds) for i, one in prints.items()}
        return Outcome(forms.resemblances_json(recognise_voices(voices, known, band)))

    def assign(self, run: StepRun) -> Outcome:
        self._assigned = self._assemble(run.results)
        return Outcome(
            {"segments": len(self._assigned.segments), "speakers": len(self._assigned.voices)}
        )

    def save(self, run: StepRun) -> Outcome:
        made = self._assigned or self._assemble(run.results)
        return Outcome(write=self.store.save_transcript(made))

    def _assemble(self, results: Results) -> Transcript:
        diarize = results.get("diarize")
        found = forms.diarization_of_json(diarize) if diarize else Diarization((), ())
        assigned = assign_speakers(self.store.words(), found.turns)
        duration = self.duration_seconds(results) or self._audio(results).duration_seconds
        compared = results.get("voiceprints")
        resembles = forms.resemblances_of_json(compared) if compared else {}
        return Transcript(
            segments=tuple(clean_segments(assigned.segments, duration)),
            voices=tuple(
                Voice(number, found.voiceprints[voice], resembles.get(voice))
                for number, voice in enumerate(assigned.voices)
            ),
            duration_seconds=duration,
            recognition=results.get("transcribe"),
            diarization_model=_print_model(found),
        )

    def _audio(self, results: Mapping[str, Any]) -> Pcm:
        """The decoded sound, made again when a crash or a tidy-up took it."""
        expected = results["decode"]["samples"] * 2
        with self._audio_lock:
            if not self.sound_file.is_file() or self.sound_file.stat().st_size != expected:
                self._decode(self.scratch / "peaks.again", ignore_progress)
        return Pcm(self.sound_file)

    def _decode(self, peaks: Path, progress: Progress) -> Decoded:
        self.scratch.mkdir(parents=True, exist_ok=True)
        return self.engines.media_tools.decode(self.source, self.sound_file, peaks, progress)


def _is_to_be_done(index: int, *, share: Share, kept: frozenset[int]) -> bool:
    return index not in kept and share.take(index)


def _print_model(found: Diarization) -> str | None:
    one = next((one for one in found.voiceprints if one is not None), None)
    return None if one is None else one.model
