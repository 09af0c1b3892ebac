"""What a preflight is told by whoever asks for it: plain values, so that it reads no settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class TargetRelease:
    """The release that is to come. ``facts`` is its ``release.json``; ``folder`` is where it is
    unpacked or installed, ``wheel`` the file it came in; either may be None."""

    version: str
    folder: Path | None
    wheel: Path | None
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class BackupFact:
    """``drilled`` means restored into a scratch database and queried, at ``drilled_at``."""

    path: Path
    taken_at: datetime
    state: Literal["checked", "drilled", "unchecked"]
    drilled_at: datetime | None = None


@dataclass(frozen=True)
class Context:
    """``env_example`` is the template of the new release; the current one lies in ``home``.

    ``database_url`` is libpq's form or SQLAlchemy's. ``tools_dir`` holds ``pg_dump``; None looks
    on the path. ``missing_models`` are models that recordings need and that are not here.
    ``installed_bytes`` is the room a release takes when installed, in bytes.
    """

    home: Path
    data_dir: Path
    backups_dir: Path
    models_dir: Path
    releases_dir: Path
    run_dir: Path
    secrets_dir: Path
    logs_dir: Path
    env_file: Path
    env_example: Path | None
    database_url: str
    embedded: bool
    frontend_port: int
    backend_port: int
    bind_host: str
    is_running: bool
    current_version: str
    target: TargetRelease | None
    newest_backup: BackupFact | None
    recovery_key_known: bool
    now: datetime
    tools_dir: Path | None = None
    missing_models: tuple[str, ...] = ()
    offline: bool = False
    installed_bytes: int = 800 * 1024**2
