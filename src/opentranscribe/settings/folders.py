"""Where an installation keeps what: every path follows from its folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from opentranscribe.settings.names import names

#: A socket's path may have 107 bytes; ``/postgres/.s.PGSQL.5432`` needs 23 of them.
LONGEST_SOCKET_FOLDER = 80


class Folders(BaseSettings):
    home: Path = Field(default=Path(), description="Installation folder, where opentr.sh lies.")
    model_cache_dir: Path = Field(
        default=Path("models"),
        validation_alias=names("OPENTR_MODEL_CACHE_DIR", "MODEL_CACHE_DIR"),
        description="Where model files are kept, laid out as the Hugging Face hub cache.",
    )

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @property
    def postgres_dir(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def objects_dir(self) -> Path:
        return self.data_dir / "objects"

    @property
    def copies_dir(self) -> Path:
        """Of objects that are kept elsewhere."""
        return self.data_dir / "copies"

    @property
    def uploads_dir(self) -> Path:
        return self.data_dir / "uploads"

    @property
    def scratch_dir(self) -> Path:
        return self.data_dir / "scratch"

    @property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def run_dir(self) -> Path:
        return self.data_dir / "run"

    @property
    def sockets_dir(self) -> Path:
        """The run folder, or a short private one where its path is too long for a socket."""
        if len(str(self.run_dir)) <= LONGEST_SOCKET_FOLDER:
            return self.run_dir
        mark = hashlib.sha256(str(self.run_dir).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"opentr-{os.getuid()}-{mark}"

    @property
    def postgres_socket_dir(self) -> Path:
        return self.sockets_dir / "postgres"

    @property
    def update_dir(self) -> Path:
        """The state of updates; what runs looks here whether visitors are held."""
        return self.data_dir / "update"

    @property
    def secrets_dir(self) -> Path:
        return self.data_dir / "secrets"

    @property
    def backups_dir(self) -> Path:
        return self.home / "backups"

    @property
    def models_dir(self) -> Path:
        return (
            self.model_cache_dir
            if self.model_cache_dir.is_absolute()
            else (self.home / self.model_cache_dir)
        )
