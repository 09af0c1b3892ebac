"""Where an installation keeps what a backup reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """``bin_dir`` has PostgreSQL's client programs; ``hold_dir`` lies on the same disk as the
    recordings; ``env_file`` need not exist."""

    version: str
    bin_dir: Path
    backups_dir: Path
    secrets_dir: Path
    env_file: Path
    scratch_dir: Path
    state_dir: Path
    models_dir: Path | None = None

    @property
    def home(self) -> Path:
        """The installation folder."""
        return self.env_file.parent

    @property
    def hold_dir(self) -> Path:
        return self.state_dir / "hold"

    @property
    def restore_journal(self) -> Path:
        return self.state_dir / "restore.json"
