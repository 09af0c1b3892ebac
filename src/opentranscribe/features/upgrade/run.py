"""One update on its way: what its steps work with, and how they say what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from opentranscribe.features.upgrade.journal import Journal
from opentranscribe.kit import clock
from opentranscribe.kit.fence import Fence
from opentranscribe.kit.update_state import UpdateState, write_state
from opentranscribe.ports.deployment import Deployment, Release
from opentranscribe.work import databases


class Backups(Protocol):
    """What an update needs of the backup feature."""

    def make(self) -> Path:
        """A verified backup of everything. Raises AppError."""
        ...

    def restore_into(self, backup: Path, database: str) -> None:
        """The backup's database as a new one of that name on the same server."""
        ...


@dataclass(frozen=True)
class Installation:
    """``state_dir`` is ``data/update``; ``replaces_files`` is False for a checkout of the sources,
    whose outer files are versioned by somebody else."""

    home: Path
    state_dir: Path
    replaces_files: bool = True

    @property
    def fence(self) -> Fence:
        return Fence(self.state_dir / "fence.json")


@dataclass
class Run:
    """``merged_env`` is the new ``.env``, None to leave it alone."""

    id: str
    installation: Installation
    deployment: Deployment
    old: Release
    new: Release
    was_running: bool
    journal: Journal
    state: UpdateState
    tell: Callable[[str], None]
    merged_env: str | None = None
    database_url: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.installation.state_dir / self.id

    @property
    def proof_token_file(self) -> Path:
        return self.folder / "proof-token"

    @property
    def live(self) -> str:
        return databases.name_of(self.database_url)

    @property
    def kept(self) -> str:
        """The database as it was before."""
        return f"{self.live}_before_{self.id}"

    @property
    def next(self) -> str:
        """The copy that is brought to the new release."""
        return f"{self.live}_next_{self.id}"

    @property
    def aside(self) -> str:
        """What was put back leaves its database here until the end, to be looked at."""
        return f"{self.live}_failed_{self.id}"

    def say(self, line: str) -> None:
        self.state = self.state.with_line(line)
        write_state(self.installation.state_dir, self.state)
        self.tell(line)

    def enter(self, step: str, title: str) -> None:
        now = clock.now().isoformat()
        self.state = replace(self.state, step=step, title=title, step_started_at=now)
        self.say(title)

    def open_database(self) -> str:
        self.database_url = self.deployment.open_database()
        return self.database_url
