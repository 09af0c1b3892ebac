from __future__ import annotations

import pytest

from opentranscribe.features.transcription.rules.parts import (
    LEAST_WINDOWS,
    MOST_PARTS,
    plan_parts,
)


class TestPlanParts:
    @pytest.mark.parametrize("count", [0, 1, LEAST_WINDOWS - 1])
    def test_offers_nothing_of_a_short_recording(self, count: int) -> None:
        assert plan_parts(count) == []

    @pytest.mark.parametrize("count", [LEAST_WINDOWS, 8, 64, 65, 121, 1_000, 1_201])
    def test_leaves_the_beginning_to_the_holder_and_offers_all_the_rest_once(
        self, count: int
    ) -> None:
        parts = plan_parts(count)
        offered = [window for part in parts for window in part]
        assert offered == list(range(parts[0].start, count))
        assert parts[0].start == -(-count // MOST_PARTS)
        assert len(parts) < MOST_PARTS
