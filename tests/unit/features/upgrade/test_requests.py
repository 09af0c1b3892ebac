from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from opentranscribe.features.upgrade.errors import UpdateUnderWayError
from opentranscribe.features.upgrade.requests import (
    REQUEST,
    Request,
    ask,
    read_check,
    take,
    write_check,
)
from opentranscribe.kit.update_state import UpdateState, write_state

STATE = UpdateState("1", "v1", "v2", "2026-01-01T00:00:00+00:00")


class TestRequests:
    def test_is_taken_once(self, tmp_path: Path) -> None:
        ask(tmp_path, Request("update", "user 1", "v1.1.0"))
        assert take(tmp_path) == Request("update", "user 1", "v1.1.0")
        assert take(tmp_path) is None

    def test_of_two_that_have_not_begun_the_later_counts(self, tmp_path: Path) -> None:
        ask(tmp_path, Request("check", "user 1"))
        ask(tmp_path, Request("rollback", "user 2"))
        assert take(tmp_path) == Request("rollback", "user 2")

    def test_is_refused_while_an_update_runs(self, tmp_path: Path) -> None:
        write_state(tmp_path, STATE)
        with pytest.raises(UpdateUnderWayError, match="Nothing was changed"):
            ask(tmp_path, Request("update", "user 1"))
        write_state(tmp_path, replace(STATE, outcome="updated"))
        ask(tmp_path, Request("update", "user 1"))

    @pytest.mark.parametrize("content", ["", "{}", '{"verb": "format disk", "by": "x"}', "[1]"])
    def test_what_is_no_request_is_thrown_away(self, tmp_path: Path, content: str) -> None:
        (tmp_path / REQUEST).write_text(content)
        assert take(tmp_path) is None
        assert not (tmp_path / REQUEST).exists()

    def test_keeps_what_the_last_check_found(self, tmp_path: Path) -> None:
        assert read_check(tmp_path) is None
        write_check(tmp_path, {"may_begin": True})
        assert read_check(tmp_path) == {"may_begin": True}
