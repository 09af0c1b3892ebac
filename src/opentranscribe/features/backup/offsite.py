"""Copies of backups somewhere else.

Below the target, ``content/`` has packs and recordings, named by what they contain, so that a
later backup sends only what is new; ``NAME/files.json`` says which of them make up a backup, and is
sent last: without it there is no backup. Whatever breaks, the same command goes on where it ended.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from opentranscribe.features.backup.errors import BackupDamagedError, BackupNotFoundError
from opentranscribe.features.backup.rules import moment_of
from opentranscribe.kit.durable import sync_folder
from opentranscribe.ports.backup_stores import BackupStore, StoreAwayError

INDEX = "files.json"
#: Folders of a full backup whose files are named by their content.
SHARED = ("database", "media")
#: Waits between tries, in seconds.
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
#: So many of the files there are read back each time.
SAMPLED = 4

Tell = Callable[[str], None]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Part:
    """A file of a backup: its path in it, its bytes, its name at the target."""

    path: str
    size: int
    sha256: str
    stored: str


@dataclass(frozen=True)
class Copied:
    sent_files: int
    sent_bytes: int
    files: int


class Offsite:
    def __init__(self, store: BackupStore, tell: Tell = lambda line: None) -> None:
        self._store = store
        self._tell = tell

    def copy(self, backup: Path) -> Copied:
        """Send what is not there yet, read a sample of it back. Raises StoreAwayError,
        StoreRefusedError, BackupDamagedError."""
        parts = list(_parts(backup))
        there = self._try(self._store.sizes)
        missing = [one for one in parts if there.get(one.stored) != one.size]
        total, sent = sum(one.size for one in missing), 0
        for part in missing:
            self._send(backup, part)
            sent += part.size
            self._tell(f"Sending a copy: {sent / 1e6:.0f} of {total / 1e6:.0f} MB")
        self._require_there(backup, parts)
        self._put_text(f"{backup.name}/{INDEX}", json.dumps([vars(one) for one in parts]))
        self._tell(f"A copy of {backup.name} is there and was looked at")
        return Copied(len(missing), total, len(parts))

    def names(self) -> list[str]:
        """Backups that are there whole, newest first."""
        found = (PurePosixPath(name) for name in self._try(self._store.sizes))
        there = {one.parts[0] for one in found if len(one.parts) == 2 and one.name == INDEX}
        return sorted((one for one in there if moment_of(one)), reverse=True)

    def fetch(self, name: str, into: Path) -> Path:
        """A backup brought here, every byte checked. Raises BackupNotFoundError,
        BackupDamagedError, StoreAwayError."""
        if moment_of(name) is None or name not in self.names():
            raise BackupNotFoundError(f"There is no backup {name!r} there.")
        target = into / name
        if target.exists():
            return target
        draft = into / f".{name}.part"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True, mode=0o700)
        try:
            for part in self._read_index(name, draft):
                self._get(part, draft / part.path)
            whole = draft / name if name.endswith(".sql") else draft
            whole.rename(target)
            sync_folder(into)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return target

    def _send(self, backup: Path, part: Part) -> None:
        source = backup / part.path if backup.is_dir() else backup
        self._try(lambda: self._store.put(part.stored, source))

    def _get(self, part: Part, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._try(lambda: self._store.get(part.stored, target))
        if _digest(target) != part.sha256:
            raise BackupDamagedError(f"The copy of {part.path} is not what was sent.")

    def _read_index(self, name: str, folder: Path) -> list[Part]:
        path = folder / INDEX
        self._try(lambda: self._store.get(f"{name}/{INDEX}", path))
        try:
            content: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
            parts = [Part(**one) for one in content]
        except (ValueError, TypeError) as error:
            raise BackupDamagedError(f"The list of files of {name} is damaged.") from error
        path.unlink()
        for part in parts:
            if not (folder / part.path).resolve().is_relative_to(folder.resolve()):
                raise BackupDamagedError(f"{name} names a file outside of itself.")
        return parts

    def _require_there(self, backup: Path, parts: list[Part]) -> None:
        """All by size, some of them by reading them again; one that is damaged is sent anew."""
        there = self._try(self._store.sizes)
        lost = [one.path for one in parts if there.get(one.stored) != one.size]
        if lost:
            raise StoreAwayError(f"{len(lost)} files that were sent are not there, as {lost[0]}.")
        with tempfile.TemporaryDirectory(prefix="opentr-offsite-") as folder:
            for part in random.sample(parts, min(SAMPLED, len(parts))):
                try:
                    self._get(part, Path(folder) / "sample")
                except BackupDamagedError:
                    self._send(backup, part)
                    self._get(part, Path(folder) / "sample")

    def _put_text(self, name: str, text: str) -> None:
        with tempfile.TemporaryDirectory(prefix="opentr-offsite-") as folder:
            path = Path(folder) / INDEX
            path.write_text(text, encoding="utf-8")
            self._try(lambda: self._store.put(name, path))

    def _try(self, act: Callable[[], Result]) -> Result:
        for pause in PAUSES:
            try:
                return act()
            except StoreAwayError:
                time.sleep(pause)
        return act()


def _parts(backup: Path) -> Iterator[Part]:
    if backup.is_file():
        digest = _digest(backup)
        yield Part(backup.name, backup.stat().st_size, digest, f"content/{digest}")
        return
    for path in sorted(one for one in backup.rglob("*") if one.is_file()):
        inside = path.relative_to(backup).as_posix()
        digest = _digest(path)
        is_shared = inside.split("/")[0] in SHARED
        stored = f"content/{digest}" if is_shared else f"{backup.name}/{digest}"
        yield Part(inside, path.stat().st_size, digest, stored)


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
