"""What an update needs of the backup feature, done with this installation's settings."""

from __future__ import annotations

from pathlib import Path

from opentranscribe.entrypoints.installation.places import build_backups
from opentranscribe.features.backup.service import BackupService
from opentranscribe.settings import Settings

#: The nightly one may be at work.
PATIENCE_SECONDS = 600.0


class InstallationBackups:
    """The database must be reachable at the installation's address."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def make(self) -> Path:
        return self._service().create_full(patience=PATIENCE_SECONDS).path

    def restore_into(self, backup: Path, database: str) -> None:
        self._service().restore_into(backup, database)

    def _service(self) -> BackupService:
        return build_backups(self._settings, self._settings.sqlalchemy_url)
