"""One migrator: seen by everybody, waited for with a limit, replaced when it is dead."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from tests.upgrade.database import connect, held, one
from tests.upgrade.processes import start_process
from tests.upgrade.test_command import run

from opentranscribe.schema.migrations import lock
from opentranscribe.schema.migrations.chain import HEAD
from opentranscribe.schema.migrations.errors import SchemaBusyError
from opentranscribe.schema.migrations.runner import check, current, upgrade

BUSY = "v352_add_requested_whisper_model"
GUIDE = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


def wait_until(true: object, seconds: float = 15.0) -> None:
    assert callable(true)
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


class TestHolder:
    def test_shows_in_the_guides_own_query_while_it_works(self, empty_database_url: str) -> None:
        upgrade(empty_database_url, target=BUSY)
        with (
            connect(empty_database_url) as other,
            held(empty_database_url, "LOCK TABLE transcript_segment IN ACCESS SHARE MODE"),
        ):
            assert one(other, GUIDE) == 0
            thread = threading.Thread(target=upgrade, args=(empty_database_url,))
            thread.start()
            wait_until(lambda: one(other, GUIDE) == 1)
            wait_until(lambda: lock.find_holder(other) is not None)
            holder = lock.find_holder(other)
            assert holder is not None
            assert f":{os.getpid()}" in str(holder)
            assert "upgrade" in holder.name
            assert not holder.is_dead
        thread.join(timeout=30)
        assert current(empty_database_url) == HEAD

    def test_that_stopped_is_replaced_within_ten_seconds(self, empty_database_url: str) -> None:
        upgrade(empty_database_url, target=BUSY)
        with connect(empty_database_url) as other:
            with held(empty_database_url, "LOCK TABLE transcript_segment IN ACCESS SHARE MODE"):
                process = start_process(empty_database_url)
                wait_until(lambda: lock.find_holder(other) is not None)
                time.sleep(0.3)
                os.kill(process.pid, signal.SIGSTOP)
            lines: list[str] = []
            started = time.monotonic()
            try:
                upgrade(empty_database_url, report=lines.append)
                assert time.monotonic() - started < 10
            finally:
                os.kill(process.pid, signal.SIGCONT)
                process.communicate(timeout=30)
        assert any("ending an upgrade that hangs" in line for line in lines)
        assert process.returncode != 0
        assert current(empty_database_url) == HEAD

    def test_that_was_killed_is_replaced_at_once(self, empty_database_url: str) -> None:
        upgrade(empty_database_url, target=BUSY)
        with held(empty_database_url, "LOCK TABLE transcript_segment IN ACCESS SHARE MODE"):
            process = start_process(empty_database_url)
            with connect(empty_database_url) as other:
                wait_until(lambda: lock.find_holder(other) is not None)
            process.kill()
            process.communicate(timeout=30)
        started = time.monotonic()
        upgrade(empty_database_url)
        assert time.monotonic() - started < 10

    def test_that_is_not_an_upgrade_is_never_ended(
        self, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lock, "STALE_SECONDS", 0.1)
        with (
            held(empty_database_url, "SELECT pg_advisory_lock(42)"),
            pytest.raises(SchemaBusyError, match=r"opentranscribe test .*session \d+"),
        ):
            upgrade(empty_database_url, wait_seconds=0.5)
        assert check(empty_database_url).kind == "empty"


class TestUnlock:
    @pytest.fixture
    def url(self, empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setenv("DATABASE_URL", empty_database_url)
        return empty_database_url

    def test_says_when_nothing_is_locked(self, url: str) -> None:
        assert run("unlock") == (0, "✓ No upgrade holds the lock.\n")

    def test_ends_only_what_shows_no_life_unless_forced(self, url: str) -> None:
        with connect(url) as other:
            other.execute("SELECT pg_advisory_lock(42)")
            code, output = run("unlock", "--safe")
            assert code == 1
            assert "shows life" in output
            assert run("unlock", "--force")[0] == 0
        upgrade(url, wait_seconds=0)
