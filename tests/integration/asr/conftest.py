"""A model store with real models, filled once a run, and recordings as 16 kHz samples."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faster_whisper import decode_audio

from opentranscribe.adapters.asr.faster_whisper import FasterWhisperRecognizer
from opentranscribe.adapters.models.store import CachedModelStore
from opentranscribe.ports.audio import Pcm

ToPcm = Callable[[Path], Pcm]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> CachedModelStore:
    """``OPENTR_TEST_MODELS`` names a folder to keep models in between runs."""
    kept = os.environ.get("OPENTR_TEST_MODELS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("models")
    return CachedModelStore(folder, hub_endpoint="http://127.0.0.1:9")


@pytest.fixture(scope="session")
def recognizer(models: CachedModelStore) -> FasterWhisperRecognizer:
    return FasterWhisperRecognizer(models)


@pytest.fixture(scope="session")
def to_pcm(tmp_path_factory: pytest.TempPathFactory) -> ToPcm:
    folder = tmp_path_factory.mktemp("pcm")

    def convert(source: Path) -> Pcm:
        target = folder / f"{source.name}.raw"
        if not target.exists():
            samples = np.clip(decode_audio(str(source)), -1.0, 1.0)
            (samples * 32767).astype("<i2").tofile(target)
        return Pcm(target)

    return convert


@pytest.fixture(scope="session")
def conversation(models: CachedModelStore, to_pcm: ToPcm) -> Pcm:
    """Two people, thirty seconds; it comes with a package, so it is always there."""
    return to_pcm(models.fetch("sample-conversation") / "sample.wav")
