"""Downloads from a hub: resumed, verified, laid out as the hub's own tools expect."""

from __future__ import annotations

import random
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download

from opentranscribe.adapters.models.registry import WHISPER_FILES, ModelEntry
from opentranscribe.adapters.models.store import CachedModelStore
from opentranscribe.ports.asr import ModelMissingError
from opentranscribe.ports.progress import Cancelled

sys.path.insert(0, str(Path(__file__).parent))
from hub_server import REVISION, HubServer, serving

REPO = "Some/whisper"
ENTRY = ModelEntry(
    name="some",
    purpose="recognition",
    repo=REPO,
    size_bytes=3_000_000,
    licence="MIT",
    required=WHISPER_FILES,
    on_hub=True,
)


@pytest.fixture
def hub() -> Iterator[HubServer]:
    weights = random.Random(7).randbytes(30_000_000)
    files = {
        "config.json": b"{}",
        "model.bin": weights,
        "tokenizer.json": b'{"a": 1}' * 400,
        "vocabulary.txt": b"a\nb\n",
        "README.md": b"not wanted",
    }
    with serving(HubServer(REPO, files)) as server:
        yield server


def _store(cache: Path, hub: HubServer, **options: str) -> CachedModelStore:
    return CachedModelStore(cache, hub_endpoint=hub.endpoint, entries=[ENTRY], **options)


class TestFetchFromHub:
    def test_brings_the_wanted_files_and_reports_progress(
        self, tmp_path: Path, hub: HubServer
    ) -> None:
        seen: list[float] = []
        folder = _store(tmp_path, hub).fetch("some", seen.append)
        assert (folder / "model.bin").read_bytes() == hub.files["model.bin"]
        assert not (folder / "README.md").exists()
        assert seen == sorted(seen)
        assert seen[-1] == 1.0
        assert len(set(seen)) > 3

    def test_leaves_a_cache_that_the_hubs_own_client_reads(
        self, tmp_path: Path, hub: HubServer
    ) -> None:
        folder = _store(tmp_path, hub).fetch("some")
        found = snapshot_download(
            REPO, cache_dir=tmp_path / "huggingface" / "hub", local_files_only=True
        )
        assert Path(found) == folder
        assert folder.name == REVISION

    def test_reads_a_cache_that_the_hubs_own_client_made(
        self, tmp_path: Path, hub: HubServer
    ) -> None:
        first = _store(tmp_path, hub).fetch("some")
        (first / ".opentranscribe.json").unlink()
        assert _store(tmp_path, hub).find("some") == first

    def test_does_not_ask_again_for_what_is_there(self, tmp_path: Path, hub: HubServer) -> None:
        _store(tmp_path, hub).fetch("some")
        hub.requests.clear()
        _store(tmp_path, hub).fetch("some")
        assert hub.requests == []

    def test_sends_the_token(self, tmp_path: Path, hub: HubServer) -> None:
        _store(tmp_path, hub, hub_token="hf_secret").fetch("some")
        assert hub.requests[0][1]["authorization"] == "Bearer hf_secret"

    def test_goes_on_after_the_connection_broke(self, tmp_path: Path, hub: HubServer) -> None:
        hub.cut_after["model.bin"] = 12_000_000
        folder = _store(tmp_path, hub).fetch("some")
        assert (folder / "model.bin").read_bytes() == hub.files["model.bin"]
        assert hub.ranges("model.bin")[0] == ""
        assert hub.ranges("model.bin")[1].startswith("bytes=1")

    def test_goes_on_in_a_later_try_where_a_stopped_one_was(
        self, tmp_path: Path, hub: HubServer
    ) -> None:
        def stop_half_way(fraction: float) -> None:
            if fraction > 0.5:
                raise Cancelled

        with pytest.raises(Cancelled):
            _store(tmp_path, hub).fetch("some", stop_half_way)
        assert _store(tmp_path, hub).find("some") is None
        folder = _store(tmp_path, hub).fetch("some")
        assert (folder / "model.bin").read_bytes() == hub.files["model.bin"]
        assert int(hub.ranges("model.bin")[-1].removeprefix("bytes=").rstrip("-")) > 5_000_000

    def test_refuses_bytes_that_are_not_what_the_hub_lists(
        self, tmp_path: Path, hub: HubServer
    ) -> None:
        hub.served["model.bin"] = bytes(len(hub.files["model.bin"]))
        store = _store(tmp_path, hub)
        with pytest.raises(ModelMissingError, match=r"model\.bin arrived damaged"):
            store.fetch("some")
        assert store.find("some") is None

    def test_starts_anew_when_the_resumed_part_was_bad(
        self, tmp_path: Path, hub: HubServer
    ) -> None:
        good = hub.files["model.bin"]
        store = _store(tmp_path, hub)
        folder = store.fetch("some")
        blob = (folder / "model.bin").resolve()
        shutil.rmtree(folder)
        blob.rename(blob.with_name(f"{blob.name}.incomplete"))
        with blob.with_name(f"{blob.name}.incomplete").open("r+b") as handle:
            handle.write(b"spoilt")
            handle.truncate(9_000_000)
        assert (store.fetch("some") / "model.bin").read_bytes() == good

    def test_fetches_again_after_the_cache_was_removed(
        self, tmp_path: Path, hub: HubServer
    ) -> None:
        store = _store(tmp_path, hub)
        store.fetch("some")
        shutil.rmtree(tmp_path / "huggingface" / "hub")
        assert store.find("some") is None
        assert (store.fetch("some") / "model.bin").is_file()

    def test_fetches_again_what_was_damaged(self, tmp_path: Path, hub: HubServer) -> None:
        store = _store(tmp_path, hub)
        folder = store.fetch("some")
        with (folder / "model.bin").resolve().open("r+b") as handle:
            handle.seek(1000)
            handle.write(b"spoilt")
        assert store.find("some") is None
        assert store.list_models()[0].state == "damaged"
        again = store.fetch("some")
        assert (again / "model.bin").read_bytes() == hub.files["model.bin"]
        assert store.list_models()[0].state == "ready"


class TestHubThatDoesNotHelp:
    def test_gives_up_quickly_when_nothing_listens(self, tmp_path: Path) -> None:
        store = CachedModelStore(tmp_path, hub_endpoint="http://127.0.0.1:9", entries=[ENTRY])
        begin = time.monotonic()
        with pytest.raises(ModelMissingError, match="could not be reached"):
            store.fetch("some")
        assert time.monotonic() - begin < 8

    def test_names_the_folder_and_the_files(self, tmp_path: Path, hub: HubServer) -> None:
        hub.repo = "Another/one"
        with pytest.raises(ModelMissingError) as caught:
            _store(tmp_path, hub).fetch("some")
        message = str(caught.value)
        assert str(tmp_path / "some") in message
        assert "config.json, model.bin, tokenizer.json, vocabulary.*" in message
        assert not caught.value.transient
