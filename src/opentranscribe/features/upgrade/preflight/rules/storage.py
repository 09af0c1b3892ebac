"""Checks of disks, folders and their permissions, backups, and what was left unfinished."""

from __future__ import annotations

import shlex
from datetime import timedelta

from opentranscribe.features.upgrade.preflight.facts import Disk, Facts, Folder, Known
from opentranscribe.features.upgrade.preflight.findings import (
    Check,
    Finding,
    blocker,
    note,
    warning,
)
from opentranscribe.features.upgrade.preflight.rules import commands

MIB = 1024**2
#: Of the database's size: a plain dump with its checks; a copy to rehearse on and one to keep,
#: with room for the indexes and the WAL that a migration makes.
DUMP_FACTOR, COPIES_FACTOR = 1.2, 2.5
RESERVE_BYTES = 256 * MIB
MARGIN_BYTES = 1024 * MIB
#: An installed release has about 20 000 files.
NEEDED_INODES = 40_000
OLD_BACKUP = timedelta(days=7)
OLD_DRILL = timedelta(days=14)


def check_space(facts: Facts) -> Finding | None:
    short = [disk for disk in facts.disks.value if disk.free_bytes < need_of(facts, disk)]
    if not short:
        return None
    disk = short[0]
    return blocker(
        f"{_folders(disk)} has {commands.size(disk.free_bytes)} free; backup, copies and release"
        f" need {commands.size(need_of(facts, disk))} there. The update would stop half-way.",
        _look_for_room(facts, disk),
    )


def check_margin(facts: Facts) -> Finding | None:
    tight = [
        disk
        for disk in facts.disks.value
        if 0 <= disk.free_bytes - need_of(facts, disk) < MARGIN_BYTES
    ]
    if not tight:
        return None
    disk = tight[0]
    return warning(
        f"The update fits on {_folders(disk)}, but leaves less than {commands.size(MARGIN_BYTES)}"
        " for new recordings.",
        _look_for_room(facts, disk),
    )


def need_of(facts: Facts, disk: Disk) -> float:
    """Bytes that an update may write to this file system."""
    database = facts.server.value.size_bytes if isinstance(facts.server, Known) else 0
    needs = {
        "backups": database * DUMP_FACTOR,
        "data": database * COPIES_FACTOR if facts.context.embedded else 0,
        "releases": _release_bytes(facts),
    }
    return RESERVE_BYTES + sum(needs.get(name, 0) for name, _ in disk.folders)


def _release_bytes(facts: Facts) -> int:
    """Nothing for a release that is installed already."""
    target, releases = facts.context.target, facts.context.releases_dir
    if target is None or (target.folder is not None and releases in target.folder.parents):
        return 0
    return max(int(target.facts.get("size_bytes") or 0), facts.context.installed_bytes)


def check_inodes(facts: Facts) -> Finding | None:
    short = [one for one in facts.disks.value if one.inodes is not None]
    short = [one for one in short if (one.inodes or 0) < NEEDED_INODES]
    if not short:
        return None
    return blocker(
        f"{_folders(short[0])} can take only {short[0].inodes} more files, whatever their size; a"
        f" release has about {NEEDED_INODES // 2}.",
        f"df -i {shlex.quote(str(short[0].folders[0][1]))}",
    )


def check_writable(facts: Facts) -> Finding | None:
    closed = [one for one in facts.folders.value.all if not one.writable]
    if not closed:
        return None
    first = closed[0]
    path = shlex.quote(str(first.path))
    if first.on_read_only:
        return blocker(
            f"{first.path} lies on a file system that is mounted read-only, perhaps after a fault"
            " of the disk; see dmesg.",
            f'sudo mount -o remount,rw "$(df --output=target {path} | tail -n 1)"',
        )
    return blocker(
        f"{first.path} cannot be written; the update has to.", f'sudo chown -R "$USER" {path}'
    )


def check_owner(facts: Facts) -> Finding | None:
    folders = facts.folders.value
    own = ("data", "backups", "releases", "run", "secrets", "logs")
    others = [one for one in folders.all if one.name in own and one.mode is not None]
    others = [one for one in others if one.uid != folders.uid]
    if not others:
        return None
    first = others[0]
    who = "root" if folders.uid == 0 else f"user {folders.uid}"
    return warning(
        f"{first.path} belongs to user {first.uid}, but this runs as {who}. What the update makes"
        " could not be used by the one who starts the services.",
        f"sudo -u '#{first.uid}' {commands.UPDATE}",
    )


def check_private(facts: Facts) -> Finding | None:
    closed = {"data", "run"}
    found = [one for one in facts.folders.value.all if one.name in closed and _is_open(one)]
    if not found:
        return None
    paths = [one.path for one in found]
    return warning(
        f"{paths[0]} can be looked into by other users of this machine; recordings lie in it.",
        commands.change_mode("700", *paths),
    )


def check_secrets(facts: Facts) -> Finding | None:
    found = facts.folders.value.open_secrets
    if not found:
        return None
    folder = facts.context.secrets_dir
    return warning(
        f"Other users of this machine can read the secrets {commands.listed(found)}.",
        commands.change_mode("600", *(folder / name for name in found)),
    )


def check_secrets_whole(facts: Facts) -> Finding | None:
    found = facts.folders.value.empty_secrets
    if not found:
        return None
    return blocker(
        f"The secret {commands.listed(found)} is empty, as after a full disk. What it opens cannot"
        " be opened; take it from the last backup.",
        commands.RESTORE,
    )


def check_backup(facts: Facts) -> Finding | None:
    backup, now = facts.context.newest_backup, facts.context.now
    if backup is None:
        return note(
            "There is no backup yet. The update makes one itself before it changes anything."
        )
    if now - backup.taken_at > OLD_BACKUP:
        return warning(
            f"The newest backup is {(now - backup.taken_at).days} days old. The update makes one"
            " itself, but nobody else seems to.",
            commands.BACKUP,
        )
    return None


def check_backup_state(facts: Facts) -> Finding | None:
    backup = facts.context.newest_backup
    if backup is None or backup.state != "unchecked":
        return None
    return warning(
        f"The newest backup, {backup.path.name}, was never read again after it was written; it may"
        " not be whole.",
        commands.DRILL,
    )


def check_drill(facts: Facts) -> Finding | None:
    backup, now = facts.context.newest_backup, facts.context.now
    if backup is None or backup.state == "unchecked":
        return None
    if backup.drilled_at is not None and now - backup.drilled_at <= OLD_DRILL:
        return None
    if backup.drilled_at is None and now - backup.taken_at <= timedelta(days=2):
        return None
    return note(
        f"{backup.path.name} was not restored on trial of late; only that proves a backup.",
        commands.DRILL,
    )


def check_recovery_key(facts: Facts) -> Finding | None:
    if facts.context.recovery_key_known:
        return None
    return warning(
        "Nobody has confirmed to have the recovery key. Without it the secrets in a backup cannot"
        " be read on another machine.",
        f"{commands.BACKUP} --show-recovery-key",
    )


def _is_open(folder: Folder) -> bool:
    return folder.mode is not None and bool(folder.mode & 0o077)


def _folders(disk: Disk) -> str:
    return "The disk of " + " and ".join(str(path) for _, path in disk.folders[:1])


def _look_for_room(facts: Facts, disk: Disk) -> str:
    folders = dict(disk.folders)
    where = folders.get("backups") or folders.get("releases") or facts.context.data_dir
    return f"du -xsh {shlex.quote(str(where))}/*"


CHECKS = (
    Check("disk-space", "Room on the disks", check_space),
    Check("disk-margin", "Room afterwards", check_margin),
    Check("disk-inodes", "Number of files", check_inodes),
    Check("folders-writable", "Folders can be written", check_writable),
    Check("folders-owner", "Owner of the folders", check_owner),
    Check("folders-private", "Privacy of the folders", check_private),
    Check("secrets-private", "Privacy of the secrets", check_secrets),
    Check("secrets-whole", "Secrets", check_secrets_whole),
    Check("backup-age", "Backups", check_backup),
    Check("backup-state", "State of the newest backup", check_backup_state),
    Check("backup-drill", "Drill of the newest backup", check_drill),
    Check("recovery-key", "Recovery key", check_recovery_key),
)
