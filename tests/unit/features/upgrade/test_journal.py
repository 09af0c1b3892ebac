from __future__ import annotations

import json
from pathlib import Path

import pytest

from opentranscribe.features.upgrade.journal import FORMAT, Journal, JournalTooNewError


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


class TestJournal:
    def test_undoes_in_reverse_what_was_begun_and_not_yet_undone(self, journal: Journal) -> None:
        journal.write("begin", kind="update")
        for step in ("fence", "stop", "keep"):
            journal.write("intent", step)
        journal.write("done", "fence")
        journal.write("undone", "keep")
        assert journal.to_undo() == ["stop", "fence"]

    def test_a_line_that_a_crash_tore_was_never_written(self, journal: Journal) -> None:
        journal.write("intent", "fence")
        with journal.path.open("ab") as handle:
            handle.write(b'{"format": 1, "event": "comm')
        assert journal.to_undo() == ["fence"]
        assert not journal.is_committed

    def test_goes_on_after_a_torn_line(self, journal: Journal) -> None:
        journal.write("intent", "fence")
        with journal.path.open("ab") as handle:
            handle.write(b'{"format": 1, "event": "comm')
        journal.write("undone", "fence")
        assert journal.to_undo() == []

    def test_knows_whether_it_was_committed_and_has_ended(self, journal: Journal) -> None:
        assert (journal.is_committed, journal.has_ended) == (False, False)
        journal.write("commit")
        journal.write("end", result="updated")
        assert (journal.is_committed, journal.has_ended) == (True, True)

    def test_collects_the_facts_of_the_beginning_and_of_each_step(self, journal: Journal) -> None:
        journal.write("begin", old="v1", new="v2")
        journal.write("done", "keep", kept="db_before")
        journal.write("failed", "migrate", reason="no")
        assert journal.facts == {"old": "v1", "new": "v2", "kept": "db_before"}

    def test_refuses_one_that_a_later_release_wrote(self, journal: Journal) -> None:
        journal.path.write_text(json.dumps({"format": FORMAT + 1, "event": "begin", "at": ""}))
        with pytest.raises(JournalTooNewError, match="later release"):
            journal.entries()
