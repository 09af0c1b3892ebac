"""``opentr users``: accounts from the terminal of the machine itself, without signing in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import sessionmaker

from opentranscribe.adapters.notices.postgres import PostgresNotices
from opentranscribe.adapters.queue.inline import InlineQueue
from opentranscribe.features.accounts.rules import normalise_email
from opentranscribe.features.accounts.service import AccountService
from opentranscribe.features.auth.setup import remove_setup_token
from opentranscribe.kit.errors import AppError
from opentranscribe.schema.migrations.errors import DatabaseUnreachableError
from opentranscribe.schema.migrations.state import require_current
from opentranscribe.settings import Settings
from opentranscribe.work import SYSTEM, Work, WorkFactory

app = typer.Typer(help="Make and change accounts.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="E-mail address of the person.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@contextmanager
def open_accounts() -> Iterator[tuple[AccountService, Settings]]:
    """One transaction on the database of the installation; errors become one line and code 1."""
    settings = Settings.load()
    engine: Engine | None = None
    try:
        require_current(settings.sqlalchemy_url)
        engine = create_engine(settings.sqlalchemy_url, connect_args={"connect_timeout": 5})
        with _work_on(engine) as work:
            yield AccountService(work), settings
    except (DatabaseUnreachableError, OperationalError, FileNotFoundError):
        _fail("The database is not answering. Start OpenTranscribe first: ./opentr.sh start")
    except AppError as error:
        _fail(str(error))
    finally:
        if engine is not None:
            engine.dispose()


@contextmanager
def _work_on(engine: Engine) -> Iterator[Work]:
    sessions = sessionmaker(engine, expire_on_commit=False)
    with WorkFactory(sessions, InlineQueue(), PostgresNotices(engine))(SYSTEM) as work:
        yield work


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


def _ask_password(from_stdin: bool) -> str:
    if from_stdin:
        return typer.get_text_stream("stdin").readline().rstrip("\r\n")
    password: str = typer.prompt("Password (15 characters or more)", hide_input=True)
    if typer.prompt("Again", hide_input=True) != password:
        _fail("The two passwords differ. Nothing was changed.")
    return password


@app.command()
def create(
    email: Email,
    admin: Annotated[bool, typer.Option("--admin", help="Make an administrator.")] = False,
    name: Annotated[str | None, typer.Option(help="Full name.")] = None,
    password_stdin: PasswordStdin = False,
) -> None:
    """Make an account. With --admin this also closes the set-up page."""
    try:
        normalise_email(email)
    except AppError as error:
        _fail(str(error))
    password = _ask_password(password_stdin)
    with open_accounts() as (accounts, settings):
        user = accounts.create(email, password, full_name=name, role="admin" if admin else "user")
    if admin:
        remove_setup_token(settings.secrets_dir / "setup-token")
    typer.echo(f"Made {user.email} ({user.role}).")


@app.command("list")
def list_users() -> None:
    """Everybody who has an account."""
    with open_accounts() as (accounts, _):
        users = accounts.list(limit=10_000, offset=0)
    for user in users:
        seen = f"{user.last_login_at:%Y-%m-%d %H:%M}" if user.last_login_at else "never"
        state = "active" if user.is_active else "disabled"
        typer.echo(f"{user.email:40} {user.role:12} {state:9} last signed in: {seen}")
    if not users:
        typer.echo("Nobody yet. Make an administrator: opentr users create --admin EMAIL")


@app.command()
def disable(email: Email) -> None:
    """Sign somebody out everywhere and let them in no more; their recordings stay."""
    _set_active(email, is_active=False)
    typer.echo(f"Disabled {email}.")


@app.command()
def enable(email: Email) -> None:
    """Let somebody in again."""
    _set_active(email, is_active=True)
    typer.echo(f"Enabled {email}.")


def _set_active(email: str, *, is_active: bool) -> None:
    with open_accounts() as (accounts, _):
        accounts.change(accounts.get_by_email(email).uuid, is_active=is_active)


@app.command("reset-password")
def reset_password(
    email: Email,
    must_change: Annotated[
        bool, typer.Option(help="The person must choose another at the next sign-in.")
    ] = True,
    password_stdin: PasswordStdin = False,
) -> None:
    """Set a new password, sign the person out everywhere and unlock the account."""
    password = _ask_password(password_stdin)
    with open_accounts() as (accounts, _):
        accounts.reset_password(
            accounts.get_by_email(email).uuid, password, must_change=must_change
        )
    typer.echo(f"Set a new password for {email}.")


@app.command()
def unlock(email: Email) -> None:
    """Forget wrong passwords, so that the person may try again now."""
    with open_accounts() as (accounts, _):
        accounts.unlock(accounts.get_by_email(email).uuid)
    typer.echo(f"Unlocked {email}.")
