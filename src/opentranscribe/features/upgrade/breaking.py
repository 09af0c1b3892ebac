"""Breaking changes of a release, and which of them touch this installation.

They are written by hand in ``breaking.json`` and travel in the release's facts. Somebody is asked
only about what concerns them; what this release does not understand concerns everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.version import Version

#: What ``touches`` may have; a later release may know more.
KNOWN = {"setting", "env_value", "database", "feature", "always"}


@dataclass(frozen=True)
class BreakingChange:
    """``touches`` says whom it concerns, by one or more of: ``setting`` (a variable that is set),
    ``env_value`` (``NAME=value``), ``database`` (a question such as ``rows in speaker_cluster``),
    ``feature`` (one in use), ``always``. ``renamed_to`` is what the setting is called now."""

    id: str
    since: str
    summary: str
    action: str
    touches: Mapping[str, Any]
    renamed_to: str = ""


@dataclass(frozen=True)
class InstallationProbe:
    """What is known of this installation: each variable under all of its names; ``database``
    answers questions about its rows."""

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
                str(one.get("renamed_to", "")),
            )
            for one in facts.get("breaking_changes", [])
            if _version(one["since"])
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"a breaking change is not complete: {error}") from error


def relevant(
    changes: Sequence[BreakingChange],
    from_version: str,
    to_version: str,
    probe: InstallationProbe,
) -> list[BreakingChange]:
    """Those between the two versions that touch this installation."""
    between = changes_between(changes, from_version, to_version)
    return [one for one in between if _touches(one, probe)]


def changes_between(
    changes: Sequence[BreakingChange], from_version: str, to_version: str
) -> list[BreakingChange]:
    old, new = _version(from_version), _version(to_version)
    return [one for one in changes if old < _version(one.since) <= new]


def renamed_settings(changes: Sequence[BreakingChange]) -> dict[str, str]:
    """What a setting was called → what it is called now."""
    return {
        str(one.touches["setting"]): one.renamed_to
        for one in changes
        if one.renamed_to and "setting" in one.touches
    }


def _version(text: object) -> Version:
    return Version(str(text).removeprefix("v"))


def _touches(change: BreakingChange, probe: InstallationProbe) -> bool:
    if not change.touches.keys() <= KNOWN:
        return True
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
