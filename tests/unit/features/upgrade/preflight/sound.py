"""Facts about an installation with nothing wrong, and ways to put one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from opentranscribe.features.upgrade.preflight import facts as known
from opentranscribe.features.upgrade.preflight.context import BackupFact, Context, TargetRelease
from opentranscribe.features.upgrade.preflight.facts import Facts, Known

GIB = 1024**3
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HOME = Path("/srv/opentranscribe")
FOLDERS = {
    "home": HOME,
    "data": HOME / "data",
    "backups": HOME / "backups",
    "releases": HOME / "data/releases",
    "run": HOME / "data/run",
    "secrets": HOME / "data/secrets",
    "logs": HOME / "data/logs",
}
RELEASE = {
    "version": "1.1.0",
    "schema_head": "v410_add_things",
    "oldest_reader": "1.0.0",
    "oldest_writer": "1.0.0",
    "python_requires": ">=3.11",
    "size_bytes": GIB // 2,
    "files": {"__init__.py": "00"},
}


def sound_context() -> Context:
    return Context(
        home=HOME,
        data_dir=FOLDERS["data"],
        backups_dir=FOLDERS["backups"],
        models_dir=HOME / "models",
        releases_dir=FOLDERS["releases"],
        run_dir=FOLDERS["run"],
        secrets_dir=FOLDERS["secrets"],
        logs_dir=FOLDERS["logs"],
        env_file=HOME / ".env",
        env_example=HOME / "new.env.example",
        database_url="postgresql+psycopg://postgres:x@/opentranscribe?host=/run/pg",
        embedded=True,
        frontend_port=5173,
        backend_port=5174,
        bind_host="127.0.0.1",
        is_running=True,
        current_version="1.0.0",
        target=TargetRelease("1.1.0", None, None, RELEASE),
        newest_backup=BackupFact(
            HOME / "backups/b.sql", NOW - timedelta(hours=9), "drilled", NOW - timedelta(hours=8)
        ),
        recovery_key_known=True,
        now=NOW,
    )


def sound_facts() -> Facts:
    found = sound_database() | sound_machine()
    values: dict[str, Any] = {name: Known(value) for name, value in found.items()}
    return Facts(context=sound_context(), **values)


def sound_database() -> dict[str, object]:
    return {
        "server": known.Server(
            database="opentranscribe",
            role="postgres",
            major=18,
            size_bytes=GIB,
            encoding="UTF8",
            collation_stored="1",
            collation_actual="1",
            most_connections=97,
            used_connections=12,
            read_only=False,
            standby=False,
            age=40_000,
            clock_ahead_seconds=0.01,
            statement_timeout_ms=0,
            autovacuum=True,
            durable=True,
            damaged_pages=0,
        ),
        "rights": known.Rights(True, True, True, True, True),
        "schema": known.SchemaStanding("exact", "v401_cascade_deletes", target="ahead"),
        "sessions": (known.Session(7, "psql", 20.0, idle=False),),
        "locks": known.Locks(),
        "prepared": (),
        "slots": (known.Slot("standby", active=True, held_bytes=1024, ours=False),),
        "objects": known.SchemaObjects(),
        "work": known.Work(alive_workers=3, known_workers=3),
        "media": known.MediaSample(50),
        "kept_databases": ("opentranscribe_before_1",),
    }


def sound_machine() -> dict[str, object]:
    return {
        "release": known.ReleaseParts((3, 11, 7), 64),
        "tools": known.Tools(18, "/usr/bin/pg_dump"),
        "disks": (known.Disk(tuple(FOLDERS.items()), 50 * GIB, 1_000_000),),
        "folders": known.Folders(
            tuple(
                known.Folder(name, path, 0o700, 1000, writable=True, on_read_only=False)
                for name, path in FOLDERS.items()
            ),
            uid=1000,
        ),
        "env": known.EnvFile(
            mode=0o600,
            names=("OPENTR_LOG_LEVEL", "OTHERS_NAME"),
            template=frozenset({"OPENTR_LOG_LEVEL"}),
            old_template=frozenset({"OPENTR_LOG_LEVEL"}),
        ),
        "unfinished": known.Unfinished(),
        "ports": (known.Port("page", 5173, "taken"), known.Port("API", 5174, "taken")),
        "releases": known.Releases(("1.0.0+abc",), "1.0.0+abc"),
        "models": known.Models(looked_at=40),
        "machine": known.Machine(
            memory_bytes=4 * GIB,
            open_files=1024,
            text_encoding="utf-8",
            temp="/tmp",
            temp_free_bytes=GIB,
            temp_writable=True,
            newest_file_at=NOW,
        ),
        "services": known.Services(),
    }


Fault = Callable[[Facts], Facts]


def with_(name: str, **changes: Any) -> Fault:
    def change(facts: Facts) -> Facts:
        value = getattr(facts, name).value
        return replace(facts, **{name: Known(replace(value, **changes))})

    return change


def given(name: str, value: Any) -> Fault:
    return lambda facts: replace(facts, **{name: Known(value)})


def context(**changes: Any) -> Fault:
    return lambda facts: replace(facts, context=replace(facts.context, **changes))


def target(version: str = "1.1.0", without: str = "", **changes: Any) -> Fault:
    stated = {key: value for key, value in (RELEASE | changes).items() if key != without}
    return context(target=TargetRelease(version, None, None, stated))


def disk(free_bytes: int = 50 * GIB, inodes: int | None = 1_000_000) -> Fault:
    return given("disks", (known.Disk(tuple(FOLDERS.items()), free_bytes, inodes),))


def folder(name: str, **changes: Any) -> Fault:
    def change(facts: Facts) -> Facts:
        folders = facts.folders.value
        every = tuple(replace(one, **changes) if one.name == name else one for one in folders.all)
        return replace(facts, folders=Known(replace(folders, all=every)))

    return change


def both(*faults: Fault) -> Fault:
    def change(facts: Facts) -> Facts:
        for fault in faults:
            facts = fault(facts)
        return facts

    return change


def backup(**changes: Any) -> Fault:
    found = sound_context().newest_backup
    assert found is not None
    return context(newest_backup=replace(found, **changes))
