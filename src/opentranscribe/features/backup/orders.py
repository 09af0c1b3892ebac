"""What is asked of the backups, by a person on the page or by the plan: files beside the data.

An order is carried out by a process of its own, which takes as long as it takes and writes down how
far it is. Nothing of it needs the database, which a backup may be the last hope for.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from opentranscribe.features.backup.errors import BackupRunningError
from opentranscribe.kit import clock
from opentranscribe.kit.durable import remove, write_durably

Verb = Literal["create", "verify", "drill", "remove"]
ORDER = "order.json"
RUNNING = "running.json"
PLAN = "plan.json"


@dataclass(frozen=True)
class Order:
    """``kind`` (both, full, plain) and ``encrypt`` are for ``create``; ``name`` is for ``verify``
    and ``remove``. ``planned`` ones follow the policy."""

    verb: Verb
    name: str = ""
    kind: str = "both"
    encrypt: bool = False
    planned: bool = False


@dataclass(frozen=True)
class Running:
    """``line`` is the last that was said about it; ``since`` is ISO 8601."""

    what: Verb
    name: str
    since: str
    line: str
    pid: int


def place_order(folder: Path, order: Order) -> None:
    """Raises BackupRunningError while another one waits or is carried out."""
    if (folder / ORDER).exists() or read_running(folder) is not None:
        raise BackupRunningError(
            "Another backup, check or rehearsal is at work. Nothing was changed; try again when it"
            " is done."
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_durably(folder / ORDER, json.dumps(asdict(order)))


def take_order(folder: Path) -> Order | None:
    """The waiting one, which is gone afterwards: what was cut off is not begun again."""
    found = _read(folder / ORDER)
    if found is None:
        return None
    remove(folder / ORDER)
    try:
        order = Order(**found)
    except TypeError:
        return None
    return order if order.verb in get_args(Verb) else None


def announce(folder: Path, order: Order, pid: int) -> Running:
    """That process carries the order out now."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    running = Running(order.verb, order.name, clock.now().isoformat(), "Beginning", pid)
    write_durably(folder / RUNNING, json.dumps(asdict(running)))
    return running


@contextmanager
def carrying_out(folder: Path, order: Order) -> Iterator[Callable[[str], None]]:
    """Everybody can see it; what is told is shown."""
    running = announce(folder, order, os.getpid())

    def tell(line: str) -> None:
        write_durably(folder / RUNNING, json.dumps(asdict(replace(running, line=line))))

    try:
        yield tell
    finally:
        remove(folder / RUNNING)


def read_waiting(folder: Path) -> Running | None:
    """The order that nobody has taken yet."""
    try:
        order = Order(**(_read(folder / ORDER) or {}))
        since = datetime.fromtimestamp((folder / ORDER).stat().st_mtime, UTC)
    except (TypeError, OSError):
        return None
    return Running(order.verb, order.name, since.isoformat(), "Waiting to begin", 0)


def read_running(folder: Path) -> Running | None:
    """None where nothing runs, or what ran was killed."""
    try:
        running = Running(**(_read(folder / RUNNING) or {}))
        os.kill(running.pid, 0)
    except (TypeError, OSError):
        return None
    return running


@dataclass(frozen=True)
class Tried:
    """When the plan's order was last begun, and when one last succeeded."""

    begun: datetime
    done: datetime


def read_tried(folder: Path, verb: Verb) -> Tried | None:
    try:
        found = (_read(folder / PLAN) or {})[verb]
        return Tried(*(datetime.fromisoformat(found[key]) for key in ("begun", "done")))
    except (KeyError, TypeError, ValueError):
        return None


def write_tried(folder: Path, verb: Verb, tried: Tried) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = _read(folder / PLAN) or {}
    content[verb] = {"begun": tried.begun.isoformat(), "done": tried.done.isoformat()}
    write_durably(folder / PLAN, json.dumps(content))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
