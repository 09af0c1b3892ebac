"""restore: a backup takes the place of what is there, and can be taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from opentranscribe.entrypoints.cli.partial_restore import Wish, list_files, restore_some
from opentranscribe.entrypoints.installation.embedded import EmbeddedDeployment
from opentranscribe.entrypoints.installation.places import build_backups
from opentranscribe.entrypoints.installation.recovery import (
    build_updater,
    last_restored,
    recover,
    recover_outer_files,
    undo_outer_files,
)
from opentranscribe.entrypoints.leftovers import sweep_leftovers
from opentranscribe.features.backup.asides import building
from opentranscribe.features.backup.service import BackupService
from opentranscribe.features.upgrade.service import Updater
from opentranscribe.kit import clock
from opentranscribe.kit.errors import InvalidError
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.settings import Settings
from opentranscribe.work import databases

console = Console(highlight=False)
#: Another start may be sweeping, which takes a moment.
PATIENCE_SECONDS = 60.0


class NoBackupGivenError(InvalidError):
    code = "no_backup_given"


def register(app: typer.Typer) -> None:
    app.command()(restore)


def restore(
    backup: Annotated[
        Path | None,
        typer.Argument(help="A backup of ours, or a dump: .sql, -Fc, packed with gzip or not."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last restore back.")] = False,
    recovery_key_file: Annotated[
        Path | None, typer.Option(help="The recovery key, for a backup of another machine.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    file: Annotated[
        str | None, typer.Option("--file", help="Only this recording, by its UUID.")
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="Only this person's recordings, by e-mail.")
    ] = None,
    as_copy: Annotated[
        bool, typer.Option("--as-copy", help="With these: copies of what is here already.")
    ] = False,
    show_files: Annotated[
        bool, typer.Option("--list-files", help="Only say which recordings the backup has.")
    ] = False,
) -> None:
    """Bring a backup back: built aside, proven, brought to this release, then swapped in.

    With --file or --user: only that, beside what is here, while everything goes on.
    """
    settings = Settings.load()
    recover(settings, _tell)
    if undo:
        _undo(settings, yes=yes)
    elif backup is None or not backup.exists():
        raise NoBackupGivenError(
            f"There is no backup {backup or ''}. Nothing was changed. See what there is with:"
            " ./opentr.sh backup --list"
        )
    else:
        key = recovery_key_file.read_text(encoding="utf-8") if recovery_key_file else None
        wish = Wish(file, user, as_copy, yes)
        if show_files:
            list_files(settings, backup.absolute(), key)
            return
        if wish.is_partial:
            restore_some(settings, backup.absolute(), key, wish)
            return
        _restore(settings, backup.absolute(), key, yes=yes)


def _restore(settings: Settings, backup: Path, key: str | None, *, yes: bool) -> None:
    if not yes:
        typer.confirm(
            f"Replace everything by {backup.name}? What is there now is kept and can be brought"
            " back with --undo.",
            abort=True,
        )
    changed: list[str] = []
    updater = build_updater(settings, _tell)
    try:
        with ExitStack() as until_swapped:
            with _database(settings) as service:
                aside, safety = _prepare(settings, service, backup, key)
                with building(service.url, aside):
                    _build(service, backup, key, aside)
                    # Before the builder's lock goes: from here to the swap nobody else may take
                    # the database for one that was left over.
                    until_swapped.enter_context(updater.alone(PATIENCE_SECONDS))
                    if key and backup.is_dir():
                        changed = service.restore_outer(backup, aside, key)
            _swap(updater, aside, safety)
    finally:
        recover_outer_files(settings, _tell)
    for name in changed:
        _tell(f"  {name} is the backup's; what was there is kept beside it")
    _tell(f"✓ {backup.name} is in place. To take it back: ./opentr.sh restore --undo")


def _prepare(
    settings: Settings, service: BackupService, backup: Path, key: str | None
) -> tuple[str, Path]:
    """The name of the database that will be built, and the safety copy."""
    service.require_restorable(backup, key)
    if service.is_empty():
        _tell("This installation was never started; it gets an empty database first")
        upgrade(service.url)
    sweep_leftovers(settings, service.url, _tell)
    _tell("Making a safety copy of what is there")
    safety = service.create_full()
    aside = f"{databases.name_of(service.url)}_restored_{clock.now():%Y%m%d_%H%M%S}"
    return aside, safety.path


def _build(service: BackupService, backup: Path, key: str | None, aside: str) -> None:
    _tell("Building the backup aside and proving it")
    service.restore_into(backup, aside, key)
    upgrade(databases.with_name(service.url, aside), report=_tell)
    service.reconcile(aside)
    count = service.restore_media(backup, key)
    if count:
        _tell(f"{count} recordings were put back into the store")


def _undo(settings: Settings, *, yes: bool) -> None:
    updater = build_updater(settings, _tell)
    replaced = updater.replaced_by_restore()
    if not yes:
        typer.confirm("Bring back what was there before the last restore?", abort=True)
    with _database(settings) as service:
        safety = service.create_full()
    restored = last_restored(settings)
    with updater.alone(PATIENCE_SECONDS):
        _swap(updater, replaced, safety.path)
    if undo_outer_files(settings, restored):
        _tell("The settings and secrets of before are back. Use them with: ./opentr.sh restart")
    _tell("✓ What was there before the restore is in place again.")


def _swap(updater: Updater, database: str, safety: Path) -> None:
    """By whom is `alone`."""
    written, replaced = updater.swap_in(database, safety)
    content = json.loads(written.read_text(encoding="utf-8"))
    _tell(f"What was there stays as the database {replaced}, and in {safety}.")
    for file in content["files"]:
        _tell(f"  only there: {file['filename']} of {file['owner']}, {file['uploaded']}")


@contextmanager
def _database(settings: Settings) -> Iterator[BackupService]:
    """Backups over the installation's database, woken for the time when it sleeps."""
    deployment = EmbeddedDeployment(settings)
    url = deployment.open_database()
    try:
        yield build_backups(settings, url, _tell)
    finally:
        deployment.close_database()


def _tell(line: object) -> None:
    console.print(escape(str(line)), soft_wrap=True)
