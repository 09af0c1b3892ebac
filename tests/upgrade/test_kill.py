"""Killed after any statement, of the chain or of a repair, the next start finishes with every row.

The statements in between are sampled; OPENTR_KILL_STEP=1 takes them all.
"""

from __future__ import annotations

import os
import uuid

import pytest
from tests.upgrade.builder import build
from tests.upgrade.database import connect, one
from tests.upgrade.filler import fill
from tests.upgrade.processes import die_after_statement

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.schema.migrations.chain import HEAD
from opentranscribe.schema.migrations.difference import compare
from opentranscribe.schema.migrations.fingerprint import read_catalogue
from opentranscribe.schema.migrations.repair.row_proof import compare_rows, read_rows
from opentranscribe.schema.migrations.runner import check, upgrade
from opentranscribe.schema.migrations.shapes import load_shapes, only_ours, shape_of

STEP = int(os.environ.get("OPENTR_KILL_STEP", "230"))
RELEASE = next(shape for shape in load_shapes() if shape.release)
CHAIN_START = "v211_add_sharing_constraints_and_indexes"


class TestKilled:
    @pytest.mark.parametrize("way", ["chain", "repair"])
    def test_after_any_statement_the_next_start_finishes(
        self, postgres_server: EmbeddedPostgres, empty_database_url: str, way: str
    ) -> None:
        if way == "chain":
            upgrade(empty_database_url, target=CHAIN_START)
        with connect(empty_database_url) as connection:
            if way == "repair":
                build(connection, RELEASE.catalogue)
            fill(connection, 10)
        last, went_on = 7, True
        while went_on:
            went_on = self._die_and_go_on(postgres_server, empty_database_url, last, way)
            last += STEP
        assert last > 2 * STEP

    def _die_and_go_on(self, server: EmbeddedPostgres, template: str, last: int, way: str) -> bool:
        name, source = f"killed_{uuid.uuid4().hex[:12]}", template.partition("@/")[2]
        url = server.url(name)
        with connect(server.url("postgres")) as control:
            control.execute(
                f"CREATE DATABASE {name} TEMPLATE {source.partition('?')[0]} STRATEGY file_copy".encode()
            )
            try:
                with connect(url) as connection, connection.transaction():
                    live = only_ours(read_catalogue(connection))
                    before = read_rows(connection, live)
                died = die_after_statement(url, last)
                if way == "repair" and died:
                    with connect(url) as connection:
                        now = only_ours(read_catalogue(connection))
                    assert now == live or check(url).kind == "current"
                upgrade(url)
                with connect(url) as connection, connection.transaction():
                    live = only_ours(read_catalogue(connection))
                    wrong = [p for p in compare_rows(connection, before, live, ()) if not p.holds]
                    assert (
                        one(
                            connection,
                            "SELECT count(*) FROM pg_locks"
                            " WHERE locktype = 'advisory' AND database ="
                            " (SELECT oid FROM pg_database WHERE datname = current_database())",
                        )
                        == 0
                    )
            finally:
                control.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        assert [str(proof) for proof in wrong] == []
        assert compare(live, shape_of(HEAD).catalogue).describe() == []
        return died
