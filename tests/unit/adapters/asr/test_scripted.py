"""The double that says what it was told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opentranscribe.adapters.asr.scripted import ScriptedRecognizer
from opentranscribe.ports.asr import RecognitionOptions
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.progress import ignore_progress

OPTIONS = RecognitionOptions()


@pytest.fixture
def recording(tmp_path: Path) -> Pcm:
    """Loud from 10 s to 80 s."""
    sound = np.zeros(16_000 * 100, dtype="<i2")
    sound[16_000 * 10 : 16_000 * 80] = 5000
    sound.tofile(tmp_path / "sound.raw")
    return Pcm(tmp_path / "sound.raw")


class TestScriptedRecognizer:
    def test_speaks_where_the_sound_is_loud(self, recording: Pcm) -> None:
        (span,) = ScriptedRecognizer().detect_speech(recording, OPTIONS, ignore_progress)
        assert (span.start, span.end) == (10.0, 80.0)

    def test_says_its_script_in_windows(self, recording: Pcm) -> None:
        double = ScriptedRecognizer("One two. Three four.")
        speech = double.detect_speech(recording, OPTIONS, ignore_progress)
        _, windows = double.recognize(recording, speech, OPTIONS, ignore_progress)
        got = list(windows)
        assert [window.index for window in got] == [0, 1, 2]
        assert got[0].segments[0].text == "One two."

    def test_leaves_skipped_windows_out_and_says_the_same_in_the_others(
        self, recording: Pcm
    ) -> None:
        double = ScriptedRecognizer()
        speech = double.detect_speech(recording, OPTIONS, ignore_progress)
        _, every = double.recognize(recording, speech, OPTIONS, ignore_progress)
        _, some = double.recognize(
            recording, speech, OPTIONS, ignore_progress, take=lambda index: index > 1
        )
        assert list(some) == list(every)[2:]
