"""How far a running job is, kept in memory by the threads that work and read by those that tell."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opentranscribe.features.jobs.kinds import Step
from opentranscribe.features.jobs.rules import (
    StepPlan,
    StepState,
    StepStatus,
    overall_progress,
    remaining_seconds,
)


@dataclass
class _Mutable:
    status: StepStatus = "pending"
    fraction: float = 0.0
    began: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    progress: float
    eta_seconds: float | None
    states: Mapping[str, StepState]
    running: tuple[str, ...]


class Tracker:
    """Thread-safe. ``rates`` are seconds of work per unit of size, by step."""

    def __init__(
        self,
        steps: Sequence[Step],
        *,
        rates: Mapping[str, float] | None = None,
        finished: Mapping[str, StepStatus] | None = None,
    ) -> None:
        self._steps = tuple(steps)
        self._rates = dict(rates or {})
        self._size: float | None = None
        self._lock = threading.Lock()
        self._states = {step.name: _Mutable() for step in steps}
        for name, status in (finished or {}).items():
            if name in self._states:
                self._states[name] = _Mutable(status=status, fraction=1.0)

    def set_size(self, size: float | None) -> None:
        self._size = size

    def begin(self, name: str) -> None:
        with self._lock:
            self._states[name] = _Mutable(status="running", began=time.monotonic())

    def report(self, name: str, fraction: float) -> None:
        with self._lock:
            state = self._states[name]
            state.fraction = max(state.fraction, min(fraction, 1.0))

    def end(self, name: str, status: StepStatus) -> float:
        """The seconds that the step took."""
        with self._lock:
            state = self._states[name]
            state.seconds = time.monotonic() - state.began if state.began else 0.0
            state.status = status
            state.fraction = 1.0
            return state.seconds

    def snapshot(self) -> Snapshot:
        now = time.monotonic()
        with self._lock:
            states = {
                name: StepState(
                    state.status,
                    state.fraction,
                    now - state.began if state.status == "running" else state.seconds,
                )
                for name, state in self._states.items()
            }
        plans = [self._plan(step) for step in self._steps]
        running = tuple(name for name, state in states.items() if state.status == "running")
        return Snapshot(
            overall_progress(plans, states), remaining_seconds(plans, states), states, running
        )

    def _plan(self, step: Step) -> StepPlan:
        rate = self._rates.get(step.name)
        expected = rate * self._size if rate is not None and self._size is not None else None
        return StepPlan(step.name, step.after, step.weight, expected)
