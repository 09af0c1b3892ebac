"""Backups on the wire. Times are ISO 8601."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, model_validator

from opentranscribe.features.backup.policy import Policy

Verb = Literal["create", "verify", "drill", "remove"]
Kind = Literal["full", "encrypted", "plain"]


class BackupOut(BaseModel):
    """``checked``: read again byte by byte; ``drilled``: restored aside and looked into, which had
    its database ready after ``rto_seconds``."""

    name: str
    kind: Kind
    made_at: str
    size_bytes: int
    state: Literal["unknown", "checked", "drilled", "damaged"]
    checked_at: str | None
    drilled_at: str | None
    rto_seconds: float | None
    failure: str | None


class BackupRunOut(BaseModel):
    what: Verb
    name: str
    since: str
    line: str


class BackupNoticeOut(BaseModel):
    level: Literal["warning", "error"]
    text: str
    remedy: str


class BackupsOut(BaseModel):
    """Newest first. ``recovery_key_waiting``: nobody has written it down yet."""

    backups: list[BackupOut]
    policy: Policy
    running: BackupRunOut | None
    notices: list[BackupNoticeOut]
    recovery_key_waiting: bool
    free_bytes: int
    next_backup_at: str | None
    next_drill_at: str | None


class BackupIn(BaseModel):
    """``full`` is the folder with everything, ``plain`` the SQL file of the database."""

    kind: Literal["both", "full", "plain"] = "both"
    encrypt: bool = False

    @model_validator(mode="after")
    def _can_be_encrypted(self) -> Self:
        if self.encrypt and self.kind == "plain":
            raise ValueError("an SQL file cannot be encrypted; ask for the kind full")
        return self


class AskedBackupOut(BaseModel):
    asked: Verb
