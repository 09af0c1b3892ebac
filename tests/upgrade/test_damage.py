"""Schemas damaged at random: repaired until nothing differs from a fresh install, or refused with
nothing changed. What may not happen is a stamp on a schema that is not what the stamp says."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from tests.upgrade.database import Connection, connect, one
from tests.upgrade.filler import fill

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.schema.migrations.chain import CHAIN, HEAD
from opentranscribe.schema.migrations.difference import compare
from opentranscribe.schema.migrations.errors import RevisionFailedError, SchemaUnsuitableError
from opentranscribe.schema.migrations.fingerprint import read_catalogue
from opentranscribe.schema.migrations.repair.definitions import quote, rename_line
from opentranscribe.schema.migrations.runner import check, upgrade
from opentranscribe.schema.migrations.shapes import name_of, only_ours, shape_of, table_of

EXAMPLES = int(os.environ.get("OPENTR_DAMAGE_EXAMPLES", "7"))
STARTS = ("v080_add_auth_config", "v211_add_sharing_constraints_and_indexes", HEAD)

KINDS = (
    *("drop column", "rename column", "extra column", "retype column", "drop default"),
    *("allow empty", "drop constraint", "rename constraint", "drop index", "rename index"),
    *("extra index", "extra check", "drop table", "extra table", "not valid link", "no stamp"),
)
Damage = tuple[str, int]
DAMAGES = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 10_000)), min_size=1, max_size=6
)


def damage(connection: Connection, kind: str, number: int) -> str | None:  # noqa: C901 - a list
    """The statement that does it to the ``number``th thing of its kind, as far as there is one."""
    live = only_ours(read_catalogue(connection))
    columns = [k for k in live if k.startswith("column ") and name_of(k) != "id"]
    links = [k for k, v in live.items() if v.startswith("FOREIGN")]
    pools = {
        "constraint": [k for k in live if k.startswith("constraint ")],
        "index": [k for k in live if k.startswith("index ")],
        "link": links,
        "default": [k for k in columns if " default " in live[k]],
        "empty": [k for k in columns if " not null" in live[k]],
    }
    pool = pools.get(kind.rsplit(maxsplit=1)[-1], columns)
    if not pool:
        return None
    key = sorted(pool)[number % len(pool)]
    table, name = f"public.{quote(table_of(key))}", quote(name_of(key))
    match kind:
        case "drop column":
            return f"ALTER TABLE {table} DROP COLUMN {name} CASCADE"
        case "rename column":
            return f'ALTER TABLE {table} RENAME COLUMN {name} TO "was {number}"'
        case "extra column":
            return f"ALTER TABLE {table} ADD COLUMN extra_{number} TEXT NOT NULL DEFAULT 'x'"
        case "retype column":
            return f"ALTER TABLE {table} ALTER COLUMN {name} TYPE TEXT USING {name}::text"
        case "drop default":
            return f"ALTER TABLE {table} ALTER COLUMN {name} DROP DEFAULT"
        case "allow empty":
            return f"ALTER TABLE {table} ALTER COLUMN {name} DROP NOT NULL"
        case "drop constraint":
            return f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE"
        case "rename constraint" | "rename index":
            return rename_line(key, name_of(key), f"renamed {number}")
        case "drop index":
            return f"DROP INDEX public.{name}"
        case "extra index":
            return f"CREATE INDEX extra_index_{number} ON {table} (({name}::text))"
        case "extra check":
            return (
                f"ALTER TABLE {table} ADD CONSTRAINT extra_{number} CHECK ({name} IS NULL OR true)"
            )
        case "drop table":
            return f"DROP TABLE {table} CASCADE"
        case "extra table":
            return f"CREATE TABLE IF NOT EXISTS extra_{number} (id INT)"
        case "not valid link":
            drop = f"ALTER TABLE {table} DROP CONSTRAINT {name}"
            return f"{drop}, ADD CONSTRAINT {name} {live[key]} NOT VALID"
    return "DROP TABLE IF EXISTS alembic_version"


@pytest.fixture(scope="module", params=STARTS)
def filled(postgres_server: EmbeddedPostgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """Name of a filled database at one of the starts."""
    name = f"filled_{uuid.uuid4().hex[:12]}"
    with connect(postgres_server.url("postgres")) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        upgrade(postgres_server.url(name), target=request.param)
        with connect(postgres_server.url(name)) as connection:
            fill(connection, 6)
        yield name
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


class TestDamage:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=list(HealthCheck),
        derandomize="OPENTR_DAMAGE_EXAMPLES" not in os.environ,
        database=None,
    )
    @given(damages=DAMAGES)
    def test_is_repaired_or_refused_and_never_stamped_over(
        self, postgres_server: EmbeddedPostgres, filled: str, damages: list[Damage]
    ) -> None:
        name = f"damaged_{uuid.uuid4().hex[:12]}"
        url = postgres_server.url(name)
        with connect(postgres_server.url("postgres")) as server:
            server.execute(f"CREATE DATABASE {name} TEMPLATE {filled} STRATEGY file_copy".encode())
            try:
                self._damage_and_upgrade(url, damages)
            finally:
                server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    @staticmethod
    def _damage_and_upgrade(url: str, damages: list[Damage]) -> None:
        with connect(url) as connection:
            for kind, number in damages:
                statement = damage(connection, kind, number)
                try:
                    connection.execute((statement or "SELECT 1").encode())
                except psycopg.errors.Error:
                    continue
            before = read_catalogue(connection)
            rows = count_rows(connection)
        try:
            done = upgrade(url, thorough=True)
        except (SchemaUnsuitableError, RevisionFailedError) as refused:
            event(f"refused: {refused.message[:60]}")
            assert "Nothing was changed" in refused.message  # noqa: PT017 - either may come
            with connect(url) as connection:
                assert read_catalogue(connection) == before
                assert count_rows(connection) == rows
            return
        event("repaired" if done.operations else "by the chain")
        assert check(url).kind == "current"
        with connect(url) as connection:
            live = only_ours(read_catalogue(connection))
            assert compare(live, shape_of(HEAD).catalogue).describe() == []
            now = count_rows(connection)
        kept = {proof.table: proof.kept for proof in done.proofs}
        for table, number in rows.items():
            assert now[table] + kept.get(table, 0) >= number, table
        assert [str(proof) for proof in done.proofs if not proof.holds] == []

    def test_rows_are_told_apart_by_a_column_that_stays(self, empty_database_url: str) -> None:
        """A stranger's column that sorts first in a table without ids is kept aside on the way."""
        upgrade(empty_database_url, target="v402_add_upgrade_records")
        with connect(empty_database_url) as connection:
            fill(connection, 6)
            connection.execute(
                "ALTER TABLE login_guard ADD COLUMN a_first TEXT NOT NULL DEFAULT 'x',"
                " DROP COLUMN lockouts"
            )
        done = upgrade(empty_database_url, thorough=True)
        assert done.operations
        assert check(empty_database_url).kind == "current"
        assert [str(proof) for proof in done.proofs if not proof.holds] == []


def count_rows(connection: Connection) -> dict[str, int]:
    tables = {table_of(k) for k in read_catalogue(connection) if k.startswith("column ")}
    tables -= {"alembic_version", "schema_ledger", "schema_compatibility"}
    return {table: one(connection, f'SELECT count(*) FROM "{table}"') for table in sorted(tables)}


class TestStarts:
    def test_are_known(self) -> None:
        assert set(STARTS) <= {revision.name for revision in CHAIN}
