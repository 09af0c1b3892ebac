from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydantic import ValidationError

from opentranscribe.features.backup.errors import BackupRunningError
from opentranscribe.features.backup.orders import (
    Order,
    carrying_out,
    place_order,
    read_running,
    read_waiting,
    take_order,
)
from opentranscribe.features.backup.plan import choose_order, note_done
from opentranscribe.features.backup.policy import Policy, last_at, next_at

HERE = timezone(timedelta(hours=2))
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=HERE)
POLICY = Policy(at="02:30", drill_enabled=False)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


class TestTimesOfDay:
    def test_are_those_of_the_machine(self) -> None:
        assert last_at("02:30", NOON) == datetime(2026, 5, 4, 2, 30, tzinfo=HERE)
        assert next_at("02:30", NOON) == datetime(2026, 5, 5, 2, 30, tzinfo=HERE)
        assert next_at("13:00", NOON) == datetime(2026, 5, 4, 13, 0, tzinfo=HERE)


class TestChooseOrder:
    def test_nothing_is_due_on_the_first_day(self, tmp_path: Path) -> None:
        assert choose_order(tmp_path, POLICY, NOON) is None
        assert choose_order(tmp_path, POLICY, NOON + hours(13)) is None

    def test_once_a_day_however_often_it_is_looked_at(self, tmp_path: Path) -> None:
        choose_order(tmp_path, POLICY, NOON)
        begun = 0
        for minute in range(3 * 24 * 60):
            now = NOON + timedelta(minutes=minute)
            order = choose_order(tmp_path, POLICY, now)
            if order is not None:
                begun += 1
                assert order == Order("create", planned=True)
                assert (now.hour, now.minute) == (2, 30)
                note_done(tmp_path, "create", now)
        assert begun == 3

    def test_a_machine_that_slept_through_it_does_it_once_when_it_wakes(
        self, tmp_path: Path
    ) -> None:
        choose_order(tmp_path, POLICY, NOON)
        late = NOON + hours(24 * 4)
        assert choose_order(tmp_path, POLICY, late) is not None
        note_done(tmp_path, "create", late)
        assert choose_order(tmp_path, POLICY, late + hours(1)) is None

    def test_one_that_failed_or_was_killed_is_tried_again_after_an_hour(
        self, tmp_path: Path
    ) -> None:
        choose_order(tmp_path, POLICY, NOON)
        night = NOON + hours(15)
        assert choose_order(tmp_path, POLICY, night) is not None
        assert choose_order(tmp_path, POLICY, night + hours(0.9)) is None
        assert choose_order(tmp_path, POLICY, night + hours(1)) is not None

    def test_what_was_noted_while_the_clock_was_wrong_holds_nothing_back(
        self, tmp_path: Path
    ) -> None:
        choose_order(tmp_path, POLICY, NOON + hours(24 * 365))
        assert choose_order(tmp_path, POLICY, NOON) is not None
        note_done(tmp_path, "create", NOON)
        assert choose_order(tmp_path, POLICY, NOON) is None

    def test_none_where_the_plan_is_off(self, tmp_path: Path) -> None:
        off = Policy(enabled=False)
        choose_order(tmp_path, off, NOON)
        assert choose_order(tmp_path, off, NOON + hours(48)) is None

    def test_what_somebody_asked_for_comes_first(self, tmp_path: Path) -> None:
        asked = Order("verify", name="opentranscribe_backup_20260101_000000")
        place_order(tmp_path, asked)
        assert choose_order(tmp_path, POLICY, NOON) == asked
        assert take_order(tmp_path) is None

    def test_waits_for_what_runs(self, tmp_path: Path) -> None:
        choose_order(tmp_path, POLICY, NOON)
        with carrying_out(tmp_path, Order("drill")):
            assert choose_order(tmp_path, POLICY, NOON + hours(24)) is None
        assert choose_order(tmp_path, POLICY, NOON + hours(24)) is not None


class TestPolicy:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"at": "25:00"},
            {"keep_minimum": 0},
            {"keep_daily": -1},
            {"to": "ftp://elsewhere"},
            {"to": "relative/folder"},
            {"to": "sftp://ann:secret@host/x"},
            {"to": "/two\nlines"},
            {"unknown": 1},
        ],
    )
    def test_refuses_what_makes_no_sense(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            Policy.model_validate(wrong)

    @pytest.mark.parametrize("to", ["", "/mnt/usb", "s3://bucket/a", "sftp://ann@host:22/a"])
    def test_knows_places(self, to: str) -> None:
        assert Policy(to=to).to == to


class TestOrders:
    def test_a_second_one_is_refused_while_one_waits_or_runs(self, tmp_path: Path) -> None:
        place_order(tmp_path, Order("create"))
        with pytest.raises(BackupRunningError, match="Nothing was changed"):
            place_order(tmp_path, Order("drill"))
        waiting = read_waiting(tmp_path)
        assert waiting is not None
        assert (waiting.what, waiting.line) == ("create", "Waiting to begin")
        take_order(tmp_path)
        with carrying_out(tmp_path, Order("create")), pytest.raises(BackupRunningError):
            place_order(tmp_path, Order("drill"))

    def test_everybody_sees_how_far_it_is(self, tmp_path: Path) -> None:
        with carrying_out(tmp_path, Order("verify", name="one")) as tell:
            tell("half of it")
            running = read_running(tmp_path)
            assert running is not None
            assert (running.what, running.name, running.line) == ("verify", "one", "half of it")
        assert read_running(tmp_path) is None

    def test_what_was_killed_does_not_run(self, tmp_path: Path) -> None:
        (tmp_path / "running.json").write_text(
            '{"what":"drill","name":"","since":"2026-01-01","line":"","pid":99999999}'
        )
        assert read_running(tmp_path) is None

    @pytest.mark.parametrize("content", ["", "[]", "{", '{"verb": "format"}', '{"other": 1}'])
    def test_a_file_that_is_no_order_is_put_away(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "order.json").write_text(content)
        assert take_order(tmp_path) is None
