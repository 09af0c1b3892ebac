"""Recordings of the earlier system into our store."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentranscribe.features.media.finishing import object_key
from opentranscribe.features.takeover.media_sources import MediaSource
from opentranscribe.features.takeover.queries.contents import FileRow, Settled
from opentranscribe.kit.durable import sync_folder
from opentranscribe.ports.objects import ObjectNotFoundError, Objects

BLOCK_BYTES = 1 << 20
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)

Watch = Callable[[int, int], None]


@dataclass
class MediaResult:
    """``copied`` went into the store now, ``present`` were there from an earlier try. The lists
    name recordings: without bytes, and with other bytes than the database says."""

    copied: int = 0
    present: int = 0
    bytes: int = 0
    missing: list[dict[str, Any]] = field(default_factory=list)
    size_differs: list[dict[str, Any]] = field(default_factory=list)
    checksum_differs: list[dict[str, Any]] = field(default_factory=list)


class MediaCarrier:
    """``journal`` remembers the checksums of what is in the store, so that a second try is quick."""

    def __init__(
        self, source: MediaSource | None, objects: Objects, spool: Path, journal: Path
    ) -> None:
        self._source = source
        self._objects = objects
        self._spool = spool
        self._journal = journal
        self._known = _read_journal(journal)

    def carry(self, files: Sequence[FileRow], watch: Watch) -> tuple[MediaResult, list[Settled]]:
        """Every recording that has bytes. Raises StorageFullError."""
        result, settled = MediaResult(), []
        for number, file in enumerate(files, start=1):
            size = self._size_of(file.storage_path)
            if size is None:
                result.missing.append({**_named(file), "key": file.storage_path})
            else:
                settled.append(self._carry_one(file, size, result))
            watch(number, len(files))
        return result, settled

    def _size_of(self, key: str) -> int | None:
        return self._source.size_of(key) if self._source else None

    def _carry_one(self, file: FileRow, size: int, result: MediaResult) -> Settled:
        key = object_key(file.uuid)
        sha256 = self._find_stored(key, size)
        if sha256 is None:
            sha256 = self._store(key, file.storage_path)
            result.copied += 1
        else:
            result.present += 1
        result.bytes += size
        if size != file.file_size:
            sizes = {"expected": file.file_size, "found": size}
            result.size_differs.append({**_named(file), **sizes})
        expected = (file.file_hash or "").lower()
        if SHA256.fullmatch(expected) and expected != sha256:
            result.checksum_differs.append({**_named(file), "expected": expected, "found": sha256})
        return Settled(file.id, key, size, sha256, self._carry_thumbnail(file))

    def _carry_thumbnail(self, file: FileRow) -> str | None:
        path = file.thumbnail_path or ""
        size = self._size_of(path) if path.lower().endswith(".webp") else None
        if size is None:
            return None
        key = f"thumbnails/{file.uuid}.webp"
        if self._find_stored(key, size) is None:
            self._store(key, path)
        return key

    def _find_stored(self, key: str, size: int) -> str | None:
        """The checksum of the object, if it is there in this size and was written by us."""
        try:
            there = self._objects.stat(key).size_bytes == size
        except ObjectNotFoundError:
            return None
        known = self._known.get(key)
        return known[1] if there and known and known[0] == size else None

    def _store(self, key: str, earlier: str) -> str:
        assert self._source is not None
        with self._source.borrow(earlier, self._spool) as spooled:
            size, sha256 = spooled.stat().st_size, _hash(spooled)
            self._objects.put_file(key, spooled)
        self._known[key] = (size, sha256)
        with self._journal.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps({"key": key, "size": size, "sha256": sha256}) + "\n")
        return sha256


def _hash(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _named(file: FileRow) -> dict[str, Any]:
    return {"file": str(file.uuid), "title": file.title, "owner": file.owner}


def _read_journal(journal: Path) -> dict[str, tuple[int, str]]:
    """A line that a crash cut off is as if it were not there."""
    known: dict[str, tuple[int, str]] = {}
    if not journal.exists():
        journal.touch(0o600)
        sync_folder(journal.parent)
    for line in journal.read_text(encoding="utf-8").splitlines():
        try:
            one = json.loads(line)
            known[one["key"]] = (one["size"], one["sha256"])
        except (ValueError, KeyError):
            continue
    return known
