"""What is wrong in a real database is found, and mended by the command that is named."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import psycopg
import pytest
from tests.integration.upgrade.preflight.acts import connect, execute, names, obey, quick, the_one

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.features.upgrade.preflight.context import Context
from opentranscribe.features.upgrade.preflight.queries import objects


def seed_invalid_index(url: str) -> None:
    execute(url, "CREATE TABLE public.twice (a int)", "INSERT INTO twice VALUES (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        execute(url, "CREATE UNIQUE INDEX CONCURRENTLY idx_twice ON public.twice (a)")
    execute(url, "DELETE FROM twice WHERE ctid IN (SELECT max(ctid) FROM twice)")


def in_catalogue(*statements: str) -> Callable[[str], None]:
    return lambda url: execute(url, "SET allow_system_table_mods = on", *statements)


def in_database(*statements: str) -> Callable[[str], None]:
    return lambda url: execute(url, *(one.replace("THIS", name_in(url)) for one in statements))


def name_in(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


#: (check, severity, how to do it to a database, whether its command mends it)
IN_THE_DATABASE: list[tuple[str, str, Callable[[str], None], bool]] = [
    ("invalid-indexes", "warning", seed_invalid_index, True),
    (
        "extensions",
        "blocker",
        in_catalogue(
            "CREATE EXTENSION hstore",
            "UPDATE pg_extension SET extname = 'gone' WHERE extname = 'hstore'",
        ),
        True,
    ),
    (
        "database-collation",
        "warning",
        in_catalogue(
            "UPDATE pg_database SET datcollversion = '0' WHERE datname = current_database()"
        ),
        True,
    ),
    (
        "database-read-only",
        "blocker",
        in_database("ALTER DATABASE THIS SET default_transaction_read_only = on"),
        True,
    ),
    (
        "statement-timeout",
        "warning",
        in_database("ALTER DATABASE THIS SET statement_timeout = '30s'"),
        True,
    ),
    ("triggers", "warning", in_database("ALTER TABLE job DISABLE TRIGGER ALL"), True),
    (
        "triggers",
        "warning",
        in_database(
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "CREATE TRIGGER audit BEFORE INSERT ON media_file FOR EACH ROW EXECUTE FUNCTION f()",
        ),
        False,
    ),
    (
        "event-triggers",
        "warning",
        in_database(
            "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
            "CREATE EVENT TRIGGER no_drops ON sql_drop EXECUTE FUNCTION e()",
        ),
        True,
    ),
    (
        "kept-databases",
        "note",
        in_database(*(f'CREATE DATABASE "THIS_before_{n}"' for n in (1, 2, 3))),
        True,
    ),
    (
        "uploads",
        "note",
        in_database(
            """INSERT INTO "user" (email, hashed_password, full_name) VALUES ('a@b.c', 'x', 'A')""",
            """INSERT INTO upload (user_id, filename, content_type, size_bytes, expires_at)
               SELECT id, 'a', 'b', 5, now() + interval '1 h' FROM "user" LIMIT 1""",
        ),
        False,
    ),
    (
        "running-jobs",
        "note",
        in_database(
            """INSERT INTO job (kind, queue, status, lease_until)
               VALUES ('transcribe', 'speech', 'running', now() + interval '20 s')"""
        ),
        False,
    ),
]


def drop_kept(url: str) -> None:
    with connect(url) as connection:
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, current_database() || '_')"
        ).fetchall()
        for (name,) in found:
            connection.execute(f'DROP DATABASE "{name}"'.encode())


@pytest.fixture
def empty_url(server: EmbeddedPostgres) -> Iterator[str]:
    execute(server.url("postgres"), "CREATE DATABASE preflight_empty")
    yield server.url("preflight_empty")
    execute(server.url("postgres"), "DROP DATABASE preflight_empty")


class TestFaultsInTheDatabase:
    @pytest.mark.parametrize(
        ("name", "severity", "seed", "is_mended"),
        IN_THE_DATABASE,
        ids=[f"{name}-{index}" for index, (name, *_) in enumerate(IN_THE_DATABASE)],
    )
    def test_are_found_and_mended_by_the_command_that_is_named(
        self,
        installation: Context,
        name: str,
        severity: str,
        seed: Callable[[str], None],
        is_mended: bool,
    ) -> None:
        seed(installation.database_url)
        finding = the_one(installation, name)
        assert finding.severity == severity
        if is_mended:
            obey(installation, finding)
            assert name not in names(quick(installation))
        drop_kept(installation.database_url)

    def test_a_revision_of_a_later_release(self, installation: Context) -> None:
        execute(installation.database_url, "UPDATE alembic_version SET version_num = 'v999_future'")
        report = quick(installation)
        assert names(report) == {"database-kind", "release-schema"}
        assert len(report.blockers) == 2

    def test_a_foreign_database(self, installation: Context, empty_url: str) -> None:
        execute(empty_url, "CREATE TABLE wp_posts (id int PRIMARY KEY)")
        finding = the_one(replace(installation, database_url=empty_url), "database-kind")
        assert finding.severity == "blocker"
        assert "wp_posts" in finding.cause

    def test_a_server_without_what_the_search_needs(
        self, installation: Context, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(objects, "NEEDED_EXTENSIONS", ("vector", "no_such_extension"))
        assert "no_such_extension" in the_one(installation, "needed-extensions").cause

    def test_a_schema_that_has_drifted(self, installation: Context) -> None:
        execute(installation.database_url, "ALTER TABLE media_file DROP COLUMN author")
        finding = the_one(installation, "database-drift")
        assert finding.severity == "note"
        assert "author" in finding.cause

    def test_a_schema_that_nobody_numbered_is_no_fault(self, installation: Context) -> None:
        execute(installation.database_url, "DROP TABLE alembic_version")
        assert names(quick(installation)) == set()

    def test_an_encoding_other_than_utf8(
        self, installation: Context, server: EmbeddedPostgres
    ) -> None:
        execute(
            server.url("postgres"),
            "CREATE DATABASE preflight_latin ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"
            " TEMPLATE template0",
        )
        try:
            assert "database-encoding" in names(
                quick(replace(installation, database_url=server.url("preflight_latin")))
            )
        finally:
            execute(server.url("postgres"), "DROP DATABASE preflight_latin")

    def test_a_role_with_few_rights(self, installation: Context, server: EmbeddedPostgres) -> None:
        execute(server.url("postgres"), "CREATE ROLE clerk LOGIN PASSWORD 'clerk'")
        url = installation.database_url
        execute(url, "GRANT SELECT ON alembic_version, job, upload, process_heartbeat TO clerk")
        as_clerk = url.replace(f"postgres:{server.password}", "clerk:clerk")
        try:
            report = quick(replace(installation, database_url=as_clerk))
            assert {"create-databases", "create-tables", "table-owners", "see-sessions"} <= names(
                report
            )
            assert {"create-databases", "create-tables", "table-owners"} <= {
                one.name for one in report.blockers
            }
        finally:
            execute(url, "DROP OWNED BY clerk", "DROP ROLE clerk")

    def test_a_connection_limit_that_is_reached(
        self, installation: Context, server: EmbeddedPostgres
    ) -> None:
        with ExitStack() as stack:
            for _ in range(90):
                stack.enter_context(connect(server.url("postgres")))
            finding = the_one(installation, "database-connections")
        assert finding.severity in {"warning", "blocker"}

    def test_nobody_answers(self, installation: Context) -> None:
        gone = replace(
            installation, database_url="postgresql://postgres@127.0.0.1:1/opentranscribe"
        )
        report = quick(gone)
        assert names(report) == {"database-answers"}
        assert report.findings[0].mend == "./opentr.sh start"

    def test_somebody_listens_and_says_nothing(self, installation: Context) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            port = mute.getsockname()[1]
            url = f"postgresql://postgres@127.0.0.1:{port}/opentranscribe"
            report = quick(replace(installation, database_url=url))
        assert names(report) == {"database-answers"}

    def test_recordings_that_are_gone(self, installation: Context) -> None:
        (installation.home / "data/objects").mkdir()
        execute(
            installation.database_url,
            """INSERT INTO "user" (email, hashed_password, full_name) VALUES ('a@b.c', 'x', 'A')""",
            """INSERT INTO media_file (user_id, filename, storage_path, file_size, content_type,
                                       status)
               SELECT id, 'a.wav', 'media/gone', 5, 'audio/wav', 'completed' FROM "user" LIMIT 1""",
        )
        assert "media/gone" in the_one(installation, "media").cause
        (installation.home / "data/objects/media").mkdir()
        (installation.home / "data/objects/media/gone").touch()
        assert names(quick(installation)) == set()
