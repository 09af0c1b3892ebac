"""Whether a release proves well: nothing that worked before the update fails, or is not tried, now.

A proof is read from the JSON of ``opentr prove``, of this release or of another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

State = Literal["passed", "failed", "not_tried"]
#: How releases before v1.1 mark in the sentence what they did not try.
NOT_TRIED = "Not tried"
#: The name under which a proof fails in which nothing worked.
NOTHING_TRIED = "anything at all"


def read_states(report: Mapping[str, Any]) -> dict[str, State]:
    """Probe → how it ended."""
    return {str(probe["name"]): _state_of(probe) for probe in report["probes"]}


def find_worse(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Probes for which the new release must not stay. ``before`` is empty where nothing ran.

    What failed before may fail on: going back would not mend it. What was not tried before has
    nothing to try it on here. Where not one probe passed, nothing speaks for the new release.
    """
    if "passed" not in now.values():
        return [NOTHING_TRIED]
    return [
        name
        for name, state in now.items()
        if (state == "failed" and before.get(name) != "failed")
        or (state == "not_tried" and before.get(name) == "passed")
    ]


def _state_of(probe: Mapping[str, Any]) -> State:
    state = probe.get("state")
    if state in ("passed", "failed", "not_tried"):
        return state  # type: ignore[no-any-return]
    if not probe["ok"]:
        return "failed"
    return "not_tried" if str(probe["sentence"]).startswith(NOT_TRIED) else "passed"
