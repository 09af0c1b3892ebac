"""What people change about their own account; the weighty things ask for the password again."""

from __future__ import annotations

import uuid

from opentranscribe.features.accounts import queries
from opentranscribe.features.accounts.errors import WrongPasswordError
from opentranscribe.features.accounts.rules import guard_subject
from opentranscribe.features.accounts.service import AccountService
from opentranscribe.kit import clock
from opentranscribe.kit.options import Options
from opentranscribe.kit.passwords import spend_verification, verify_password
from opentranscribe.schema.accounts import User
from opentranscribe.work import SYSTEM, Actor, WorkFactory


class OwnAccountService:
    """Opens its own units of work: a wrong password must be counted even though, and before, the
    request fails."""

    def __init__(self, open_work: WorkFactory, options: Options, user_uuid: uuid.UUID) -> None:
        self._open_work = open_work
        self._options = options
        self._user_uuid = user_uuid

    def change(
        self,
        session_id: int,
        *,
        email: str | None = None,
        full_name: str | None = None,
        password: str | None = None,
        current_password: str | None = None,
    ) -> User:
        """Raises WrongPasswordError, WeakPasswordError, EmailTakenError. A new password ends all
        other sessions of the person."""
        with self._open_work(SYSTEM) as work:
            before = AccountService(work).get(self._user_uuid)
            new_email = email is not None and email.strip().lower() != before.email
            work.session.expunge(before)
        if new_email or password is not None:
            self._require_password(before, current_password or "")
        with self._open_work(Actor(before.id)) as work:
            accounts = AccountService(work)
            user = accounts.get(self._user_uuid, lock=True)
            if full_name is not None:
                user.full_name = full_name or None
            if new_email and email is not None:
                accounts.set_email(user, email)
            if password is not None:
                accounts.set_password(user, password)
                accounts.sign_out(user, keep_session_id=session_id)
            work.session.flush()
            work.session.refresh(user)
            work.session.expunge(user)
        return user

    def _require_password(self, user: User, given: str) -> None:
        subject = guard_subject(user.email)
        with self._open_work(SYSTEM) as work:
            admitted = queries.count_try(
                work,
                subject,
                clock.now(),
                threshold=self._options.lockout_threshold,
                lock_seconds=self._options.lockout_seconds,
            )
        if admitted:
            right, _ = verify_password(given, user.hashed_password)
        else:
            spend_verification(given)
            right = False
        if not right:
            raise WrongPasswordError("The current password is not right. Nothing was changed.")
        with self._open_work(SYSTEM) as work:
            queries.forget_tries(work, subject)
