"""Upgrades in processes of their own, which may be stopped and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

from opentranscribe.schema.migrations import runner
from opentranscribe.settings import inherited_environment

ROOT = Path(__file__).parents[2]


def start_process(url: str, last: int = -1) -> subprocess.Popen[str]:
    """See `dying_upgrade`."""
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, "-m", "tests.upgrade.dying_upgrade", url, str(last)],
        cwd=ROOT,
        env=inherited_environment(PYTHONPATH=paths),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def die_after_statement(url: str, last: int) -> bool:
    """Upgrades in a forked process that kills itself after its ``last``th statement; whether it got
    that far."""
    child = os.fork()
    if child == 0:
        _run_until(url, last)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _run_until(url: str, last: int) -> None:
    execute: Any = psycopg.Connection.execute
    count = 0

    def execute_and_count(self: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal count
        result = execute(self, *arguments, **named)
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(psycopg.Connection, "execute", execute_and_count)  # noqa: B010 - for this process only
    try:
        runner.upgrade(url)
    finally:
        os._exit(0)
