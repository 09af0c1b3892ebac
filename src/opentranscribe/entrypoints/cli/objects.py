"""``opentr objects``: where recordings are kept, and moving them elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from opentranscribe.bootstrap import build_objects
from opentranscribe.entrypoints.supervisor.secret_files import private_folder
from opentranscribe.features.media.moving import Move
from opentranscribe.kit.errors import ConflictError, InvalidError
from opentranscribe.settings import Settings

app = typer.Typer(help="Where recordings are kept.", no_args_is_help=True)
console = Console(highlight=False)

STORES = ("filesystem", "s3")
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command()
def move(
    to: Annotated[str, typer.Option("--to", help="filesystem or s3")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how much it is; copy nothing.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Copy all recordings into another store and read each one back, while people work on."""
    settings = Settings.load()
    moving = _open(settings, source=_other(to), target=to)
    missing = moving.list_missing()
    size = sum(info.size_bytes for info in missing)
    console.print(f"{len(missing)} objects to copy, {size / 1e6:.1f} MB.")
    if dry_run:
        return
    if missing and not yes:
        typer.confirm("Copy them now? Nothing is taken away.", abort=True)
    columns = (*Progress.get_default_columns()[:1], BarColumn(), DownloadColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as shown:
        task = shown.add_task("Copying")
        moved = moving.copy(lambda done, total: shown.update(task, completed=done, total=total))
    console.print(f"✓ {moved.copied} copied and read back, {moved.present} were there already.")
    console.print(
        f"To use it: set OPENTR_OBJECTS_ENGINE={to} in .env, ./opentr.sh restart, and this command"
        " once more, for what came in between. Then the old store can forget:"
        f" ./opentr.sh objects forget --store {_other(to)}",
        soft_wrap=True,
    )


@app.command()
def forget(
    store: Annotated[str, typer.Option("--store", help="The one that is no longer in use.")],
    yes: Yes = False,
) -> None:
    """Delete what a store that is no longer in use has, once the other one has all of it."""
    settings = Settings.load()
    _known(store)
    if store == _in_use(settings):
        raise ConflictError(
            f"Recordings are kept in {store} now. Nothing was deleted. Move them first:"
            f" ./opentr.sh objects move --to {_other(store)}"
        )
    moving = _open(settings, source=store, target=_other(store))
    if not yes:
        typer.confirm(f"Delete all recordings in {store}? The other store has them.", abort=True)
    moved = moving.forget()
    console.print(f"✓ {moved.forgotten} objects deleted, {moved.bytes / 1e6:.1f} MB.")


def _open(settings: Settings, *, source: str, target: str) -> Move:
    stores = {
        name: build_objects(settings.model_copy(update={"objects_engine": name}))
        for name in (source, target)
    }
    journal = private_folder(settings.data_dir) / f"objects-in-{target}.jsonl"
    return Move(stores[source], stores[target], private_folder(settings.scratch_dir), journal)


def _in_use(settings: Settings) -> str:
    return settings.objects_engine or ("s3" if settings.profile == "distributed" else "filesystem")


def _other(store: str) -> str:
    _known(store)
    return STORES[1 - STORES.index(store)]


def _known(store: str) -> None:
    if store not in STORES:
        raise InvalidError(f"There is no store {store!r}; there are {' and '.join(STORES)}.")
