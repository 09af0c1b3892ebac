"""The unit for systemd is one that systemd understands."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "opentranscribe.service"


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("SKIPPED, no systemd-analyze on this machine")
    program = tmp_path / "opentr.sh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/srv/opentranscribe", str(tmp_path)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    about_ours = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert about_ours == []


def test_the_page_about_it_names_it() -> None:
    page = UNIT.parents[2] / "docs" / "deployment" / "one-machine.md"
    assert "deploy/systemd/opentranscribe.service" in page.read_text()
