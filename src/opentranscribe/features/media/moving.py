"""Recordings from one store into another, each read back before it counts, while people work on.

Nothing is taken away: who has moved lets the old store forget when the new one is in use.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from opentranscribe.features.media.errors import CopyDiffersError, NotMovedError
from opentranscribe.kit.durable import sync_folder
from opentranscribe.ports.objects import ObjectInfo, ObjectNotFoundError, Objects

CHUNK_BYTES = 1 << 20

#: Bytes that are done, and of how many.
Watch = Callable[[int, int], None]


@dataclass
class Moved:
    """``present`` were copied by an earlier try."""

    copied: int = 0
    present: int = 0
    bytes: int = 0
    forgotten: int = 0


class Move:
    """``journal`` remembers what was read back from the target, by key, size and SHA-256."""

    def __init__(self, source: Objects, target: Objects, spool: Path, journal: Path) -> None:
        self._source = source
        self._target = target
        self._spool = spool
        self._journal = journal
        self._proved = _read(journal)

    def list_missing(self) -> list[ObjectInfo]:
        """What the target does not have, or was never read back from it."""
        return [info for info in self._source.list() if not self._is_there(info)]

    def copy(self, watch: Watch) -> Moved:
        """Until a look finds nothing new. Raises CopyDiffersError, and what the stores raise; what
        was copied stays copied."""
        moved = Moved(present=sum(1 for _ in self._source.list()))
        while missing := self.list_missing():
            total = sum(info.size_bytes for info in missing)
            done = 0
            for info in missing:
                if self._copy_one(info):
                    moved.copied += 1
                    moved.bytes += info.size_bytes
                done += info.size_bytes
                watch(done, total)
        moved.present -= min(moved.present, moved.copied)
        return moved

    def forget(self) -> Moved:
        """Delete in the source what the target has. Raises NotMovedError before the first one when
        anything is missing there."""
        missing = self.list_missing()
        if missing:
            raise NotMovedError(
                f"{len(missing)} recordings are not in the other store yet, the first is"
                f" {missing[0].key}. Nothing was deleted; copy them first."
            )
        moved = Moved()
        for info in list(self._source.list()):
            self._source.delete(info.key)
            moved.forgotten += 1
            moved.bytes += info.size_bytes
        return moved

    def _is_there(self, info: ObjectInfo) -> bool:
        if self._proved.get(info.key, (-1, ""))[0] != info.size_bytes:
            return False
        try:
            return self._target.stat(info.key).size_bytes == info.size_bytes
        except ObjectNotFoundError:
            return False

    def _copy_one(self, info: ObjectInfo) -> bool:
        """False for one that was deleted meanwhile."""
        draft = self._spool / f"move-{os.getpid()}"
        try:
            try:
                sha256 = self._fetch(info, draft)
            except ObjectNotFoundError:
                return False
            self._target.put_file(info.key, draft)
        finally:
            draft.unlink(missing_ok=True)
        if _hash(self._target.open_range(info.key, 0, info.size_bytes, CHUNK_BYTES)) != sha256:
            raise CopyDiffersError(
                f"The new store gives back other bytes for {info.key} than it was given. The old"
                " one has them all; nothing was lost. Check the new store, and try again."
            )
        self._note(info, sha256)
        return True

    def _fetch(self, info: ObjectInfo, draft: Path) -> str:
        digest = hashlib.sha256()
        with draft.open("wb") as handle:
            for chunk in self._source.open_range(info.key, 0, info.size_bytes, CHUNK_BYTES):
                digest.update(chunk)
                handle.write(chunk)
        return digest.hexdigest()

    def _note(self, info: ObjectInfo, sha256: str) -> None:
        self._proved[info.key] = info.size_bytes, sha256
        line = {"key": info.key, "size": info.size_bytes, "sha256": sha256}
        with self._journal.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line) + "\n")


def _hash(chunks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _read(journal: Path) -> dict[str, tuple[int, str]]:
    """A line that a crash cut off is as if it were not there."""
    if not journal.exists():
        journal.touch(0o600)
        sync_folder(journal.parent)
    proved = {}
    for line in journal.read_text(encoding="utf-8").splitlines():
        try:
            one = json.loads(line)
            proved[str(one["key"])] = int(one["size"]), str(one["sha256"])
        except (ValueError, KeyError, TypeError):
            continue
    return proved
