"""Which speech of a person is listened to."""

from __future__ import annotations

from opentranscribe.features.takeover.queries.voices import ENOUGH_SECONDS, choose_spans


class TestChooseSpans:
    def test_keeps_everything_in_order_of_time_when_there_is_little(self) -> None:
        assert choose_spans([(10.0, 11.0), (0.0, 5.0)]) == ((0.0, 5.0), (10.0, 11.0))

    def test_prefers_the_longest_and_stops_at_enough(self) -> None:
        spans = [(float(n * 10), n * 10 + 1.0 + n % 9) for n in range(200)]
        chosen = choose_spans(spans)
        assert sum(end - start for start, end in chosen) == ENOUGH_SECONDS
        assert min(end - start for start, end in chosen[:-1]) >= 1.0
        assert list(chosen) == sorted(chosen)
        assert max(end - start for start, end in chosen) == 9.0
