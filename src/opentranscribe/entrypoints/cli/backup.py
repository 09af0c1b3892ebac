"""backup: make, check, list and rehearse backups of this installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from opentranscribe.entrypoints.cli.db import reach_database
from opentranscribe.entrypoints.installation.places import backup_places
from opentranscribe.features.backup.catalogue import BackupSet
from opentranscribe.features.backup.service import BackupService
from opentranscribe.settings import Settings

console = Console(highlight=False)


def register(app: typer.Typer) -> None:
    app.command()(backup)


def backup() -> None:
    """Back up this installation, running or stopped, and check the result."""
    settings = Settings.load()
    with open_backups(settings) as service:
        _show_made(service.create_plain())


@contextmanager
def open_backups(settings: Settings) -> Iterator[BackupService]:
    """The database is woken for the time when it sleeps."""
    with reach_database() as url:
        yield BackupService(backup_places(settings), url, _tell)


def _show_made(made: BackupSet) -> None:
    seconds = made.record.seconds or 0.0
    _tell(f"✓ {_shown(made.path)} ({made.size_bytes / 1e6:.1f} MB, checked, {seconds:.1f} s)")


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _tell(line: str) -> None:
    console.print(escape(line), soft_wrap=True)
