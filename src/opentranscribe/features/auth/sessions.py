"""Open sessions: beginning, finding the person behind a token, ending."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from opentranscribe.features.accounts.service import SESSION_REVOKED
from opentranscribe.features.auth import queries
from opentranscribe.features.auth.errors import SessionInvalidError, SessionNotFoundError
from opentranscribe.features.auth.rules import (
    SEEN_EVERY,
    Kind,
    OpenedSession,
    is_live,
    new_token,
    token_hash,
)
from opentranscribe.kit import clock
from opentranscribe.kit.options import Options
from opentranscribe.ports.notices import Notice
from opentranscribe.schema.accounts import User, UserSession
from opentranscribe.work import Work


@dataclass(frozen=True, slots=True)
class Device:
    """Where somebody signs in from, so that they can recognise it in the list later."""

    user_agent: str | None = None
    ip_address: str | None = None


class SessionService:
    def __init__(self, work: Work, options: Options) -> None:
        self._work = work
        self._options = options

    def open(self, user: User, kind: Kind, device: Device) -> OpenedSession:
        at = clock.now()
        lifetime = (
            self._options.session_absolute_seconds
            if kind == "browser"
            else self._options.bearer_ttl_seconds
        )
        opened = OpenedSession(new_token(), new_token(), int(lifetime))
        queries.delete_ended_sessions(self._work, at, user.id)
        self._work.session.add(
            UserSession(
                user_id=user.id,
                kind=kind,
                token_hash=token_hash(opened.token),
                csrf_hash=token_hash(opened.csrf_token),
                user_agent=_printable(device.user_agent, 512),
                ip_address=_printable(device.ip_address, 45),
                created_at=at,
                last_seen_at=at,
                expires_at=at + timedelta(seconds=lifetime),
            )
        )
        self._work.session.flush()
        return opened

    def find(self, token: str) -> tuple[UserSession, User]:
        """Raises SessionInvalidError when the token opens nothing, for whatever reason."""
        at = clock.now()
        found = queries.find_session(self._work, token_hash(token))
        if found is None or not self._is_live(*found):
            raise SessionInvalidError("You are not signed in any more. Sign in and try again.")
        session, user = found
        if at - session.last_seen_at >= SEEN_EVERY:
            queries.touch_session(self._work, session.id, at)
        return session, user

    def list(self, user_id: int) -> list[UserSession]:
        sessions = queries.list_live_sessions(self._work, user_id, clock.now())
        return [one for one in sessions if self._lives(one)]

    def close(self, user_id: int, session_id: int) -> None:
        queries.revoke_session(self._work, user_id, clock.now(), session_id=session_id)
        self._notify(user_id)

    def close_other(self, user_id: int, session_uuid: uuid.UUID) -> None:
        if not queries.revoke_session(self._work, user_id, clock.now(), session_uuid=session_uuid):
            raise SessionNotFoundError("There is no such session, or it has ended already.")
        self._notify(user_id)

    def _notify(self, user_id: int) -> None:
        self._work.notify(Notice(SESSION_REVOKED, user_id=user_id))

    def _is_live(self, session: UserSession, user: User) -> bool:
        expired = user.account_expires_at is not None and clock.now() >= user.account_expires_at
        return user.is_active and not expired and self._lives(session)

    def _lives(self, session: UserSession) -> bool:
        return is_live(
            clock.now(),
            kind=session.kind,
            expires_at=session.expires_at,
            last_seen_at=session.last_seen_at,
            revoked_at=session.revoked_at,
            idle_seconds=self._options.session_idle_seconds,
        )


def _printable(text: str | None, limit: int) -> str | None:
    """What a stranger sent, made safe to keep and to show."""
    if text is None:
        return None
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:limit]
