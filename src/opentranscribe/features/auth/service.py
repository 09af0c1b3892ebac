"""Signing in: guesses are counted before they are checked, and every failure looks the same."""

from __future__ import annotations

import uuid

from opentranscribe.features.accounts import queries as accounts
from opentranscribe.features.accounts.rules import guard_subject
from opentranscribe.features.auth.errors import CredentialsError
from opentranscribe.features.auth.rules import Kind, OpenedSession
from opentranscribe.features.auth.sessions import Device, SessionService
from opentranscribe.kit import clock
from opentranscribe.kit.options import Options
from opentranscribe.kit.passwords import spend_verification
from opentranscribe.ports.identity import Credentials, ExternalIdentity, Identity
from opentranscribe.schema.accounts import User
from opentranscribe.work import SYSTEM, Work, WorkFactory

EXTERNAL = (
    " Who signed in through LDAP, Keycloak or a certificate before cannot do so here yet: that way"
    " is not set up. The account and its recordings are kept; ask an administrator."
)


class SignInService:
    """Opens its own units of work: a try must be counted even though the request fails, and no
    transaction stays open while a password is hashed."""

    def __init__(self, open_work: WorkFactory, identity: Identity, options: Options) -> None:
        self._open_work = open_work
        self._identity = identity
        self._options = options

    def sign_in(self, credentials: Credentials, kind: Kind, device: Device) -> OpenedSession:
        """Raises CredentialsError for a wrong name, a wrong password, a locked and a disabled
        account alike, after the same time."""
        subject = guard_subject(credentials.username)
        with self._open_work(SYSTEM) as work:
            admitted = accounts.count_try(
                work,
                subject,
                clock.now(),
                threshold=self._options.lockout_threshold,
                lock_seconds=self._options.lockout_seconds,
            )
        if not admitted:
            spend_verification(credentials.password)
            raise self._refusal()
        identity = self._identity.authenticate(credentials)
        if identity is None:
            raise self._refusal()
        with self._open_work(SYSTEM) as work:
            user = self._find_user(work, identity)
            if user is None:
                raise self._refusal()
            accounts.forget_tries(work, subject)
            user.last_login_at = clock.now()
            if identity.rehashed:
                user.hashed_password = identity.rehashed
                user.password_hash_version = "argon2id"  # noqa: S105 - the name of the method
            return SessionService(work, self._options).open(user, kind, device)

    def _find_user(self, work: Work, identity: ExternalIdentity) -> User | None:
        """The person behind an identity; looked up again, for they may have been disabled while
        the password was being checked."""
        user = accounts.find_user(work, uuid.UUID(identity.subject), lock=True)
        if user is None or not user.is_active or user.auth_type != identity.method:
            return None
        expires = user.account_expires_at
        return None if expires is not None and clock.now() >= expires else user

    def _refusal(self) -> CredentialsError:
        """The same for everybody, so that nobody learns who has which kind of account."""
        with self._open_work(SYSTEM) as work:
            others = EXTERNAL if accounts.has_external_users(work) else ""
        minutes = round(self._options.lockout_seconds / 60)
        return CredentialsError(
            "The e-mail address or the password is wrong, or the account is closed for now. After "
            f"{self._options.lockout_threshold} wrong passwords an account is locked for "
            f"{minutes} minutes or longer; an administrator can unlock it.{others}"
        )
