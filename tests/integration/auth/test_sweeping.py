"""Ended sessions and old guesses do not pile up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select

from opentranscribe.bootstrap import App
from opentranscribe.entrypoints.scheduler import CHORES, do_due
from opentranscribe.kit import clock
from opentranscribe.schema.accounts import LoginGuard, User, UserSession
from opentranscribe.work import SYSTEM

Person = Callable[..., User]


def sweep(app: App) -> None:
    """As the scheduler does, when its hour has come."""
    chores = [chore for chore in CHORES if chore.name == "sweep sign-ins"]
    do_due(app, chores, {chore.name: 0.0 for chore in chores})


class TestSweepSignIns:
    def test_removes_sessions_that_ended_a_month_ago_and_no_other(
        self, app: App, person: Person
    ) -> None:
        now, month = clock.now(), timedelta(days=30)
        user_id = person("ada@example.org").id
        ends = {
            "live": (now + month, None),
            "live for years": (now + 50 * month, None),
            "expired yesterday": (now - timedelta(days=1), None),
            "expired long ago": (now - month - timedelta(minutes=1), None),
            "revoked yesterday": (now + month, now - timedelta(days=1)),
            "revoked long ago": (now + month, now - month - timedelta(minutes=1)),
        }
        with app.work(SYSTEM) as work:
            for name, (expires, revoked) in ends.items():
                work.session.add(
                    UserSession(
                        user_id=user_id,
                        kind="bearer",
                        token_hash=name,
                        expires_at=expires,
                        revoked_at=revoked,
                    )
                )
        sweep(app)
        with app.work(SYSTEM) as work:
            kept = set(work.session.scalars(select(UserSession.token_hash)))
        assert kept == {"live", "live for years", "expired yesterday", "revoked yesterday"}

    def test_forgets_guesses_after_a_day_but_no_lock(self, app: App) -> None:
        now = clock.now()
        with app.work(SYSTEM) as work:
            for name, hours in (("old", 25), ("fresh", 23), ("locked", 11)):
                at = now - timedelta(hours=hours)
                guard = LoginGuard(subject_hash=name, failures=5, last_failure_at=at)
                guard.locked_until = now + timedelta(hours=1) if name == "locked" else None
                work.session.add(guard)
        sweep(app)
        with app.work(SYSTEM) as work:
            kept = set(work.session.scalars(select(LoginGuard.subject_hash)))
        assert kept == {"fresh", "locked"}
