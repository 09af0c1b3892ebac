"""The heartbeat of a running job: renews the lease, tells how far it is, hears a cancellation."""

from __future__ import annotations

import logging
import threading
from typing import Any, Self

from sqlalchemy.exc import SQLAlchemyError

from opentranscribe.features.jobs import queries
from opentranscribe.features.jobs.errors import HandedBack, LeaseLostError
from opentranscribe.features.jobs.kinds import Kind
from opentranscribe.features.jobs.lease import Lease
from opentranscribe.features.jobs.tracker import Snapshot, Tracker
from opentranscribe.ports.notices import Notice
from opentranscribe.ports.progress import Cancelled, Progress
from opentranscribe.work import Work

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0


class Pulse:
    """A thread beside the steps; use as a context manager."""

    def __init__(
        self,
        lease: Lease,
        kind: Kind,
        tracker: Tracker,
        lease_seconds: float,
        hand_back: threading.Event,
    ) -> None:
        self.cancelled = threading.Event()
        self.given_up = threading.Event()
        self._lease = lease
        self._kind = kind
        self._tracker = tracker
        self._lease_seconds = lease_seconds
        self._hand_back = hand_back
        self._stop = threading.Event()
        self._told: dict[str, float] = {}
        name = f"pulse-{lease.facts.uuid}"
        self._thread = threading.Thread(target=self._beat, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raise when the work is no longer wanted, or not from us."""
        if self._lease.lost.is_set():
            raise LeaseLostError
        if self.cancelled.is_set() or self.given_up.is_set():
            raise Cancelled
        if self._hand_back.is_set():
            raise HandedBack

    def progress_of(self, step: str) -> Progress:
        def report(fraction: float) -> None:
            self._tracker.report(step, fraction)
            self.check()

        return report

    def _beat(self) -> None:
        interval = min(INTERVAL_SECONDS, self._lease_seconds / 3)
        while not self._stop.wait(interval):
            try:
                self._tell()
            except SQLAlchemyError as error:
                log.warning("job %s could not renew its lease: %s", self._lease.facts.uuid, error)

    def _tell(self) -> None:
        snapshot = self._tracker.snapshot()
        message = " and ".join(self._kind.step(name).label.lower() for name in snapshot.running)
        values: dict[str, Any] = {
            "progress": round(snapshot.progress, 4),
            "eta_seconds": _rounded(snapshot.eta_seconds),
            "message": message.capitalize() or None,
        }

        def also(work: Work) -> None:
            changed = {
                name: state.fraction
                for name, state in snapshot.states.items()
                if state.status == "running" and state.fraction != self._told.get(name, 0.0)
            }
            queries.set_step_fractions(work.session, self._lease.facts.id, changed)
            self._told.update(changed)
            if self._kind.notice is not None:
                work.notify(self._notice(self._kind.notice, snapshot, values))

        if self._lease.renew(self._lease_seconds, values, also):
            self.cancelled.set()

    def _notice(self, type_: str, snapshot: Snapshot, values: dict[str, Any]) -> Notice:
        facts = self._lease.facts
        data = {
            "file_id": str(facts.file_uuid) if facts.file_uuid else None,
            "job_id": str(facts.uuid),
            "kind": facts.kind,
            "status": "processing",
            "progress": round(snapshot.progress * 100, 1),
            "message": values["message"],
            "eta_seconds": values["eta_seconds"],
            "steps": [
                {"name": name, "status": state.status, "progress": round(state.fraction, 3)}
                for name, state in snapshot.states.items()
            ],
        }
        return Notice(type_, data, facts.user_id)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
