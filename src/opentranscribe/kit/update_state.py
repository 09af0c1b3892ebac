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

        Steps to come are expected as before however long the earlier ones took: on recorded
        updates, to take one step's delay for the pace of the whole was further from the truth.
        """
        if self.has_ended:
            return 1.0, 0.0
        total = sum(self.predicted.values())
        if not total or self.step not in self.predicted:
            return 0.0, total
        names = list(self.predicted)
        done = sum(self.predicted[name] for name in names[: names.index(self.step)])
        elapsed = (now - datetime.fromisoformat(self.step_started_at)).total_seconds()
        done += min(max(elapsed, 0.0), self.predicted[self.step] * NEARLY)
        return done / total, total - done

    def with_line(self, line: str) -> UpdateState:
        return replace(self, log=(*self.log, line)[-LOG_LINES:])


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
