from __future__ import annotations

import threading

import pytest

from opentranscribe.features.jobs.graph import run_graph
from opentranscribe.features.jobs.kinds import Outcome, Step
from opentranscribe.ports.progress import Cancelled


def step(name: str, *after: str) -> Step:
    return Step(name, name, lambda _subject, _run: Outcome(), after=after)


DIAMOND = (step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"))


class TestRunGraph:
    def test_runs_every_step_after_those_it_needs(self) -> None:
        ran: list[str] = []
        run_graph(DIAMOND, lambda one: ran.append(one.name), give_up=lambda: None)
        assert ran[0] == "a"
        assert set(ran[1:3]) == {"b", "c"}
        assert ran[3] == "d"

    def test_leaves_out_what_is_finished(self) -> None:
        ran: list[str] = []
        run_graph(
            DIAMOND,
            lambda one: ran.append(one.name),
            finished=frozenset({"a", "b"}),
            give_up=lambda: None,
        )
        assert ran == ["c", "d"]

    def test_runs_independent_steps_side_by_side(self) -> None:
        meeting = threading.Barrier(2, timeout=5)

        def execute(one: Step) -> None:
            if one.name in {"b", "c"}:
                meeting.wait()

        run_graph(DIAMOND, execute, give_up=lambda: None)

    def test_raises_the_cause_and_not_the_cancellation_it_brought(self) -> None:
        stop = threading.Event()

        def execute(one: Step) -> None:
            if one.name == "b":
                assert stop.wait(5)
                raise Cancelled
            if one.name == "c":
                raise ValueError("the cause")

        with pytest.raises(ValueError, match="the cause"):
            run_graph(DIAMOND, execute, give_up=stop.set)

    def test_begins_nothing_after_a_failure(self) -> None:
        ran: list[str] = []

        def execute(one: Step) -> None:
            ran.append(one.name)
            if one.name == "a":
                raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            run_graph(DIAMOND, execute, give_up=lambda: None)
        assert ran == ["a"]

    def test_refuses_a_table_that_can_never_end(self) -> None:
        with pytest.raises(ValueError, match="not in the table: b"):
            run_graph((step("b", "a"),), lambda _one: None, give_up=lambda: None)
