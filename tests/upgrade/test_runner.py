"""One runner at a time, from anywhere to the head, whatever happens to it."""

from __future__ import annotations

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.upgrade.database import add_file, add_user, connect, held, one, read_with_settings
from tests.upgrade.processes import start_process

from opentranscribe.schema.migrations.chain import CHAIN, HEAD
from opentranscribe.schema.migrations.errors import (
    DatabaseUnreachableError,
    RevisionFailedError,
    SchemaBusyError,
    SchemaUnsuitableError,
)
from opentranscribe.schema.migrations.fingerprint import digest
from opentranscribe.schema.migrations.ledger import iter_history
from opentranscribe.schema.migrations.runner import check, current, require_current, upgrade

FROZEN = json.loads(Path(__file__).with_name("frozen_catalogue.json").read_text(encoding="utf-8"))
#: A run to the head leaves out what a later revision undoes.
STEPS = sum(step.until is None for revision in CHAIN for step in revision.steps)


def is_at_head(url: str) -> bool:
    with connect(url) as connection:
        return digest(read_with_settings(connection)) == str(FROZEN[HEAD])


class TestUpgrade:
    def test_brings_an_empty_database_to_the_head(self, empty_database_url: str) -> None:
        lines: list[str] = []
        done = upgrade(empty_database_url, report=lines.append)
        assert (done.before, done.after) == (None, HEAD)
        assert done.applied == tuple(revision.name for revision in CHAIN)
        assert len(lines) == len(CHAIN)
        assert current(empty_database_url) == HEAD

    def test_does_nothing_at_the_head(self, database_url: str) -> None:
        done = upgrade(database_url)
        assert (done.before, done.applied) == (HEAD, ())

    def test_takes_no_lock_at_the_head(self, database_url: str) -> None:
        with held(database_url, "SELECT pg_advisory_lock(42)"):
            assert upgrade(database_url, wait_seconds=0).after == HEAD

    def test_stops_at_the_target(self, empty_database_url: str) -> None:
        upgrade(empty_database_url, target="v110_add_missing_fk_indexes")
        state = check(empty_database_url)
        assert (state.kind, state.revision) == ("behind", "v110_add_missing_fk_indexes")

    @pytest.mark.parametrize("revision", [r.name for r in CHAIN[:-1:7]])
    def test_goes_on_from_any_revision_with_its_rows(
        self, empty_database_url: str, revision: str
    ) -> None:
        upgrade(empty_database_url, target=revision)
        with connect(empty_database_url) as connection:
            add_file(connection, add_user(connection))
        upgrade(empty_database_url)
        assert is_at_head(empty_database_url)
        with connect(empty_database_url) as connection:
            assert one(connection, "SELECT count(*) FROM media_file") == 1

    @pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
    def test_takes_every_spelling_of_the_address(self, database_url: str, scheme: str) -> None:
        address = f"{scheme}://{database_url.partition('://')[2]}"
        assert upgrade(address).after == HEAD

    def test_refuses_a_target_that_does_not_exist(self, database_url: str) -> None:
        with pytest.raises(SchemaUnsuitableError, match="no revision v777"):
            upgrade(database_url, target="v777")

    def test_widens_a_stamp_of_32_letters(self, empty_database_url: str) -> None:
        upgrade(empty_database_url, target="v010_baseline")
        with connect(empty_database_url) as connection:
            connection.execute("ALTER TABLE alembic_version ALTER version_num TYPE VARCHAR(32)")
        assert upgrade(empty_database_url).after == HEAD


class TestForeignDatabases:
    @pytest.mark.parametrize(
        ("statement", "reason"),
        [
            ("UPDATE alembic_version SET version_num = 'v998_of_the_future'", "later release"),
            ("INSERT INTO alembic_version VALUES ('v010_baseline')", "2 rows"),
        ],
    )
    def test_are_refused_and_left_as_they_were(
        self, database_url: str, statement: str, reason: str
    ) -> None:
        with connect(database_url) as connection:
            connection.execute(statement.encode())
            before = read_with_settings(connection)
            with pytest.raises(SchemaUnsuitableError, match=f"{reason}(?s:.*)Nothing was changed"):
                upgrade(database_url)
            assert read_with_settings(connection) == before

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE alembic_version SET version_num = 'a1b2c3d4e5f6'",
            "DELETE FROM alembic_version",
            "DROP TABLE alembic_version",
        ],
    )
    def test_without_a_word_that_counts_are_known_by_their_schema(
        self, database_url: str, statement: str
    ) -> None:
        with connect(database_url) as connection:
            connection.execute(statement.encode())
        with pytest.raises(SchemaUnsuitableError):
            require_current(database_url)
        upgrade(database_url)
        require_current(database_url)
        assert is_at_head(database_url)

    def test_that_hold_only_an_extension_count_as_empty(self, empty_database_url: str) -> None:
        with connect(empty_database_url) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
        assert check(empty_database_url).kind == "empty"

    def test_keep_processes_from_starting(self, empty_database_url: str, database_url: str) -> None:
        require_current(database_url)
        with pytest.raises(SchemaUnsuitableError, match="opentr db upgrade"):
            require_current(empty_database_url)

    def test_that_do_not_answer_are_named(self) -> None:
        with pytest.raises(DatabaseUnreachableError, match="DATABASE_URL"):
            check("postgresql+psycopg://nobody@/nothing?host=/nonexistent")


ROUNDS = int(os.environ.get("OPENTR_RACE_ROUNDS", "2"))


class TestManyStarters:
    def test_of_eight_one_migrates_and_all_are_served(self, empty_database_url: str) -> None:
        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(upgrade, [empty_database_url] * 8))
        assert {report.after for report in done} == {HEAD}
        assert sorted(len(report.applied) for report in done) == [0] * 7 + [len(CHAIN)]
        with connect(empty_database_url) as connection:
            names = [entry.revision for entry in iter_history(connection)]
        assert names == [revision.name for revision in CHAIN]

    @pytest.mark.parametrize("nth", range(ROUNDS))
    def test_of_sixteen_processes_one_migrates(self, empty_database_url: str, nth: int) -> None:
        before = time.monotonic()
        started = [start_process(empty_database_url) for _ in range(16)]
        ended = [process.communicate(timeout=120) for process in started]
        assert [error for _, error in ended if error] == []
        assert sorted(int(count) for count, _ in ended) == [0] * 15 + [STEPS]
        assert is_at_head(empty_database_url)
        assert time.monotonic() - before < 60


class TestLock:
    def test_wait_is_bounded_and_names_the_holder(self, empty_database_url: str) -> None:
        lines: list[str] = []
        with held(empty_database_url, "SELECT pg_advisory_lock(42)"):
            started = time.monotonic()
            with pytest.raises(SchemaBusyError, match=r"opentranscribe test .*session \d+"):
                upgrade(empty_database_url, wait_seconds=0.5, report=lines.append)
        assert 0.4 < time.monotonic() - started < 5
        assert len(lines) == 1
        assert check(empty_database_url).kind == "empty"

    def test_is_free_again_after_a_failure(self, empty_database_url: str) -> None:
        upgrade(empty_database_url, target="v072_add_queued_downloading_statuses")
        with connect(empty_database_url) as connection:
            connection.execute("CREATE VIEW hashes AS SELECT token_hash FROM refresh_token")
            with pytest.raises(RevisionFailedError, match="v200_schema_reconciliation"):
                upgrade(empty_database_url)
            assert current(empty_database_url) == "v190_add_collection_default_prompt"
            connection.execute("DROP VIEW hashes")
        upgrade(empty_database_url, wait_seconds=0)
        assert is_at_head(empty_database_url)


class TestBusyTable:
    BEFORE = "v352_add_requested_whisper_model"

    def test_stops_the_run_between_two_revisions_when_it_stays_busy(
        self, empty_database_url: str
    ) -> None:
        upgrade(empty_database_url, target=self.BEFORE)
        with (
            held(empty_database_url, "LOCK TABLE transcript_segment IN ACCESS SHARE MODE"),
            pytest.raises(SchemaBusyError, match="v353"),
        ):
            upgrade(empty_database_url, wait_seconds=0.5)
        assert current(empty_database_url) == self.BEFORE
        assert upgrade(empty_database_url).after == HEAD

    def test_is_tried_again_until_it_is_free(self, empty_database_url: str) -> None:
        upgrade(empty_database_url, target=self.BEFORE)
        with held(empty_database_url, "LOCK TABLE transcript_segment IN ACCESS SHARE MODE"):
            other = threading.Thread(target=upgrade, args=(empty_database_url,))
            other.start()
            time.sleep(0.7)
            assert current(empty_database_url) == self.BEFORE
        other.join(timeout=30)
        assert is_at_head(empty_database_url)
