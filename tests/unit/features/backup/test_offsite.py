"""Copies elsewhere, over a connection that keeps breaking."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from opentranscribe.adapters.backup_stores.folder import FolderStore
from opentranscribe.features.backup import offsite
from opentranscribe.features.backup.errors import BackupDamagedError, BackupNotFoundError
from opentranscribe.features.backup.offsite import Offsite
from opentranscribe.ports.backup_stores import StoreAwayError

FIRST, SECOND = "opentranscribe_backup_20260101_020000", "opentranscribe_backup_20260102_020000"


class Breaking(FolderStore):
    """Of ten calls three break, some after half of the bytes."""

    def __init__(self, folder: Path, share: float = 0.3) -> None:
        super().__init__(folder)
        self._dice, self._share = random.Random(7), share
        self.puts = 0

    def _maybe_break(self) -> None:
        if self._dice.random() < self._share:
            raise StoreAwayError("the line broke")

    def sizes(self, below: str = "") -> dict[str, int]:
        self._maybe_break()
        return super().sizes(below)

    def put(self, name: str, source: Path) -> None:
        self._maybe_break()
        super().put(name, source)
        self.puts += 1

    def get(self, name: str, target: Path) -> None:
        if self._dice.random() < self._share:
            target.write_bytes(b"half")
            raise StoreAwayError("the line broke")
        super().get(name, target)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsite, "PAUSES", (0.0,) * 12)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    def backup(name: str, **packs: bytes) -> Path:
        folder = tmp_path / name
        (folder / "database").mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({"name": name}))
        for pack, content in packs.items():
            (folder / "database" / pack).write_bytes(content)
        return folder

    return backup


def content_of(folder: Path) -> dict[str, bytes]:
    files = (one for one in folder.rglob("*") if one.is_file())
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in files}


class TestCopy:
    def test_comes_back_as_it_was_over_a_line_that_keeps_breaking(
        self, elsewhere: Path, make: Callable[..., Path], tmp_path: Path
    ) -> None:
        packs = {f"p{number}": bytes([number]) * 5000 for number in range(40)}
        backup = make(FIRST, **packs)
        Offsite(Breaking(elsewhere)).copy(backup)
        fetched = Offsite(Breaking(elsewhere)).fetch(FIRST, tmp_path / "back")
        assert content_of(fetched) == content_of(backup)

    def test_sends_only_what_is_new(self, elsewhere: Path, make: Callable[..., Path]) -> None:
        Offsite(FolderStore(elsewhere)).copy(make(FIRST, a=b"same", b=b"old"))
        copied = Offsite(FolderStore(elsewhere)).copy(make(SECOND, a=b"same", b=b"new"))
        assert (copied.sent_files, copied.files) == (2, 3)
        assert Offsite(FolderStore(elsewhere)).names() == [SECOND, FIRST]

    def test_one_that_was_cut_off_is_no_backup_and_goes_on_later(
        self, elsewhere: Path, make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        backup = make(FIRST, **{f"p{number}": bytes([number]) * 10 for number in range(20)})
        monkeypatch.setattr(offsite, "PAUSES", ())
        first = Breaking(elsewhere, share=0.1)
        with pytest.raises(StoreAwayError):
            Offsite(first).copy(backup)
        assert 0 < first.puts < 20
        assert Offsite(FolderStore(elsewhere)).names() == []
        copied = Offsite(FolderStore(elsewhere)).copy(backup)
        assert copied.sent_files == 21 - first.puts

    def test_what_was_damaged_there_is_sent_anew(
        self, elsewhere: Path, make: Callable[..., Path]
    ) -> None:
        Offsite(FolderStore(elsewhere)).copy(make(FIRST, a=b"right"))
        for path in (elsewhere / "content").iterdir():
            path.write_bytes(b"wrong")
        Offsite(FolderStore(elsewhere)).copy(make(SECOND, a=b"right"))
        assert [one.read_bytes() for one in (elsewhere / "content").iterdir()] == [b"right"]

    def test_a_file_alone_is_a_backup_too(self, elsewhere: Path, tmp_path: Path) -> None:
        plain = tmp_path / f"{FIRST}.sql"
        plain.write_text("SELECT 1;")
        Offsite(FolderStore(elsewhere)).copy(plain)
        fetched = Offsite(FolderStore(elsewhere)).fetch(plain.name, tmp_path / "back")
        assert fetched.read_text() == "SELECT 1;"


class TestFetch:
    def test_what_was_changed_there_is_not_taken(
        self, elsewhere: Path, make: Callable[..., Path], tmp_path: Path
    ) -> None:
        Offsite(FolderStore(elsewhere)).copy(make(FIRST, a=b"right"))
        changed = max((elsewhere / "content").iterdir())
        changed.write_bytes(b"wrong")
        with pytest.raises(BackupDamagedError):
            Offsite(FolderStore(elsewhere)).fetch(FIRST, tmp_path / "back")
        assert list((tmp_path / "back").iterdir()) == []

    @pytest.mark.parametrize("path", ["../../outside", "/etc/passwd"])
    def test_an_index_that_names_a_place_outside_is_refused(
        self, elsewhere: Path, make: Callable[..., Path], tmp_path: Path, path: str
    ) -> None:
        Offsite(FolderStore(elsewhere)).copy(make(FIRST, a=b"right"))
        index = elsewhere / FIRST / "files.json"
        content = json.loads(index.read_text())
        content[0]["path"] = path
        index.write_text(json.dumps(content))
        with pytest.raises(BackupDamagedError, match="outside"):
            Offsite(FolderStore(elsewhere)).fetch(FIRST, tmp_path / "back")

    @pytest.mark.parametrize("name", ["../x", SECOND, "files.json"])
    def test_only_a_backup_that_is_there(self, elsewhere: Path, tmp_path: Path, name: str) -> None:
        with pytest.raises(BackupNotFoundError):
            Offsite(FolderStore(elsewhere)).fetch(name, tmp_path / "back")
