"""Where this installation keeps what backups read and write."""

from __future__ import annotations

from opentranscribe import __version__
from opentranscribe.entrypoints.supervisor.postgres import wheel_binaries
from opentranscribe.features.backup.places import Places
from opentranscribe.settings import Settings


def backup_places(settings: Settings) -> Places:
    return Places(
        version=__version__,
        bin_dir=settings.postgres_bin or wheel_binaries(),
        backups_dir=settings.backups_dir,
        secrets_dir=settings.secrets_dir,
        env_file=settings.home / ".env",
        scratch_dir=settings.scratch_dir,
        state_dir=settings.data_dir / "backup",
    )
