"""The program and its servers as real processes, each on a host of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.contract.opensearch_node import OpenSearchNode
from tests.contract.redis_server import RedisServer, make_server
from tests.contract.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed, make_store
from tests.integration.distributed.network import HERE, SUBNET, Host, Network

import opentranscribe
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres

PORT = 5174
REPLICAS, WORKERS = 2, 3
ENTRYPOINTS = "opentranscribe.entrypoints"


class ReachablePostgres(EmbeddedPostgres):
    """One that other hosts of the test reach."""

    def make(self) -> None:
        super().make()
        with (self.data_dir / "pg_hba.conf").open("a", encoding="utf-8") as rules:
            rules.write(f"host all all {SUBNET}.0/24 scram-sha-256\n")

    def command(self, bin_dir: Path) -> list[str]:
        return [*super().command(bin_dir), f"-clisten_addresses={HERE}"]

    def address(self, database: str) -> str:
        return f"postgresql://postgres:{self.password}@{HERE}:5432/{database}"


@dataclass
class Machine:
    """A process on a host, which can be killed and started again, paused, or cut off."""

    host: Host
    start: Callable[[], None]
    pid: Callable[[], int]
    kill: Callable[[], None]


@dataclass
class Program:
    """One process of ours."""

    host: Host
    words: Sequence[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        command = [*self.host.prefix, sys.executable, "-m", *self.words]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        """With its children, as a machine dies."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def pid(self) -> int:
        return pid_of(self.process)


def pid_of(process: subprocess.Popen[bytes] | None) -> int:
    assert process is not None
    return process.pid


@dataclass
class Machines:
    """Everything that runs, by name."""

    network: Network
    home: Path
    database: str
    redis: RedisServer
    objects: Seaweed
    opensearch: OpenSearchNode
    programs: dict[str, Program] = field(default_factory=dict)
    servers: dict[str, Host] = field(default_factory=dict)

    @property
    def backends(self) -> list[str]:
        names = sorted(name for name in self.programs if name.startswith("backend"))
        return [f"http://{self.programs[name].host.address}:{PORT}" for name in names]

    def __getitem__(self, name: str) -> Machine:
        if name in self.programs:
            program = self.programs[name]
            return Machine(program.host, program.start, program.pid, program.kill)
        servers: dict[str, RedisServer | Seaweed | OpenSearchNode] = {
            "redis": self.redis,
            "objects": self.objects,
            "opensearch": self.opensearch,
        }
        server = servers[name]
        return Machine(
            self.servers[name], server.start, lambda: pid_of(server.process), server.kill
        )

    def add(self, name: str, *words: str, queues: str = "") -> None:
        host = self.network.add(name)
        environment = os.environ | {
            "PYTHONPATH": str(Path(opentranscribe.__file__).parents[1]),
            "OPENTR_HOME": str(self.home),
            "OPENTR_PROFILE": "distributed",
            "DATABASE_URL": self.database,
            "REDIS_URL": self.redis.address,
            "OPENTR_OPENSEARCH_URL": self.opensearch.address,
            "OPENTR_S3_ENDPOINT": self.objects.address,
            "OPENTR_S3_ACCESS_KEY": ACCESS_KEY,
            "OPENTR_S3_SECRET_KEY": SECRET_KEY,
            "OPENTR_BIND_HOST": "0.0.0.0",
            "OPENTR_BACKEND_PORT": str(PORT),
            "OPENTR_FRONTEND_PORT": str(PORT - 1),
            "OPENTR_RECOGNIZER_ENGINE": "scripted",
            "OPENTR_DIARIZER_ENGINE": "scripted",
            "OPENTR_ENCODER_ENGINE": "scripted",
            "OPENTR_OFFLINE": "true",
        }
        log = self.home / f"{name}.log"
        self.programs[name] = Program(host, words, environment, log)

    def start(self) -> None:
        for number in range(1, REPLICAS + 1):
            self.add(f"backend{number}", f"{ENTRYPOINTS}.server")
        for number in range(1, WORKERS + 1):
            self.add(f"worker{number}", f"{ENTRYPOINTS}.worker")
        for number in (1, 2):
            self.add(f"scheduler{number}", f"{ENTRYPOINTS}.scheduler")
        for program in self.programs.values():
            program.start()
        for address in self.backends:
            wait_for_port(address)

    def stop(self) -> None:
        for program in self.programs.values():
            program.kill()
        self.redis.kill()
        self.objects.kill()
        self.opensearch.stop()


def wait_for_port(address: str, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{address}/livez", timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"{address} does not answer")


def make_machines(network: Network, home: Path, postgres: ReachablePostgres) -> Machines:
    hosts = {name: network.add(name) for name in ("redis", "objects", "opensearch")}
    folders = {name: home.parent / name for name in hosts}
    for folder in folders.values():
        folder.mkdir()
    where = {name: (host.address, host.prefix) for name, host in hosts.items()}
    redis = make_server(folders["redis"], *where["redis"])
    objects = make_store(folders["objects"], *where["objects"])
    node = OpenSearchNode(host=where["opensearch"][0], prefix=where["opensearch"][1])
    redis.start()
    objects.start()
    database = postgres.address("postgres")
    return Machines(network, home, database, redis, objects, node, servers=hosts)
