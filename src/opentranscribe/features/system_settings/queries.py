"""Every SQL statement of settings and vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from opentranscribe.schema.accounts import CustomVocabulary, UserSetting
from opentranscribe.work import Actor


def settings_of(session: Session, user_id: int) -> dict[str, str | None]:
    rows = session.execute(
        select(UserSetting.setting_key, UserSetting.setting_value).where(
            UserSetting.user_id == user_id
        )
    )
    return dict(rows.tuples().all())


def put_setting(session: Session, user_id: int, key: str, value: str | None) -> None:
    if value is None:
        session.execute(
            delete(UserSetting).where(
                UserSetting.user_id == user_id, UserSetting.setting_key == key
            )
        )
        return
    statement = insert(UserSetting).values(user_id=user_id, setting_key=key, setting_value=value)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id", "setting_key"],
            set_={"setting_value": value, "updated_at": func.now()},
        )
    )


def list_terms(
    session: Session, actor: Actor, domain: str | None, active_only: bool
) -> Sequence[CustomVocabulary]:
    query = select(CustomVocabulary).where(
        or_(CustomVocabulary.user_id == actor.user_id, CustomVocabulary.user_id.is_(None))
    )
    if domain is not None:
        query = query.where(CustomVocabulary.domain == domain)
    if active_only:
        query = query.where(CustomVocabulary.is_active)
    ordered = query.order_by(func.lower(CustomVocabulary.term), CustomVocabulary.id)
    return session.scalars(ordered.limit(5000)).all()


def find_term(session: Session, actor: Actor, term_id: int) -> CustomVocabulary | None:
    """The caller's own term; an administrator's reach is also over those for everybody."""
    mine = CustomVocabulary.user_id == actor.user_id
    if actor.is_admin:
        mine = or_(mine, CustomVocabulary.user_id.is_(None))
    return session.scalar(select(CustomVocabulary).where(CustomVocabulary.id == term_id, mine))


def add_term(session: Session, user_id: int | None, **values: Any) -> CustomVocabulary | None:
    """None when the same term of that domain is there already."""
    statement = (
        insert(CustomVocabulary)
        .values(user_id=user_id, **values)
        .on_conflict_do_nothing()
        .returning(CustomVocabulary)
    )
    return session.scalars(statement).one_or_none()
