from __future__ import annotations

from opentranscribe.features.jobs.kinds import Outcome, Step
from opentranscribe.features.jobs.tracker import Tracker

STEPS = tuple(
    Step(name, name, lambda _subject, _run: Outcome(), after=after)
    for name, after in (("a", ()), ("b", ("a",)))
)


class TestTracker:
    def test_follows_steps_from_beginning_to_end(self) -> None:
        tracker = Tracker(STEPS)
        assert tracker.snapshot().progress == 0.0
        tracker.begin("a")
        tracker.report("a", 0.5)
        assert tracker.snapshot().running == ("a",)
        assert tracker.snapshot().progress == 0.25
        assert tracker.end("a", "done") >= 0.0
        tracker.begin("b")
        tracker.end("b", "skipped")
        assert tracker.snapshot().progress == 1.0

    def test_never_goes_back_within_a_step(self) -> None:
        tracker = Tracker(STEPS)
        tracker.begin("a")
        tracker.report("a", 0.6)
        tracker.report("a", 0.2)
        tracker.report("a", 7.0)
        assert tracker.snapshot().states["a"].fraction == 1.0

    def test_takes_up_what_an_earlier_attempt_finished(self) -> None:
        tracker = Tracker(STEPS, finished={"a": "done"})
        assert tracker.snapshot().progress == 0.5

    def test_expects_what_it_learnt_for_a_job_of_this_size(self) -> None:
        tracker = Tracker(STEPS, rates={"a": 0.1, "b": 0.3})
        assert tracker.snapshot().eta_seconds is None
        tracker.set_size(100.0)
        assert tracker.snapshot().eta_seconds == 40.0
