"""A container engine of the tests' own, with a local registry, from Debian's packages.

No public registry is needed: the images that others publish have stand-ins here, built from Debian
and under their official names, so that compose files and Dockerfiles are used as they are. What is
proven is our files and programs, not the official images.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from opentranscribe.entrypoints.supervisor.probes import is_free

NEEDED = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "docker-registry": "docker-registry",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
}
START_SECONDS = 30.0
#: Of this machine: what is typed in a test must never reach the model cache of who runs it.
NOT_HANDED_ON = frozenset({"PYTHONPATH", "MODEL_CACHE_DIR", "OPENTR_MODEL_CACHE_DIR"})
REGISTRY = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "{address}"}}
"""


class EngineError(RuntimeError):
    """There is no engine on this machine, for the reason given."""


def install_packages() -> None:
    """Where root may. Raises EngineError when something is still missing."""
    missing = {package for program, package in NEEDED.items() if shutil.which(program) is None}
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-qq"], ["install", "-qq", "--no-install-recommends", *missing]):
            subprocess.run(["apt-get", "-y", *words], env=quiet, capture_output=True, check=False)
    still = [program for program in NEEDED if shutil.which(program) is None]
    if still:
        raise EngineError(f"not installed: {', '.join(still)}")


@dataclass
class Engine:
    """``folder`` holds everything of it, ``kept`` what is worth keeping between runs."""

    folder: Path
    compose_plugin: Path
    registry: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    #: Releases of ours that this run has built, by version and wheel.
    built: set[tuple[str, Path]] = field(default_factory=set)
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Raises EngineError."""
        if os.geteuid() != 0:
            raise EngineError("only root can start one")
        install_packages()
        if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
            raise EngineError("another one runs here already, and two get in each other's way")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._start_registry()
        self._start_daemon()
        plugins = self.folder / "client" / "cli-plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        (plugins / "docker-compose").unlink(missing_ok=True)
        (plugins / "docker-compose").symlink_to(self.compose_plugin)

    def stop(self) -> None:
        containers = self.docker("ps", "-aq", check=False).split()
        if containers:
            self.docker("rm", "-fv", *containers, check=False)
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        self._unmount()

    def docker(
        self, *words: str, check: bool = True, stdin: str | None = None, seconds: float = 900.0
    ) -> str:
        """What it printed. Raises AssertionError with its last words when it fails."""
        done = subprocess.run(
            ["docker", *words],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        last = (done.stderr + done.stdout)[-3000:]
        assert not check or done.returncode == 0, f"docker {' '.join(words[:3])}: {last}"
        return done.stdout

    def has(self, tag: str) -> bool:
        return bool(self.docker("images", "--quiet", tag).strip())

    def build(self, context: Path, dockerfile: Path, tag: str, **arguments: str) -> None:
        given = [
            word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")
        ]
        self.docker("build", "-q", "-t", tag, "-f", str(dockerfile), *given, str(context))

    def publish(self, tag: str) -> None:
        """To the local registry, which answers for the public one as well."""
        path = tag if "/" in tag.split(":", maxsplit=1)[0] else f"library/{tag}"
        self.docker("tag", tag, f"{self.registry}/{path}")
        self.docker("push", "-q", f"{self.registry}/{path}")

    def _start_registry(self) -> None:
        self.registry = f"127.0.0.1:{_free_port()}"
        settings = self.folder / "registry.yml"
        settings.write_text(REGISTRY.format(folder=self.folder / "registry", address=self.registry))
        self._spawn("registry", "docker-registry", "serve", str(settings))

    def _start_daemon(self) -> None:
        address = f"unix://{self.folder}/docker.sock"
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in NOT_HANDED_ON},
            "DOCKER_HOST": address,
            "DOCKER_CONFIG": str(self.folder / "client"),
            "DOCKER_BUILDKIT": "0",
        }
        daemon = self._spawn(
            "dockerd",
            "dockerd",
            f"--data-root={self.folder}/data",
            f"--exec-root={self.folder}/exec",
            f"--pidfile={self.folder}/docker.pid",
            f"--registry-mirror=http://{self.registry}",
            f"--host={address}",
        )
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and daemon.poll() is None:
            if "ERROR" not in self.docker("info", "--format", "{{.ServerErrors}}", check=False):
                done = subprocess.run(
                    ["docker", "version"], env=self.environment, capture_output=True, check=False
                )
                if done.returncode == 0:
                    return
            time.sleep(0.2)
        self.stop()
        last = (self.folder / "dockerd.log").read_text().strip().splitlines()[-1:]
        raise EngineError(f"dockerd does not start: {' '.join(last)[-300:]}")

    def _spawn(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._processes.append(process)
        return process

    def _unmount(self) -> None:
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted(mounts, reverse=True):
            if mount.startswith(str(self.folder)):
                subprocess.run(["umount", mount], check=False)


def _free_port() -> int:
    """Below those that the system gives to connections, so that nothing takes it meanwhile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
    return next(port for port in range(5000, 30_000) if is_free("127.0.0.1", port))
