"""Progress and remaining time of a table of steps: pure arithmetic on what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

StepStatus = Literal["pending", "running", "done", "failed", "skipped"]
ENDED: frozenset[str] = frozenset({"done", "failed", "skipped"})
#: Below this part of a step its own speed says nothing yet.
TELLING_FRACTION = 0.03
#: How much one new measurement counts against all earlier ones.
SMOOTHING = 0.3
RETRY_SECONDS = (5.0, 20.0, 60.0, 300.0)
#: Whatever waits for the end of an outage goes on soon after it.
OUTAGE_DELAY_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class StepPlan:
    """``expected_seconds`` is learnt from earlier jobs; None when nothing has been measured."""

    name: str
    after: tuple[str, ...]
    weight: float
    expected_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class StepState:
    """``seconds`` is how long the step has been running, or ran."""

    status: StepStatus = "pending"
    fraction: float = 0.0
    seconds: float = 0.0


def overall_progress(plans: Sequence[StepPlan], states: Mapping[str, StepState]) -> float:
    """Finished share of the work in [0, 1], steps counted by expected time or else by weight."""
    known = all(plan.expected_seconds is not None for plan in plans)
    total = done = 0.0
    for plan in plans:
        share = plan.expected_seconds if known and plan.expected_seconds else plan.weight
        state = states[plan.name]
        total += share
        done += share * (1.0 if state.status in ENDED else min(max(state.fraction, 0.0), 1.0))
    return done / total if total else 1.0


def remaining_seconds(plans: Sequence[StepPlan], states: Mapping[str, StepState]) -> float | None:
    """The longest way through what is left; None as long as nothing has been measured."""
    pace = _seconds_per_weight(plans, states)
    finish: dict[str, float] = {}
    for plan in plans:
        left = _left(plan, states[plan.name], pace)
        if left is None:
            return None
        finish[plan.name] = left + max((finish.get(name, 0.0) for name in plan.after), default=0.0)
    return max(finish.values(), default=0.0)


def _left(plan: StepPlan, state: StepState, pace: float | None) -> float | None:
    if state.status in ENDED:
        return 0.0
    if state.status == "running" and state.fraction >= TELLING_FRACTION:
        return state.seconds * (1.0 - state.fraction) / state.fraction
    if plan.expected_seconds is not None:
        return max(plan.expected_seconds - state.seconds, 0.0)
    return None if pace is None else max(plan.weight * pace - state.seconds, 0.0)


def _seconds_per_weight(plans: Sequence[StepPlan], states: Mapping[str, StepState]) -> float | None:
    """What a unit of weight has cost so far, from the heaviest step that tells something."""
    best: tuple[float, float] | None = None
    for plan in plans:
        state = states[plan.name]
        telling = state.status == "done" or state.fraction >= TELLING_FRACTION
        if telling and plan.weight >= 1.0 and state.seconds > 0:
            share = 1.0 if state.status == "done" else state.fraction
            measured = state.seconds / share / plan.weight
            best = max(best, (plan.weight, measured)) if best else (plan.weight, measured)
    return best[1] if best else None


def smoothed(before: float | None, measured: float) -> float:
    """An exponentially weighted mean that starts at the first measurement."""
    return measured if before is None else before + SMOOTHING * (measured - before)


def retry_delay_seconds(attempt: int) -> float:
    """How long to wait after the ``attempt``-th failure (counted from 1)."""
    return RETRY_SECONDS[min(max(attempt, 1), len(RETRY_SECONDS)) - 1]
