"""Finding everything out, side by side and within a limit; what cannot be found out is said so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import psycopg

from opentranscribe.features.upgrade.preflight import (
    environment_file,
    folders,
    machine,
    release_files,
)
from opentranscribe.features.upgrade.preflight.context import Context
from opentranscribe.features.upgrade.preflight.facts import (
    FactMissingError,
    Facts,
    Known,
    Missing,
)
from opentranscribe.features.upgrade.preflight.queries import activity, contents, objects, server
from opentranscribe.features.upgrade.preflight.queries.connection import (
    Connection,
    open_connection,
)
from opentranscribe.kit.errors import AppError

LIMIT_SECONDS = 2.6
NO_DATABASE = "the database does not answer"
DATABASE_FACTS = (
    *("server", "rights", "schema", "sessions", "locks", "prepared", "slots", "objects"),
    *("work", "media", "kept_databases"),
)

Found = dict[str, Known[Any] | Missing]
Question = Callable[[], Any]


def gather(context: Context) -> Facts:
    """Never raises; takes at most LIMIT_SECONDS, whatever hangs."""
    found: Found = {}
    parts = (
        lambda: _ask_all(_files(context), found),
        lambda: _ask_all(_machine(context), found),
        lambda: _ask_database(context, found),
    )
    until = time.monotonic() + LIMIT_SECONDS
    threads = [threading.Thread(target=part, daemon=True, name="preflight") for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(until - time.monotonic(), 0.0))
    late = Missing(f"no answer within {LIMIT_SECONDS} s")
    names = [name for name in Facts.__dataclass_fields__ if name != "context"]
    return Facts(context=context, **{name: found.get(name, late) for name in names})


def _files(context: Context) -> Mapping[str, Question]:
    return {
        "disks": lambda: folders.read_disks(context),
        "folders": lambda: folders.read_folders(context),
        "env": lambda: environment_file.read_env(context),
        "releases": lambda: release_files.read_releases(context),
        "unfinished": lambda: release_files.read_unfinished(context),
        "models": lambda: folders.read_models(context),
    }


def _machine(context: Context) -> Mapping[str, Question]:
    return {
        "ports": lambda: machine.read_ports(context),
        "machine": lambda: machine.read_machine(context),
        "services": lambda: machine.read_services(context),
        "tools": lambda: release_files.read_tools(context),
        "release": lambda: release_files.read_release(context),
    }


def _database(context: Context, connection: Connection) -> Mapping[str, Question]:
    return {
        "server": lambda: server.read_server(connection),
        "rights": lambda: server.read_rights(connection),
        "schema": lambda: server.read_schema(connection, context),
        "sessions": lambda: activity.read_sessions(connection),
        "locks": lambda: activity.read_locks(connection),
        "prepared": lambda: activity.read_prepared(connection),
        "slots": lambda: activity.read_slots(connection),
        "objects": lambda: objects.read_objects(connection),
        "work": lambda: contents.read_work(connection, context.current_version),
        "media": lambda: folders.sample_media(context, contents.list_media(connection)),
        "kept_databases": lambda: contents.list_kept_databases(connection),
    }


def _ask_database(context: Context, found: Found) -> None:
    found.update(dict.fromkeys(DATABASE_FACTS, Missing(NO_DATABASE, quiet=True)))
    found["server"] = Missing(f"no answer within {LIMIT_SECONDS} s", quiet=True)
    try:
        connection = open_connection(context.database_url)
    except (psycopg.Error, ValueError) as error:
        reason = (str(error).strip().splitlines() or ["no answer"])[0]
        found["server"] = Missing(reason, quiet=True)
        return
    for name in DATABASE_FACTS:
        del found[name]
    with connection:
        _ask_all(_database(context, connection), found)
    asked = found["server"]
    if isinstance(asked, Missing):  # one check tells it, the others need not repeat it
        found["server"] = replace(asked, quiet=True)


def _ask_all(questions: Mapping[str, Question], found: Found) -> None:
    for name, question in questions.items():
        found[name] = _ask(question)


def _ask(question: Question) -> Known[Any] | Missing:
    try:
        return Known(question())
    except FactMissingError as error:
        return Missing(error.message, quiet=error.quiet)
    except (AppError, psycopg.Error, OSError, ValueError, KeyError, TypeError) as error:
        return Missing(f"{type(error).__name__}: {str(error).strip() or 'no reason given'}")
