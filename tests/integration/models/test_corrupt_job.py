"""Recognition weights that are broken on disk, met by a job."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.pipeline import stepwise
from tests.integration.pipeline.conftest import Installation

from opentranscribe.adapters.models.cache import hash_file
from opentranscribe.adapters.models.store import CachedModelStore

sys.path.insert(0, str(Path(__file__).parent))
from hub_server import HubServer, serving

pytestmark = pytest.mark.models
REPO = "Systran/faster-whisper-base"
ENGINES = {
    **stepwise.ENGINES,
    "queue_engine": "inline",
    "media_tools_engine": "pyav",
    "recognizer_engine": "faster_whisper",
    "whisper_model": "base",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> CachedModelStore:
    """``OPENTR_TEST_MODELS`` names a folder to keep models in between runs."""
    kept = os.environ.get("OPENTR_TEST_MODELS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("models")
    return CachedModelStore(folder, hub_endpoint="http://127.0.0.1:9")


@pytest.fixture
def weights(tmp_path: Path, whole: CachedModelStore) -> Path:
    """``model.bin`` of a cache of this test's own, sixteen of its bytes turned over."""
    found = whole.fetch("base")
    root = next(parent for parent in found.parents if parent.name == "huggingface")
    copied = tmp_path / "models" / "huggingface" / found.parents[1].relative_to(root)
    shutil.copytree(found.parents[1], copied)
    (model,) = copied.rglob("model.bin")
    with model.open("r+b") as handle:
        handle.seek(5_000_000)
        turned = bytes(byte ^ 0xFF for byte in handle.read(16))
        handle.seek(5_000_000)
        handle.write(turned)
    return model


@pytest.fixture
def hub(whole: CachedModelStore) -> Iterator[HubServer]:
    folder = whole.fetch("base")
    names = ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt")
    with serving(HubServer(REPO, {name: (folder / name).read_bytes() for name in names})) as hub:
        yield hub


class TestCorruptWeights:
    def test_without_a_source_the_job_says_which_files_to_put_where(
        self, tmp_path: Path, database_url: str, weights: Path, whole: CachedModelStore
    ) -> None:
        engines = {**ENGINES, "model_cache_dir": tmp_path / "models", "offline": True}
        installation = Installation(tmp_path, database_url, engines)
        file_uuid = installation.add_file(whole.fetch("sample-conversation") / "sample.wav")
        installation.run_jobs()
        file = installation.file(file_uuid)
        assert (file.status, file.error_category) == ("error", "model_missing")
        told = file.last_error_message or ""
        assert "“base”" in told
        assert f"Put these files into {tmp_path / 'models'}" in told
        assert "model.bin" in told
        assert "Nothing was lost" in told
        assert installation.job(file_uuid).attempt == 1
        assert installation.segments(file_uuid) == []
        installation.stop()

    def test_with_a_source_they_are_fetched_again_and_the_job_succeeds(
        self,
        tmp_path: Path,
        database_url: str,
        weights: Path,
        hub: HubServer,
        whole: CachedModelStore,
    ) -> None:
        broken = hash_file(weights)
        engines = {
            **ENGINES,
            "model_cache_dir": tmp_path / "models",
            "hub_endpoint": hub.endpoint,
        }
        installation = Installation(tmp_path, database_url, engines)
        file_uuid = installation.add_file(whole.fetch("sample-conversation") / "sample.wav")
        installation.run_jobs()
        assert installation.file(file_uuid).status == "completed"
        text = " ".join(segment.text for segment in installation.segments(file_uuid))
        assert "Hello" in text
        assert [path for path, _ in hub.requests].count("model.bin") == 1
        found = CachedModelStore(tmp_path / "models", offline=True).fetch("base") / "model.bin"
        assert hash_file(found) == hash_file(whole.fetch("base") / "model.bin") != broken
        installation.stop()
