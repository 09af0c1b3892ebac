"""What an administrator asks for on the page, handed to the supervisor as a file.

The API is one of the things that an update stops, so it never carries one out itself. A file can be
asked for by nobody who may not write the data folder; where releases come from is a setting, not
part of a request, so that who takes over an administrator's session cannot install a program.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from opentranscribe.features.upgrade.errors import UpdateUnderWayError
from opentranscribe.kit import clock
from opentranscribe.kit.durable import remove, write_durably
from opentranscribe.kit.update_state import read_state

Verb = Literal["check", "update", "rollback"]
REQUEST = "request.json"
#: What was taken up last, and the process that carries it out.
PREPARING = "preparing.json"
#: What the last check found, for the page.
CHECKED = "check.json"


@dataclass(frozen=True)
class Request:
    """``by`` is the administrator's address, for the record; ``version`` empty for the newest;
    ``at`` is when it was asked for, in ISO 8601."""

    verb: Verb
    by: str
    version: str = ""
    at: str = field(default_factory=lambda: clock.now().isoformat(), compare=False)


@dataclass(frozen=True)
class Preparing:
    """``pid`` with ``birth``, where the system tells it, names one process for ever."""

    verb: Verb
    since: datetime
    pid: int
    birth: str = ""

    @property
    def is_alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # somebody else's, so it lives
        return _birth_of(self.pid) == self.birth


def ask(state_dir: Path, request: Request) -> None:
    """Of two that have not begun the later one counts. Raises UpdateUnderWayError."""
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    state = read_state(state_dir)
    if state is not None and not state.has_ended:
        raise UpdateUnderWayError("An update is under way. Nothing was changed.")
    content = {"verb": request.verb, "by": request.by, "version": request.version}
    content["at"] = request.at
    write_durably(state_dir / REQUEST, json.dumps(content))


def take(state_dir: Path) -> Request | None:
    """The waiting request, which is gone afterwards: what was cut off is not begun again."""
    path = state_dir / REQUEST
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = Request(
            content["verb"],
            str(content["by"]),
            str(content.get("version", "")),
            str(content.get("at") or clock.now().isoformat()),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        remove(path)
        return None
    remove(path)
    return found if found.verb in ("check", "update", "rollback") else None


def note_begun(state_dir: Path, request: Request, pid: int) -> None:
    """Which process carries the request out, so that the page can tell work from death."""
    content = {"verb": request.verb, "by": request.by, "since": request.at, "pid": pid}
    content["birth"] = _birth_of(pid)
    write_durably(state_dir / PREPARING, json.dumps(content))


def read_preparing(state_dir: Path) -> Preparing | None:
    """What was taken up last; whether it has answered since is the caller's to see."""
    try:
        content: dict[str, Any] = json.loads((state_dir / PREPARING).read_text(encoding="utf-8"))
        since = datetime.fromisoformat(content["since"])
        return Preparing(content["verb"], since, int(content["pid"]), str(content["birth"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _birth_of(pid: int) -> str:
    """When a process began, in ticks since the machine did: a number that is used again has
    another one. Empty where the system does not tell. Source: proc_pid_stat(5), field 22."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def write_check(state_dir: Path, found: dict[str, Any]) -> None:
    write_durably(state_dir / CHECKED, json.dumps(found))


def read_check(state_dir: Path) -> dict[str, Any] | None:
    """What the last check found; None before the first."""
    try:
        found: dict[str, Any] = json.loads((state_dir / CHECKED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found
