"""The state of updates as the page shows it, read from files alone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from opentranscribe.features.upgrade.journal import Journal, list_journals
from opentranscribe.features.upgrade.requests import REQUEST, read_check
from opentranscribe.features.upgrade.schemas import PastUpdateOut, UpdateOut, UpdatesOut
from opentranscribe.kit import clock
from opentranscribe.kit.update_state import UpdateState, read_state

HISTORY = 20


def describe_updates(state_dir: Path, version: str) -> UpdatesOut:
    journals = list_journals(state_dir)
    state = read_state(state_dir)
    return UpdatesOut(
        version=version,
        can_roll_back=_can_roll_back(journals),
        waiting=(state_dir / REQUEST).exists(),
        current=_describe(state) if state else None,
        check=read_check(state_dir),
        history=[_describe_past(one) for one in reversed(journals[-HISTORY:]) if one.entries()],
    )


def _describe(state: UpdateState) -> UpdateOut:
    fraction, left = state.progress(clock.now())
    known = asdict(state)
    return UpdateOut(
        **{name: known[name] for name in UpdateOut.model_fields if name in known},
        fraction=fraction,
        seconds_left=left,
    )


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
    )


def _can_roll_back(journals: list[Journal]) -> bool:
    committed = [one for one in journals if one.is_committed]
    return bool(committed) and committed[-1].facts.get("kind") == "update"
