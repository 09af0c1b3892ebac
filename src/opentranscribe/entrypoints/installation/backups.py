"""What an update needs of the backup feature, done with this installation's settings."""

from __future__ import annotations

from pathlib import Path

from opentranscribe import __version__
from opentranscribe.entrypoints.supervisor.postgres import wheel_binaries
from opentranscribe.features.backup.places import Places
from opentranscribe.features.backup.programs import Programs
from opentranscribe.features.backup.service import BackupService
from opentranscribe.features.upgrade import queries
from opentranscribe.settings import Settings


class InstallationBackups:
    """The database must be reachable at the installation's address."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def make(self) -> Path:
        service = BackupService(self._places(), self._settings.sqlalchemy_url)
        return service.create_plain().path

    def restore_into(self, backup: Path, database: str) -> None:
        url = queries.with_name(self._settings.sqlalchemy_url, database)
        with queries.administer(url) as connection:
            queries.create_database(connection, database)
        Programs(self._places().bin_dir, url).run("psql", "-X", "-q", source=backup)

    def _places(self) -> Places:
        settings = self._settings
        return Places(
            version=__version__,
            bin_dir=settings.postgres_bin or wheel_binaries(),
            backups_dir=settings.backups_dir,
            secrets_dir=settings.secrets_dir,
            env_file=settings.home / ".env",
            scratch_dir=settings.scratch_dir,
            state_dir=settings.data_dir / "backup",
        )
