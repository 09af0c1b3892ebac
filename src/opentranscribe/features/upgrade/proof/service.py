"""Carry the proof out and say what was found."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from opentranscribe.features.upgrade.proof.inside import Inside
from opentranscribe.features.upgrade.proof.people import (
    OwnedFile,
    Person,
    newest_file,
    temporary_person,
)
from opentranscribe.features.upgrade.proof.probes import PROBES, STARTING
from opentranscribe.features.upgrade.proof.report import Probe, ProofReport, conclude
from opentranscribe.features.upgrade.proof.trial import NotApplicableError, Trial
from opentranscribe.features.upgrade.proof.verdict import NOT_TRIED, State
from opentranscribe.features.upgrade.proof.visitor import Visitor
from opentranscribe.kit.errors import AppError
from opentranscribe.kit.options import Options

log = logging.getLogger(__name__)

#: How long processes that are starting are waited for.
WAIT_SECONDS = 60.0
#: A proof takes some seconds. One that takes minutes tells nothing more, while changes wait.
MOST_SECONDS = 300.0


@dataclass(frozen=True)
class Prover:
    """``speech`` is a WAV file, ``page`` what ``/`` has to answer; None where there is none.

    What has not begun ``most_seconds`` after the proof did counts as failed.
    """

    inside: Inside
    options: Options
    speech: bytes | None
    page: bytes | None
    wait_seconds: float = WAIT_SECONDS
    most_seconds: float = MOST_SECONDS

    def prove(self, visitor: Visitor) -> ProofReport:
        started = time.monotonic()
        deadline = started + self.most_seconds
        probes = [self._try(name, act, deadline) for name, act in self.inside.probes]
        try:
            with self._people() as (person, owned):
                probes += self._visit(self._begin(visitor, person, owned, deadline))
        except (SQLAlchemyError, AppError, OSError) as error:
            probes.append(Probe("somebody to try it as", "failed", 0.0, f"{error}"))
        # Clearing up is never too late.
        probes.append(_try("nothing is left behind", self.inside.nothing_left))
        return conclude(probes, time.monotonic() - started)

    def _begin(
        self, visitor: Visitor, person: Person, owned: OwnedFile | None, deadline: float
    ) -> Trial:
        stored = self.inside.first_bytes(owned.storage_path) if owned else b""
        version = self.options.version
        return Trial(
            visitor, person, owned, version, self.speech, self.page, deadline, stored=stored
        )

    def _visit(self, trial: Trial) -> Iterator[Probe]:
        for name, act in PROBES:
            patience = self.wait_seconds if name in STARTING else 0.0
            yield self._try(name, lambda act=act: act(trial), trial.deadline, patience)  # type: ignore[misc]

    def _try(
        self, name: str, act: Callable[[], str], deadline: float, patience: float = 0.0
    ) -> Probe:
        left = deadline - time.monotonic()
        if left <= 0:
            late = f"the proof took longer than {self.most_seconds:.0f} s before this was tried"
            return Probe(name, "failed", 0.0, late)
        return _try(name, act, min(patience, left))

    @contextmanager
    def _people(self) -> Iterator[tuple[Person, OwnedFile | None]]:
        work, objects = self.inside.work, self.inside.objects
        with (
            temporary_person(work, objects, self.options) as person,
            newest_file(work, self.options) as owned,
        ):
            yield person, owned


def _try(name: str, act: Callable[[], str], patience: float = 0.0) -> Probe:
    """One probe; what may still come up is tried again for ``patience`` seconds."""
    started = time.monotonic()

    def end(state: State, sentence: str) -> Probe:
        return Probe(name, state, round(time.monotonic() - started, 3), sentence)

    while True:
        try:
            return end("passed", act())
        except NotApplicableError as reason:
            return end("not_tried", f"{NOT_TRIED}: {reason}.")
        except Exception as error:  # a probe is there to find whatever is wrong
            if time.monotonic() - started >= patience:
                log.info("the probe %r failed", name, exc_info=True)
                return end("failed", f"{error}")
            time.sleep(0.2)
