"""Engines that do each step at once and wait where a test tells them to.

A folder of files is the remote control: ``<point>.hold`` makes an engine wait at that point,
``<point>.reached`` says which process waits there, ``<point>.fail`` makes it raise.
"""

from __future__ import annotations

import os
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from opentranscribe.kit.errors import AppError, UnavailableError
from opentranscribe.ports.asr import (
    ModelMissingError,
    RecognitionInfo,
    RecognitionOptions,
    RecognitionWindow,
    RecognizerModel,
    Segment,
    SpeechSpan,
    Word,
    take_all,
)
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.diarization import (
    Diarization,
    MatchBand,
    SpeakerCount,
    Turn,
    Voiceprint,
)
from opentranscribe.ports.media_tools import DamagedMediaError, Decoded, MediaInfo
from opentranscribe.ports.objects import StoreAwayError
from opentranscribe.ports.progress import Progress, ignore_progress
from opentranscribe.ports.queue import EMBEDDING

WINDOWS = 4
WINDOW_SECONDS = 5.0
DURATION = WINDOWS * WINDOW_SECONDS
WORDS_PER_WINDOW = 10
#: Where a process can be held: every step, and inside the transaction that saves everything.
POINTS = (
    "probe",
    "decode",
    "speech",
    "window0",
    "window2",
    "diarize",
    "voiceprints",
    "save",
)
FAILURES: dict[str, AppError | OSError | MemoryError] = {
    "damaged": DamagedMediaError("The recording is damaged and cannot be played."),
    "away": UnavailableError("The engine does not answer."),
    "missing": ModelMissingError("The model is missing: put model.bin in /models/base."),
    "outage": StoreAwayError("The object store does not answer."),
    "full": OSError(28, "No space left on device"),
    "memory": MemoryError(),
}


class Remote:
    """The folder that tests and engines talk through."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def hold(self, point: str) -> None:
        (self.folder / f"{point}.hold").touch()

    def release(self, point: str) -> None:
        (self.folder / f"{point}.hold").unlink(missing_ok=True)
        for reached in self.folder.glob(f"{point}.reached.*"):
            reached.unlink(missing_ok=True)

    def fail(self, point: str, how: str) -> None:
        (self.folder / f"{point}.fail").write_text(how)

    def mend(self, point: str) -> None:
        (self.folder / f"{point}.fail").unlink(missing_ok=True)

    def waiting_at(self, point: str) -> list[int]:
        return [int(found.suffix[1:]) for found in self.folder.glob(f"{point}.reached.*")]

    def visit(self, point: str, progress: Progress = ignore_progress) -> None:
        """Called by engines: count the visit, then wait or fail as told."""
        with (self.folder / f"{point}.visits").open("a") as visits:
            visits.write(f"{os.getpid()}\n")
        failure = self.folder / f"{point}.fail"
        if failure.is_file():
            raise FAILURES[failure.read_text()]
        hold = self.folder / f"{point}.hold"
        if hold.is_file():
            (self.folder / f"{point}.reached.{os.getpid()}").touch()
        while hold.is_file():
            progress(0.5)
            time.sleep(0.01)

    def set_windows(self, count: int) -> None:
        """How many windows every recording has from now on."""
        (self.folder / "windows").write_text(str(count))

    def windows(self) -> int:
        told = self.folder / "windows"
        return int(told.read_text()) if told.is_file() else WINDOWS

    def visits(self, point: str) -> int:
        found = self.folder / f"{point}.visits"
        return len(found.read_text().splitlines()) if found.is_file() else 0


class StepwiseMedia:
    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def probe(self, source: Path) -> MediaInfo:
        self._remote.visit("probe")
        return MediaInfo("wav", DURATION, "pcm_s16le", 1, 16_000, has_video=False)

    def decode(self, source: Path, target: Path, peaks: Path, progress: Progress) -> Decoded:
        self._remote.visit("decode", progress)
        with wave.open(str(source)) as sound:
            samples = sound.readframes(sound.getnframes())
        for path, data in ((target, samples), (peaks, b"\0" * 4)):
            partial = path.with_suffix(".part")
            partial.write_bytes(data)
            partial.rename(path)
        return Decoded(len(samples) // 2, len(samples) / 2 / 16_000, 0.5)

    def thumbnail(self, source: Path, target: Path, at_seconds: float, max_width: int = 1) -> None:
        raise AssertionError("sound has no picture")


class StepwiseRecognizer:
    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def device(self) -> str:
        return "cpu"

    def models(self) -> Sequence[RecognizerModel]:
        return [RecognizerModel("base", "all", 1, translates=True, state="ready")]

    def detect_speech(
        self, audio: Pcm, options: RecognitionOptions, progress: Progress
    ) -> list[SpeechSpan]:
        self._remote.visit("speech", progress)
        return [SpeechSpan(0.0, audio.duration_seconds)]

    def recognize(
        self,
        audio: Pcm,
        speech: Sequence[SpeechSpan],
        options: RecognitionOptions,
        progress: Progress,
        *,
        take: Callable[[int], bool] = take_all,
    ) -> tuple[RecognitionInfo, Iterator[RecognitionWindow]]:
        count = self._remote.windows()
        info = RecognitionInfo(
            "en", 1.0, options.model, "cpu", "int8", audio.duration_seconds, count
        )
        return info, self._windows(count, progress, take)

    def _windows(
        self, count: int, progress: Progress, take: Callable[[int], bool]
    ) -> Iterator[RecognitionWindow]:
        for index in range(count):
            if not take(index):
                continue
            self._remote.visit(f"window{index}", progress)
            yield RecognitionWindow(
                index,
                count,
                index * WINDOW_SECONDS,
                (index + 1) * WINDOW_SECONDS,
                (window_segment(index),),
            )
            progress((index + 1) / count)

    def unload(self) -> None:
        """Nothing is loaded."""


def window_segment(index: int) -> Segment:
    start = index * WINDOW_SECONDS
    step = WINDOW_SECONDS / WORDS_PER_WINDOW
    words = tuple(
        Word(start + i * step, start + (i + 0.9) * step, f"w{index}-{i}", 0.9)
        for i in range(WORDS_PER_WINDOW)
    )
    text = " ".join(word.text for word in words) + "."
    words = (*words[:-1], Word(words[-1].start, words[-1].end, words[-1].text + ".", 0.9))
    return Segment(start, words[-1].end, text, words, 0.9)


class StepwiseDiarizer:
    """Two voices that take turns, each of one window."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def diarize(self, audio: Pcm, count: SpeakerCount, progress: Progress) -> Diarization:
        self._remote.visit("diarize", progress)
        turns = tuple(
            Turn(i * WINDOW_SECONDS, (i + 1) * WINDOW_SECONDS, i % 2) for i in range(WINDOWS)
        )
        return Diarization(turns, (voiceprint(0), voiceprint(1)))

    def match_band(self, model: str, version: str) -> MatchBand:
        self._remote.visit("voiceprints")
        return MatchBand(0.7, 0.5)

    def unload(self) -> None:
        """Nothing is loaded."""


def voiceprint(which: int) -> Voiceprint:
    vector = np.zeros(8, dtype=np.float32)
    vector[which] = 1.0
    return Voiceprint(vector, "stepwise", "1", 10.0)


class NoEncoder:
    def model(self) -> None:
        return None

    def encode(self, texts: Sequence[str], kind: str) -> Any:
        raise AssertionError("there is no model")


class RemoteQueue:
    """A queue that can be held where the finished transcript enqueues what follows it."""

    def __init__(self, queue: Any, remote: Remote) -> None:
        self._queue = queue
        self._remote = remote

    def enqueue(self, session: Any, envelope: Any) -> None:
        if envelope.queue == EMBEDDING:
            self._remote.visit("save")
        self._queue.enqueue(session, envelope)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


def register(bootstrap: Any, folder: Path) -> Remote:
    """Add the engines to bootstrap's tables under the name ``stepwise``."""
    remote = Remote(folder)
    queues = dict(bootstrap.engines.QUEUES)
    bootstrap.engines.MEDIA_TOOLS["stepwise"] = lambda _parts: StepwiseMedia(remote)
    bootstrap.engines.RECOGNIZERS["stepwise"] = lambda _parts: StepwiseRecognizer(remote)
    bootstrap.engines.DIARIZERS["stepwise"] = lambda _parts: StepwiseDiarizer(remote)
    bootstrap.engines.ENCODERS["none"] = lambda _parts: NoEncoder()
    for name in ("procrastinate", "inline"):
        bootstrap.engines.QUEUES[f"held_{name}"] = lambda parts, name=name: RemoteQueue(
            queues[name](parts), remote
        )
    return remote


ENGINES = {
    "media_tools_engine": "stepwise",
    "recognizer_engine": "stepwise",
    "diarizer_engine": "stepwise",
    "encoder_engine": "none",
}
