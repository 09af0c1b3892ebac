"""Every schema there ever was comes to the head with all its rows: those of the 48 revisions, said
or unsaid, and those of releases before there were revisions."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import pytest
from tests.upgrade.builder import build
from tests.upgrade.database import apply, connect, one
from tests.upgrade.filler import fill

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.schema.migrations.chain import HEAD
from opentranscribe.schema.migrations.difference import compare
from opentranscribe.schema.migrations.fingerprint import read_catalogue
from opentranscribe.schema.migrations.legacy import LEGACY
from opentranscribe.schema.migrations.runner import Report, require_current, upgrade
from opentranscribe.schema.migrations.shapes import Shape, load_shapes, only_ours, shape_of

ROWS = int(os.environ.get("OPENTR_MATRIX_ROWS", "20"))
CHUNKS = 4
RELEASES = [shape for shape in load_shapes() if shape.release]
Clone = Callable[[str], str]


@pytest.fixture
def clone(postgres_server: EmbeddedPostgres) -> Iterator[Clone]:
    """A copy of a database, by URL; gone after the test."""
    made: list[str] = []

    def make(url: str) -> str:
        template, name = url.rpartition("/")[2].partition("?")[0], f"clone_{uuid.uuid4().hex[:16]}"
        template = url.partition("@/")[2].partition("?")[0]
        with connect(postgres_server.url("postgres")) as connection:
            statement = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"
            connection.execute(statement.encode())
        made.append(name)
        return postgres_server.url(name)

    yield make
    with connect(postgres_server.url("postgres")) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def require_fresh(url: str, done: Report, tables: list[str]) -> None:
    """The schema is a fresh install's, and the report proves each table."""
    require_current(url)
    with connect(url) as connection:
        live = only_ours(read_catalogue(connection))
        for table in tables:
            proof = next(proof for proof in done.proofs if proof.table == table)
            rows = one(connection, f'SELECT count(*) FROM "{table}"')
            assert rows >= proof.before - proof.kept
    assert compare(live, shape_of(HEAD).catalogue).is_none
    assert [str(proof) for proof in done.proofs if not proof.holds] == []
    assert {proof.table for proof in done.proofs} >= set(tables)
    assert sum(proof.kept for proof in done.proofs) == 0


class TestEveryRevision:
    @pytest.mark.parametrize("chunk", range(CHUNKS))
    def test_comes_to_the_head_filled_whether_it_is_stamped_or_not(
        self, empty_database_url: str, clone: Clone, chunk: int
    ) -> None:
        for number, revision in enumerate(LEGACY):
            with connect(empty_database_url) as connection:
                apply(connection, revision)
            if number % CHUNKS != chunk:
                continue
            url = clone(empty_database_url)
            with connect(url) as connection:
                tables = fill(connection, ROWS)
                if number // CHUNKS % 2:
                    connection.execute("INSERT INTO alembic_version VALUES (%s)", (revision.name,))
                else:
                    connection.execute("DROP TABLE alembic_version")
            done = upgrade(url)
            assert done.before is not None
            assert shape_of(done.before).catalogue == shape_of(revision.name).catalogue
            require_fresh(url, done, tables)


class TestEveryRelease:
    @pytest.mark.parametrize("shape", RELEASES, ids=lambda shape: str(shape.release))
    def test_comes_to_the_head_filled(self, empty_database_url: str, shape: Shape) -> None:
        with connect(empty_database_url) as connection:
            build(connection, shape.catalogue)
            tables = fill(connection, ROWS)
        done = upgrade(empty_database_url)
        assert str(shape.release) in done.recognised
        require_fresh(empty_database_url, done, tables)

    def test_keeps_the_certificate_columns_that_were_dropped(self, empty_database_url: str) -> None:
        with connect(empty_database_url) as connection:
            build(connection, RELEASES[-1].catalogue)
            fill(connection, ROWS)
            held = connection.execute(
                """SELECT id, pki_cert_valid_from, pki_cert_fingerprint FROM "user" ORDER BY id"""
            ).fetchall()
        upgrade(empty_database_url)
        with connect(empty_database_url) as connection:
            now = connection.execute(
                """SELECT u.id, u.pki_not_before, k.content #>> '{}' FROM "user" AS u
                   LEFT JOIN kept.value AS k ON k.column_name = 'pki_cert_fingerprint'
                        AND (k.row_key ->> 'id')::int = u.id ORDER BY u.id"""
            ).fetchall()
        assert now == held
