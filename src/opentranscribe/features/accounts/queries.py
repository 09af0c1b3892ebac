"""Every statement about accounts."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import Integer, case, column, delete, func, literal, select, table, update
from sqlalchemy.dialects.postgresql import insert

from opentranscribe.schema.accounts import LoginGuard, User, UserSession
from opentranscribe.schema.media import MediaFile
from opentranscribe.work import Work

ADMIN_ROLES = ("admin", "super_admin")
#: Held while administrators are made or unmade, so that two changes cannot both be the last.
ADMIN_LOCK = 0x6F70656E_61646D  # "openadm"
#: Tables that refer to a person without ON DELETE, in the order in which they can be emptied.
POSSESSIONS = (
    "media_file",
    "comment",
    "task",
    "speaker",
    "speaker_profile",
    "speaker_collection",
    "collection",
)
FORGET_AFTER = timedelta(days=1)
LONGEST_LOCK_SECONDS = 43_200.0


def find_user(work: Work, user_uuid: uuid.UUID, *, lock: bool = False) -> User | None:
    query = select(User).where(User.uuid == user_uuid)
    return work.session.scalar(query.with_for_update() if lock else query)


def find_user_by_email(work: Work, email: str) -> User | None:
    return work.session.scalar(select(User).where(func.lower(User.email) == email))


def list_users(work: Work, limit: int, offset: int) -> list[User]:
    query = select(User).order_by(User.created_at, User.id).limit(limit).offset(offset)
    return list(work.session.scalars(query))


def hold_admin_lock(work: Work) -> None:
    """Until the transaction ends."""
    work.session.execute(select(func.pg_advisory_xact_lock(ADMIN_LOCK)))


def has_administrator(work: Work) -> bool:
    """Whether there has been one, able to sign in or not."""
    query = select(literal(1)).where(User.role.in_(ADMIN_ROLES)).limit(1)
    return work.session.scalar(query) is not None


def count_active_administrators(work: Work, *, without: int) -> int:
    query = select(func.count()).where(
        User.role.in_(ADMIN_ROLES), User.is_active, User.id != without
    )
    return work.session.scalar(query) or 0


def list_files_of(work: Work, user_id: int) -> list[MediaFile]:
    query = select(MediaFile).where(MediaFile.user_id == user_id).order_by(MediaFile.id)
    return list(work.session.scalars(query))


def count_files_of(work: Work, user_id: int) -> int:
    query = select(func.count()).where(MediaFile.user_id == user_id)
    return work.session.scalar(query) or 0


def delete_possessions(work: Work, user_id: int) -> None:
    """What would keep a person's row in place; all else goes with it by itself."""
    for name in POSSESSIONS:
        owned = table(name, column("user_id", Integer))
        work.session.execute(delete(owned).where(owned.c.user_id == user_id))


def delete_user(work: Work, user_id: int) -> None:
    work.session.execute(delete(User).where(User.id == user_id))


def revoke_sessions(
    work: Work, user_id: int, at: datetime, *, keep_session_id: int | None = None
) -> None:
    statement = update(UserSession).where(
        UserSession.user_id == user_id, UserSession.revoked_at.is_(None)
    )
    if keep_session_id is not None:
        statement = statement.where(UserSession.id != keep_session_id)
    work.session.execute(statement.values(revoked_at=at))


def count_try(
    work: Work, subject: str, at: datetime, *, threshold: int, lock_seconds: float
) -> bool:
    """Count a guess before it is checked; whether it may be checked at all.

    One statement, so that of any number of guesses at once exactly ``threshold`` pass. The last of
    them closes the door behind itself (twice as long after each time it happened); being right
    opens it again through ``forget_tries``. A day without a try forgets everything.
    """
    guard = LoginGuard
    fresh = func.coalesce(guard.last_failure_at, at) < at - FORGET_AFTER
    locked = guard.locked_until > at
    was_locked = guard.locked_until.is_not(None)
    failures = case(
        (fresh, 1), (locked, guard.failures + 1), (was_locked, 1), else_=guard.failures + 1
    )
    earlier = case((fresh, 0), else_=guard.lockouts)
    closes = (failures == threshold) & ~func.coalesce(locked, False)
    seconds = func.least(lock_seconds * func.power(2, earlier), LONGEST_LOCK_SECONDS)
    until = literal(at) + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    first = at + timedelta(seconds=lock_seconds) if threshold == 1 else None
    statement = (
        insert(guard)
        .values(
            subject_hash=subject,
            failures=1,
            lockouts=1 if threshold == 1 else 0,
            locked_until=first,
            last_failure_at=at,
        )
        .on_conflict_do_update(
            index_elements=[guard.subject_hash],
            set_={
                "failures": failures,
                "lockouts": earlier + case((closes, 1), else_=0),
                "locked_until": case(
                    (func.coalesce(locked, False), guard.locked_until), (closes, until), else_=None
                ),
                "last_failure_at": at,
            },
        )
        .returning(guard.failures.cast(Integer))
    )
    tries: int = work.session.execute(statement).scalar_one()
    return tries <= threshold


def forget_tries(work: Work, subject: str) -> None:
    work.session.execute(delete(LoginGuard).where(LoginGuard.subject_hash == subject))


def delete_forgotten_tries(work: Work, at: datetime) -> None:
    """Strangers can make any number of these rows: one for each name they try."""
    work.session.execute(delete(LoginGuard).where(LoginGuard.last_failure_at < at - FORGET_AFTER))


def has_external_users(work: Work) -> bool:
    """Whether anybody's account is of a way of signing in other than our own passwords."""
    return bool(work.session.scalar(select(select(User).where(User.auth_type != "local").exists())))
