"""update and rollback: to another release and back, proven or put back by itself."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from opentranscribe import __version__
from opentranscribe.entrypoints.installation.embedded import EmbeddedDeployment
from opentranscribe.entrypoints.installation.preparation import Preparation, Prepared
from opentranscribe.entrypoints.installation.recovery import build_updater, is_checkout, recover
from opentranscribe.features.upgrade.errors import UpdateRefusedError
from opentranscribe.features.upgrade.requests import write_check
from opentranscribe.kit import clock
from opentranscribe.kit.errors import AppError
from opentranscribe.ports.deployment import Release
from opentranscribe.settings import Settings

console = Console(highlight=False)

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def register(app: typer.Typer) -> None:
    for command in (update, rollback):
        app.command()(command)
    app.command(hidden=True)(resume)


def update(
    version: Annotated[
        str, typer.Option("--version", help="This release instead of the newest.")
    ] = "",
    source: Annotated[
        str,
        typer.Option("--from", help="A wheel, a folder with wheels, or the address of an index."),
    ] = "",
    for_page: Annotated[bool, typer.Option("--for-page", hidden=True)] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and rehearse everything; change nothing.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Bring this installation to another release; put everything back if it does not prove well."""
    settings = Settings.load()
    recover(settings, _tell)
    deployment = EmbeddedDeployment(settings)
    if for_page:
        _check_for_page(settings, deployment, version)
        return
    new = _fetch(settings, deployment, source or settings.update_from, version)
    old = deployment.current()
    if new.name == old.name:
        _tell(f"✓ This is {old.version} already; there is nothing to do.")
        return
    prepared = Preparation(settings, deployment, _tell).prepare(old, new)
    _show(prepared, old, new)
    if not prepared.may_begin or prepared.backup is None:
        raise UpdateRefusedError(
            "Nothing was changed. Mend what is marked ✗ above, then try again."
        )
    if dry_run:
        _tell("Nothing was changed (--dry-run).")
        return
    if not yes:
        typer.confirm(f"Update {old.version} to {new.version} now?", abort=True)
    started = time.monotonic()
    updater = build_updater(settings, _tell)
    with updater.alone():
        updater.update(
            new,
            backup=prepared.backup,
            merged_env=prepared.merged_env,
            measured=prepared.measured,
            proved=prepared.proved,
        )
    _tell(
        f"✓ OpenTranscribe is {new.version} now, proven, after {time.monotonic() - started:.0f} s."
        " To go back: ./opentr.sh rollback"
    )


def rollback(yes: Yes = False) -> None:
    """Go back to the release and the database from before the last update."""
    settings = Settings.load()
    recover(settings, _tell)
    if not yes:
        typer.confirm(
            "Go back to the state before the last update? What was written since is kept and"
            " listed, but not in the database you go back to.",
            abort=True,
        )
    updater = build_updater(settings, _tell)
    with updater.alone():
        written = updater.roll_back()
    _tell(f"✓ Back. What was written since the update is listed in {written}:")
    _show_written(written)


def resume() -> None:
    """Take up an update that was cut off; the supervisor does so by itself."""
    if not recover(Settings.load(), _tell):
        _tell("There is nothing to take up.")


def _check_for_page(settings: Settings, deployment: EmbeddedDeployment, version: str) -> None:
    """Whatever comes of it is written down for who asked on the page."""
    facts: dict[str, Any] = {
        "from_version": __version__,
        "to_version": __version__,
        "checked_at": clock.now().isoformat(),
        "may_begin": False,
        "seconds": 0,
        "backup": "",
        "trouble": "",
        "report": None,
    }
    try:
        old = deployment.current()
        new = _fetch(settings, deployment, settings.update_from, version)
        if new.name != old.name:
            prepared = Preparation(settings, deployment, _tell).prepare(old, new)
            facts = prepared.as_json(old, new)
    except AppError as error:
        facts["trouble"] = error.message
        _tell(error.message)
    write_check(settings.update_dir, facts)


def _fetch(
    settings: Settings, deployment: EmbeddedDeployment, source: str, version: str
) -> Release:
    if is_checkout(settings) and not source and not version:
        offered = settings.data_dir / "releases" / "offered"
        if not offered.is_file():
            raise UpdateRefusedError(
                "This is a checkout of the sources. Get the new ones with git pull, then run"
                " ./opentr.sh update here. Nothing was changed."
            )
        return deployment.find(offered.read_text(encoding="utf-8").strip())
    with Progress(
        TextColumn("Getting the release"), BarColumn(), console=console, transient=True
    ) as shown:
        task = shown.add_task("", total=1.0)
        return deployment.fetch(
            source, version, lambda fraction: shown.update(task, completed=fraction)
        )


def _show(prepared: Prepared, old: Release, new: Release) -> None:
    for mark, sentence in prepared.lines():
        console.print(f"{mark} {escape(sentence)}", soft_wrap=True)
    if prepared.env_difference:
        _tell("Your .env will change like this:")
        _tell(prepared.env_difference)
    _tell(f"{old.version} → {new.version}: about {prepared.seconds:.0f} s, visitors wait for that.")


def _show_written(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    for file in content["files"]:
        _tell(f"  {file['filename']} of {file['owner']}, {file['uploaded']}")
    if not content["files"]:
        _tell("  no recording was added")
    _tell(f"  everything of it is in the backup {content['backup']}")


def _tell(line: str) -> None:
    console.print(escape(line), soft_wrap=True)
