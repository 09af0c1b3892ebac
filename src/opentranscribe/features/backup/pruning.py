"""Old backups leave, so that new ones have room; what decides is in ``rules``."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from opentranscribe.features.backup import rules
from opentranscribe.features.backup.catalogue import BackupSet, Catalogue


def prune(
    catalogue: Catalogue, draft_end: str, kept: rules.Kept, held: Collection[Path] = ()
) -> list[str]:
    """Remove what ``kept`` does not ask for; the names that went, oldest first.

    The folder and the SQL file of one moment stay or go together. ``held`` are backups that
    somebody may still need, such as the one to roll an update back. Each is renamed to a draft
    first: one that is cut off on the way out is no backup any more, and the next run clears it.
    Full backups share files by hard links, so none needs another. The caller holds
    ``catalogue.alone()``.
    """
    units: dict[str, list[BackupSet]] = defaultdict(list)
    for one in catalogue.list():
        units[one.path.name.removesuffix(".sql")].append(one)
    past = [_describe(name, members, held) for name, members in units.items()]
    gone = []
    for name in rules.choose_expired(past, kept):
        for one in units[name]:
            _remove(one.path, draft_end)
            gone.append(one.name)
    return gone


def _describe(name: str, members: list[BackupSet], held: Collection[Path]) -> rules.Past:
    return rules.Past(
        name=name,
        made_at=members[0].made_at,
        is_good=any(one.is_good for one in members),
        is_full=any(one.is_good and one.is_full for one in members),
        is_drilled=any(one.record.state == "drilled" for one in members),
        is_held=any(one.path.resolve() == path.resolve() for one in members for path in held),
    )


def _remove(path: Path, draft_end: str) -> None:
    draft = path.with_name(f".{path.name}{draft_end}")
    path.rename(draft)
    if draft.is_dir():
        shutil.rmtree(draft)
    else:
        draft.unlink()
