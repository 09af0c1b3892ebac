"""What is known of the backups of a folder, as a file beside them: readable without a database."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal

from opentranscribe.features.backup import rules
from opentranscribe.features.backup.errors import BackupNotFoundError, BackupRunningError
from opentranscribe.kit.durable import write_durably

FILE = ".catalogue.json"
LOCK = ".lock"
NOTE_LOCK = ".catalogue.lock"
MANIFEST = "manifest.json"
State = Literal["unknown", "checked", "drilled", "damaged"]


@dataclass(frozen=True)
class Record:
    """What was found out about one backup. Times are ISO 8601; ``rto_seconds`` is how long the
    last drill took to have its database ready. What a drill found stands apart from what a check
    found: bytes that are as they were written say nothing of whether they can be restored."""

    state: State = "unknown"
    checked_at: str | None = None
    drilled_at: str | None = None
    rto_seconds: float | None = None
    drill_tried_at: str | None = None
    drill_failure: str | None = None
    failure: str | None = None
    seconds: float | None = None
    new_bytes: int | None = None
    kind: str = ""


@dataclass(frozen=True)
class BackupSet:
    """One backup: a plain SQL file or a folder with everything."""

    path: Path
    made_at: datetime
    is_full: bool
    size_bytes: int
    record: Record

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def is_good(self) -> bool:
        return self.record.state in {"checked", "drilled"}


class Catalogue:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self) -> list[BackupSet]:
        """Newest first."""
        records = self._read()
        found = []
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            made_at = rules.moment_of(path.name)
            if made_at is not None and (path.is_dir() or path.suffix == ".sql"):
                record = records.get(path.name, Record())
                found.append(BackupSet(path, made_at, path.is_dir(), _size_of(path), record))
        return sorted(found, key=lambda one: (one.made_at, one.name), reverse=True)

    def get(self, path: Path) -> BackupSet:
        """Raises BackupNotFoundError."""
        for one in self.list():
            if one.path == path.absolute() or one.path.resolve() == path.resolve():
                return one
        raise BackupNotFoundError(f"There is no backup {path}.")

    def note(self, name: str, **facts: Any) -> Record:
        """Two may write at once: a check needs not be alone."""
        with (self._folder / NOTE_LOCK).open("a+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            records = self._read()
            records[name] = replace(records.get(name, Record()), **facts)
            here = {path.name for path in self._folder.iterdir()}
            content = {key: asdict(value) for key, value in sorted(records.items()) if key in here}
            write_durably(self._folder / FILE, json.dumps(content, indent=1))
        return records[name]

    @contextmanager
    def alone(self, patience: float = 0.0) -> Iterator[None]:
        """One backup or restore at a time, however it ends; another one is waited for so many
        seconds. Raises BackupRunningError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        until = time.monotonic() + patience
        with (self._folder / LOCK).open("a+") as handle:
            while not _is_locked(handle):
                if time.monotonic() >= until:
                    raise BackupRunningError(
                        "Another backup or restore is at work. Nothing was changed; try again when"
                        " it is done."
                    )
                time.sleep(0.2)
            yield

    def _read(self) -> dict[str, Record]:
        try:
            content = json.loads((self._folder / FILE).read_text(encoding="utf-8"))
            return {
                name: Record(**{k: v for k, v in facts.items() if k in Record.__annotations__})
                for name, facts in content.items()
            }
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def _is_locked(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _size_of(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
