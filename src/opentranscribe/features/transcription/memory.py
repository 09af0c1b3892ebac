"""The steps' results in this process's memory: for the command line, without a database."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opentranscribe.features.jobs.kinds import StepRun
from opentranscribe.features.transcription.rules.voices import KnownPrint
from opentranscribe.features.transcription.transcript import Transcript, window_segments
from opentranscribe.ports.asr import RecognitionWindow, Segment
from opentranscribe.ports.media_tools import Decoded, MediaInfo


class MemoryStore:
    """``transcript`` is there once it has been saved, ``warnings`` once decoded."""

    def __init__(self) -> None:
        self.transcript: Transcript | None = None
        self.warnings: tuple[str, ...] = ()
        self._windows: dict[int, list[Segment]] = {}
        self._lock = threading.Lock()

    def save_media_facts(self, info: MediaInfo) -> None:
        """Nobody asks for them."""

    def save_sound(self, decoded: Decoded, peaks: Path) -> None:
        self.warnings = decoded.warnings

    def save_thumbnail(self, picture: Path) -> None:
        """Nobody looks at it."""

    def windows(self) -> dict[int, list[Segment]]:
        with self._lock:
            return dict(self._windows)

    def save_window(self, run: StepRun, window: RecognitionWindow) -> None:
        with self._lock:
            self._windows[window.index] = list(window.segments)

    def words(self) -> list[Segment]:
        return window_segments(self.windows())

    def known_prints(
        self, model: str, version: str, vectors: Sequence[NDArray[np.float32]]
    ) -> Sequence[KnownPrint]:
        return ()

    def save_transcript(self, transcript: Transcript) -> None:
        self.transcript = transcript
