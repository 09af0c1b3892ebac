"""The ``opentr`` command: every command in one table, errors as one line and a code."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from opentranscribe import __version__
from opentranscribe.kit.errors import AppError

EXIT_CODES = {"invalid": 2, "not_found": 4, "conflict": 5, "unavailable": 6, "unsupported": 7}
#: Command, the module of this folder that has it, what it does. A module is loaded when one of
#: its commands is called, so that ``status`` does not wait for what ``transcribe`` needs.
COMMANDS = {
    "start": ("services", "Start everything and print the address."),
    "stop": ("services", "Stop everything in order; nothing is lost."),
    "restart": ("services", "Restart one service, or everything."),
    "status": ("services", "Show each service, its state and health."),
    "logs": ("services", "Print what the services wrote."),
    "doctor": ("doctor", "Check this machine and installation, and say how to mend it."),
    "transcribe": ("transcribe", "Transcribe files without a server or a database."),
    "users": ("users", "Create, list, disable people; reset passwords."),
    "search": ("search", "Say how much can be found, and rebuild the index."),
    "db": ("db", "Check and upgrade the database's schema."),
    "backup": ("backup", "Back up everything, check it, rehearse a restore."),
    "backup-policy": ("backup_plan", "When backups are made, and how long they are kept."),
    "backup-order": ("backup_plan", "Carry out what was asked for on the page."),
    "restore": ("restore", "Bring a backup back, or take the last restore back."),
    "objects": ("objects", "Move recordings into another store."),
    "import": ("takeover", "Take over an installation of the earlier system."),
    "update": ("update", "Bring this installation to another release, or put everything back."),
    "rollback": ("update", "Go back to the state before the last update."),
    "resume": ("update", "Take up an update that was cut off."),
    "prove": ("prove", "Try everything that people do on the running installation."),
    "init": ("init", "Make an installation folder."),
}
#: Run by the supervisor and the scheduler; people need not know of it.
HIDDEN = {"resume", "backup-order"}
UNSUPPORTED = EXIT_CODES["unsupported"]


class Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        there = [name for name, (module, _) in COMMANDS.items() if _exists(module)]
        return [name for name in there if name not in HIDDEN]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name == "test":
            raise typer.Exit(_say_absent())
        module, sentence = COMMANDS.get(cmd_name, ("", ""))
        if not module or not _exists(module):
            return None
        loaded = importlib.import_module(f"{__package__}.{module}")
        command = typer.main.get_command(_group_of(loaded))
        found = command.commands.get(cmd_name, command) if hasattr(command, "commands") else command
        found.name, found.short_help = cmd_name, sentence
        return found


def _exists(module: str) -> bool:
    return importlib.util.find_spec(f"{__package__}.{module}") is not None


def _group_of(module: Any) -> typer.Typer:
    """A module either is a group of commands (``app``) or adds its own to one (``register``)."""
    if hasattr(module, "app"):
        return module.app  # type: ignore[no-any-return]
    group = typer.Typer()
    module.register(group)
    return group


def _say_absent() -> int:
    sentence = "Tests run from a checkout of the sources: ./opentr.sh test"
    Console(stderr=True, highlight=False).print(f"[bold red]✗[/] {sentence}")
    return UNSUPPORTED


app = typer.Typer(
    cls=Commands,
    name="opentr",
    help="Turn recordings into searchable, speaker-labelled transcripts on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


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
        Console(stderr=True, highlight=False).print(f"[bold red]✗[/] {error.message}", markup=True)
        sys.exit(EXIT_CODES.get(error.kind, 1))


if __name__ == "__main__":
    run()
