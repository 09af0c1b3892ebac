"""Who may sign in, their open sessions, and guesses counted against them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from opentranscribe.schema.base import Base, BigKey, CreatedAt, IntKey, PublicId, UpdatedAt


class User(Base):
    """``role`` is user, admin or super_admin; ``is_superuser`` follows it for older readers."""

    __tablename__ = "user"

    id: Mapped[IntKey]
    uuid: Mapped[PublicId]
    email: Mapped[str] = mapped_column(String(255), unique=True)
    hashed_password: Mapped[str] = mapped_column(String(255))
    full_name: Mapped[str | None] = mapped_column(String(255))
    is_active: Mapped[bool] = mapped_column(server_default="true", default=True)
    is_superuser: Mapped[bool] = mapped_column(server_default="false", default=False)
    role: Mapped[str] = mapped_column(String(50), server_default="user", default="user")
    auth_type: Mapped[str] = mapped_column(String(20), server_default="local", default="local")
    password_hash_version: Mapped[str] = mapped_column(
        String(20), server_default="bcrypt", default="argon2id"
    )
    password_changed_at: Mapped[datetime | None]
    must_change_password: Mapped[bool] = mapped_column(server_default="false", default=False)
    last_login_at: Mapped[datetime | None]
    account_expires_at: Mapped[datetime | None]
    allow_local_fallback: Mapped[bool] = mapped_column(server_default="false", default=False)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class UserSession(Base):
    """One signed-in browser or script. Only the SHA-256 of its token is kept.

    ``kind`` is ``browser`` (cookie, needs CSRF token) or ``bearer`` (script).
    """

    __tablename__ = "user_session"

    id: Mapped[BigKey]
    uuid: Mapped[PublicId]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    csrf_hash: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(512))
    ip_address: Mapped[str | None] = mapped_column(String(45))
    created_at: Mapped[CreatedAt]
    last_seen_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class LoginGuard(Base):
    """Failed guesses against one subject (SHA-256 of the normalised e-mail), counted atomically."""

    __tablename__ = "login_guard"

    subject_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(server_default="0")
    lockouts: Mapped[int] = mapped_column(server_default="0")
    locked_until: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]


class UserSetting(Base):
    """A person's own choice, by the key names of the earlier system."""

    __tablename__ = "user_setting"

    id: Mapped[IntKey]
    uuid: Mapped[PublicId]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    setting_key: Mapped[str] = mapped_column(String(100))
    setting_value: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class SystemSetting(Base):
    """A choice for the whole installation, made by an administrator."""

    __tablename__ = "system_settings"

    id: Mapped[IntKey]
    key: Mapped[str] = mapped_column(String(100), unique=True)
    value: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    updated_at: Mapped[UpdatedAt]


class CustomVocabulary(Base):
    """A term the recogniser should expect; ``user_id`` None is for everybody."""

    __tablename__ = "custom_vocabulary"

    id: Mapped[IntKey]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    term: Mapped[str] = mapped_column(String(200))
    domain: Mapped[str] = mapped_column(String(50), server_default="general", default="general")
    category: Mapped[str | None] = mapped_column(String(100))
    is_active: Mapped[bool] = mapped_column(server_default="true", default=True)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]
