"""The same tables of steps without rows: one run in this process, nothing to resume."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from opentranscribe.features.jobs.failures import failure_of
from opentranscribe.features.jobs.graph import run_graph
from opentranscribe.features.jobs.kinds import Failure, JobFacts, Results, Step, StepRun
from opentranscribe.features.jobs.tracker import Tracker
from opentranscribe.ports.progress import Cancelled, Progress

log = logging.getLogger(__name__)


class LocalRun:
    """Runs ``steps`` on ``subject``; what an optional step failed of is in ``failures``.

    Writes of steps are left out, so the subject must keep what it wants to keep by itself.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        subject: Any,
        *,
        size: Callable[[Any, Results], float | None],
    ) -> None:
        self.tracker = Tracker(steps)
        self.failures: dict[str, Failure] = {}
        self._steps = {step.name: step for step in steps}
        self._subject = subject
        self._size = size
        self._results: dict[str, dict[str, Any]] = {}
        self._stop = threading.Event()
        self._facts = JobFacts(0, uuid4(), "local", None, None, None, {}, 1)

    @property
    def results(self) -> Results:
        return self._results

    def run(self) -> None:
        """Raises what a required step raised, or Cancelled after :meth:`cancel`."""
        run_graph(tuple(self._steps.values()), self._execute, give_up=self._stop.set)

    def cancel(self) -> None:
        self._stop.set()

    def _execute(self, step: Step) -> None:
        self.tracker.begin(step.name)
        if not self._is_wanted(step):
            self.tracker.end(step.name, "skipped")
            return
        run = StepRun(
            job=self._facts,
            results=self._results,
            progress=self._progress_of(step),
            write=_no_database,
            work=None,  # type: ignore[arg-type]
        )
        try:
            self._check()
            self._results[step.name] = step.run(self._subject, run).result
        except Cancelled:
            raise
        except Exception as error:
            if not step.optional:
                raise
            log.debug("optional step %s failed", step.name, exc_info=True)
            self.failures[step.name] = failure_of(error)
            self.tracker.end(step.name, "failed")
            return
        self.tracker.end(step.name, "done")
        self.tracker.set_size(self._size(self._subject, self._results))

    def _is_wanted(self, step: Step) -> bool:
        needed = (self._steps[name] for name in step.after if name in self._steps)
        if step.optional and any(n.optional and n.name not in self._results for n in needed):
            return False
        return step.wanted(self._subject, self._results)

    def _progress_of(self, step: Step) -> Progress:
        def report(fraction: float) -> None:
            self.tracker.report(step.name, fraction)
            self._check()

        return report

    def _check(self) -> None:
        if self._stop.is_set():
            raise Cancelled


def _no_database(_change: object) -> None:
    raise AssertionError("a local run has no database to write to")
