"""Recordings in a backup: named by their bytes, one more name on the same disk, a copy elsewhere.

Objects are never written in place, so that a further name for them stays what it is when the store
deletes its own. What exists is held by such names before the database is looked at, so that a file
deleted meanwhile is still there for the rows that the backup has of it.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from opentranscribe.features.backup import sealed_files
from opentranscribe.features.backup.manifest import MediaEntry
from opentranscribe.features.backup.packs import hash_file, link_or_copy
from opentranscribe.kit.durable import sync_folder
from opentranscribe.ports.objects import ObjectNotFoundError, Objects

FOLDER = "media"


@dataclass
class MediaCopier:
    """``before`` are the entries of an earlier backup in ``before_folder``, by object key."""

    objects: Objects
    hold: Path
    target: Path
    is_encrypted: bool
    before: dict[str, MediaEntry] = field(default_factory=dict)
    before_folder: Path | None = None
    new_bytes: int = 0
    _held: dict[str, Path] = field(default_factory=dict)

    def hold_all(self) -> None:
        """Further names for all objects that no earlier backup has."""
        shutil.rmtree(self.hold, ignore_errors=True)
        self.hold.mkdir(parents=True, mode=0o700)
        self._held, self.new_bytes = {}, 0
        for number, info in enumerate(self.objects.list()):
            if info.key not in self.before:
                self._hold(info.key, str(number))

    def release(self) -> None:
        shutil.rmtree(self.hold, ignore_errors=True)

    def hold_named(self, keys: Iterable[str]) -> list[str]:
        """Hold what was added since; which are nowhere, not in the earlier backup either."""
        missing = []
        for number, key in enumerate(keys):
            if key not in self._held:
                self._hold(key, f"named-{number}")
            if key not in self._held and key not in self.before:
                missing.append(key)
        return missing

    def copy(self, keys: Iterable[str]) -> list[MediaEntry]:
        """Entries of those that are somewhere."""
        self.target.mkdir(exist_ok=True, mode=0o700)
        found = [entry for key in keys if (entry := self._copy_one(key)) is not None]
        sync_folder(self.target)
        return found

    def _hold(self, key: str, name: str) -> None:
        try:
            link_or_copy(self.objects.local_path(key), self.hold / name)
        except (ObjectNotFoundError, FileNotFoundError):
            return
        self._held[key] = self.hold / name

    def _copy_one(self, key: str) -> MediaEntry | None:
        source = self._held.get(key)
        old = self.before.get(key)
        if old and self.before_folder and (source is None or _is_same(source, old)):
            link_or_copy(self.before_folder / FOLDER / old.stored, self.target / old.stored)
            return old
        return None if source is None else self._store(key, source)

    def _store(self, key: str, source: Path) -> MediaEntry:
        found = source.stat()
        sha256 = hash_file(source)
        entry = MediaEntry(key, found.st_size, sha256, sha256, found.st_mtime_ns, found.st_ino)
        if self.is_encrypted:
            file_key = secrets.token_bytes(32)
            stored = sealed_files.encrypt_file(source, self.target, file_key)
            self.new_bytes += found.st_size
            return replace(entry, stored=stored, key=file_key.hex())
        if not (self.target / sha256).exists():
            self.new_bytes += found.st_size
            link_or_copy(source, self.target / sha256)
        return entry


def _is_same(path: Path, entry: MediaEntry) -> bool:
    found = path.stat()
    return (found.st_size, found.st_mtime_ns, found.st_ino) == (
        entry.size,
        entry.mtime_ns,
        entry.inode,
    )
