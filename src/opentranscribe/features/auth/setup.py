"""The first administrator: made once, by whoever can read a file of this installation."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from opentranscribe.features.accounts import queries as accounts
from opentranscribe.features.accounts.service import AccountService
from opentranscribe.features.auth.errors import SetupClosedError, SetupTokenError
from opentranscribe.features.auth.rules import OpenedSession, new_token
from opentranscribe.features.auth.sessions import Device, SessionService
from opentranscribe.kit.options import Options
from opentranscribe.schema.accounts import User
from opentranscribe.work import Work


class SetupService:
    def __init__(self, work: Work, options: Options) -> None:
        self._work = work
        self._options = options

    def is_needed(self) -> bool:
        return not accounts.has_administrator(self._work)

    def set_up(
        self, token: str, email: str, password: str, full_name: str | None, device: Device
    ) -> tuple[User, OpenedSession]:
        """Raises SetupClosedError once there is an administrator, SetupTokenError."""
        accounts.hold_admin_lock(self._work)
        if not self.is_needed():
            raise SetupClosedError("This installation is set up already. Sign in instead.")
        self._check_token(token)
        users = AccountService(self._work)
        user = users.create(email, password, full_name=full_name, role="admin")
        opened = SessionService(self._work, self._options).open(user, "browser", device)
        self._work.after_commit(lambda: remove_setup_token(self._options.setup_token_file))
        self._work.session.refresh(user)
        return user, opened

    def _check_token(self, token: str) -> None:
        kept = read_setup_token(self._options.setup_token_file)
        if kept is None or not secrets.compare_digest(kept.encode(), token.strip().encode()):
            raise SetupTokenError(
                "That is not the set-up token. It was printed in the terminal when the program "
                "started; `opentr users create --admin` on that machine works without it."
            )


def read_setup_token(path: Path) -> str | None:
    """None when there is none, or an empty file, which must never open anything."""
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def ensure_setup_token(path: Path) -> str:
    """The token in the file, made with mode 0600 when there is none."""
    if kept := read_setup_token(path):
        return kept
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(new_token())
    try:
        os.link(draft, path)  # the first of several processes wins
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="utf-8").strip()


def remove_setup_token(path: Path) -> None:
    path.unlink(missing_ok=True)
