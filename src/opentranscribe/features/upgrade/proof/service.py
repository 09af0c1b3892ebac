"""Carry the proof out and say what was found."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from opentranscribe.features.upgrade.proof import queries
from opentranscribe.features.upgrade.proof.people import (
    DOMAIN,
    newest_file,
    temporary_person,
)
from opentranscribe.features.upgrade.proof.probes import PROBES, NotApplicableError, Proof
from opentranscribe.features.upgrade.proof.verdict import NOT_TRIED, State
from opentranscribe.features.upgrade.proof.visitor import ProbeFailedError, Visitor
from opentranscribe.kit.errors import AppError
from opentranscribe.kit.options import Options
from opentranscribe.ports.objects import Objects
from opentranscribe.work import SYSTEM, WorkFactory

log = logging.getLogger(__name__)

#: Processes begin to give signs of life when they have loaded; they are waited for.
WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Probe:
    name: str
    state: State
    seconds: float
    sentence: str

    @property
    def ok(self) -> bool:
        return self.state != "failed"


@dataclass(frozen=True)
class ProofReport:
    probes: tuple[Probe, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Nothing failed; what there is nothing to try on is no failure, and no proof."""
        return all(probe.ok for probe in self.probes)

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 2),
            "probes": [{**asdict(probe), "ok": probe.ok} for probe in self.probes],
        }


@dataclass(frozen=True)
class Prover:
    """``schema`` raises when the database does not suit this release; ``speech`` is a WAV file."""

    work: WorkFactory
    objects: Objects
    options: Options
    schema: Callable[[], None]
    speech: bytes | None
    wait_seconds: float = WAIT_SECONDS

    def prove(self, visitor: Visitor) -> ProofReport:
        started = time.monotonic()
        probes = list(self._prove_inside())
        try:
            with self._people() as (person, owned):
                stored = self._first_bytes(owned.storage_path) if owned else b""
                proof = Proof(visitor, person, owned, self.options.version, self.speech, stored)
                probes += self._visit(proof)
        except SQLAlchemyError as error:
            probes.append(Probe("somebody to try it as", "failed", 0.0, f"{error}"))
        probes.append(_try("nothing is left behind", self._nothing_left))
        return ProofReport(tuple(probes), time.monotonic() - started)

    def _visit(self, proof: Proof) -> Iterator[Probe]:
        for name, act in PROBES:
            patience = self.wait_seconds if name in {"ready", "workers and scheduler"} else 0.0
            yield _try(name, lambda act=act: act(proof), patience)  # type: ignore[misc]

    def _prove_inside(self) -> Iterator[Probe]:
        """What no visitor can see."""
        yield _try("schema", self._schema)
        yield _try("stored files", self._stored)
        yield _try("sample of rows", self._rows)

    @contextmanager
    def _people(self) -> Iterator[tuple[Any, Any]]:
        with (
            temporary_person(self.work, self.objects, self.options) as person,
            newest_file(self.work, self.options) as owned,
        ):
            yield person, owned

    def _first_bytes(self, path: str) -> bytes:
        """Nothing where it is not there, which a probe of its own says."""
        try:
            with self.objects.local_path(path).open("rb") as stored:
                return stored.read(1024)
        except (AppError, OSError):
            return b""

    def _schema(self) -> str:
        self.schema()
        return "The database is what this release needs."

    def _stored(self) -> str:
        with self.work(SYSTEM) as unit:
            paths = queries.list_stored(unit)
        for path in paths:
            self.objects.stat(path)
        self.objects.ping()
        return f"{len(paths)} stored files are where they belong."

    def _rows(self) -> str:
        with self.work(SYSTEM) as unit:
            count, digest = queries.digest_sample(unit)
        return f"The passages of {count} recordings can be read ({(digest or '')[:8]})."

    def _nothing_left(self) -> str:
        with self.work(SYSTEM) as unit:
            left = queries.list_people(unit, DOMAIN)
        if left:
            raise ProbeFailedError("the person made for the proof is still there")
        return "The proof has cleared up after itself."


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
