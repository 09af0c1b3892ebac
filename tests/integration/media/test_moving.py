"""Recordings move to another store: all of them, whole, and nothing is deleted too early."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.seaweed import ACCESS_KEY, SECRET_KEY, make_store
from tests.integration.supervisor.installation import Installation

from opentranscribe.adapters.objects.filesystem import FilesystemObjects
from opentranscribe.adapters.objects.memory import MemoryObjects
from opentranscribe.features.media.errors import CopyDiffersError, NotMovedError
from opentranscribe.features.media.moving import Move, Moved
from opentranscribe.kit.errors import UnavailableError


class Lying(MemoryObjects):
    """Gives back other bytes than it was given."""

    def open_range(
        self, key: str, start: int, length: int, chunk_bytes: int = 1 << 18
    ) -> Iterator[bytes]:
        return (bytes(len(chunk)) for chunk in super().open_range(key, start, length, chunk_bytes))


class Bench:
    def __init__(self, folder: Path, target: MemoryObjects) -> None:
        self.folder = folder
        (folder / "spool").mkdir()
        self.source = FilesystemObjects(folder / "objects")
        self.target = target
        for number in range(5):
            self.source.put_bytes(f"media/{number}", bytes([65 + number]) * 3_000_000)

    def open(self) -> Move:
        """As after a new start of the program."""
        return Move(self.source, self.target, self.folder / "spool", self.folder / "journal.jsonl")

    def content(self) -> dict[str, bytes]:
        return {
            info.key: b"".join(self.target.open_range(info.key, 0, info.size_bytes))
            for info in self.target.list()
        }


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, MemoryObjects())


def ignore(done: int, total: int) -> None:
    return


class TestMove:
    def test_copies_everything_and_takes_nothing_away(self, bench: Bench) -> None:
        assert bench.open().copy(ignore) == Moved(copied=5, bytes=15_000_000)
        assert bench.content() == {
            f"media/{number}": bytes([65 + number]) * 3_000_000 for number in range(5)
        }
        assert len(list(bench.source.list())) == 5
        assert list((bench.folder / "spool").iterdir()) == []

    def test_goes_on_where_it_was_cut_off(self, bench: Bench) -> None:
        def cut_off(done: int, total: int) -> None:
            if done > 5_000_000:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            bench.open().copy(cut_off)
        assert bench.open().copy(ignore) == Moved(copied=3, present=2, bytes=9_000_000)

    def test_takes_along_what_comes_while_it_copies(self, bench: Bench) -> None:
        def upload(done: int, total: int) -> None:
            bench.source.put_bytes("media/late", b"late")

        bench.open().copy(upload)
        assert bench.content()["media/late"] == b"late"

    def test_a_store_that_changes_bytes_is_found_out(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, Lying())
        with pytest.raises(CopyDiffersError, match="nothing was lost"):
            bench.open().copy(ignore)
        assert len(bench.open().list_missing()) == 5

    def test_what_vanished_from_the_new_store_is_copied_again(self, bench: Bench) -> None:
        bench.open().copy(ignore)
        bench.target.delete("media/3")
        assert [info.key for info in bench.open().list_missing()] == ["media/3"]


class TestForget:
    def test_deletes_what_the_other_store_has(self, bench: Bench) -> None:
        bench.open().copy(ignore)
        assert bench.open().forget().forgotten == 5
        assert list(bench.source.list()) == []

    def test_deletes_nothing_while_anything_is_missing_there(self, bench: Bench) -> None:
        bench.open().copy(ignore)
        bench.source.put_bytes("media/late", b"late")
        with pytest.raises(NotMovedError, match="media/late"):
            bench.open().forget()
        assert len(list(bench.source.list())) == 6

    def test_deletes_nothing_while_the_other_store_is_away(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.open().copy(ignore)

        def away(key: str) -> None:
            raise UnavailableError("away")

        monkeypatch.setattr(bench.target, "stat", away)
        with pytest.raises(UnavailableError):
            bench.open().forget()
        assert len(list(bench.source.list())) == 5


class TestCommand:
    def test_moves_to_a_bucket_and_back(self, tmp_path: Path) -> None:
        (tmp_path / "store").mkdir()
        service = make_store(tmp_path / "store")
        service.start()
        home = tmp_path / "home"
        home.mkdir()
        (home / ".env").write_text(
            f"OPENTR_S3_ENDPOINT={service.address}\nOPENTR_S3_ACCESS_KEY={ACCESS_KEY}\n"
            f"OPENTR_S3_SECRET_KEY={SECRET_KEY}\n"
        )
        FilesystemObjects(home / "data" / "objects").put_bytes("media/a", b"a recording")
        opentr = Installation(home)
        try:
            refused = opentr.run("objects", "forget", "--store", "filesystem", "--yes")
            assert (refused.returncode, "Nothing was deleted" in refused.stderr) == (5, True)
            moved = opentr.run("objects", "move", "--to", "s3", "--yes")
            assert moved.returncode == 0, moved.stderr
            assert "1 copied and read back" in moved.stdout
            with (home / ".env").open("a") as handle:
                handle.write("OPENTR_OBJECTS_ENGINE=s3\n")
            forgotten = opentr.run("objects", "forget", "--store", "filesystem", "--yes")
            assert "1 objects deleted" in forgotten.stdout, forgotten.stderr
            assert opentr.run("objects", "move", "--to", "filesystem", "--yes").returncode == 0
        finally:
            service.kill()
        assert (home / "data" / "objects" / "media" / "a").read_bytes() == b"a recording"

    def test_an_unknown_store_names_the_known_ones(self, tmp_path: Path) -> None:
        refused = Installation(tmp_path).run("objects", "move", "--to", "tape")
        assert refused.returncode == 2
        assert "filesystem and s3" in refused.stderr
