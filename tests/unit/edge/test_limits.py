"""How often one address may ask."""

from __future__ import annotations

import pytest

from opentranscribe.edge.limits import RateLimit, TooManyRequestsError


class TestRateLimit:
    def test_refills_with_time(self) -> None:
        now = 0.0
        limit = RateLimit(2, 0.5, clock=lambda: now)
        limit.spend("1.2.3.4")
        limit.spend("1.2.3.4")
        with pytest.raises(TooManyRequestsError) as refused:
            limit.spend("1.2.3.4")
        assert refused.value.fields["retry_after_seconds"] >= 2
        now = 2.0
        limit.spend("1.2.3.4")

    def test_counts_each_address_by_itself(self) -> None:
        limit = RateLimit(1, 0.1, clock=lambda: 0.0)
        limit.spend("1.2.3.4")
        limit.spend("1.2.3.5")

    def test_counts_a_network_of_ipv6_as_one(self) -> None:
        limit = RateLimit(1, 0.1, clock=lambda: 0.0)
        limit.spend("2001:db8::1")
        with pytest.raises(TooManyRequestsError):
            limit.spend("2001:db8::ffff")

    def test_forgets_the_oldest_rather_than_grow(self) -> None:
        limit = RateLimit(1, 0.1, clock=lambda: 0.0, addresses=2)
        for address in ("1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.1"):
            limit.spend(address)
