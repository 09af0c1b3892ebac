"""How a release is installed, started, stopped and switched on this kind of installation.

The update engine knows when each of these must happen; only this port knows how: folders and a link
on one machine, images and replicas on many. Everything can be done again after it was cut off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from opentranscribe.kit.errors import InvalidError, UnavailableError
from opentranscribe.ports.progress import Progress


class ReleaseNotFoundError(InvalidError):
    code = "release_not_found"


class ReleaseDamagedError(InvalidError):
    code = "release_damaged"


class DeploymentError(UnavailableError):
    """Something of the installation did not start, stop or answer."""

    code = "deployment"


@dataclass(frozen=True)
class Release:
    """``name`` is what the installation calls it, ``facts`` what the release says of itself
    (``release.json``), ``files`` its installation-folder files by relative path."""

    name: str
    version: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    files: Path | None = None


class Deployment(Protocol):
    def current(self) -> Release: ...

    def find(self, name: str) -> Release:
        """An installed release. Raises ReleaseNotFoundError."""
        ...

    def fetch(self, source: str, version: str, progress: Progress) -> Release:
        """Get a release, check its hashes and install it aside; what runs is not touched.

        Raises ReleaseNotFoundError, ReleaseDamagedError.
        """
        ...

    def run(
        self,
        release: Release,
        words: Sequence[str],
        environment: Mapping[str, str],
        *,
        seconds: float | None = None,
    ) -> str:
        """Run an ``opentr`` command of that release to its end and return what it printed.

        Raises DeploymentError with its last words when it fails, or takes longer than ``seconds``.
        """
        ...

    def is_running(self) -> bool: ...

    def warm_up(self, release: Release) -> None:
        """Load that release's programs, so that starting it takes less. Nothing of it is needed:
        it is lost without harm, and ends with the process that asked for it."""
        ...

    def pause(self, *, reads_too: bool) -> None:
        """End what writes; what it was doing goes back to the queue. The database stays. Visitors
        may go on reading where the installation can do that, unless ``reads_too``."""
        ...

    def stop(self) -> None:
        """End every process of the installation; what they were doing goes back to the queue."""
        ...

    def start(self, release: Release) -> None:
        """Start every process that does not run, and wait until they serve.

        Raises DeploymentError.
        """
        ...

    def switch(self, release: Release) -> None:
        """Make it the release that the next start takes, in one indivisible step."""
        ...

    def open_database(self) -> str:
        """URL of the installation's database, reachable while its processes are stopped."""
        ...

    def close_database(self) -> None: ...

    def show_maintenance(self) -> None:
        """Answer visitors with the state of the update until ``hide_maintenance``."""
        ...

    def hide_maintenance(self) -> None: ...
