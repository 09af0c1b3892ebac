from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from opentranscribe.features.upgrade.journal import JOURNAL, Journal
from opentranscribe.features.upgrade.overview import describe_updates
from opentranscribe.features.upgrade.requests import (
    PREPARING,
    Request,
    ask,
    note_begun,
    take,
    write_check,
)
from opentranscribe.kit import clock
from opentranscribe.kit.update_state import UpdateState, write_state

STATE = UpdateState("1", "1.0.0", "1.1.0", "2026-01-01T00:00:00+00:00")


@pytest.fixture
def dead() -> int:
    """The id of a process that was."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


class TestPreparing:
    def test_waits_from_the_click_until_the_check_has_found_something(self, tmp_path: Path) -> None:
        ask(tmp_path, Request("check", "user 1"))
        assert describe_updates(tmp_path, "1.0.0").waiting
        request = take(tmp_path)
        assert request is not None
        note_begun(tmp_path, request, os.getpid())
        facts = describe_updates(tmp_path, "1.0.0")
        assert facts.waiting
        assert facts.preparing is not None
        assert (facts.preparing.verb, facts.preparing.has_ended) == ("check", False)
        write_check(tmp_path, {"checked_at": clock.now().isoformat()})
        facts = describe_updates(tmp_path, "1.0.0")
        assert (facts.waiting, facts.preparing) == (False, None)

    def test_what_died_is_shown_as_such(self, tmp_path: Path, dead: int) -> None:
        note_begun(tmp_path, Request("check", "user 1"), dead)
        facts = describe_updates(tmp_path, "1.0.0")
        assert not facts.waiting
        assert facts.preparing is not None
        assert facts.preparing.has_ended

    def test_another_process_with_the_same_number_is_not_taken_for_it(self, tmp_path: Path) -> None:
        note_begun(tmp_path, Request("check", "user 1"), os.getpid())
        path = tmp_path / PREPARING
        path.write_text(path.read_text().replace('"birth": "', '"birth": "9'))
        facts = describe_updates(tmp_path, "1.0.0")
        assert facts.preparing is not None
        assert facts.preparing.has_ended

    def test_an_answer_from_before_the_question_is_none(self, tmp_path: Path) -> None:
        before = (clock.now() - timedelta(hours=1)).isoformat()
        write_check(tmp_path, {"checked_at": before})
        write_state(tmp_path, replace(STATE, started_at=before, outcome="updated"))
        note_begun(tmp_path, Request("check", "user 1"), os.getpid())
        assert describe_updates(tmp_path, "1.0.0").waiting

    def test_an_update_that_began_speaks_for_itself(self, tmp_path: Path, dead: int) -> None:
        note_begun(tmp_path, Request("update", "user 1"), dead)
        write_check(tmp_path, {"checked_at": clock.now().isoformat()})
        assert describe_updates(tmp_path, "1.0.0").preparing is not None
        write_state(tmp_path, replace(STATE, started_at=clock.now().isoformat()))
        assert describe_updates(tmp_path, "1.0.0").preparing is None

    @pytest.mark.parametrize("content", ["", "{}", "[1]", '{"since": "yesterday"}'])
    def test_a_file_that_says_nothing_holds_nobody(self, tmp_path: Path, content: str) -> None:
        (tmp_path / PREPARING).write_text(content)
        assert not describe_updates(tmp_path, "1.0.0").waiting


class TestWrittenSince:
    def test_the_list_is_named_where_it_is(self, tmp_path: Path) -> None:
        folder = tmp_path / "20260101_000000"
        folder.mkdir()
        listed = folder / "written-since.json"
        journal = Journal(folder / JOURNAL)
        journal.write("begin", kind="rollback", old="v2", new="v1", written=str(listed))
        write_state(tmp_path, replace(STATE, id=folder.name, outcome="rolled_back"))
        (past,) = describe_updates(tmp_path, "1.0.0").history
        assert past.written == ""
        listed.write_text("{}")
        facts = describe_updates(tmp_path, "1.0.0")
        assert facts.current is not None
        assert facts.current.written == facts.history[0].written == str(listed)
