"""The state of updates as the page shows it, read from files alone."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from opentranscribe.features.upgrade.journal import Journal, list_journals
from opentranscribe.features.upgrade.requests import (
    REQUEST,
    read_check,
    read_preparing,
)
from opentranscribe.features.upgrade.schemas import (
    PastUpdateOut,
    PreparingOut,
    UpdateOut,
    UpdatesOut,
)
from opentranscribe.kit import clock
from opentranscribe.kit.update_state import UpdateState, read_state

HISTORY = 20


def describe_updates(state_dir: Path, version: str) -> UpdatesOut:
    journals = list_journals(state_dir)
    state = read_state(state_dir)
    check = read_check(state_dir)
    history = [_describe_past(one) for one in reversed(journals[-HISTORY:]) if one.entries()]
    preparing = _describe_preparing(state_dir, state, check)
    return UpdatesOut(
        version=version,
        can_roll_back=_can_roll_back(journals),
        waiting=(state_dir / REQUEST).exists() or bool(preparing and not preparing.has_ended),
        preparing=preparing,
        current=_describe(state, history) if state else None,
        check=check,
        history=history,
    )


def _describe(state: UpdateState, history: list[PastUpdateOut]) -> UpdateOut:
    fraction, left = state.progress(clock.now())
    known = asdict(state)
    return UpdateOut(
        **{name: known[name] for name in UpdateOut.model_fields if name in known},
        fraction=fraction,
        seconds_left=left,
        written=next((past.written for past in history if past.id == state.id), ""),
    )


def _describe_preparing(
    state_dir: Path, state: UpdateState | None, check: dict[str, Any] | None
) -> PreparingOut | None:
    """None where nothing was asked for, or what was asked for has shown what comes of it."""
    found = read_preparing(state_dir)
    if found is None or (state and _is_after(state.started_at, found.since)):
        return None
    if found.verb == "check" and check and _is_after(check.get("checked_at"), found.since):
        return None
    return PreparingOut(
        verb=found.verb, since=found.since.isoformat(), has_ended=not found.is_alive
    )


def _is_after(text: object, since: datetime) -> bool:
    try:
        return datetime.fromisoformat(str(text)) >= since
    except (ValueError, TypeError):  # no time, or one without a zone
        return False


def _describe_past(journal: Journal) -> PastUpdateOut:
    entries, facts = journal.entries(), journal.facts
    end = next((entry for entry in entries if entry.event == "end"), None)
    return PastUpdateOut(
        id=journal.path.parent.name,
        kind=facts.get("kind", "update"),
        from_release=str(facts.get("old", "")),
        to_release=str(facts.get("new", "")),
        at=entries[0].at,
        result=str(end.facts.get("result", "")) if end else "running",
        reason=str(end.facts.get("reason", "")) if end else "",
        written=_list_of_written(facts),
    )


def _list_of_written(facts: dict[str, Any]) -> str:
    """Named before it is made, so it is looked for."""
    named = str(facts.get("written", ""))
    return named if named and Path(named).is_file() else ""


def _can_roll_back(journals: list[Journal]) -> bool:
    committed = [one for one in journals if one.is_committed]
    return bool(committed) and committed[-1].facts.get("kind") == "update"
