from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opentranscribe.features.upgrade.expectation import expect, read_durations
from opentranscribe.features.upgrade.journal import JOURNAL, Journal
from opentranscribe.features.upgrade.steps import STEPS
from opentranscribe.kit.update_state import UpdateState

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
USUAL = {step.name: step.seconds for step in STEPS}


def journal(
    folder: Path,
    took: Mapping[str, float],
    measured: Mapping[str, float] | None = None,
    *,
    kind: str = "update",
    last: str = "commit",
) -> Journal:
    """As an update with these durations leaves it."""
    folder.mkdir(parents=True)
    now = NOON
    lines = [("begin", "", {"kind": kind, "measured": dict(measured or {})}, now)]
    for name, seconds in took.items():
        lines.append(("intent", name, {}, now))
        now += timedelta(seconds=seconds)
        lines.append(("done", name, {}, now))
    lines.append((last, "", {}, now))
    (folder / JOURNAL).write_text(
        "".join(
            json.dumps(
                {"format": 1, "at": at.isoformat(), "event": event, "step": step, "facts": facts}
            )
            + "\n"
            for event, step, facts, at in lines
        )
    )
    return Journal(folder / JOURNAL)


class TestExpect:
    def test_the_first_update_takes_what_was_measured_and_else_the_usual(self) -> None:
        assert expect([], {"migrate": 40.0}) == USUAL | {"migrate": 40.0}

    def test_what_was_not_measured_is_as_in_the_last_update_here(self, tmp_path: Path) -> None:
        before = [
            journal(tmp_path / "1", {"start": 30.0}),
            journal(tmp_path / "2", {"start": 9.0, "stop": 0.7}),
            journal(tmp_path / "3", {"start": 1.0}, kind="rollback"),
            journal(tmp_path / "4", {"start": 2.0}, last="failed"),
        ]
        assert expect(before, {}) == USUAL | {"start": 9.0, "stop": 0.7}

    def test_a_measurement_is_corrected_by_how_the_last_one_held(self, tmp_path: Path) -> None:
        before = [journal(tmp_path / "1", {"prove": 12.0}, {"prove": 8.0})]
        assert expect(before, {"prove": 10.0})["prove"] == pytest.approx(15.0)

    def test_one_odd_update_does_not_spoil_the_next(self, tmp_path: Path) -> None:
        before = [journal(tmp_path / "1", {"prove": 900.0}, {"prove": 9.0})]
        assert expect(before, {"prove": 10.0})["prove"] <= 30.0

    def test_a_step_that_is_no_more_is_left_out(self, tmp_path: Path) -> None:
        assert list(expect([journal(tmp_path / "1", {"dance": 5.0})], {"sing": 1.0})) == list(USUAL)


class TestDurations:
    def test_are_those_of_finished_steps(self, tmp_path: Path) -> None:
        one = journal(tmp_path / "1", {"fence": 0.25, "pause": 2.0})
        one.write("intent", "keep")
        assert read_durations(one) == {"fence": 0.25, "pause": 2.0}


#: Of real updates: seconds measured beforehand, and of the steps themselves.
RECORDED = {
    "10 000 segments, the machine busy with other things": (
        {"keep": 2.257, "migrate": 10.176, "prove": 74.377},
        {
            "fence": 0.048,
            "pause": 9.985,
            "keep": 4.565,
            "migrate": 7.738,
            "stop": 0.463,
            "databases": 0.054,
            "files": 0.095,
            "switch": 0.015,
            "start": 4.626,
            "prove": 74.948,
        },
    ),
    "500 000 segments, the machine busy with other things": (
        {"keep": 3.734, "migrate": 13.311, "prove": 76.411},
        {
            "fence": 0.054,
            "pause": 11.425,
            "keep": 6.345,
            "migrate": 11.419,
            "stop": 0.981,
            "databases": 0.112,
            "files": 0.124,
            "switch": 0.057,
            "start": 6.019,
            "prove": 67.601,
        },
    ),
}


def worst_error(expected: Mapping[str, float], took: Mapping[str, float]) -> float:
    """Of the whole time that follows from what is said to be left, once a tenth is over."""
    whole, gone, worst = sum(took.values()), 0.0, 0.0
    for name, seconds in took.items():
        begun = NOON + timedelta(seconds=gone)
        state = UpdateState(
            *("1", "v1", "v2", NOON.isoformat()),
            step=name,
            step_started_at=begun.isoformat(),
            predicted=dict(expected),
        )
        for part in range(100):
            passed = seconds * part / 100
            if gone + passed >= 0.1 * whole:
                left = state.progress(begun + timedelta(seconds=passed))[1]
                worst = max(worst, abs(gone + passed + left - whole) / whole)
        gone += seconds
    return worst


class TestSecondsLeft:
    @pytest.mark.parametrize("name", RECORDED)
    def test_are_right_to_a_quarter_after_a_tenth_of_a_first_update(self, name: str) -> None:
        measured, took = RECORDED[name]
        assert worst_error(expect([], measured), took) <= 0.25

    @pytest.mark.parametrize("name", RECORDED)
    def test_are_right_to_a_tenth_when_the_last_update_went_alike(
        self, tmp_path: Path, name: str
    ) -> None:
        measured, took = RECORDED[name]
        before = [journal(tmp_path / "1", took, measured)]
        assert worst_error(expect(before, measured), took) <= 0.1

    def test_would_not_be_right_without_a_rehearsal(self) -> None:
        _, took = RECORDED["10 000 segments, the machine busy with other things"]
        assert worst_error(USUAL, took) > 0.25
