"""The backups as an administrator sees them, and what should be said about them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from opentranscribe.features.backup import rules
from opentranscribe.features.backup.catalogue import BackupSet, Catalogue, Record
from opentranscribe.features.backup.orders import read_running, read_waiting
from opentranscribe.features.backup.policy import Policy, next_at
from opentranscribe.features.backup.schemas import (
    BackupNoticeOut,
    BackupOut,
    BackupRunOut,
    BackupsOut,
    Kind,
)

#: A night that was missed is no reason to worry yet, two are.
STALE_AFTER = timedelta(hours=36)


def describe_backups(
    backups_dir: Path, state_dir: Path, policy: Policy, now: datetime, *, key_waiting: bool
) -> BackupsOut:
    """``now`` has the machine's time zone."""
    found = Catalogue(backups_dir).list()
    running = read_running(state_dir) or read_waiting(state_dir)
    free = _free_bytes(backups_dir)
    return BackupsOut(
        backups=[_describe(one) for one in found],
        policy=policy,
        running=BackupRunOut(
            what=running.what, name=running.name, since=running.since, line=running.line
        )
        if running
        else None,
        notices=list(find_notices(found, policy, now, free, key_waiting=key_waiting)),
        recovery_key_waiting=key_waiting,
        free_bytes=free,
        next_backup_at=next_at(policy.at, now).isoformat() if policy.enabled else None,
        next_drill_at=next_at(policy.drill_at, now).isoformat()
        if policy.enabled and policy.drill_enabled
        else None,
    )


def find_notices(
    found: Sequence[BackupSet], policy: Policy, now: datetime, free: int, *, key_waiting: bool
) -> Iterator[BackupNoticeOut]:
    """The gravest first."""
    good = [one for one in found if one.is_good]
    if not found:
        yield _error("There is no backup yet.", "Make one now, or wait for the planned one.")
    elif not good:
        yield _error("No backup is known to be whole.", "Make a new one now.")
    elif policy.enabled and rules.is_stale(good[0].made_at, now, STALE_AFTER):
        yield _error(
            f"The last good backup is from {good[0].made_at:%Y-%m-%d %H:%M} UTC.",
            "Make one now, and see why the planned ones fail: ./opentr.sh logs backup",
        )
    for one in found:
        if one.record.state == "damaged":
            yield _error(f"{one.name} is damaged: {one.record.failure}", "Remove it.")
        elif failure := _failure_of(one.record):
            yield _error(f"{one.name}: {failure}", "Rehearse it again.")
    yield from _about_drills(good, policy, now)
    largest = max((one.size_bytes for one in good[:4]), default=0)
    if free < largest:
        yield _error(
            f"The next backup may not fit: {free / 1e9:.1f} GB are free.",
            "Free some space, or keep fewer.",
        )
    if key_waiting and found:
        yield _warning(
            "Nobody has the recovery key yet. Without it the secrets in a backup cannot be read on"
            " another machine.",
            "Run: ./opentr.sh backup --show-recovery-key",
        )
    if not policy.enabled:
        yield _warning("No backups are made by themselves.", "Turn the plan on.")


def _about_drills(
    good: Sequence[BackupSet], policy: Policy, now: datetime
) -> Iterator[BackupNoticeOut]:
    if not good or not policy.drill_enabled:
        return
    moments = [one.record.drilled_at for one in good if one.record.drilled_at]
    last = max(map(datetime.fromisoformat, moments), default=None)
    first_made = min(one.made_at for one in good)
    if last is None and now - first_made > STALE_AFTER:
        yield _warning("No backup was ever rehearsed.", "Rehearse a restore now.")
    elif last is not None and rules.is_stale(last, now, STALE_AFTER):
        yield _warning(
            f"The last rehearsal of a restore was on {last:%Y-%m-%d}.", "Rehearse a restore now."
        )


def _describe(one: BackupSet) -> BackupOut:
    record = one.record
    kind: Kind = "full" if one.is_full else "plain"
    return BackupOut(
        name=one.name,
        kind="encrypted" if record.kind == "encrypted" else kind,
        made_at=one.made_at.isoformat(),
        size_bytes=one.size_bytes,
        state=record.state,
        checked_at=record.checked_at,
        drilled_at=record.drilled_at,
        rto_seconds=record.rto_seconds,
        failure=_failure_of(record),
    )


def _failure_of(record: Record) -> str | None:
    if record.failure or not record.drill_failure:
        return record.failure
    return f"The rehearsal failed: {record.drill_failure}"


def _free_bytes(folder: Path) -> int:
    here = next(one for one in (folder, *folder.parents) if one.exists())
    return shutil.disk_usage(here).free


def _error(text: str, remedy: str) -> BackupNoticeOut:
    return BackupNoticeOut(level="error", text=text, remedy=remedy)


def _warning(text: str, remedy: str) -> BackupNoticeOut:
    return BackupNoticeOut(level="warning", text=text, remedy=remedy)
