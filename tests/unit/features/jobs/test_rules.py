from __future__ import annotations

import pytest

from opentranscribe.features.jobs.rules import (
    StepPlan,
    StepState,
    overall_progress,
    remaining_seconds,
    retry_delay_seconds,
    smoothed,
)

PLANS = [
    StepPlan("decode", (), 1.0),
    StepPlan("transcribe", ("decode",), 6.0),
    StepPlan("diarize", ("decode",), 3.0),
    StepPlan("save", ("transcribe", "diarize"), 0.0),
]


def states(**given: StepState) -> dict[str, StepState]:
    return {plan.name: given.get(plan.name, StepState()) for plan in PLANS}


class TestOverallProgress:
    def test_begins_at_nothing_and_ends_at_everything(self) -> None:
        assert overall_progress(PLANS, states()) == 0.0
        done = {plan.name: StepState("done", 1.0, 1.0) for plan in PLANS}
        assert overall_progress(PLANS, done) == 1.0

    def test_counts_steps_by_weight_until_they_are_measured(self) -> None:
        assert overall_progress(PLANS, states(decode=StepState("done"))) == pytest.approx(0.1)

    def test_counts_steps_by_what_was_learnt(self) -> None:
        plans = [StepPlan("a", (), 1.0, 1.0), StepPlan("b", ("a",), 1.0, 9.0)]
        found = overall_progress(plans, {"a": StepState("done"), "b": StepState("running", 0.5)})
        assert found == pytest.approx(0.55)

    def test_counts_a_failed_step_as_over(self) -> None:
        assert overall_progress(PLANS, states(diarize=StepState("failed"))) == pytest.approx(0.3)


class TestRemainingSeconds:
    def test_is_unknown_before_anything_was_measured(self) -> None:
        assert remaining_seconds(PLANS, states()) is None
        barely = StepState("running", 0.01, 1.0)
        assert remaining_seconds(PLANS, states(decode=barely)) is None

    def test_follows_the_longest_way(self) -> None:
        seen = states(
            decode=StepState("done", 1.0, 2.0),
            transcribe=StepState("running", 0.5, 30.0),
            diarize=StepState("running", 0.5, 10.0),
        )
        assert remaining_seconds(PLANS, seen) == pytest.approx(30.0)

    def test_judges_what_has_not_begun_by_the_heaviest_step_that_has(self) -> None:
        seen = states(decode=StepState("done", 1.0, 2.0))
        assert remaining_seconds(PLANS, seen) == pytest.approx(12.0)

    def test_uses_what_earlier_jobs_taught(self) -> None:
        plans = [StepPlan("a", (), 1.0, 10.0), StepPlan("b", ("a",), 1.0, 5.0)]
        seen = {"a": StepState("running", 0.0, 4.0), "b": StepState()}
        assert remaining_seconds(plans, seen) == pytest.approx(11.0)

    def test_is_nothing_at_the_end(self) -> None:
        done = {plan.name: StepState("done", 1.0, 1.0) for plan in PLANS}
        assert remaining_seconds(PLANS, done) == 0.0


class TestSmoothed:
    def test_starts_at_the_first_measurement_and_follows_slowly(self) -> None:
        assert smoothed(None, 4.0) == 4.0
        assert 4.0 < smoothed(4.0, 8.0) < 6.0


class TestRetryDelay:
    def test_grows_and_stays_bounded(self) -> None:
        delays = [retry_delay_seconds(attempt) for attempt in range(1, 10)]
        assert delays == sorted(delays)
        assert delays[0] == 5.0
        assert delays[-1] == 300.0
