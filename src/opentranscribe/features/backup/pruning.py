"""Old backups leave, so that new ones have room; what decides is in ``rules``."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from opentranscribe.features.backup import rules
from opentranscribe.features.backup.catalogue import BackupSet, Catalogue

#: What is left when nothing is kept for its age: only backups that must not go.
NOTHING = rules.Kept(daily=0, weekly=0, monthly=0, least=0)


def prune(
    catalogue: Catalogue,
    draft_end: str,
    kept: rules.Kept,
    held: Collection[Path] = (),
    has_room: Callable[[], bool] = lambda: True,
) -> list[str]:
    """Remove what ``kept`` does not ask for; the names that went, oldest first. Where the next one
    still has no room the oldest go too, down to ``kept.least`` and those that must not go.

    The folder and the SQL file of one moment stay or go together. ``held`` are backups that
    somebody may still need, such as the one to roll an update back. Each is renamed to a draft
    first: one that is cut off on the way out is no backup any more, and the next run clears it.
    Full backups share files by hard links, so none needs another. The caller holds
    ``catalogue.alone()``.
    """
    units = _units(catalogue)
    past = [_describe(name, members, held) for name, members in units.items()]
    expired = rules.choose_expired(past, kept)
    at_least = replace(NOTHING, least=kept.least)
    spare = [name for name in rules.choose_expired(past, at_least) if name not in expired]
    gone = []
    for name in (*expired, *spare):
        if name in spare and has_room():
            break
        for one in units[name]:
            remove_backup(one.path, draft_end)
            gone.append(one.name)
    return gone


def list_removable(catalogue: Catalogue, held: Collection[Path] = ()) -> set[str]:
    """Names of those that somebody may remove."""
    units = _units(catalogue)
    past = [_describe(name, members, held) for name, members in units.items()]
    return {one.name for name in rules.choose_expired(past, NOTHING) for one in units[name]}


def remove_backup(path: Path, draft_end: str) -> None:
    """It is no backup any more from the first moment on."""
    draft = path.with_name(f".{path.name}{draft_end}")
    path.rename(draft)
    if draft.is_dir():
        shutil.rmtree(draft)
    else:
        draft.unlink()


def _units(catalogue: Catalogue) -> dict[str, list[BackupSet]]:
    units: dict[str, list[BackupSet]] = defaultdict(list)
    for one in catalogue.list():
        units[one.path.name.removesuffix(".sql")].append(one)
    return units


def _describe(name: str, members: list[BackupSet], held: Collection[Path]) -> rules.Past:
    return rules.Past(
        name=name,
        made_at=members[0].made_at,
        is_good=any(one.is_good for one in members),
        is_full=any(one.is_good and one.is_full for one in members),
        is_drilled=any(one.record.state == "drilled" for one in members),
        is_held=any(one.path.resolve() == path.resolve() for one in members for path in held),
    )
