"""Passwords kept in our own database."""

from __future__ import annotations

import math
import time

from sqlalchemy import Engine, func, or_, select
from sqlalchemy.exc import OperationalError

from opentranscribe.kit.passwords import verify_password
from opentranscribe.ports.identity import Credentials, ExternalIdentity, IdentityUnavailableError
from opentranscribe.schema.accounts import User

#: How hashes of the earlier system begin; checking one takes many times as long as ours.
LEGACY_BEGINNINGS = ("$2", "$bcrypt-sha256$", "$pbkdf2-sha256$")
#: While any such hash is left, a refusal is given after a whole number of these steps: nobody can
#: tell by the clock whose password is kept in which way, or by whom there is none.
REFUSAL_STEP_SECONDS = 1.0


ANY_LEGACY = select(
    select(User.id)
    .where(or_(*(User.hashed_password.startswith(begin) for begin in LEGACY_BEGINNINGS)))
    .exists()
)


class PasswordIdentity:
    method = "local"

    def __init__(self, engine: Engine, refusal_step_seconds: float = REFUSAL_STEP_SECONDS) -> None:
        self._engine = engine
        self._refusal_step_seconds = refusal_step_seconds

    def authenticate(self, credentials: Credentials) -> ExternalIdentity | None:
        began = time.monotonic()
        query = select(User.uuid, User.email, User.full_name, User.hashed_password).where(
            func.lower(User.email) == credentials.username.strip().lower(),
            User.auth_type == self.method,
            User.is_active,
        )
        try:
            with self._engine.connect() as connection:
                found = connection.execute(query).first()
                evens_out = connection.scalar(ANY_LEGACY)
        except OperationalError as error:
            raise IdentityUnavailableError("The database is not answering.") from error
        # The connection is given back before the slow part.
        stored = found.hashed_password if found else None
        matches, rehashed = verify_password(credentials.password, stored)
        if found is None or not matches:
            if evens_out:
                self._wait_for_step(time.monotonic() - began)
            return None
        return ExternalIdentity(
            method=self.method,
            subject=str(found.uuid),
            email=found.email,
            full_name=found.full_name,
            rehashed=rehashed,
        )

    def _wait_for_step(self, spent: float) -> None:
        step = self._refusal_step_seconds
        time.sleep(math.ceil(spent / step) * step - spent)

    def ping(self) -> None:
        try:
            with self._engine.connect() as connection:
                connection.execute(select(1))
        except OperationalError as error:
            raise IdentityUnavailableError("The database is not answering.") from error
