"""db: where the database stands, what an upgrade would do, doing it, and what was done."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
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
from opentranscribe.schema.migrations.fingerprint import read_catalogue
from opentranscribe.schema.migrations.ledger import find_break, iter_history
from opentranscribe.schema.migrations.lock import end_holder, find_holder
from opentranscribe.schema.migrations.recognise import Recognition, is_at_head, recognise
from opentranscribe.schema.migrations.repair.engine import list_operations
from opentranscribe.schema.migrations.runner import WAIT_SECONDS, Report, describe, upgrade
from opentranscribe.schema.migrations.state import (
    SchemaState,
    open_connection,
    read_state,
    refuse,
)
from opentranscribe.settings import Settings

app = typer.Typer(no_args_is_help=True)
console = Console(highlight=False)

Target = Annotated[str, typer.Option("--to", help="Stop at this revision instead of the newest.")]
Adopt = Annotated[
    bool,
    typer.Option(
        "--adopt", help="Go by the tables alone, whatever the database says of its revision."
    ),
]


@app.command("upgrade")
def run_upgrade(
    to: Target = "head",
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for another upgrade or a busy table.")
    ] = WAIT_SECONDS,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Repair without asking.")] = False,
    adopt: Adopt = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole report as JSON.")
    ] = False,
) -> None:
    """Bring the database to this release, repairing what differs. Does nothing when it is there."""
    say = _ignore if as_json else _print_line
    with reach_database() as url:
        if not yes and sys.stdin.isatty():
            _confirm_repair(url, adopt=adopt)
        done = upgrade(
            url, target=to, report=say, wait_seconds=wait, thorough=to == "head", adopt=adopt
        )
    if as_json:
        typer.echo(json.dumps(asdict(done), default=str, indent=2))
    else:
        _print_report(done)


@app.command()
def check(adopt: Adopt = False) -> None:
    """Say what the database is and whether it suits this release; exit code 1 when it does not."""
    with reach_database() as url, open_connection(url) as connection:
        found = recognise(connection, adopt=adopt)
        state = read_state(connection)
    if found.difference and found.kind == "drifted":
        _print_line(describe(found))
        for line in found.difference.describe(20):
            _print_line(f"    {line}")
    if found.others:
        _print_line(f"Left alone, as not of this product: {', '.join(found.others)}")
    good = is_at_head(found)
    console.print(f"{'[green]✓[/]' if good else '[yellow]![/]'} {escape(_advise(found, state))}")
    raise typer.Exit(0 if good else 1)


@app.command()
def plan(to: Target = "head", adopt: Adopt = False) -> None:
    """List what an upgrade would do, and what each step locks. Changes nothing."""
    if to != "head" and not is_known(to):
        raise InvalidError(f"There is no revision {to}; the newest is {HEAD}.")
    with reach_database() as url, open_connection(url) as connection:
        found = recognise(connection, adopt=adopt)
        if found.kind in {"newer", "refused"}:
            refuse(found)
        if found.kind == "drifted":
            _print_line(f"{describe(found)} The repair, in one transaction:")
            for operation in list_operations(read_catalogue(connection)):
                _print_line(f"    {operation}")
            return
    pending = list_pending(found.revision, to)
    if not pending:
        stamp = (
            "" if found.is_tracked else ", but does not say so; `opentr db upgrade` writes it down"
        )
        _print_line(f"Nothing to do; the database is at {found.revision}{stamp}.")
        return
    _print_line(describe(found))
    for revision in pending:
        _print_line(revision.name)
        for step in revision.steps:
            apart = "" if step.transactional else " (a transaction of its own)"
            _print_line(f"    {step.lock:8} {step.name}{apart}")
    _print_line(
        "Locks: none; short, for a catalogue change; rewrite, while rows are read or written."
    )


@app.command()
def history(
    log: Annotated[bool, typer.Option("--log", help="Print what each step did to rows.")] = False,
) -> None:
    """List what was applied, in UTC: when, by whom, how long it took; exit code 1 when the list is
    not as it was written."""
    with reach_database() as url, open_connection(url) as connection:
        entries = list(iter_history(connection))
        broken = find_break(connection)
    if not entries:
        _print_line("Nothing is written down yet; run `opentr db upgrade` first.")
        return
    for entry in entries:
        at = entry.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        rows = f", {entry.rows} rows mended" if entry.rows else ""
        how = f"{entry.result} in {entry.seconds:.2f} s{rows}, {entry.bytes} bytes, by {entry.by}"
        _print_line(f"{at}  {entry.revision}, from {entry.from_revision or 'nothing'}, {how}")
        for line in entry.log.splitlines() if log else ():
            _print_line(f"    {line}")
    if broken:
        console.print(f"[red]✗[/] {escape(broken)} Somebody changed the ledger by hand.")
        raise typer.Exit(1)


@app.command()
def unlock(
    safe: Annotated[
        bool, typer.Option("--safe/--force", help="End only an upgrade that shows no life.")
    ] = True,
) -> None:
    """End an upgrade that hangs. PostgreSQL undoes the step it was at; nothing else is lost."""
    with reach_database() as url, open_connection(url) as connection:
        holder = find_holder(connection)
        if holder is None:
            _print_line("✓ No upgrade holds the lock.")
            return
        if safe and not holder.is_dead:
            _print_line(f"! It is held by {holder}, which shows life. Nothing was done.")
            _print_line("Wait for it, end that process, or run `opentr db unlock --force`.")
            raise typer.Exit(1)
        end_holder(connection, holder)
    _print_line(f"✓ Ended {holder}. Run `opentr db upgrade` to go on.")


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


def _confirm_repair(url: str, *, adopt: bool) -> None:
    with open_connection(url) as connection:
        found = recognise(connection, adopt=adopt)
        if found.kind != "drifted":
            return
        operations = list_operations(read_catalogue(connection))
    _print_line(f"{describe(found)} {len(operations)} operations lead to this release's schema.")
    _print_line("`opentr db plan` lists them. Nothing is deleted; what is in the way is kept.")
    typer.confirm("Repair it now?", abort=True)


def _advise(found: Recognition, state: SchemaState) -> str:
    if found.kind == "refused":
        return f"{found.reason} Nothing was changed."
    if found.kind == "drifted":
        return "Nothing was changed. Run `opentr db upgrade` to repair it."
    if found.kind == "exact" and not found.is_tracked:
        return f"{describe(found)} Nothing was changed. Run `opentr db upgrade`."
    return state.advice


def _print_report(done: Report) -> None:
    for change in done.changes:
        place = f"{change.table}.{change.column}" if change.column else change.table
        moved = "changed" if change.column else "moved to the schema kept"
        _print_line(f"    {place}: {change.rows} {moved}: {change.reason}")
    for proof in done.proofs:
        if not proof.holds:
            _print_line(f"    ! {proof} (unless somebody worked on it meanwhile)")
    if done.proofs:
        rows = sum(proof.before for proof in done.proofs)
        kept = sum(proof.kept for proof in done.proofs)
        _print_line(f"    {rows} rows in {len(done.proofs)} tables compared; {kept} kept aside.")
    if done.operations:
        count = f"{len(done.operations)} operations"
        _print_line(f"✓ Repaired by {count} in {done.seconds:.1f} s; the database is at {HEAD}.")
    elif done.applied:
        count = f"{len(done.applied)} revision{'s' if len(done.applied) > 1 else ''}"
        _print_line(f"✓ {count} in {done.seconds:.1f} s; the database is at {done.after}.")
    else:
        _print_line(f"✓ Nothing to do; the database is at {done.after}.")


def _ignore(line: str) -> None:
    """The JSON at the end says it all."""


def _print_line(line: str) -> None:
    console.print(escape(line), soft_wrap=True)
