"""Checks of the release that is to come and of those that are here."""

from __future__ import annotations

import re
import shlex

from opentranscribe.features.upgrade.preflight.context import TargetRelease
from opentranscribe.features.upgrade.preflight.facts import FactMissingError, Facts, Known
from opentranscribe.features.upgrade.preflight.findings import (
    Check,
    Finding,
    blocker,
    note,
    warning,
)
from opentranscribe.features.upgrade.preflight.rules import commands

NEEDED_FACTS = ("version", "schema_head", "oldest_reader", "oldest_writer", "files")
MOST_RELEASES = 4
_VERSION = re.compile(r"^v?(\d+(?:\.\d+)*)(?:\.?(dev|a|b|rc)(\d*))?(?:\+.*)?$")
_STAGES = {"dev": -4, "a": -3, "b": -2, "rc": -1, None: 0}
_CLAUSE = re.compile(r"^(>=|<=|==|!=|~=|>|<)\s*(\d+(?:\.\d+)*)(?:\.\*)?$")

Version = tuple[tuple[int, ...], int, int]


def parse_version(text: str) -> Version | None:
    """Sorts as versions do; what follows a plus does not count. None for what is no version."""
    found = _VERSION.match(text.strip())
    if found is None:
        return None
    numbers = [int(part) for part in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers), _STAGES[found[2]], int(found[3] or 0)


def allows_python(requirement: str, python: tuple[int, ...]) -> bool | None:
    """Whether ``>=3.11,<3.14`` and the like admit this Python; None when it cannot be read."""
    for clause in filter(None, (part.strip() for part in requirement.split(","))):
        found = _CLAUSE.match(clause)
        if found is None:
            return None
        wanted = tuple(int(part) for part in found[2].split("."))
        here = python[: len(wanted)]
        verdicts = {
            ">=": here >= wanted,
            "<=": here <= wanted,
            "==": here == wanted,
            "!=": here != wanted,
            "~=": here >= wanted and python[: len(wanted) - 1] == wanted[:-1],
            ">": here > wanted,
            "<": here < wanted,
        }
        if not verdicts[found[1]]:
            return False
    return True


def check_version(facts: Facts) -> Finding | None:
    target, current = _target(facts).version, facts.context.current_version
    new, old = parse_version(target), parse_version(current)
    if new is None or old is None:
        return warning(
            f"It cannot be said whether {target} is newer than {current}, which runs now.",
            f"{commands.UPDATE} --version X.Y.Z",
        )
    if new < old:
        return blocker(
            f"{target} is older than {current}, which runs now. An older release cannot work with"
            " a newer database; go back to the state before the last update, or to a backup.",
            f"{commands.ROLLBACK}   or   {commands.RESTORE}",
        )
    if new == old and target == current and not _is_another_build(facts):
        return note(f"This is {target}, the version that runs already; nothing need be done.")
    return None


def _is_another_build(facts: Facts) -> bool:
    """A checkout builds releases of one version that differ in their folder's name."""
    folder = _target(facts).folder
    if folder is None or not isinstance(facts.releases, Known):
        return False
    return folder.name != facts.releases.value.current


def check_facts(facts: Facts) -> Finding | None:
    lacking = [name for name in NEEDED_FACTS if name not in _target(facts).facts]
    if not lacking:
        return None
    return blocker(
        f"The release does not say its {commands.listed(lacking)}, so nobody can know whether it"
        " suits this installation. It is incomplete, or made for something else.",
        f"{commands.UPDATE} --version {_target(facts).version}",
    )


def check_files(facts: Facts) -> Finding | None:
    parts = facts.release.value
    bad = [*parts.missing, *parts.changed]
    if not bad:
        return None
    return blocker(
        f"{len(parts.missing)} files of the release are missing and {len(parts.changed)} are not"
        f" as they were made: {commands.listed(bad)}. It was damaged on the way or changed.",
        f"{commands.UPDATE} --version {_target(facts).version}",
    )


def check_python(facts: Facts) -> Finding | None:
    wanted = str(_target(facts).facts.get("python_requires") or "")
    python = facts.release.value.python
    allowed = allows_python(wanted, python)
    if allowed:
        return None
    here = ".".join(map(str, python))
    if allowed is None:
        return warning(f"The release asks for a Python as “{wanted}”, which cannot be read.")
    return blocker(
        f"The release needs Python {wanted}; this one is {here}. It would not start.",
        "OPENTR_PYTHON=/path/to/python ./opentr.sh update",
    )


def check_schema_head(facts: Facts) -> Finding | None:
    standing = facts.schema.value
    head = _target(facts).facts.get("schema_head")
    if standing.target == "behind":
        return blocker(
            f"The database is at {standing.revision}, later than {head}, where the release stands."
            " It could not read what is there.",
            f"{commands.ROLLBACK}   or   {commands.RESTORE}",
        )
    if standing.target == "unknown" and head is not None and standing.kind != "refused":
        return blocker(
            f"There is no known way from the database ({standing.revision or 'no revision'}) to"
            f" {head}, where the release stands.",
            "./opentr.sh db check",
        )
    return None


def check_current(facts: Facts) -> Finding | None:
    trouble = facts.releases.value.trouble
    if not trouble:
        return None
    releases = facts.releases.value.kept
    one = releases[-1] if releases else "RELEASE"
    target = shlex.quote(f"releases/{one}")
    link = shlex.quote(str(facts.context.data_dir / "current"))
    return blocker(
        f"{trouble}. It is how the installation finds its release, and what an update switches.",
        f"ln -sfn {target} {link}",
    )


def check_running_release(facts: Facts) -> Finding | None:
    name = facts.releases.value.current
    if name is None or not facts.context.is_running:
        return None
    new = parse_version(name)
    if new is None or new == parse_version(facts.context.current_version):
        return None
    return warning(
        f"What runs is {facts.context.current_version}, but the current release is {name}: it was"
        " switched without a restart.",
        commands.RESTART,
    )


def check_kept_releases(facts: Facts) -> Finding | None:
    releases = facts.releases.value
    if len(releases.kept) <= MOST_RELEASES:
        return None
    old = [name for name in releases.kept if name != releases.current]
    folder = facts.context.releases_dir / old[0]
    return note(
        f"{len(releases.kept)} releases are kept, each several hundred megabytes. All but the"
        " current one and the one before it can go.",
        shlex.join(["rm", "-r", str(folder)]),
    )


def _target(facts: Facts) -> TargetRelease:
    if facts.context.target is None:
        raise FactMissingError("no release was named", quiet=True)
    return facts.context.target


CHECKS = (
    Check("release-version", "Version", check_version),
    Check("release-facts", "What the release says of itself", check_facts),
    Check("release-files", "Files of the release", check_files),
    Check("release-python", "Python", check_python),
    Check("release-schema", "Schema of the release", check_schema_head),
    Check("current-release", "Current release", check_current),
    Check("running-release", "Running release", check_running_release),
    Check("kept-releases", "Kept releases", check_kept_releases),
)
