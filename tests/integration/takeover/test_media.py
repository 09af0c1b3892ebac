"""Recordings of an exported bucket on their way into the store."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from tests.contract.s3_server import S3Server

from opentranscribe.adapters.backup_stores.s3 import S3Store
from opentranscribe.adapters.objects.filesystem import FilesystemObjects
from opentranscribe.features.takeover.errors import DumpUnsuitableError
from opentranscribe.features.takeover.media import MediaCarrier, MediaResult
from opentranscribe.features.takeover.media_sources import BucketSource, FolderSource
from opentranscribe.features.takeover.queries.contents import FileRow, Settled
from opentranscribe.ports.backup_stores import StoreRefusedError

CONTENT = b"RIFF" + bytes(range(256)) * 40


def row(key: str, *, size: int = len(CONTENT), sha256: str | None = None, id_: int = 1) -> FileRow:
    unique = uuid.uuid5(uuid.NAMESPACE_URL, f"{key}{id_}")
    return FileRow(id_, unique, "A talk", "ann@example.org", key, None, size, sha256)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bucket = folder / "bucket"
        self.root = folder / "objects"
        (folder / "spool").mkdir()
        self.bucket.mkdir()

    def put(self, key: str, content: bytes = CONTENT) -> Path:
        path = self.bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def carry(self, *files: FileRow) -> tuple[MediaResult, list[Settled]]:
        objects = FilesystemObjects(self.root)
        journal = self.folder / "media.jsonl"
        carrier = MediaCarrier(FolderSource(self.bucket), objects, self.folder / "spool", journal)
        return carrier.carry(files, lambda done, total: None)

    def stored(self, file: FileRow) -> Path:
        return self.root / "media" / str(file.uuid)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


class TestCarry:
    def test_stores_the_bytes_under_a_key_of_ours_with_their_checksum(self, bench: Bench) -> None:
        bench.put("user_1/a b/ü.wav")
        file = row("user_1/a b/ü.wav")
        result, settled = bench.carry(file)
        assert bench.stored(file).read_bytes() == CONTENT
        digest = hashlib.sha256(CONTENT).hexdigest()
        assert settled == [Settled(1, f"media/{file.uuid}", len(CONTENT), digest, None)]
        assert (result.copied, result.bytes) == (1, len(CONTENT))

    def test_leaves_the_bucket_as_it_was_and_takes_no_second_room(self, bench: Bench) -> None:
        source = bench.put("a.wav")
        file = row("a.wav")
        bench.carry(file)
        assert source.read_bytes() == CONTENT
        assert bench.stored(file).stat().st_ino == source.stat().st_ino
        assert list((bench.folder / "spool").iterdir()) == []

    def test_finds_a_bucket_in_the_folder(self, bench: Bench) -> None:
        bench.put("opentranscribe/user_1/a.wav")
        assert bench.carry(row("user_1/a.wav"))[0].copied == 1

    def test_lists_what_is_missing(self, bench: Bench) -> None:
        result, settled = bench.carry(row("user_1/none.wav"))
        assert settled == []
        assert [(one["key"], one["owner"]) for one in result.missing] == [
            ("user_1/none.wav", "ann@example.org")
        ]

    def test_tells_of_another_size_or_checksum_and_takes_the_bytes(self, bench: Bench) -> None:
        bench.put("a.wav")
        bench.put("b.wav")
        bench.put("c.wav")
        good = hashlib.sha256(CONTENT).hexdigest()
        result, settled = bench.carry(
            row("a.wav", size=5, id_=1),
            row("b.wav", sha256="0" * 64, id_=2),
            row("c.wav", sha256=good.upper(), id_=3),
        )
        assert [(one["expected"], one["found"]) for one in result.size_differs] == [(5, 10244)]
        assert [one["found"] for one in result.checksum_differs] == [good]
        assert len(settled) == 3

    @pytest.mark.parametrize(
        "key", ["../outside.wav", "/etc/hostname", "link/outside.wav", "", "a\0b", "."]
    )
    def test_never_leaves_the_folder(self, bench: Bench, key: str) -> None:
        (bench.folder / "outside.wav").write_bytes(CONTENT)
        (bench.bucket / "link").symlink_to(bench.folder)
        assert bench.carry(row(key))[1] == []

    def test_takes_a_webp_thumbnail_along(self, bench: Bench) -> None:
        bench.put("a.wav")
        bench.put("t.webp", b"RIFF....WEBP")
        file = row("a.wav")
        with_picture = FileRow(**{**vars(file), "thumbnail_path": "t.webp"})
        _, (settled,) = bench.carry(with_picture)
        assert settled.thumbnail == f"thumbnails/{file.uuid}.webp"
        assert (bench.root / settled.thumbnail).read_bytes() == b"RIFF....WEBP"


class TestSecondTry:
    def test_copies_only_what_is_not_there(self, bench: Bench) -> None:
        bench.put("a.wav")
        bench.carry(row("a.wav"))
        bench.put("b.wav")
        result, settled = bench.carry(row("a.wav"), row("b.wav", id_=2))
        assert (result.copied, result.present) == (1, 1)
        assert len({one.sha256 for one in settled}) == 1

    def test_repairs_an_object_that_is_cut_off(self, bench: Bench) -> None:
        bench.put("a.wav")
        file = row("a.wav")
        bench.carry(file)
        bench.stored(file).unlink()
        bench.stored(file).write_bytes(CONTENT[:100])
        result, _ = bench.carry(file)
        assert result.copied == 1
        assert bench.stored(file).read_bytes() == CONTENT

    def test_does_not_trust_what_no_import_put_there(self, bench: Bench) -> None:
        bench.put("a.wav")
        file = row("a.wav")
        bench.stored(file).parent.mkdir(parents=True)
        bench.stored(file).write_bytes(bytes(len(CONTENT)))
        assert bench.carry(file)[0].copied == 1
        assert bench.stored(file).read_bytes() == CONTENT

    def test_bears_a_journal_that_a_crash_cut_off(self, bench: Bench) -> None:
        bench.put("a.wav")
        bench.carry(row("a.wav"))
        journal = bench.folder / "media.jsonl"
        journal.write_text(journal.read_text()[:-20])
        assert bench.carry(row("a.wav"))[0].copied == 1


class TestFolder:
    def test_of_the_store_itself_is_refused(self, bench: Bench) -> None:
        bench.put("opentranscribe/user_1/a.wav/xl.meta")
        with pytest.raises(DumpUnsuitableError, match="mc mirror"):
            bench.carry(row("user_1/a.wav"))

    def test_that_is_none_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DumpUnsuitableError, match="not a folder"):
            FolderSource(tmp_path / "none")


class TestCarryFromABucket:
    KEYS: ClassVar = {"AWS_ACCESS_KEY_ID": "import", "AWS_SECRET_ACCESS_KEY": "secret"}

    @pytest.fixture
    def bucket(self) -> Iterator[S3Server]:
        server = S3Server("opentranscribe", self.KEYS["AWS_ACCESS_KEY_ID"])
        yield server
        server.stop()

    def carrier(self, bucket: S3Server, folder: Path) -> MediaCarrier:
        variables = {**self.KEYS, "AWS_ENDPOINT_URL": bucket.address}
        source = BucketSource(S3Store("opentranscribe", "", variables))
        (folder / "spool").mkdir(exist_ok=True)
        objects = FilesystemObjects(folder / "objects")
        return MediaCarrier(source, objects, folder / "spool", folder / "media.jsonl")

    def test_stores_what_is_there_and_names_what_is_not(
        self, bucket: S3Server, tmp_path: Path
    ) -> None:
        bucket.objects["user_1/a b/ü.wav"] = CONTENT
        there, missing = row("/user_1/a b/ü.wav"), row("gone.wav", id_=2)
        result, settled = self.carrier(bucket, tmp_path).carry([there, missing], _ignore)
        assert (tmp_path / "objects" / "media" / str(there.uuid)).read_bytes() == CONTENT
        assert [one.id for one in settled] == [1]
        assert [one["key"] for one in result.missing] == ["gone.wav"]
        assert list((tmp_path / "spool").iterdir()) == []

    def test_goes_on_where_it_was_cut_off(self, bucket: S3Server, tmp_path: Path) -> None:
        bucket.objects |= {"a.wav": CONTENT, "b.wav": CONTENT[::-1]}
        files = [row("a.wav"), row("b.wav", id_=2)]

        def cut_off(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            self.carrier(bucket, tmp_path).carry(files, cut_off)
        result, _ = self.carrier(bucket, tmp_path).carry(files, _ignore)
        assert (result.present, result.copied) == (1, 1)

    def test_a_bucket_that_does_not_let_us_in_is_said(
        self, bucket: S3Server, tmp_path: Path
    ) -> None:
        bucket.key = "another"
        with pytest.raises(StoreRefusedError, match="does not let us in"):
            self.carrier(bucket, tmp_path).carry([row("a.wav")], _ignore)


def _ignore(done: int, total: int) -> None:
    return
