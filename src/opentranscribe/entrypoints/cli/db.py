"""db: where the database stands, what an upgrade would do, doing it, and what was done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from opentranscribe.entrypoints.supervisor.supervise import (
    AlreadyRunningError,
    data_folder_lock,
    embedded_postgres,
)
from opentranscribe.kit.errors import InvalidError
from opentranscribe.schema.migrations.chain import HEAD, is_known, list_pending
from opentranscribe.schema.migrations.errors import SchemaUnsuitableError
from opentranscribe.schema.migrations.ledger import iter_history
from opentranscribe.schema.migrations.runner import WAIT_SECONDS, upgrade
from opentranscribe.schema.migrations.state import check as check_schema
from opentranscribe.schema.migrations.state import open_connection
from opentranscribe.settings import Settings

app = typer.Typer(no_args_is_help=True)
console = Console(highlight=False)

Target = Annotated[str, typer.Option("--to", help="Stop at this revision instead of the newest.")]


@app.command("upgrade")
def run_upgrade(
    to: Target = "head",
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for another upgrade or a busy table.")
    ] = WAIT_SECONDS,
) -> None:
    """Bring the database to this release. Does nothing when it is there already."""
    with reach_database() as url:
        done = upgrade(url, target=to, report=_print_line, wait_seconds=wait)
    if done.applied:
        count = f"{len(done.applied)} revision{'s' if len(done.applied) > 1 else ''}"
        _print_line(f"✓ {count} in {done.seconds:.1f} s; the database is at {done.after}.")
    else:
        _print_line(f"✓ Nothing to do; the database is at {done.after}.")


@app.command()
def check() -> None:
    """Say whether the database suits this release; exit code 1 when it does not."""
    with reach_database() as url:
        state = check_schema(url)
    good = state.kind == "current"
    console.print(f"{'[green]✓[/]' if good else '[yellow]![/]'} {escape(state.advice)}")
    raise typer.Exit(0 if good else 1)


@app.command()
def plan(to: Target = "head") -> None:
    """List what an upgrade would run, and what each step locks. Changes nothing."""
    if to != "head" and not is_known(to):
        raise InvalidError(f"There is no revision {to}; the newest is {HEAD}.")
    with reach_database() as url:
        state = check_schema(url)
    if state.kind in ("newer", "unknown"):
        raise SchemaUnsuitableError(state.advice)
    pending = list_pending(state.revision, to)
    if not pending:
        _print_line(f"Nothing to do; the database is at {state.revision}.")
        return
    for revision in pending:
        _print_line(revision.name)
        for step in revision.steps:
            apart = "" if step.transactional else " (a transaction of its own)"
            _print_line(f"    {step.lock:8} {step.name}{apart}")
    _print_line(
        "Locks: none; short, for a catalogue change; rewrite, while rows are read or written."
    )


@app.command()
def history() -> None:
    """List the revisions that were applied, in UTC: when, by whom, how long each took."""
    with reach_database() as url, open_connection(url) as connection:
        entries = list(iter_history(connection))
    if not entries:
        _print_line("Nothing is written down yet; run `opentr db upgrade` first.")
        return
    for entry in entries:
        at = entry.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        how = f"{entry.result} in {entry.seconds:.2f} s by {entry.by}"
        _print_line(f"{at}  {entry.revision}, from {entry.from_revision or 'nothing'}, {how}")


@contextmanager
def reach_database() -> Iterator[str]:
    """URL of the installation's database; an embedded one that sleeps is woken for the time."""
    settings = Settings.load()
    if not settings.uses_embedded_postgres:
        yield settings.sqlalchemy_url
        return
    try:
        with data_folder_lock(settings):
            server = embedded_postgres(settings)
            server.start(settings.logs_dir / "postgres.log")
            try:
                yield settings.sqlalchemy_url
            finally:
                server.stop()
    except AlreadyRunningError:
        yield settings.sqlalchemy_url


def _print_line(line: str) -> None:
    console.print(escape(line), soft_wrap=True)
