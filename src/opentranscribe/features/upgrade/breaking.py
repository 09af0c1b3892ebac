"""Breaking changes of a release, and which of them touch this installation.

They are written by hand in ``breaking.json`` and travel in the release's facts. Somebody is asked
only about what concerns them; what this release does not understand concerns everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.version import Version


@dataclass(frozen=True)
class BreakingChange:
    """``touches`` has one key: ``setting`` (a variable that is set), ``env_value`` (``NAME=value``),
    ``database`` (a named probe), ``feature`` (one in use) or ``always``."""

    id: str
    since: str
    summary: str
    action: str
    touches: Mapping[str, Any]


@dataclass(frozen=True)
class InstallationProbe:
    """What is known of this installation; ``database`` answers named questions about its rows."""

    variables: Mapping[str, str]
    features: frozenset[str] = frozenset()
    database: Mapping[str, Callable[[], bool]] | None = None


def read_changes(facts: Mapping[str, Any]) -> list[BreakingChange]:
    """From ``release.json``. Raises ValueError for an entry that lacks something."""
    try:
        return [
            BreakingChange(
                str(one["id"]),
                str(one["since"]),
                str(one["summary"]),
                str(one["action"]),
                dict(one["touches"]),
            )
            for one in facts.get("breaking_changes", [])
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"a breaking change is not complete: {error}") from error


def relevant(
    changes: Sequence[BreakingChange],
    from_version: str,
    to_version: str,
    probe: InstallationProbe,
) -> list[BreakingChange]:
    """Those between the two versions that touch this installation."""
    old, new = (Version(one.removeprefix("v")) for one in (from_version, to_version))
    between = [one for one in changes if old < Version(one.since.removeprefix("v")) <= new]
    return [one for one in between if _touches(one, probe)]


def _touches(change: BreakingChange, probe: InstallationProbe) -> bool:
    for kind, value in change.touches.items():
        if kind == "setting" and value not in probe.variables:
            return False
        if kind == "env_value":
            name, _, wanted = str(value).partition("=")
            if probe.variables.get(name) != wanted:
                return False
        if kind == "feature" and value not in probe.features:
            return False
        if kind == "database":
            question = (probe.database or {}).get(str(value))
            if question is not None and not question():
                return False
    return True
