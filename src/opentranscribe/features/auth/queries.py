"""Every statement about sessions."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select, update

from opentranscribe.schema.accounts import User, UserSession
from opentranscribe.work import Work

KEEP_ENDED = timedelta(days=30)


def find_session(work: Work, token_hash: str) -> tuple[UserSession, User] | None:
    query = (
        select(UserSession, User)
        .join(User, User.id == UserSession.user_id)
        .where(UserSession.token_hash == token_hash)
    )
    found = work.session.execute(query).first()
    return (found[0], found[1]) if found else None


def touch_session(work: Work, session_id: int, at: datetime) -> None:
    """Best effort: when somebody else is changing the session, that is reason enough to skip. So
    is a database that can only be read, as it is for the seconds of an update."""
    if work.session.scalar(select(func.current_setting("transaction_read_only"))) == "on":
        return
    free = select(UserSession.id).where(UserSession.id == session_id)
    free = free.with_for_update(skip_locked=True)
    work.session.execute(
        update(UserSession).where(UserSession.id.in_(free)).values(last_seen_at=at)
    )


def list_live_sessions(work: Work, user_id: int, at: datetime) -> list[UserSession]:
    query = (
        select(UserSession)
        .where(
            UserSession.user_id == user_id,
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > at,
        )
        .order_by(UserSession.last_seen_at.desc())
        .limit(100)
    )
    return list(work.session.scalars(query))


def revoke_session(
    work: Work,
    user_id: int,
    at: datetime,
    *,
    session_id: int | None = None,
    session_uuid: uuid.UUID | None = None,
) -> bool:
    """Whether there was one to revoke."""
    which = UserSession.uuid == session_uuid if session_uuid else UserSession.id == session_id
    statement = (
        update(UserSession)
        .where(which, UserSession.user_id == user_id, UserSession.revoked_at.is_(None))
        .values(revoked_at=at)
        .returning(UserSession.id)
    )
    return work.session.scalar(statement) is not None


def delete_ended_sessions(work: Work, at: datetime, user_id: int | None = None) -> int:
    """Those of one person, or everybody's, that ended KEEP_ENDED ago; how many there were."""
    long_ago = at - KEEP_ENDED
    ended = delete(UserSession).where(
        or_(UserSession.expires_at < long_ago, UserSession.revoked_at < long_ago)
    )
    if user_id is not None:
        ended = ended.where(UserSession.user_id == user_id)
    return len(work.session.scalars(ended.returning(UserSession.id)).all())
