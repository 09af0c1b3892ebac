"""Taking up an update that was cut off: before a start, and by the supervisor itself."""

from __future__ import annotations

from collections.abc import Callable

from opentranscribe.entrypoints.installation.backups import InstallationBackups
from opentranscribe.entrypoints.installation.embedded import EmbeddedDeployment
from opentranscribe.entrypoints.installation.places import backup_places
from opentranscribe.features.backup.outer import OuterFiles
from opentranscribe.features.upgrade.journal import list_journals
from opentranscribe.features.upgrade.run import Installation
from opentranscribe.features.upgrade.service import Updater
from opentranscribe.settings import Settings


def is_checkout(settings: Settings) -> bool:
    """Whether the installation folder is a clone of the sources, which has its own versions."""
    return (settings.home / "pyproject.toml").is_file() and (settings.home / "src").is_dir()


def build_updater(settings: Settings, tell: Callable[[str], None]) -> Updater:
    installation = Installation(
        settings.home, settings.update_dir, replaces_files=not is_checkout(settings)
    )
    return Updater(installation, EmbeddedDeployment(settings), InstallationBackups(settings), tell)


def recover(settings: Settings, tell: Callable[[str], None], patience: float = 0.0) -> bool:
    """Finish or undo what was begun; whether there was anything. Who is at that already is waited
    for so many seconds. Raises AppError."""
    found = False
    if settings.update_dir.is_dir():
        updater = build_updater(settings, tell)
        if updater.is_unfinished:
            with updater.alone(patience):
                found = updater.recover()
    return recover_outer_files(settings, tell) or found


def recover_outer_files(settings: Settings, tell: Callable[[str], None]) -> bool:
    """Those of another machine stay when the database that they came with is in place."""
    files = OuterFiles(backup_places(settings))
    database = files.pending
    if database is None:
        return False
    with build_updater(settings, tell).alone():
        if database in _list_restored(settings):
            files.settle()
            return True
        tell("The restore did not get through; putting the settings and secrets back.")
        files.put_back()
    return True


def undo_outer_files(settings: Settings, restored: str | None) -> bool:
    """This machine's own again, where the restore of that database brought others."""
    files = OuterFiles(backup_places(settings))
    if restored is None or files.settled != restored:
        return False
    files.undo()
    return True


def last_restored(settings: Settings) -> str | None:
    """The database that the last restore put in place, by the name it had aside."""
    return next(reversed(_list_restored(settings)), None)


def _list_restored(settings: Settings) -> list[str]:
    facts = [one.facts for one in list_journals(settings.update_dir) if one.is_committed]
    return [str(one["kept_database"]) for one in facts if one.get("kind") == "restore"]
