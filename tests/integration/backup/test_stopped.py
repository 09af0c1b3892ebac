"""A restore while nothing runs: the installation's own database is woken for it, and sleeps after."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.integration.supervisor.installation import Installation, free_port

import opentranscribe
from opentranscribe.features.backup.service import BackupService


def point_to_this_program(data: Path) -> None:
    """As an installed release lies there."""
    package = Path(opentranscribe.__file__).parent
    release = data / "releases" / f"v{opentranscribe.__version__}"
    packages, programs = release / "venv/lib/python3/site-packages", release / "venv/bin"
    for folder in (packages, programs):
        folder.mkdir(parents=True)
    data.chmod(0o700)
    (packages / "opentranscribe").symlink_to(package)
    python = programs / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={package.parent} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (data / "current").symlink_to(f"releases/{release.name}")


class TestStoppedInstallation:
    def test_gets_the_backup_and_keeps_no_database_of_a_build(
        self, service: BackupService, tmp_path: Path
    ) -> None:
        home = tmp_path / "home"
        home.mkdir()
        ports = f"FRONTEND_PORT={free_port()}\nBACKEND_PORT={free_port()}\nOPENTR_OFFLINE=true\n"
        (home / ".env").write_text(ports)
        point_to_this_program(home / "data")
        installation = Installation(home)
        backup = str(service.create_plain().path)
        done = installation.run("restore", backup, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "is in place" in done.stdout
        found = installation.run("restore", backup, "--list-files")
        assert "Removed" not in found.stdout
        assert "8 recordings, 0 of them not here now." in found.stdout
        undone = installation.run("restore", "--undo", "--yes")
        assert undone.returncode == 0, undone.stdout + undone.stderr
        assert installation.processes() == []
