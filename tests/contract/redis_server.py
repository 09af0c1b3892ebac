"""A real Redis for the tests, with a password, in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from tests.integration.supervisor.installation import free_port

PASSWORD = "only for these tests"
PROGRAMS = ("valkey-server", "redis-server")


@dataclass
class RedisServer:
    folder: Path
    program: str
    port: int
    #: Where it listens, and words before its command that put it there.
    host: str = "127.0.0.1"
    prefix: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"redis://:{PASSWORD.replace(' ', '%20')}@{self.host}:{self.port}/0"

    def start(self) -> None:
        words = ("--requirepass", PASSWORD, "--dir", str(self.folder), "--appendonly", "yes")
        self.process = subprocess.Popen(
            [*self.prefix, self.program, "--port", str(self.port), "--bind", self.host, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                self.client().ping()
            except redis.RedisError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("redis does not start")

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.address, socket_timeout=2)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def lose_everything(self) -> None:
        self.kill()
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)


def make_server(folder: Path, host: str = "127.0.0.1", prefix: Sequence[str] = ()) -> RedisServer:
    """Skips the test, and says so, on a machine without Redis or Valkey."""
    found = next((name for name in PROGRAMS if shutil.which(name)), None)
    if found is None:
        pytest.skip("SKIPPED, no redis-server or valkey-server on this machine")
    return RedisServer(folder, found, free_port(), host, prefix)
