from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from opentranscribe.kit.update_state import LOG_LINES, UpdateState, read_state, write_state

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def state(step: str, took: float | None = None) -> UpdateState:
    """``took`` are the seconds of the steps before; as expected if left out."""
    expected = {"stop": 0.0, "migrate": 2.0, "start": 8.0}[step]
    begun = NOON - timedelta(seconds=expected if took is None else took)
    return UpdateState(
        "1",
        "v1",
        "v2",
        begun.isoformat(),
        step=step,
        step_started_at=NOON.isoformat(),
        predicted={"stop": 2.0, "migrate": 6.0, "start": 2.0},
    )


class TestUpdateState:
    def test_tells_how_far_it_is_from_what_each_step_was_expected_to_take(self) -> None:
        fraction, left = state("migrate").progress(NOON + timedelta(seconds=3))
        assert (fraction, left) == (0.5, 5.0)

    def test_a_step_that_took_long_says_nothing_of_the_next(self) -> None:
        assert state("migrate", took=60).progress(NOON) == (0.2, 8.0)

    def test_a_step_that_takes_longer_never_looks_finished(self) -> None:
        fraction, left = state("start").progress(NOON + timedelta(hours=1))
        assert fraction < 1
        assert left > 0

    def test_comes_back_from_its_file(self, tmp_path: Path) -> None:
        written = state("stop").with_line("one").with_line("two")
        write_state(tmp_path, written)
        assert read_state(tmp_path) == written

    def test_keeps_the_last_lines_only(self) -> None:
        long = state("stop")
        for number in range(LOG_LINES + 5):
            long = long.with_line(str(number))
        assert len(long.log) == LOG_LINES

    def test_a_file_that_cannot_be_understood_is_no_state(self, tmp_path: Path) -> None:
        (tmp_path / "progress.json").write_text('{"id": 1}')
        assert read_state(tmp_path) is None
