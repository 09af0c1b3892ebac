"""Leftovers of a killed supervisor are ended; strangers with the same number are not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from opentranscribe.entrypoints.supervisor.strays import end_strays, remember

SLEEP = "import time; print('ready', flush=True); time.sleep(60)"


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """Returns when its command line is its own: until then it may still show none."""
    command = [sys.executable, "-c", SLEEP, *arguments]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


class TestEndStrays:
    def test_ends_a_service_of_ours(self, tmp_path: Path) -> None:
        service = start("opentranscribe.entrypoints.worker")
        remember(tmp_path, "worker-speech", service.pid)
        assert end_strays(tmp_path) == [service.pid]
        assert service.wait(10) == -9
        assert list(tmp_path.iterdir()) == []

    def test_leaves_a_stranger_with_that_number_alone(self, tmp_path: Path) -> None:
        stranger = start("somebody-else")
        try:
            remember(tmp_path, "api", stranger.pid)
            assert end_strays(tmp_path) == []
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()

    def test_does_not_mind_a_number_that_is_gone(self, tmp_path: Path) -> None:
        gone = start()
        gone.kill()
        gone.wait()
        remember(tmp_path, "api", gone.pid)
        (tmp_path / "broken.pid").write_text("nonsense")
        assert end_strays(tmp_path) == []
