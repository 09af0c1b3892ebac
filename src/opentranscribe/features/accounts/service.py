"""Making, changing and removing accounts."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from opentranscribe.features.accounts import queries
from opentranscribe.features.accounts.errors import (
    EmailTakenError,
    LastAdministratorError,
    UserHasFilesError,
    UserNotFoundError,
)
from opentranscribe.features.accounts.rules import (
    Role,
    check_password,
    guard_subject,
    normalise_email,
)
from opentranscribe.kit import clock
from opentranscribe.kit.passwords import hash_password
from opentranscribe.ports.notices import Notice
from opentranscribe.schema.accounts import User
from opentranscribe.work import Work
from opentranscribe.work.events import FileDeleted

#: Told to the open pages of a person whose sessions may have ended.
SESSION_REVOKED = "session_revoked"


class AccountService:
    """Use cases of administrators and of the command line; what a person may do to their own
    account is in :mod:`.own_account`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def list(self, limit: int, offset: int) -> list[User]:
        return queries.list_users(self._work, limit, offset)

    def get(self, user_uuid: uuid.UUID, *, lock: bool = False) -> User:
        user = queries.find_user(self._work, user_uuid, lock=lock)
        if user is None:
            raise UserNotFoundError("There is no such person.")
        return user

    def get_by_email(self, email: str) -> User:
        user = queries.find_user_by_email(self._work, normalise_email(email))
        if user is None:
            raise UserNotFoundError(f"Nobody has the e-mail address {email}.")
        return user

    def create(
        self,
        email: str,
        password: str,
        *,
        full_name: str | None = None,
        role: Role = "user",
        is_active: bool = True,
        must_change_password: bool = False,
    ) -> User:
        address = normalise_email(email)
        check_password(password, (address, full_name or ""))
        self._require_free(address)
        user = User(
            email=address,
            full_name=full_name or None,
            hashed_password=hash_password(password),
            password_hash_version="argon2id",  # noqa: S106 - the name of the method
            password_changed_at=clock.now(),
            role=role,
            is_superuser=role == "admin",
            is_active=is_active,
            must_change_password=must_change_password,
        )
        self._work.session.add(user)
        self._work.session.flush()
        return user

    def change(
        self,
        user_uuid: uuid.UUID,
        *,
        email: str | None = None,
        full_name: str | None = None,
        role: Role | None = None,
        is_active: bool | None = None,
    ) -> User:
        """None leaves as it is. Who is disabled is signed out at once."""
        queries.hold_admin_lock(self._work)
        user = self.get(user_uuid, lock=True)
        loses_power = (role is not None and role != "admin") or is_active is False
        if loses_power:
            self._require_other_administrator(user)
        if email is not None:
            self.set_email(user, email)
        if full_name is not None:
            user.full_name = full_name or None
        if role is not None and not (role == "admin" and user.role == "super_admin"):
            user.role, user.is_superuser = role, role == "admin"
        if is_active is not None:
            user.is_active = is_active
        if loses_power:
            self.sign_out(user)
        self._work.session.flush()
        return user

    def set_email(self, user: User, email: str) -> None:
        address = normalise_email(email)
        if address != user.email.lower():
            self._require_free(address)
        user.email = address

    def set_password(self, user: User, password: str, *, must_change: bool = False) -> None:
        check_password(password, (user.email, user.full_name or ""))
        user.hashed_password = hash_password(password)
        user.password_hash_version = "argon2id"  # noqa: S105 - the name of the method
        user.password_changed_at = clock.now()
        user.must_change_password = must_change

    def reset_password(self, user_uuid: uuid.UUID, password: str, *, must_change: bool) -> User:
        """Signs the person out everywhere and opens the account again if it was locked."""
        user = self.get(user_uuid, lock=True)
        self.set_password(user, password, must_change=must_change)
        queries.forget_tries(self._work, guard_subject(user.email))
        self.sign_out(user)
        return user

    def unlock(self, user_uuid: uuid.UUID) -> User:
        user = self.get(user_uuid)
        queries.forget_tries(self._work, guard_subject(user.email))
        return user

    def delete(
        self,
        user_uuid: uuid.UUID,
        *,
        delete_files: bool = False,
        delete_object: Callable[[str], None] | None = None,
    ) -> None:
        """Raises UserHasFilesError unless the recordings may go too; ``delete_object`` then takes
        their bytes away, after the commit."""
        queries.hold_admin_lock(self._work)
        user = self.get(user_uuid, lock=True)
        self._require_other_administrator(user)
        count = queries.count_files_of(self._work, user.id)
        if count and not (delete_files and delete_object):
            raise UserHasFilesError(
                f"{user.email} has {count} recordings, which would be deleted as well. Nothing "
                "was changed. Disable the account instead, or confirm the deletion.",
                file_count=count,
            )
        if count and delete_object:
            self._delete_files(user.id, delete_object)
        self._notify_revoked(user.id)
        queries.delete_possessions(self._work, user.id)
        queries.delete_user(self._work, user.id)

    def sign_out(self, user: User, *, keep_session_id: int | None = None) -> None:
        queries.revoke_sessions(self._work, user.id, clock.now(), keep_session_id=keep_session_id)
        self._notify_revoked(user.id)

    def _delete_files(self, user_id: int, delete_object: Callable[[str], None]) -> None:
        for file in queries.list_files_of(self._work, user_id):
            places = (file.storage_path, file.thumbnail_path, file.peaks_path)
            keys = tuple(key for key in places if key)
            self._work.emit(FileDeleted(file.id, keys))
            for key in keys:
                self._work.after_commit(lambda key=key: delete_object(key))  # type: ignore[misc]

    def _notify_revoked(self, user_id: int) -> None:
        self._work.notify(Notice(SESSION_REVOKED, user_id=user_id))

    def _require_free(self, address: str) -> None:
        if queries.find_user_by_email(self._work, address) is not None:
            raise EmailTakenError("Somebody has this e-mail address already.")

    def _require_other_administrator(self, user: User) -> None:
        if user.role not in queries.ADMIN_ROLES or not user.is_active:
            return
        if queries.count_active_administrators(self._work, without=user.id) == 0:
            raise LastAdministratorError(
                f"{user.email} is the only administrator; nothing was changed. "
                "Make somebody else an administrator first."
            )
