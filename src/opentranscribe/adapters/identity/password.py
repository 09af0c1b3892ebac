"""Passwords kept in our own database."""

from __future__ import annotations

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError

from opentranscribe.kit.passwords import verify_password
from opentranscribe.ports.identity import Credentials, ExternalIdentity, IdentityUnavailableError
from opentranscribe.schema.accounts import User


class PasswordIdentity:
    method = "local"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def authenticate(self, credentials: Credentials) -> ExternalIdentity | None:
        query = select(User.uuid, User.email, User.full_name, User.hashed_password).where(
            func.lower(User.email) == credentials.username.strip().lower(),
            User.auth_type == self.method,
            User.is_active,
        )
        try:
            with self._engine.connect() as connection:
                found = connection.execute(query).first()
        except OperationalError as error:
            raise IdentityUnavailableError("The database is not answering.") from error
        # The connection is given back before the slow part.
        stored = found.hashed_password if found else None
        matches, rehashed = verify_password(credentials.password, stored)
        if found is None or not matches:
            return None
        return ExternalIdentity(
            method=self.method,
            subject=str(found.uuid),
            email=found.email,
            full_name=found.full_name,
            rehashed=rehashed,
        )

    def ping(self) -> None:
        try:
            with self._engine.connect() as connection:
                connection.execute(select(1))
        except OperationalError as error:
            raise IdentityUnavailableError("The database is not answering.") from error
