"""Databases that are not ours, not whole, or contradict themselves: refused quickly, untouched, with
the reason and the way out. And what stands beside our tables and harms nobody."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from tests.upgrade.builder import build
from tests.upgrade.database import Connection, connect, one
from tests.upgrade.filler import fill

from opentranscribe.schema.migrations.errors import SchemaUnsuitableError
from opentranscribe.schema.migrations.fingerprint import Catalogue, read_catalogue
from opentranscribe.schema.migrations.runner import require_current, upgrade
from opentranscribe.schema.migrations.shapes import shape_of, table_of

LAST = "v362_add_pipeline_timing_markers"
SHAPE = shape_of(LAST).catalogue


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[Connection], object]
    reason: str
    way_out: str


def run(*statements: str) -> Callable[[Connection], object]:
    def make(connection: Connection) -> None:
        for statement in statements:
            connection.execute(statement.encode())

    return make


def part(keep: Callable[[str, str], bool], *statements: str) -> Callable[[Connection], object]:
    """Some lines of the last known schema, then ``statements``."""

    def make(connection: Connection) -> None:
        build(connection, {key: value for key, value in SHAPE.items() if keep(key, value)})
        run(*statements)(connection)

    return make


def whole(*statements: str) -> Callable[[Connection], object]:
    return part(lambda key, value: True, STAMP, *statements)


def stamp(name: str) -> str:
    return f"INSERT INTO alembic_version VALUES ('{name}')"


STAMP = "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"
TABLES = sorted({table_of(key) for key in SHAPE})
FIRST_TABLES = frozenset(TABLES[:15])
CASES = (
    Case(
        "map tables that no extension owns",
        run("CREATE TABLE spatial_ref_sys (srid INT PRIMARY KEY, proj4text TEXT)"),
        "none of this product's tables",
        "DATABASE_URL",
    ),
    Case(
        "another product",
        run(
            'CREATE TABLE "user" (id SERIAL PRIMARY KEY, name TEXT, email TEXT)',
            "CREATE TABLE comment (id SERIAL PRIMARY KEY, body TEXT)",
            "CREATE TABLE tag (id SERIAL PRIMARY KEY, name TEXT)",
            "CREATE TABLE orders (id SERIAL PRIMARY KEY, total NUMERIC)",
        ),
        "another one's",
        "DATABASE_URL",
    ),
    Case("views alone", run("CREATE VIEW one AS SELECT 1 AS n"), "none of this", "DATABASE_URL"),
    Case(
        "another product with a stamp of the same kind",
        run(STAMP, stamp("3fa85f64"), "CREATE TABLE wallets (id INT PRIMARY KEY)"),
        "none of this product's tables",
        "DATABASE_URL",
    ),
    Case(
        "a restore that stopped before the keys",
        part(lambda key, value: key.startswith("column "), STAMP, stamp(LAST)),
        "no primary key",
        "Restore the backup again",
    ),
    Case(
        "a restore of the first tables alone",
        part(lambda k, v: table_of(k) in FIRST_TABLES and "REFERENCES" not in v),
        "of the columns are there",
        "restore the backup again",
    ),
    Case(
        "a restore without the people",
        part(lambda k, v: table_of(k) != "user" and 'REFERENCES "user"' not in v),
        "without the table user",
        "restore the backup again",
    ),
    Case("a stamp and nothing else", run(STAMP, stamp(LAST)), "no tables", "Restore the backup"),
    Case(
        "two stamps, as after a restore over a database in use",
        whole(stamp(LAST), stamp("v010_baseline")),
        "2 rows",
        "--adopt",
    ),
    Case(
        "a stamp nobody knows on a schema nobody knows",
        whole(stamp("v389_add_wonders"), 'ALTER TABLE "user" ADD wonders TEXT'),
        "v389_add_wonders",
        "--adopt",
    ),
    Case("a later release", whole(stamp("v499_later")), "later release", "Start the later release"),
    Case(
        "a stamp table of another make",
        whole("ALTER TABLE alembic_version RENAME version_num TO v"),
        "alembic_version",
        "DATABASE_URL",
    ),
    Case(
        "a name that something else has",
        whole(stamp(LAST), "CREATE TABLE idx_job_waiting (id INT)"),
        "idx_job_waiting",
        "Rename",
    ),
)


def read_everything(connection: Connection) -> Catalogue:
    """All schemas, with how often each table was written."""
    catalogue = dict(read_catalogue(connection))
    for schema, table, file in connection.execute(
        """SELECT n.nspname, c.relname, pg_relation_size(c.oid) FROM pg_class c
           JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"""
    ):
        catalogue[f"size {schema}.{table}"] = str(file)
    return catalogue


class TestForeign:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
    def test_is_refused_within_two_seconds_and_left_as_it_was(
        self, empty_database_url: str, case: Case
    ) -> None:
        with connect(empty_database_url) as connection:
            case.make(connection)
            before = read_everything(connection)
            started = time.monotonic()
            with pytest.raises(SchemaUnsuitableError) as refused:
                upgrade(empty_database_url)
            assert time.monotonic() - started < 2
            assert read_everything(connection) == before
        assert case.reason in refused.value.message
        assert case.way_out in refused.value.message
        assert "Nothing was changed" in refused.value.message

    def test_with_bytes_for_letters_is_refused(self, empty_database_url: str) -> None:
        name = "ascii_only"
        with connect(empty_database_url) as connection:
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE template0 ENCODING SQL_ASCII"
                " LOCALE_PROVIDER libc LOCALE 'C'".encode()
            )
            try:
                here = one(connection, "SELECT current_database()")
                with pytest.raises(SchemaUnsuitableError, match="UTF8"):
                    upgrade(empty_database_url.replace(str(here), name))
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


class TestNeighbours:
    def test_are_left_alone(self, empty_database_url: str) -> None:
        upgrade(empty_database_url, target=LAST)
        with connect(empty_database_url) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
            connection.execute("CREATE TABLE notes (id INT PRIMARY KEY, body TEXT)")
            connection.execute("INSERT INTO notes VALUES (1, 'mine')")
            connection.execute("CREATE SCHEMA shop CREATE TABLE orders (id INT)")
            connection.execute('CREATE VIEW names AS SELECT id, email FROM "user"')
        upgrade(empty_database_url)
        require_current(empty_database_url)
        with connect(empty_database_url) as connection:
            assert one(connection, "SELECT body FROM notes") == "mine"
            assert one(connection, "SELECT count(*) FROM names") == 0
            assert one(connection, "SELECT to_regclass('shop.orders') IS NOT NULL")

    def test_with_the_name_of_a_table_that_comes_later_move_aside_whole(
        self, empty_database_url: str
    ) -> None:
        upgrade(empty_database_url, target=LAST)
        with connect(empty_database_url) as connection:
            fill(connection, 6)
            connection.execute("CREATE TABLE job (title TEXT PRIMARY KEY, salary INT)")
            connection.execute("INSERT INTO job VALUES ('clerk', 10)")
        upgrade(empty_database_url)
        require_current(empty_database_url)
        with connect(empty_database_url) as connection:
            assert one(connection, "SELECT salary FROM kept.job") == 10
            assert one(connection, "SELECT count(*) FROM job") == 0


class TestStamp:
    @pytest.mark.parametrize("kind", ["VARCHAR(32)", "VARCHAR(255)", "TEXT"])
    def test_of_any_width_is_read_and_made_right(self, empty_database_url: str, kind: str) -> None:
        upgrade(empty_database_url, target="v010_baseline")
        with connect(empty_database_url) as connection:
            connection.execute(
                f"ALTER TABLE alembic_version ALTER version_num TYPE {kind}".encode()
            )
        upgrade(empty_database_url)
        with connect(empty_database_url) as connection:
            width = one(
                connection,
                """SELECT character_maximum_length FROM information_schema.columns
                   WHERE table_name = 'alembic_version'""",
            )
        assert width == 128

    def test_that_lies_counts_less_than_the_schema(self, empty_database_url: str) -> None:
        upgrade(empty_database_url, target="v120_add_remaining_fk_indexes")
        with connect(empty_database_url) as connection:
            connection.execute("UPDATE alembic_version SET version_num = %s", (LAST,))
        done = upgrade(empty_database_url)
        assert done.before == "v120_add_remaining_fk_indexes"
        require_current(empty_database_url)

    def test_of_a_numbering_that_is_gone_counts_less_than_the_schema(
        self, empty_database_url: str
    ) -> None:
        with connect(empty_database_url) as connection:
            whole(stamp("8c3f1e0b7a55"))(connection)
            fill(connection, 6)
        assert upgrade(empty_database_url).before == LAST

    def test_twice_can_be_passed_over_on_request(self, empty_database_url: str) -> None:
        with connect(empty_database_url) as connection:
            whole(stamp(LAST), stamp("v010_baseline"))(connection)
        assert upgrade(empty_database_url, adopt=True).before == LAST
        require_current(empty_database_url)
