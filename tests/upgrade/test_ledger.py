"""What was done stands written, and cannot be changed unseen."""

from __future__ import annotations

import os

import pytest
from tests.upgrade.database import add_user, connect, one
from tests.upgrade.test_command import run

from opentranscribe.schema.migrations.chain import CHAIN, HEAD
from opentranscribe.schema.migrations.ledger import find_break, iter_history
from opentranscribe.schema.migrations.runner import upgrade


class TestLedger:
    def test_says_who_did_what_and_when(self, empty_database_url: str) -> None:
        upgrade(empty_database_url)
        with connect(empty_database_url) as connection:
            entries = list(iter_history(connection))
            assert find_break(connection) is None
        assert [entry.from_revision for entry in entries[:2]] == [None, "v010_baseline"]
        assert all(entry.by.endswith(f":{os.getpid()}") for entry in entries)
        assert all(entry.result == "applied" and entry.seconds >= 0 for entry in entries)
        assert sum(entry.bytes for entry in entries) > 10_000
        times = [entry.at for entry in entries]
        assert times == sorted(times)

    def test_tells_a_repair_with_what_it_did_to_rows(self, empty_database_url: str) -> None:
        upgrade(empty_database_url, target="v362_add_pipeline_timing_markers")
        with connect(empty_database_url) as connection:
            connection.execute('ALTER TABLE "user" DROP CONSTRAINT users_role_check')
            add_user(connection)
            connection.execute("""UPDATE "user" SET role = 'king'""")
        upgrade(empty_database_url)
        with connect(empty_database_url) as connection:
            entry = list(iter_history(connection))[-1]
        assert (entry.result, entry.revision) == ("repaired", HEAD)
        assert entry.rows >= 1
        assert "users_role_check" in entry.log

    @pytest.mark.parametrize(
        "tampering",
        [
            "UPDATE schema_ledger SET by = 'nobody' WHERE id = 7",
            "UPDATE schema_ledger SET hash = repeat('0', 64) WHERE id = 7",
            "UPDATE schema_ledger SET hash = NULL WHERE id = 7",
            "DELETE FROM schema_ledger WHERE id = 7",
            "DELETE FROM schema_ledger WHERE id = (SELECT max(id) FROM schema_ledger)",
            "INSERT INTO schema_ledger (revision, seconds, by, result) VALUES ('v1', 0, 'x', 'x')",
        ],
    )
    def test_shows_the_hand_of_another(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch, tampering: str
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", database_url)
        assert run("history")[0] == 0
        with connect(database_url) as connection:
            connection.execute(tampering.encode())
            assert find_break(connection) is not None
        code, output = run("history")
        assert code == 1
        assert "changed the ledger by hand" in " ".join(output.split())

    def test_seals_what_was_written_before_there_were_seals(self, empty_database_url: str) -> None:
        upgrade(empty_database_url, target="v401_cascade_deletes")
        with connect(empty_database_url) as connection:
            assert len(list(iter_history(connection))) == len(CHAIN) - 1
        upgrade(empty_database_url)
        with connect(empty_database_url) as connection:
            assert find_break(connection) is None
            assert one(connection, "SELECT count(*) FROM schema_ledger WHERE hash IS NULL") == 0
