"""Grandfather, father, son: what stays, and what never goes."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from opentranscribe.features.backup.rules import Kept, Past, choose_expired

HISTORIES = int(os.environ.get("OPENTR_BACKUP_HISTORIES", "300"))
START = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def histories(draw: st.DrawFn) -> list[Past]:
    hours = draw(st.lists(st.integers(0, 24 * 400), max_size=60, unique=True))
    return [
        Past(
            name=f"at-{hour:05}",
            made_at=START + timedelta(hours=hour),
            is_good=draw(st.booleans()),
            is_full=draw(st.booleans()),
            is_drilled=draw(st.booleans()),
            is_held=draw(st.integers(0, 20)) == 0,
        )
        for hour in hours
    ]


def newest(backups: list[Past]) -> set[str]:
    return {max(backups, key=lambda one: one.made_at).name} if backups else set()


class TestChooseExpired:
    @settings(max_examples=HISTORIES, deadline=None)
    @given(history=histories(), kept=st.builds(Kept, *[st.integers(0, 8)] * 4))
    def test_never_takes_the_last_proven_one_nor_a_held_one(
        self, history: list[Past], kept: Kept
    ) -> None:
        gone = set(choose_expired(history, kept))
        assert not gone & newest([one for one in history if one.is_good])
        assert not gone & newest([one for one in history if one.is_good and one.is_full])
        assert not gone & newest([one for one in history if one.is_good and one.is_drilled])
        assert not gone & {one.name for one in history if one.is_held}
        assert len(history) - len(gone) >= min(kept.least, len(history))

    @settings(max_examples=HISTORIES, deadline=None)
    @given(history=histories())
    def test_takes_no_more_when_asked_again(self, history: list[Past]) -> None:
        gone = set(choose_expired(history, Kept()))
        left = [one for one in history if one.name not in gone]
        assert choose_expired(left, Kept()) == []

    def test_keeps_days_then_weeks_then_months(self) -> None:
        daily = [Past(f"day-{n:03}", START + timedelta(days=n), is_good=True) for n in range(365)]
        left = sorted({one.name for one in daily} - set(choose_expired(daily, Kept())))
        assert left[-7:] == [f"day-{n:03}" for n in range(358, 365)]
        assert 7 + 4 <= len(left) <= 7 + 4 + 6

    def test_lets_a_bad_one_push_no_good_one_out(self) -> None:
        good = Past("good", START, is_good=True)
        bad = [Past(f"bad-{n}", START + timedelta(hours=n + 1), is_good=False) for n in range(9)]
        assert "good" not in choose_expired([good, *bad], Kept(least=1))

    def test_takes_nothing_when_none_is_known_to_be_whole(self) -> None:
        unknown = [Past(f"at-{n}", START + timedelta(days=n), is_good=False) for n in range(50)]
        assert choose_expired(unknown, Kept()) == []

    def test_lets_an_sql_file_alone_push_no_recordings_out(self) -> None:
        """However many newer ones there are, and on the same day."""
        full = Past("full", START, is_good=True, is_full=True)
        plain = [Past(f"sql-{n}", START + timedelta(hours=n + 1), is_good=True) for n in range(9)]
        kept = Kept(daily=0, weekly=0, monthly=0, least=1)
        assert "full" not in choose_expired([full, *plain], kept)
