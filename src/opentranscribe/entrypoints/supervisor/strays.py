"""Services that outlived a supervisor which was killed: ended before the next start.

Linux ends them by itself; other systems do not, and a process that hangs heeds nobody.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

#: What the command line of every service of ours has in it.
OURS = "opentranscribe.entrypoints."


def remember(run_dir: Path, service: str, pid: int) -> None:
    _pid_file(run_dir, service).write_text(f"{pid}\n", encoding="utf-8")


def end_strays(run_dir: Path) -> list[int]:
    """Kill the process groups that the last supervisor started; only while holding the lock."""
    ended = []
    for file in run_dir.glob("*.pid"):
        written = file.read_text(encoding="utf-8").strip()
        pid = int(written) if written.isdigit() else 0
        if pid > 1 and OURS in _command_line(pid):
            os.killpg(pid, signal.SIGKILL)
            ended.append(pid)
        file.unlink()
    return ended


def is_alive(pid: int) -> bool:
    """Whether a process of ours has that number."""
    return "opentr" in _command_line(pid)


def _pid_file(run_dir: Path, service: str) -> Path:
    return run_dir / f"{service}.pid"


def _command_line(pid: int) -> str:
    """Empty when there is no such process; a number may have been given to a stranger since."""
    proc = Path("/proc")
    if (proc / "self").exists():
        try:
            return (proc / str(pid) / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return ""
    asked = subprocess.run(
        ["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False
    )
    return asked.stdout
