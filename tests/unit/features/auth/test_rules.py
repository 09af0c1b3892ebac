"""Tokens and how long they live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from opentranscribe.features.auth.rules import OpenedSession, is_live, new_token, token_hash

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)


def live(
    kind: str = "browser",
    expires_in: float = 3600,
    seen_ago: float = 0,
    revoked_at: datetime | None = None,
) -> bool:
    return is_live(
        NOW,
        kind=kind,
        expires_at=NOW + timedelta(seconds=expires_in),
        last_seen_at=NOW - timedelta(seconds=seen_ago),
        revoked_at=revoked_at,
        idle_seconds=600,
    )


class TestToken:
    def test_has_256_bits_and_is_never_the_same(self) -> None:
        tokens = {new_token() for _ in range(1000)}
        assert len(tokens) == 1000
        assert min(map(len, tokens)) >= 43

    def test_any_text_has_a_hash(self) -> None:
        assert len(token_hash("\ud800\0")) == 64

    def test_is_not_shown_in_logs(self) -> None:
        assert "secret" not in repr(OpenedSession("secret1", "secret2", 5))


class TestIsLive:
    @pytest.mark.parametrize(
        ("expires_in", "seen_ago", "expected"),
        [(1, 0, True), (0, 0, False), (3600, 599, True), (3600, 600, False)],
    )
    def test_ends_exactly_at_its_edges(
        self, expires_in: float, seen_ago: float, expected: bool
    ) -> None:
        assert live(expires_in=expires_in, seen_ago=seen_ago) is expected

    def test_a_script_is_never_idle(self) -> None:
        assert live(kind="bearer", seen_ago=86_000)

    def test_revoked_is_over(self) -> None:
        assert not live(revoked_at=NOW)
