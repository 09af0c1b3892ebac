"""backup-policy: when backups are made by themselves; backup-order: one of them, by the scheduler."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from opentranscribe.bootstrap import build_app
from opentranscribe.entrypoints.cli.db import reach_database
from opentranscribe.entrypoints.installation.media_sample import build_look
from opentranscribe.entrypoints.installation.places import build_backups, open_offsite
from opentranscribe.features.backup.orders import Order, carrying_out
from opentranscribe.features.backup.plan import note_done
from opentranscribe.features.backup.policy import Policy, next_at, read_policy, write_policy
from opentranscribe.features.backup.service import BackupService
from opentranscribe.features.upgrade.journal import list_held
from opentranscribe.kit import clock
from opentranscribe.kit.errors import AppError, InvalidError
from opentranscribe.settings import Settings
from opentranscribe.work import SYSTEM

console = Console(highlight=False)


class PolicyInvalidError(InvalidError):
    code = "policy_invalid"


def register(app: typer.Typer) -> None:
    app.command(name="backup-policy")(backup_policy)
    app.command(name="backup-order", hidden=True)(backup_order)


def backup_policy(
    on: Annotated[bool | None, typer.Option("--on/--off", help="Make backups every day.")] = None,
    at: Annotated[str | None, typer.Option(help="When, as 02:30, by this machine's clock.")] = None,
    drill: Annotated[
        bool | None, typer.Option("--drill/--no-drill", help="Rehearse a restore every day.")
    ] = None,
    drill_at: Annotated[str | None, typer.Option(help="When to rehearse.")] = None,
    daily: Annotated[int | None, typer.Option(help="Days of which one is kept.")] = None,
    weekly: Annotated[int | None, typer.Option(help="Weeks of which one is kept.")] = None,
    monthly: Annotated[int | None, typer.Option(help="Months of which one is kept.")] = None,
    least: Annotated[int | None, typer.Option(help="So many stay in any case.")] = None,
    encrypt: Annotated[
        bool | None, typer.Option("--encrypt/--no-encrypt", help="Seal all of each.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Copy each there too: a folder, s3://… or sftp://…")
    ] = None,
) -> None:
    """Show when backups are made by themselves and how long they are kept; or change it."""
    wanted = {
        "enabled": on,
        "at": at,
        "drill_enabled": drill,
        "drill_at": drill_at,
        "keep_daily": daily,
        "keep_weekly": weekly,
        "keep_monthly": monthly,
        "keep_minimum": least,
        "encrypt": encrypt,
        "to": to,
    }
    changes = {name: value for name, value in wanted.items() if value is not None}
    with reach_database():
        app = build_app(Settings.load(), fetches_models=False)
        try:
            with app.work(SYSTEM) as work:
                policy = _changed(read_policy(work), changes)
                if changes:
                    write_policy(work, policy)
        finally:
            app.close()
    _show(policy)


def backup_order(order: str) -> None:
    """Carry out one order; what the page shows of it is written down on the way."""
    settings = Settings.load()
    wanted = Order(**json.loads(order))
    with carrying_out(settings.data_dir / "backup", wanted) as tell:
        service = build_backups(settings, settings.sqlalchemy_url, tell)
        try:
            _carry_out(service, wanted, settings, tell)
        except AppError as error:
            _tell(f"{clock.now().isoformat()} ✗ {wanted.verb} {wanted.name}: {error.message}")
            raise
    _tell(f"{clock.now().isoformat()} ✓ {wanted.verb} {wanted.name}")
    if wanted.planned:
        note_done(settings.data_dir / "backup", wanted.verb, clock.now())


def _carry_out(
    service: BackupService, order: Order, settings: Settings, tell: Callable[[str], None]
) -> None:
    path = settings.backups_dir / order.name
    if order.verb == "verify":
        service.verify(path)
    elif order.verb == "remove":
        service.remove(order.name, list_held(settings.update_dir))
    elif order.verb == "drill":
        tell("Restoring the newest good backup aside")
        service.drill(build_look(settings))
    else:
        _create(service, order, settings, tell)


def _create(
    service: BackupService, order: Order, settings: Settings, tell: Callable[[str], None]
) -> None:
    if order.kind == "plain":
        made = [service.create_plain()]
    elif order.kind == "full":
        made = [service.create_full(is_encrypted=order.encrypt)]
    else:
        made = [one for one in service.create(is_encrypted=order.encrypt) if one is not None]
    policy = policy_of(settings)
    if order.planned:
        # Before the copies: a place that is away must not fill this disk.
        tell("Removing old backups")
        service.prune(policy.kept, list_held(settings.update_dir))
    if policy.to:
        with open_offsite(settings, policy.to, tell) as offsite:
            for one in made:
                offsite.copy(one.path)


def policy_of(settings: Settings) -> Policy:
    app = build_app(settings, fetches_models=False)
    try:
        with app.work(SYSTEM) as work:
            return read_policy(work)
    finally:
        app.close()


def _changed(policy: Policy, changes: dict[str, Any]) -> Policy:
    """Raises PolicyInvalidError."""
    try:
        return Policy.model_validate({**policy.model_dump(), **changes})
    except ValidationError as error:
        wrong = ", ".join(
            f"{one['loc'][0]}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors()
        )
        raise PolicyInvalidError(f"{wrong}. Nothing was changed.") from error


def _show(policy: Policy) -> None:
    now = clock.now().astimezone()
    if policy.enabled:
        _tell(
            f"A backup is made every day at {policy.at}, next {next_at(policy.at, now):%a %H:%M}."
        )
        if policy.drill_enabled:
            _tell(f"A restore is rehearsed every day at {policy.drill_at}.")
    else:
        _tell(
            "No backups are made by themselves. Turn that on with: ./opentr.sh backup-policy --on"
        )
    _tell(
        f"Kept: the newest of {policy.keep_daily} days, {policy.keep_weekly} weeks and"
        f" {policy.keep_monthly} months, and {policy.keep_minimum} in any case."
    )
    _tell(
        f"Encrypted: {'yes' if policy.encrypt else 'no'}. Copied to: {policy.to or 'nowhere else'}."
    )


def _tell(line: str) -> None:
    console.print(escape(line), soft_wrap=True)
