"""Taking up an update that was cut off: before a start, and by the supervisor itself."""

from __future__ import annotations

from collections.abc import Callable

from opentranscribe.entrypoints.installation.backups import InstallationBackups
from opentranscribe.entrypoints.installation.embedded import EmbeddedDeployment
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


def recover(settings: Settings, tell: Callable[[str], None]) -> bool:
    """Finish or undo what was begun; whether there was anything. Raises AppError."""
    if not settings.update_dir.is_dir():
        return False
    updater = build_updater(settings, tell)
    if not updater.is_unfinished:
        return False
    with updater.alone():
        return updater.recover()
