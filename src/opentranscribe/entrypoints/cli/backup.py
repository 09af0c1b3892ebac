"""backup: make, check, list and rehearse backups of this installation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from opentranscribe.entrypoints.cli.backup_plan import policy_of
from opentranscribe.entrypoints.cli.db import reach_database
from opentranscribe.entrypoints.installation.media_sample import build_look
from opentranscribe.entrypoints.installation.places import build_backups, open_offsite
from opentranscribe.features.backup.catalogue import BackupSet
from opentranscribe.features.backup.service import BackupService
from opentranscribe.features.upgrade.journal import list_held
from opentranscribe.settings import Settings

console = Console(highlight=False)
To = Annotated[
    str,
    typer.Option("--to", help="Copy it there too: a folder, s3://BUCKET/…, sftp://USER@HOST/…"),
]
Prune = Annotated[
    bool,
    typer.Option(
        "--prune",
        help="Remove old ones, as ./opentr.sh backup-policy says; the last good and the last"
        " rehearsed one stay, and any that a rollback needs.",
    ),
]


def register(app: typer.Typer) -> None:
    app.command()(backup)


def backup(
    plain: Annotated[
        bool, typer.Option("--plain", help="The SQL file alone, without recordings.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="The folder with everything alone.")] = False,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Seal all of it, not the secrets alone.")
    ] = False,
    drill: Annotated[
        bool, typer.Option("--drill", help="Restore the newest one aside and look into it.")
    ] = False,
    verify: Annotated[
        Path | None, typer.Option("--verify", help="Read this one again, byte by byte.")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="What there is, and its state.")] = False,
    to: To = "",
    fetch: Annotated[
        str, typer.Option("--fetch", help="Bring this one back here from where --to says.")
    ] = "",
    prune: Prune = False,
    show_key: Annotated[
        bool,
        typer.Option("--show-recovery-key", help="Show the recovery key, once, and forget it."),
    ] = False,
) -> None:
    """Back up this installation, running or stopped, and check the result.

    Makes the SQL file of the database, for any psql, and a folder with everything.
    """
    settings = Settings.load()
    if fetch:
        _fetch(settings, to, fetch)
    elif listing and to:
        _list_there(settings, to)
    elif listing:
        _list(build_backups(settings, ""))
    elif prune:
        _prune(settings)
    elif show_key:
        _show_key(build_backups(settings, ""))
    elif verify is not None:
        made = build_backups(settings, "").verify(verify.absolute())
        _tell(f"✓ {made.name} is whole.")
    elif drill:
        with open_backups(settings) as service:
            _drill(service, build_look(settings))
    else:
        with open_backups(settings) as service:
            copies = _make(service, plain=plain, full=full, encrypt=encrypt)
        if to:
            _copy(settings, to, copies)


def _make(service: BackupService, *, plain: bool, full: bool, encrypt: bool) -> list[BackupSet]:
    if plain:
        made = [service.create_plain()]
    elif full:
        made = [service.create_full(is_encrypted=encrypt)]
    else:
        made = [one for one in service.create(is_encrypted=encrypt) if one is not None]
    for one in made:
        _show_made(one)
    if service.keys.peek_recovery_key():
        _tell("! Nobody has the recovery key yet: ./opentr.sh backup --show-recovery-key")
    return made


def _copy(settings: Settings, to: str, made: list[BackupSet]) -> None:
    with open_offsite(settings, to, lambda line: None) as offsite:
        for one in made:
            copied = offsite.copy(one.path)
            _tell(
                f"✓ {one.name} is at {to} too: {copied.sent_bytes / 1e6:.1f} MB in"
                f" {copied.sent_files} of {copied.files} files were new there."
            )


def _fetch(settings: Settings, to: str, name: str) -> None:
    service = build_backups(settings, "")
    with open_offsite(settings, to, _tell) as offsite, service.catalogue.alone():
        path = offsite.fetch(name, settings.backups_dir)
    _tell(f"✓ {name} is here and whole. Bring it back with: ./opentr.sh restore {_shown(path)}")


def _drill(service: BackupService, look_at: Callable[[Path], object]) -> None:
    started = time.monotonic()
    done = service.drill(look_at)
    _tell(
        f"✓ {done.name} was restored aside and looked into; its database was ready after"
        f" {done.record.rto_seconds or 0:.1f} s ({time.monotonic() - started:.1f} s in all)."
    )


def _list(service: BackupService) -> None:
    found = service.catalogue.list()
    if not found:
        _tell("There is no backup yet. Make one with: ./opentr.sh backup")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("Backup", no_wrap=True, min_width=42)
    for heading in ("Made", "MB", "State", "Restored in"):
        table.add_column(heading)
    for one in found:
        took = one.record.rto_seconds
        table.add_row(
            one.name,
            f"{one.made_at:%Y-%m-%d %H:%M}",
            f"{one.size_bytes / 1e6:.1f}",
            one.record.state,
            f"{took:.1f} s" if took is not None else "",
        )
    console.print(table)


def _list_there(settings: Settings, to: str) -> None:
    with open_offsite(settings, to, _tell) as offsite:
        _tell("\n".join(offsite.names()) or f"There is no backup at {to} yet.")


def _prune(settings: Settings) -> None:
    with reach_database():
        kept = policy_of(settings).kept
    service = build_backups(settings, "")
    gone = service.prune(kept, list_held(settings.update_dir))
    for name in gone:
        _tell(f"✓ {name} was removed.")
    if gone:
        return
    found = service.catalogue.list()
    if found and not any(one.is_good for one in found):
        _tell("No backup here is known to be whole, so none was removed. Check one with:")
        _tell(f"  ./opentr.sh backup --verify {_shown(found[0].path)}")
    else:
        _tell("Nothing is old enough to be removed.")


def _show_key(service: BackupService) -> None:
    service.keys.ensure()
    key = service.keys.peek_recovery_key()
    if key is None:
        _tell("The recovery key was shown before, and this machine does not have it any more.")
        return
    _tell("Write this down and keep it elsewhere; without it the secrets in a backup cannot be")
    _tell(f"read on another machine. It is not shown again.\n\n  {key}\n")
    if typer.confirm("Do you have it?", default=False):
        service.keys.forget_recovery_key()


@contextmanager
def open_backups(settings: Settings) -> Iterator[BackupService]:
    """The database is woken for the time when it sleeps."""
    with reach_database() as url:
        yield build_backups(settings, url, _tell)


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
