"""The real networks, built once a run, and recordings as 16 kHz samples."""

from __future__ import annotations

import os
import warnings
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from opentranscribe.adapters.diarization.onnx import OnnxDiarizer
from opentranscribe.adapters.models.store import CachedModelStore
from opentranscribe.ports.asr import ModelMissingError
from opentranscribe.ports.audio import Pcm

ToPcm = Callable[[Path], Pcm]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> CachedModelStore:
    """``OPENTR_TEST_MODELS`` names a folder to keep models in between runs."""
    kept = os.environ.get("OPENTR_TEST_MODELS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("models")
    return CachedModelStore(folder, hub_endpoint="http://127.0.0.1:9")


@pytest.fixture(scope="session")
def network_folder(models: CachedModelStore) -> Path:
    return _fetch(models, "speaker-diarization-onnx")


@pytest.fixture(scope="session")
def sample(models: CachedModelStore) -> Path:
    """Two people, thirty seconds, with a reference; it comes with a package."""
    return _fetch(models, "sample-conversation")


@pytest.fixture(scope="session")
def diarizer(network_folder: Path) -> OnnxDiarizer:
    return OnnxDiarizer(lambda: network_folder, threads=2)


@pytest.fixture(scope="session")
def to_pcm(tmp_path_factory: pytest.TempPathFactory) -> ToPcm:
    folder = tmp_path_factory.mktemp("pcm")

    def convert(source: Path) -> Pcm:
        target = folder / f"{source.stem}.pcm"
        with wave.open(str(source)) as sound:
            assert (sound.getframerate(), sound.getnchannels()) == (16_000, 1)
            target.write_bytes(sound.readframes(sound.getnframes()))
        return Pcm(target)

    return convert


def _fetch(models: CachedModelStore, name: str) -> Path:
    try:
        return models.fetch(name)
    except ModelMissingError as error:
        warnings.warn(f"NOT TESTED: {error.message}", UserWarning, stacklevel=2)
        pytest.skip(error.message)
