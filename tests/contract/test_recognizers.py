"""What every recogniser promises, tried on the real one and on its double."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from opentranscribe.adapters.asr.faster_whisper import FasterWhisperRecognizer
from opentranscribe.adapters.asr.scripted import ScriptedRecognizer
from opentranscribe.adapters.models.store import CachedModelStore
from opentranscribe.ports.asr import RecognitionOptions, Recognizer
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.progress import Cancelled, ignore_progress

pytestmark = pytest.mark.models
OPTIONS = RecognitionOptions(model="tiny.en")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CachedModelStore:
    kept = os.environ.get("OPENTR_TEST_MODELS")
    return CachedModelStore(Path(kept) if kept else tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def recording(store: CachedModelStore, tmp_path_factory: pytest.TempPathFactory) -> Pcm:
    """A real conversation three times, 16 kHz: the sample's WAV has a header of 44 bytes."""
    sound = np.frombuffer(
        (store.fetch("sample-conversation") / "sample.wav").read_bytes()[44:], dtype="<i2"
    )
    path = tmp_path_factory.mktemp("pcm") / "sound.raw"
    np.tile(sound, 3).astype("<i2").tofile(path)
    return Pcm(path)


@pytest.fixture(params=["faster_whisper", "scripted"])
def recognizer(request: pytest.FixtureRequest, store: CachedModelStore) -> Recognizer:
    makers: dict[str, Callable[[], Recognizer]] = {
        "faster_whisper": lambda: FasterWhisperRecognizer(store),
        "scripted": ScriptedRecognizer,
    }
    return makers[request.param]()


class TestRecognizer:
    def test_finds_speech_in_order_without_overlap(
        self, recognizer: Recognizer, recording: Pcm
    ) -> None:
        spans = recognizer.detect_speech(recording, OPTIONS, ignore_progress)
        times = [time for span in spans for time in (span.start, span.end)]
        assert times
        assert times == sorted(times)
        assert times[-1] <= recording.duration_seconds

    def test_counts_windows_by_time_and_resumes_by_their_index(
        self, recognizer: Recognizer, recording: Pcm
    ) -> None:
        spans = recognizer.detect_speech(recording, OPTIONS, ignore_progress)
        seen: list[float] = []
        info, windows = recognizer.recognize(recording, spans, OPTIONS, seen.append)
        every = sorted(windows, key=lambda window: window.index)
        assert info.duration_seconds == recording.duration_seconds
        assert [window.index for window in every] == list(range(every[0].count))
        assert [window.start for window in every] == sorted(window.start for window in every)
        assert seen[-1] == 1.0
        asked: list[int] = []

        def take(index: int) -> bool:
            asked.append(index)
            return index > 0

        _, rest = recognizer.recognize(recording, spans, OPTIONS, seen.append, take=take)
        assert {window.index for window in rest} == {window.index for window in every[1:]}
        assert asked == list(range(info.window_count))
        assert seen[-1] == 1.0

    def test_keeps_words_inside_their_segment_and_window(
        self, recognizer: Recognizer, recording: Pcm
    ) -> None:
        spans = recognizer.detect_speech(recording, OPTIONS, ignore_progress)
        _, windows = recognizer.recognize(recording, spans, OPTIONS, ignore_progress)
        for window in windows:
            for segment in window.segments:
                assert window.start <= segment.start <= segment.end <= window.end
                for word in segment.words:
                    assert segment.start <= word.start <= word.end <= segment.end

    def test_has_no_windows_without_speech(self, recognizer: Recognizer, recording: Pcm) -> None:
        info, windows = recognizer.recognize(recording, [], OPTIONS, ignore_progress)
        assert list(windows) == []
        assert info.speech == ()

    def test_lets_a_cancel_through(self, recognizer: Recognizer, recording: Pcm) -> None:
        def stop(_fraction: float) -> None:
            raise Cancelled

        spans = recognizer.detect_speech(recording, OPTIONS, ignore_progress)
        with pytest.raises(Cancelled):
            list(recognizer.recognize(recording, spans, OPTIONS, stop)[1])

    def test_tells_what_it_computes_on(self, recognizer: Recognizer, recording: Pcm) -> None:
        info, _ = recognizer.recognize(recording, [], OPTIONS, ignore_progress)
        assert recognizer.device() == info.device

    def test_tells_its_models(self, recognizer: Recognizer) -> None:
        assert any(model.state == "ready" for model in recognizer.models())
