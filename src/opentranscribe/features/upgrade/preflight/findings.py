"""What a preflight says: one finding a check, and all of them as text or JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opentranscribe.features.upgrade.preflight.facts import Facts

Severity = Literal["blocker", "warning", "note"]
MARKS: Mapping[Severity, str] = {"blocker": "✗", "warning": "!", "note": "·"}
ORDER: tuple[Severity, ...] = ("blocker", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """``cause`` says what is the case and why it matters; ``mend`` is a command, empty where
    nothing need be done. ``name`` and ``title`` are those of the check."""

    severity: Severity
    cause: str
    mend: str = ""
    name: str = ""
    title: str = ""


@dataclass(frozen=True)
class Check:
    """``decide`` is pure; it may raise FactMissingError, which is told as a finding of its own."""

    name: str
    title: str
    decide: Callable[[Facts], Finding | None]


@dataclass(frozen=True)
class Report:
    """``unchecked`` maps checks that had nothing to look at to the reason, ``seconds`` is the time
    the whole preflight took."""

    findings: tuple[Finding, ...]
    passed: tuple[str, ...]
    unchecked: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def blockers(self) -> tuple[Finding, ...]:
        return self._of("blocker")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return self._of("warning")

    @property
    def notes(self) -> tuple[Finding, ...]:
        return self._of("note")

    def as_json(self) -> dict[str, Any]:
        """Ready for ``json.dumps``."""
        findings = [
            {
                "name": one.name,
                "title": one.title,
                "severity": one.severity,
                "cause": one.cause,
                "mend": one.mend,
            }
            for severity in ORDER
            for one in self._of(severity)
        ]
        return {
            "ok": not self.blockers,
            "checks": len(self.findings) + len(self.passed) + len(self.unchecked),
            "seconds": round(self.seconds, 3),
            "findings": findings,
            "passed": list(self.passed),
            "unchecked": dict(self.unchecked),
        }

    def as_text(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for severity in ORDER:
            for one in self._of(severity):
                yield f"{MARKS[severity]} {one.title}: {one.cause}"
                if one.mend:
                    yield f"    → {one.mend}"
        for reason in dict.fromkeys(self.unchecked.values()):
            names = [name for name, why in self.unchecked.items() if why == reason]
            yield f"? Not looked at, because {reason}: {', '.join(names)}"
        counts = ", ".join(f"{len(self._of(one))} {one}s" for one in ORDER)
        total = len(self.findings) + len(self.passed) + len(self.unchecked)
        verdict = "The update cannot begin." if self.blockers else "The update can begin."
        yield (
            f"{total} checks in {self.seconds:.1f} s: {len(self.passed)} passed, {counts}. {verdict}"
        )

    def _of(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.severity == severity)


def blocker(cause: str, mend: str = "") -> Finding:
    return Finding("blocker", cause, mend)


def warning(cause: str, mend: str = "") -> Finding:
    return Finding("warning", cause, mend)


def note(cause: str, mend: str = "") -> Finding:
    return Finding("note", cause, mend)
