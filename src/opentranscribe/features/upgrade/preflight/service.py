"""The preflight of an update: find everything out, then decide check by check."""

from __future__ import annotations

import time
from dataclasses import replace

from opentranscribe.features.upgrade.preflight.context import Context
from opentranscribe.features.upgrade.preflight.facts import (
    FactMissingError,
    Facts,
    Missing,
)
from opentranscribe.features.upgrade.preflight.findings import Check, Finding, Report, warning
from opentranscribe.features.upgrade.preflight.gathering import NO_DATABASE, gather
from opentranscribe.features.upgrade.preflight.rules import (
    activity,
    installation,
    machine,
    release,
    server,
    storage,
)

CHECKS: tuple[Check, ...] = (
    *release.CHECKS,
    *server.CHECKS,
    *activity.CHECKS,
    *storage.CHECKS,
    *installation.CHECKS,
    *machine.CHECKS,
)


def run_preflight(context: Context) -> Report:
    """At most three seconds, changes nothing, never raises."""
    started = time.monotonic()
    report = decide(gather(context))
    return replace(report, seconds=time.monotonic() - started)


def decide(facts: Facts, checks: tuple[Check, ...] = CHECKS) -> Report:
    """Every check on the same facts. What a check could not find out is a finding of it, unless
    there was nothing to look at."""
    findings: list[Finding] = []
    passed: list[str] = []
    unchecked: dict[str, str] = {}
    for check in checks:
        try:
            found = check.decide(facts)
        except FactMissingError as error:
            if error.quiet:
                away = isinstance(facts.server, Missing) and error.message == facts.server.reason
                unchecked[check.name] = NO_DATABASE if away else error.message
                continue
            found = warning(f"It could not be found out: {error.message}", "./opentr.sh doctor")
        if found is None:
            passed.append(check.name)
        else:
            findings.append(replace(found, name=check.name, title=check.title))
    return Report(tuple(findings), tuple(passed), unchecked)
