"""Programs and schemas of different ages: who may work with whom, and what the others are told."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from tests.upgrade.database import Connection, connect
from tests.upgrade.processes import ROOT
from typer.testing import CliRunner

from opentranscribe.entrypoints.background import wait_for_schema
from opentranscribe.entrypoints.cli.users import app as users
from opentranscribe.schema.migrations.chain import CHAIN, HEAD
from opentranscribe.schema.migrations.errors import SchemaUnsuitableError
from opentranscribe.schema.migrations.runner import check, require_current, upgrade
from opentranscribe.settings import inherited_environment

OURS = CHAIN[-1].number
LATER = "v499_later"


def advance(connection: Connection, reader: int, writer: int, revision: str = LATER) -> None:
    """As a later release would leave it."""
    connection.execute("UPDATE alembic_version SET version_num = %s", (LATER,))
    connection.execute(
        "UPDATE schema_compatibility SET revision = %s, oldest_reader = %s, oldest_writer = %s",
        (revision, reader, writer),
    )


class TestOlderProgram:
    @pytest.mark.parametrize(
        ("reader", "writer", "kind", "may_write", "may_read"),
        [
            (OURS, OURS, "ahead", True, True),
            (OURS - 1, OURS - 1, "ahead", True, True),
            (OURS, OURS + 1, "readable", False, True),
            (OURS + 1, OURS + 1, "newer", False, False),
        ],
    )
    def test_goes_by_the_word_of_the_later_release(
        self,
        database_url: str,
        reader: int,
        writer: int,
        kind: str,
        may_write: bool,
        may_read: bool,
    ) -> None:
        with connect(database_url) as connection:
            advance(connection, reader, writer)
        assert check(database_url).kind == kind
        for writes, may in ((True, may_write), (False, may_read)):
            started = time.monotonic()
            if may:
                require_current(database_url, writes=writes)
            else:
                with pytest.raises(SchemaUnsuitableError, match="Start the later release"):
                    require_current(database_url, writes=writes)
            assert time.monotonic() - started < 1

    def test_is_refused_when_the_word_is_of_another_revision(self, database_url: str) -> None:
        with connect(database_url) as connection:
            advance(connection, 1, 1, revision="v450_between")
        assert check(database_url).kind == "newer"

    def test_starts_on_a_schema_that_lets_it_and_leaves_it_alone(self, database_url: str) -> None:
        with connect(database_url) as connection:
            advance(connection, OURS, OURS)
        assert upgrade(database_url).after == LATER
        assert wait_for_schema(database_url, 0)
        assert check(database_url).revision == LATER


class TestNewerProgram:
    @pytest.mark.parametrize("revision", [r.name for r in CHAIN[:-1:9]])
    def test_refuses_an_older_schema_with_the_command_that_helps(
        self, empty_database_url: str, revision: str
    ) -> None:
        upgrade(empty_database_url, target=revision)
        with pytest.raises(SchemaUnsuitableError, match="opentr db upgrade"):
            require_current(empty_database_url)
        assert not wait_for_schema(empty_database_url, 0)

    def test_refuses_a_stamp_without_tables(self, empty_database_url: str) -> None:
        with connect(empty_database_url) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(128))")
            connection.execute("INSERT INTO alembic_version VALUES (%s)", (HEAD,))
        with pytest.raises(SchemaUnsuitableError, match="opentr db check"):
            require_current(empty_database_url)


class TestRunningProcess:
    """Ends when a later release takes the schema over, and starts no more."""

    PROGRAM = """
import sys, time
from opentranscribe.entrypoints.background import watch_schema
if not watch_schema(sys.argv[1], 0.2):
    sys.exit(3)
print("serving", flush=True)
time.sleep(60)
"""

    def start(self, url: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM, url],
            env=inherited_environment(PYTHONPATH=str(ROOT / "src")),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def test_notices_and_ends_by_itself(self, database_url: str) -> None:
        process = self.start(database_url)
        assert process.stdout
        assert process.stdout.readline() == "serving\n"
        with connect(database_url) as connection:
            advance(connection, OURS + 1, OURS + 1)
        _, errors = process.communicate(timeout=10)
        assert process.returncode == -signal.SIGTERM
        assert "Start the later release" in errors
        again = self.start(database_url)
        again.communicate(timeout=10)
        assert again.returncode == 3

    def test_goes_on_under_a_later_release_that_lets_it(self, database_url: str) -> None:
        process = self.start(database_url)
        assert process.stdout
        assert process.stdout.readline() == "serving\n"
        with connect(database_url) as connection:
            advance(connection, OURS, OURS)
        time.sleep(1)
        assert process.poll() is None
        process.kill()
        process.communicate()


class TestCommand:
    def test_refuses_a_schema_of_a_later_release(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", database_url)
        with connect(database_url) as connection:
            advance(connection, OURS + 1, OURS + 1)
        done = CliRunner().invoke(users, ["list"])
        assert done.exit_code == 1
        assert "Start the later release" in done.output


class TestStart:
    def test_at_the_head_costs_less_than_fifty_milliseconds(self, database_url: str) -> None:
        upgrade(database_url)
        taken = min(_time(database_url) for _ in range(5))
        assert taken < 0.05


def _time(url: str) -> float:
    started = time.monotonic()
    upgrade(url)
    return time.monotonic() - started
