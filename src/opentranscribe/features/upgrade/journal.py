"""The journal of an update: what is about to be done is on disk before it is done.

One JSON object a line, each line forced to disk. Whoever finds a journal without an end, after a
power cut or kill -9, knows from it how far the update came, and takes it on from there. The format
is numbered and is read by the release before and the release after.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from opentranscribe.kit.durable import sync_folder
from opentranscribe.kit.errors import UnsupportedError

FORMAT = 1
#: One a folder of an update.
JOURNAL = "journal.jsonl"
#: An update and the rollback after it.
HELD_JOURNALS = 2
Event = Literal["begin", "intent", "done", "commit", "failed", "undo", "undone", "end"]


class JournalTooNewError(UnsupportedError):
    code = "journal_too_new"


@dataclass(frozen=True)
class Entry:
    event: Event
    at: str
    step: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


class Journal:
    """An append-only file; ``entries`` are those that reached the disk whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, event: Event, step: str = "", **facts: Any) -> None:
        """Returns when the line is on disk."""
        line = {
            "format": FORMAT,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            **({"step": step} if step else {}),
            **({"facts": facts} if facts else {}),
        }
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            torn = b"" if is_new or _ends_with_newline(descriptor) else b"\n"
            os.write(descriptor, torn + json.dumps(line).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            sync_folder(self.path.parent)

    def entries(self) -> list[Entry]:
        """Raises JournalTooNewError for one that a later release wrote."""
        return list(self._iter_entries())

    def _iter_entries(self) -> Iterator[Entry]:
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                content = json.loads(line)
            except ValueError:
                continue  # torn by a crash: what it announces was not begun
            if content.get("format", 0) > FORMAT:
                raise JournalTooNewError(
                    f"{self.path} was written by a later release. Nothing was changed. Run this"
                    " command with that release, which can finish or undo what it began."
                )
            yield Entry(
                content["event"], content["at"], content.get("step", ""), content.get("facts", {})
            )

    @property
    def facts(self) -> dict[str, Any]:
        """What was written down at the beginning, and since by each step."""
        found: dict[str, Any] = {}
        for entry in self.entries():
            if entry.event in ("begin", "intent", "done"):
                found.update(entry.facts)
        return found

    @property
    def is_committed(self) -> bool:
        return any(entry.event == "commit" for entry in self.entries())

    @property
    def has_ended(self) -> bool:
        return any(entry.event == "end" for entry in self.entries())

    def to_undo(self) -> list[str]:
        """Steps that were begun and not yet undone, the last one first."""
        begun: list[str] = []
        for entry in self.entries():
            if entry.event == "intent" and entry.step not in begun:
                begun.append(entry.step)
            elif entry.event == "undone" and entry.step in begun:
                begun.remove(entry.step)
        return begun[::-1]

    def is_done(self, step: str) -> bool:
        return any(entry.event == "done" and entry.step == step for entry in self.entries())


def _ends_with_newline(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def list_journals(state_dir: Path) -> list[Journal]:
    """Oldest first."""
    return [Journal(path) for path in sorted(state_dir.glob(f"*/{JOURNAL}"))]


def list_held(state_dir: Path) -> list[Path]:
    """Backups that the last update, or one under way, may still be put back from."""
    held = [one for one in list_journals(state_dir) if "backup" in one.facts]
    return [Path(str(one.facts["backup"])) for one in held[-HELD_JOURNALS:]]
