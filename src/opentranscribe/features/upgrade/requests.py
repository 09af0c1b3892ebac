"""What an administrator asks for on the page, handed to the supervisor as a file.

The API is one of the things that an update stops, so it never carries one out itself. A file can be
asked for by nobody who may not write the data folder; where releases come from is a setting, not
part of a request, so that who takes over an administrator's session cannot install a program.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from opentranscribe.features.upgrade.errors import UpdateUnderWayError
from opentranscribe.kit.durable import remove, write_durably
from opentranscribe.kit.update_state import read_state

Verb = Literal["check", "update", "rollback"]
REQUEST = "request.json"
#: What the last check found, for the page.
CHECKED = "check.json"


@dataclass(frozen=True)
class Request:
    """``by`` is the administrator's address, for the record; ``version`` empty for the newest."""

    verb: Verb
    by: str
    version: str = ""


def ask(state_dir: Path, request: Request) -> None:
    """Of two that have not begun the later one counts. Raises UpdateUnderWayError."""
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    state = read_state(state_dir)
    if state is not None and not state.has_ended:
        raise UpdateUnderWayError("An update is under way. Nothing was changed.")
    content = {"verb": request.verb, "by": request.by, "version": request.version}
    write_durably(state_dir / REQUEST, json.dumps(content))


def take(state_dir: Path) -> Request | None:
    """The waiting request, which is gone afterwards: what was cut off is not begun again."""
    path = state_dir / REQUEST
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = Request(content["verb"], str(content["by"]), str(content.get("version", "")))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        remove(path)
        return None
    remove(path)
    return found if found.verb in ("check", "update", "rollback") else None


def write_check(state_dir: Path, found: dict[str, Any]) -> None:
    write_durably(state_dir / CHECKED, json.dumps(found))


def read_check(state_dir: Path) -> dict[str, Any] | None:
    """What the last check found; None before the first."""
    try:
        found: dict[str, Any] = json.loads((state_dir / CHECKED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found
