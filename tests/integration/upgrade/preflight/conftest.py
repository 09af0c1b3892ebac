"""A sound installation folder over a real PostgreSQL, which allows prepared transactions and
logical slots, and keeps fsync."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integration.upgrade.preflight.acts import TEMPLATE, execute, free_ports, release, write

from opentranscribe import __version__
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.features.upgrade.preflight.context import BackupFact, Context
from opentranscribe.schema.migrations.runner import upgrade

GIB = 1024**3
CONFIG = """
max_prepared_transactions = 5
wal_level = logical
max_replication_slots = 5
max_wal_senders = 5
"""


def quick_folder() -> Path | None:
    """A disk in memory, where fsync costs nothing, if it is large enough."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > GIB else None


@pytest.fixture(scope="package")
def server() -> Iterator[EmbeddedPostgres]:
    folder = Path(tempfile.mkdtemp(prefix="opentr-pf-", dir=quick_folder()))
    made = EmbeddedPostgres(folder / "data", folder / "run", uuid.uuid4().hex)
    try:
        made.make()
        with (folder / "data" / "postgresql.auto.conf").open("a", encoding="utf-8") as config:
            config.write(CONFIG)
        made.start(folder / "log")
        execute(made.url("postgres"), f"CREATE DATABASE {TEMPLATE}")
        upgrade(made.url(TEMPLATE))
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(server: EmbeddedPostgres) -> Iterator[str]:
    name = f"preflight_{uuid.uuid4().hex[:8]}"
    execute(
        server.url("postgres"), f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy"
    )
    yield server.url(name)
    execute(server.url("postgres"), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def installation(tmp_path: Path, database: str, server: EmbeddedPostgres) -> Context:
    """Sound: stopped, current, with a backup that was drilled and a release that is newer."""
    data = tmp_path / "data"
    for folder in ("data", "data/run", "data/secrets", "data/logs", "backups", "models"):
        (tmp_path / folder).mkdir(mode=0o700)
    for name in (__version__, "9.9.9"):
        (data / "releases" / name).mkdir(parents=True)
    (data / "current").symlink_to(Path("releases") / __version__)
    write(data / "secrets" / "postgres", server.password)
    write(tmp_path / ".env", "OPENTR_LOG_LEVEL=info\n")
    template = "# How much.\n#OPENTR_LOG_LEVEL=info\n"
    write(tmp_path / ".env.example", template)
    backup = tmp_path / "backups" / "opentranscribe_backup_20261123_080000.sql"
    write(backup, "--")
    now = datetime.now(UTC)
    page, api = free_ports(2)
    return Context(
        home=tmp_path,
        data_dir=data,
        backups_dir=tmp_path / "backups",
        models_dir=tmp_path / "models",
        releases_dir=data / "releases",
        run_dir=data / "run",
        secrets_dir=data / "secrets",
        logs_dir=data / "logs",
        env_file=tmp_path / ".env",
        env_example=tmp_path / ".env.example",
        database_url=database,
        embedded=True,
        frontend_port=page,
        backend_port=api,
        bind_host="127.0.0.1",
        is_running=False,
        current_version=__version__,
        target=release(data / "releases" / "9.9.9"),
        newest_backup=BackupFact(backup, now, "drilled", now),
        recovery_key_known=True,
        now=now,
        tools_dir=server.bin_dir,
    )
