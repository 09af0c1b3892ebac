"""What a proof found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from opentranscribe.features.upgrade.proof.verdict import NOTHING_TRIED, State


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


def conclude(probes: Iterable[Probe], seconds: float) -> ProofReport:
    """A proof in which nothing worked proves nothing: then that fails too."""
    found = tuple(probes)
    if not any(probe.state == "passed" for probe in found):
        sentence = "Not one probe passed, so nothing is known to work."
        found += (Probe(NOTHING_TRIED, "failed", 0.0, sentence),)
    return ProofReport(found, seconds)


def fail(name: str, sentence: str) -> ProofReport:
    """The proof could not even begin."""
    return ProofReport((Probe(name, "failed", 0.0, sentence),), 0.0)
