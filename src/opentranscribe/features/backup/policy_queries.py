"""Every SQL statement about the plan of backups."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from opentranscribe.schema.accounts import SystemSetting


def read_setting(session: Session, key: str) -> str | None:
    return session.scalar(select(SystemSetting.value).where(SystemSetting.key == key))


def write_setting(session: Session, key: str, value: str, about: str) -> None:
    statement = insert(SystemSetting).values(key=key, value=value, description=about)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["key"], set_={"value": value, "updated_at": func.now()}
        )
    )
