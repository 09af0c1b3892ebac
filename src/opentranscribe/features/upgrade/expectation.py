"""How long each step of an update will take: as measured for this very update, else as in the last
one of this installation, else as usual.

What was measured beforehand is corrected by how well that held the last time: a proof right after
the start is slower than one of what has been running for days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from opentranscribe.features.upgrade.journal import Journal
from opentranscribe.features.upgrade.steps import STEPS

#: Of a correction by the last update; one odd update must not spoil the next estimate.
LEAST, MOST = 0.5, 3.0


def expect(journals: Sequence[Journal], measured: Mapping[str, float]) -> dict[str, float]:
    """Seconds of each step, in order. ``journals`` are all there are, oldest first; ``measured``
    the seconds that steps took beforehand, in a rehearsal."""
    last = _find_last_update(journals)
    took = read_durations(last) if last else {}
    claimed = last.facts.get("measured", {}) if last else {}
    expected = {step.name: took.get(step.name, step.seconds) for step in STEPS}
    for name in expected.keys() & measured.keys():
        expected[name] = measured[name] * _correct(took.get(name), claimed.get(name))
    return expected


def read_durations(journal: Journal) -> dict[str, float]:
    """Seconds of each step that was finished."""
    begun: dict[str, datetime] = {}
    took: dict[str, float] = {}
    for entry in journal.entries():
        at = datetime.fromisoformat(entry.at)
        if entry.event == "intent":
            begun[entry.step] = at
        elif entry.event == "done" and entry.step in begun:
            took[entry.step] = (at - begun[entry.step]).total_seconds()
    return took


def _find_last_update(journals: Sequence[Journal]) -> Journal | None:
    for journal in reversed(journals):
        if journal.is_committed and journal.facts.get("kind") == "update":
            return journal
    return None


def _correct(took: float | None, claimed: float | None) -> float:
    if not took or not claimed:
        return 1.0
    return min(max(took / claimed, LEAST), MOST)
