"""The ``opentr`` command: every group of commands in one table, errors as one line and a code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from opentranscribe import __version__
from opentranscribe.entrypoints.cli import db, doctor, init, services, transcribe, users
from opentranscribe.kit.errors import AppError

EXIT_CODES = {"invalid": 2, "not_found": 4, "conflict": 5, "unavailable": 6, "unsupported": 7}

app = typer.Typer(
    name="opentr",
    help="Turn recordings into searchable, speaker-labelled transcripts on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
services.register(app)
doctor.register(app)
init.register(app)
transcribe.register(app)
app.add_typer(users.app, name="users", help="Create, list, disable people; reset passwords.")
app.add_typer(db.app, name="db", help="Check and upgrade the database's schema.")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"v{__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Run ``opentr COMMAND --help`` to learn more about one command."""


def run() -> None:
    """Entry point: application errors become a sentence on stderr and an exit code."""
    try:
        app()
    except AppError as error:
        Console(stderr=True, highlight=False).print(f"[bold red]✗[/] {error.message}")
        sys.exit(EXIT_CODES.get(error.kind, 1))


if __name__ == "__main__":
    run()
