"""``opentr search``: the same rebuild as over the API, from the terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.factories.recordings import add_recording
from typer.testing import CliRunner, Result

from opentranscribe.bootstrap import App
from opentranscribe.entrypoints.cli import search as command
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.work import SYSTEM

Run = Callable[..., Result]
END = "UPDATE job SET status = :status, error_code = 'full', error_message = 'Full.'"


@pytest.fixture
def run(app: App, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("OPENTR_HOME", str(tmp_path))
    monkeypatch.setenv("OPENTR_DATABASE_URL", database_url)
    return lambda *words: CliRunner().invoke(command.app, words)


def end_soon(app: App, status: str) -> threading.Thread:
    """Whatever job there is, as a worker would; within half a minute."""

    def end() -> None:
        until = time.monotonic() + 30
        count = 0
        while not count and time.monotonic() < until:
            time.sleep(0.2)
            with app.work(SYSTEM) as work:
                count = work.session.execute(text(END), {"status": status}).rowcount

    thread = threading.Thread(target=end)
    thread.start()
    return thread


def jobs(app: App) -> list[str]:
    with app.work(SYSTEM) as work:
        return list(work.session.scalars(text("SELECT status FROM job")))


class TestSearchCommand:
    def test_begins_a_rebuild_and_says_how_much_is_found(
        self, run: Run, app: App, ann: int, run_jobs: Callable[[], None]
    ) -> None:
        add_recording(app, ann, (0, "the minister of finance"))
        assert "0 of 1 recordings" in run("status").output
        assert "A rebuild has begun" in run("rebuild", "--no-wait").output
        assert "A rebuild is queued" in run("status").output
        run_jobs()
        assert "1 of 1 recordings" in run("status").output

    def test_waits_for_its_end(self, run: Run, app: App) -> None:
        ending = end_soon(app, "succeeded")
        done = run("rebuild")
        ending.join()
        assert done.exit_code == 0
        assert done.output.splitlines()[-1] == "✓ The index is rebuilt and answers."

    def test_who_does_not_want_to_wait_is_told_that_it_goes_on(
        self, app: App, database_url: str, tmp_path: Path
    ) -> None:
        program = "from opentranscribe.entrypoints.cli.main import run; run()"
        words = [sys.executable, "-c", program, "search", "rebuild"]
        home = {"OPENTR_HOME": str(tmp_path), "OPENTR_DATABASE_URL": database_url}
        with subprocess.Popen(
            words, env={**os.environ, **home}, stdout=subprocess.PIPE, text=True
        ) as rebuild:
            until = time.monotonic() + 60
            while not jobs(app) and time.monotonic() < until:
                time.sleep(0.1)
            time.sleep(1.0)
            rebuild.send_signal(signal.SIGINT)
            said, _ = rebuild.communicate(timeout=30)
        assert rebuild.returncode == 130
        assert "It goes on by itself" in " ".join(said.split())
        assert jobs(app) == ["queued"]

    def test_says_why_one_failed(self, run: Run, app: App) -> None:
        ending = end_soon(app, "failed")
        done = run("rebuild")
        ending.join()
        assert isinstance(done.exception, UnavailableError)
        assert "Full. The one of before goes on" in done.exception.message

    def test_says_what_to_do_where_no_database_answers(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENTR_DATABASE_URL", f"postgresql:///x?host={tmp_path}")
        done = run("status")
        assert isinstance(done.exception, UnavailableError)
        assert "./opentr.sh start" in done.exception.message
