"""The only reader of the environment: one class, our names with the prefix OPENTR_, and the names
of the earlier system's ``.env`` where people already have them."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from dotenv import dotenv_values
from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from opentranscribe.settings.folders import Folders
from opentranscribe.settings.names import names
from opentranscribe.settings.servers import Servers

#: Read by the launcher, the tests, compose.yaml and the front door, not here.
OUTSIDE = {
    *("OPENTR_PYTHON", "OPENTR_TEST_DATA", "OPENTR_TEST_MODELS"),
    *("OPENTR_RUN_ON", "OPENTR_IMAGE_PREFIX"),
    *("OPENTR_VERSION", "OPENTR_SUBNET", "OPENTR_BACKUP_DIR"),
    *("OPENTR_WORKER_MEMORY", "OPENTR_CPU_WORKERS", "OPENTR_BACKEND_REPLICAS", "OPENTR_BACKEND"),
}
#: Names of the earlier system that somebody may still rely on, and what became of them.
GONE = {
    "JWT_SECRET_KEY": "sessions are rows of the database; nothing is signed with it any more",
    "POSTGRES_PASSWORD": "the embedded database has one of its own; else give DATABASE_URL",
    "MINIO_PUBLIC_URL": "recordings go through the API, where their owner is checked each time",
    "POSTGRES_HOST": "give the whole address in DATABASE_URL",
}


class Settings(Folders, Servers):
    """Everything a process may be told from outside; see ``.env.example`` for the sentences."""

    model_config = SettingsConfigDict(
        env_prefix="OPENTR_", env_file_encoding="utf-8", extra="ignore", populate_by_name=True
    )

    profile: Literal["embedded", "distributed"] = Field(
        default="embedded", description="Picks the default engines; each can be set by itself."
    )

    bind_host: str = Field(
        default="127.0.0.1", description="Address the page and the API listen on."
    )
    frontend_port: int = Field(
        default=5173,
        ge=1,
        le=65535,
        validation_alias=names("OPENTR_FRONTEND_PORT", "FRONTEND_PORT"),
        description="Port of the page.",
    )
    backend_port: int = Field(
        default=5174,
        ge=1,
        le=65535,
        validation_alias=names("OPENTR_BACKEND_PORT", "BACKEND_PORT"),
        description="Port of the API.",
    )
    allowed_origins: str = Field(
        default="",
        validation_alias=names("OPENTR_ALLOWED_ORIGINS", "CORS_ORIGINS"),
        description="Other addresses, separated by commas, that the page may be opened at.",
    )
    trusted_proxies: str = Field(
        default="",
        validation_alias=names("OPENTR_TRUSTED_PROXIES", "RATE_LIMIT_TRUSTED_PROXIES"),
        description="Addresses of reverse proxies whose X-Forwarded-For is believed.",
    )
    cookie_secure: bool = Field(
        default=False, description="Send the session cookie over HTTPS only (behind a TLS proxy)."
    )

    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=names("OPENTR_DATABASE_URL", "DATABASE_URL"),
        description="An external PostgreSQL (16 or newer); empty for the embedded one.",
    )
    backup_ssh_key: Path | None = Field(
        default=None, description="Private key with which backups are copied over SFTP."
    )
    backup_known_hosts: Path = Field(
        default=Path("~/.ssh/known_hosts"),
        description="Keys of the machines that backups are copied to over SFTP.",
    )
    postgres_bin: Path | None = Field(
        default=None, description="Folder with other PostgreSQL 18 binaries."
    )
    database_pool_size: int = Field(
        default=10,
        ge=1,
        validation_alias=names("OPENTR_DATABASE_POOL_SIZE", "DB_POOL_SIZE"),
        description="Connections that one process keeps to the database.",
    )

    whisper_model: str = Field(
        default="base",
        validation_alias=names("OPENTR_WHISPER_MODEL", "WHISPER_MODEL"),
        description="Model for recordings that ask for none.",
    )
    cpu_models: str = Field(
        default="",
        description=(
            "Models whose recordings are left to workers of the queue `cpu`, separated by commas, "
            "such as `tiny,base` where a graphics card is kept for larger ones."
        ),
    )
    hub_endpoint: str = Field(
        default="https://huggingface.co",
        validation_alias=names("OPENTR_HUB_ENDPOINT", "HF_ENDPOINT"),
        description="Where models that are missing are downloaded.",
    )
    hub_token: SecretStr | None = Field(
        default=None,
        validation_alias=names("OPENTR_HUB_TOKEN", "HUGGINGFACE_TOKEN", "HF_TOKEN"),
        description="Token for models that the hub gives to signed-in people only.",
    )
    offline: bool = Field(
        default=False,
        validation_alias=names("OPENTR_OFFLINE", "HF_HUB_OFFLINE"),
        description="Never download a model.",
    )
    force_cpu: bool = Field(
        default=False,
        validation_alias=names("OPENTR_FORCE_CPU", "FORCE_CPU_MODE"),
        description="Do not use a GPU even when there is one.",
    )
    recognition_workers: int = Field(
        default=2, ge=1, le=16, description="Windows of a recording that are decoded side by side."
    )
    diarization_threads: int = Field(
        default=1, ge=1, le=16, description="Processor threads for finding out who speaks."
    )
    model_idle_seconds: float = Field(
        default=600.0, ge=0, description="Give the memory of models back after this long idle."
    )

    objects_engine: str = Field(
        default="", description="Where recordings are kept; empty: the profile's choice."
    )
    queue_engine: str = Field(
        default="", description="What carries jobs to the workers; empty: the profile's choice."
    )
    notices_engine: str = Field(
        default="",
        description="What carries live updates to open pages; empty: the profile's choice.",
    )
    search_engine: str = Field(
        default="", description="What answers searches; empty: the profile's choice."
    )
    media_tools_engine: str = Field(
        default="", description="What reads media files; empty: the profile's choice."
    )
    recognizer_engine: str = Field(
        default="", description="What turns speech into text; empty: the profile's choice."
    )
    diarizer_engine: str = Field(
        default="", description="What finds out who speaks; empty: the profile's choice."
    )
    encoder_engine: str = Field(
        default="", description="What turns sentences into vectors; empty: the profile's choice."
    )
    engine_options: dict[str, Any] = Field(default_factory=dict)

    update_from: str = Field(
        default="",
        description="Where new releases come from: a folder with wheels, or an index's address.",
    )
    max_upload_bytes: int = Field(
        default=15 * 1024**3, ge=1, description="The largest file that is accepted."
    )
    session_idle_minutes: float = Field(
        default=720.0,
        gt=0,
        validation_alias=names("OPENTR_SESSION_IDLE_MINUTES", "SESSION_IDLE_TIMEOUT_MINUTES"),
        description="A session ends after this long without a request.",
    )
    session_absolute_days: float = Field(
        default=30.0, gt=0, description="A session ends after this long in any case."
    )
    lockout_threshold: int = Field(
        default=5,
        ge=1,
        validation_alias=names("OPENTR_LOCKOUT_THRESHOLD", "ACCOUNT_LOCKOUT_THRESHOLD"),
        description="Wrong passwords in a row after which an account is locked for a while.",
    )
    lockout_minutes: float = Field(
        default=15.0,
        gt=0,
        validation_alias=names("OPENTR_LOCKOUT_MINUTES", "ACCOUNT_LOCKOUT_DURATION_MINUTES"),
        description="How long a locked account stays locked.",
    )
    lease_seconds: float = Field(
        default=12.0,
        ge=1.0,
        description="A job whose worker is silent this long is given to another.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much the services write: debug, info, warning, error."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="How the services write: text for people, json for collectors."
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="Who reads /metrics must bring it; empty: only this machine may read them.",
    )
    tracing_endpoint: str = Field(
        default="",
        validation_alias=names("OPENTR_TRACING_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="Collector of OpenTelemetry that is sent spans by OTLP over HTTP; empty: nobody.",
    )

    @classmethod
    def load(cls, home: Path | None = None, **overrides: Any) -> Settings:
        """Settings of the installation folder: its ``.env`` under the process environment."""
        folder = (home or Path(os.environ.get("OPENTR_HOME") or ".")).resolve()
        env_file = folder / ".env"
        given = {_key(name): value for name, value in overrides.items()}
        return cls(_env_file=env_file if env_file.is_file() else None, **{"home": folder, **given})

    def written_variables(self) -> dict[str, str]:
        """What the installation's ``.env`` and the environment set, whatever it is for."""
        written = dotenv_values(self.home / ".env")
        return {**{name: value or "" for name, value in written.items()}, **os.environ}

    def strange_names(self) -> list[str]:
        """A sentence for each variable that looks like a setting of ours but is none."""
        known = {name.upper() for field in type(self).model_fields for name in names_of(field)}
        written = {*os.environ, *dotenv_values(self.home / ".env")}
        return [
            _about_strange_name(name, known)
            for name in sorted(written)
            if name in GONE or (name.startswith("OPENTR_") and name.upper() not in known | OUTSIDE)
        ]

    @field_validator(
        "database_url",
        "postgres_bin",
        "hub_token",
        "backup_ssh_key",
        "metrics_token",
        "redis_url",
        "redis_password",
        "opensearch_password",
        "s3_secret_key",
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @property
    def uses_embedded_postgres(self) -> bool:
        return self.database_url is None

    @property
    def sqlalchemy_url(self) -> str:
        """psycopg 3 URL of the database this installation works on."""
        if self.database_url is not None:
            return with_psycopg_driver(self.database_url.get_secret_value())
        password = (self.secrets_dir / "postgres").read_text(encoding="utf-8").strip()
        host = quote(str(self.postgres_socket_dir), safe="/")
        return f"postgresql+psycopg://postgres:{password}@/opentranscribe?host={host}"

    @property
    def cpu_model_names(self) -> frozenset[str]:
        return frozenset(name.strip() for name in self.cpu_models.split(",") if name.strip())

    @property
    def origins(self) -> tuple[str, ...]:
        own = [
            f"http://{host}:{port}"
            for host in ("localhost", "127.0.0.1")
            for port in (self.frontend_port, self.backend_port)
        ]
        others = [o.strip().rstrip("/") for o in self.allowed_origins.split(",") if o.strip()]
        return tuple(dict.fromkeys([*own, *others]))


def names_of(field: str) -> tuple[str, ...]:
    """The variables that set a field: our own first, then those of the earlier system."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(str(choice) for choice in alias.choices)
    return (f"OPENTR_{field.upper()}",)


def by_every_name(variables: Mapping[str, str]) -> dict[str, str]:
    """The same variables, each under all the names that its setting goes by."""
    found = dict(variables)
    for field in Settings.model_fields:
        names = names_of(field)
        value = next((variables[name] for name in names if name in variables), None)
        if value is not None:
            found |= {name: value for name in names if name not in variables}
    return found


def _key(field: str) -> str:
    """The name under which an argument wins over the environment."""
    return names_of(field)[0] if Settings.model_fields[field].validation_alias else field


def _about_strange_name(name: str, known: set[str]) -> str:
    if name in GONE:
        return f"{name} is not used: {GONE[name]}."
    near = difflib.get_close_matches(name, known, n=1)
    return f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else ".")


def with_psycopg_driver(url: str) -> str:
    """``postgres://`` and ``postgresql://`` URLs, with or without a driver, for psycopg 3."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in {"postgres", "postgresql"}:
        raise ValueError("DATABASE_URL must begin with postgresql://")
    return f"postgresql+psycopg://{rest}"


def inherited_environment(**extra: str) -> dict[str, str]:
    """The environment for a child process, with ``extra`` on top."""
    return {**os.environ, **extra}
