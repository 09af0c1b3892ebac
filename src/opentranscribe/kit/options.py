"""What features need to know of the installation: plain values, taken from settings once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Read at start and passed down, so that nothing below the entry points reads the environment."""

    version: str
    uploads_dir: Path
    scratch_dir: Path
    setup_token_file: Path
    secrets_dir: Path
    backup_dir: Path
    backup_state_dir: Path
    update_dir: Path
    default_model: str = "base"
    cpu_models: frozenset[str] = frozenset()
    max_upload_bytes: int = 15 * 1024**3
    upload_ttl_seconds: float = 7 * 86_400.0
    allowed_origins: tuple[str, ...] = ()
    cookie_secure: bool = False
    session_idle_seconds: float = 12 * 3600.0
    session_absolute_seconds: float = 30 * 86_400.0
    bearer_ttl_seconds: float = 86_400.0
    lockout_threshold: int = 5
    lockout_seconds: float = 15 * 60.0
    lease_seconds: float = 12.0
    metrics_token: str = ""
    trusted_proxies: tuple[str, ...] = field(default=())
