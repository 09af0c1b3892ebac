"""The backups of this installation: where they lie, and what makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentranscribe import __version__
from opentranscribe.bootstrap import build_backup_store, build_objects
from opentranscribe.entrypoints.supervisor.postgres import wheel_binaries
from opentranscribe.features.backup.offsite import Offsite
from opentranscribe.features.backup.places import Places
from opentranscribe.features.backup.service import BackupService
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
        models_dir=settings.models_dir,
    )


def build_backups(
    settings: Settings, url: str, tell: Callable[[str], None] = lambda line: None
) -> BackupService:
    """``url`` is where the database answers now."""
    return BackupService(backup_places(settings), url, build_objects(settings), tell)


@contextmanager
def open_offsite(settings: Settings, to: str, tell: Callable[[str], None]) -> Iterator[Offsite]:
    """Where copies go. Raises StoreRefusedError for what is no such place."""
    store = build_backup_store(settings, to)
    try:
        yield Offsite(store, tell)
    finally:
        store.close()
