from __future__ import annotations

import argparse

import pytest

from opentranscribe.entrypoints.worker import parse_queues
from opentranscribe.entrypoints.worker_pool import IDLE_SECONDS, Bounds, wanted_workers

BOUNDS = Bounds(1, 3)


class TestWantedWorkers:
    @pytest.mark.parametrize(("alive", "wanted"), [(0, 1), (1, 2), (2, 3), (3, 3)])
    def test_is_one_more_while_something_waits(self, alive: int, wanted: int) -> None:
        assert wanted_workers(alive, 5, 0.0, BOUNDS) == wanted

    @pytest.mark.parametrize(("alive", "wanted"), [(1, 1), (2, 1), (3, 2)])
    def test_is_one_less_when_one_was_idle_for_long(self, alive: int, wanted: int) -> None:
        assert wanted_workers(alive, 0, IDLE_SECONDS, BOUNDS) == wanted

    def test_stays_while_all_are_busy_and_nothing_waits(self) -> None:
        assert wanted_workers(2, 0, IDLE_SECONDS - 1, BOUNDS) == 2

    def test_makes_up_for_the_dead(self) -> None:
        assert wanted_workers(0, 0, 0.0, BOUNDS) == 1


class TestBounds:
    def test_are_two_numbers(self) -> None:
        assert Bounds.parse("1, 4") == Bounds(1, 4)

    @pytest.mark.parametrize("text", ["", "3", "3,1", "0,2", "a,b", "1,2,3", "-1,2"])
    def test_are_nothing_else(self, text: str) -> None:
        with pytest.raises(argparse.ArgumentTypeError):
            Bounds.parse(text)


class TestParseQueues:
    def test_takes_names_separated_by_commas(self) -> None:
        assert parse_queues("gpu, cpu") == ("gpu", "cpu")

    @pytest.mark.parametrize("text", ["", ",", "speach", "gpu,cpuu"])
    def test_refuses_a_queue_that_does_not_exist(self, text: str) -> None:
        with pytest.raises(argparse.ArgumentTypeError, match="there are gpu, cpu"):
            parse_queues(text)
