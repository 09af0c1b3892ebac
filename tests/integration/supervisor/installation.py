"""A whole installation in a folder, driven by its own command line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import opentranscribe
from opentranscribe.entrypoints.supervisor.probes import fetch_json


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(claim: Callable[[], Any], seconds: float = 40.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if claim():
            return True
        time.sleep(0.1)
    return False


@dataclass
class Installation:
    home: Path

    def run(self, *words: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """``before`` is a program that runs it."""
        return subprocess.run(
            [*before, sys.executable, "-m", "opentranscribe.entrypoints.cli.main", *words],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        source = str(Path(opentranscribe.__file__).parents[1])
        own = {"OPENTR_HOME": str(self.home), "PYTHONPATH": source, "COLUMNS": "200"}
        return {**os.environ, **own}

    def status(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return content

    def pids(self) -> dict[str, int]:
        return {one["service"]: one["pid"] for one in self.status()["services"]}

    def health(self) -> dict[str, Any] | None:
        return fetch_json(f"http://127.0.0.1:{self.status()['backend_port']}/api/health")

    def is_healthy(self) -> bool:
        return (self.health() or {}).get("status") == "healthy"

    def processes(self) -> list[psutil.Process]:
        """Whatever works for this folder: found by its environment and its command lines."""
        found = []
        for process in psutil.process_iter():
            try:
                about = f"{process.environ().get('OPENTR_HOME')} {' '.join(process.cmdline())}"
            except psutil.Error:
                continue
            if str(self.home) in about and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found
