"""How far an update is, as a file: it outlives every process that an update stops."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from opentranscribe.kit.durable import write_durably

FILE = "progress.json"
LOG_LINES = 60
#: A step at work never looks finished.
NEARLY = 0.95
#: The pace that was expected weighs as much as this fraction of the whole.
PRIOR = 0.5
Outcome = Literal["running", "updated", "put_back", "refused", "rolled_back", "restored"]


@dataclass(frozen=True)
class UpdateState:
    """``predicted`` has the seconds expected of each step, in order; ``step`` is the one at work."""

    id: str
    from_version: str
    to_version: str
    started_at: str
    outcome: Outcome = "running"
    step: str = ""
    title: str = "Getting ready"
    step_started_at: str = ""
    predicted: dict[str, float] = field(default_factory=dict)
    log: tuple[str, ...] = ()
    reason: str = ""
    backup: str = ""

    @property
    def has_ended(self) -> bool:
        return self.outcome != "running"

    def progress(self, now: datetime) -> tuple[float, float]:
        """The finished fraction in [0, 1], and the seconds that are expected to be left.

        What is left is taken to go as the steps before it went: slower or quicker than expected.
        """
        if self.has_ended:
            return 1.0, 0.0
        total = sum(self.predicted.values())
        if not total or self.step not in self.predicted:
            return 0.0, total
        names = list(self.predicted)
        before = sum(self.predicted[name] for name in names[: names.index(self.step)])
        own = self.predicted[self.step]
        elapsed = max(_seconds_between(self.step_started_at, now), 0.0)
        pace = self._pace(before, total)
        done = min(elapsed, own * pace * NEARLY)
        left = (total - before) * pace - done
        return (before + done / pace) / total, left

    def _pace(self, expected: float, total: float) -> float:
        """How many times as long as expected it takes; a few short steps say little about that."""
        if not self.started_at:
            return 1.0
        begun = datetime.fromisoformat(self.step_started_at)
        took = max(_seconds_between(self.started_at, begun), 0.0)
        return (took + PRIOR * total) / (expected + PRIOR * total)

    def with_line(self, line: str) -> UpdateState:
        return replace(self, log=(*self.log, line)[-LOG_LINES:])


def _seconds_between(begin: str, end: datetime) -> float:
    return (end - datetime.fromisoformat(begin)).total_seconds()


def write_state(folder: Path, state: UpdateState) -> None:
    write_durably(folder / FILE, json.dumps(asdict(state)))


def read_state(folder: Path) -> UpdateState | None:
    """The last update's state; None when there never was one, or its file cannot be understood."""
    try:
        content: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        known = {name: content[name] for name in UpdateState.__annotations__ if name in content}
        return UpdateState(**{**known, "log": tuple(known.get("log", ()))})
    except (OSError, ValueError, TypeError):
        return None
