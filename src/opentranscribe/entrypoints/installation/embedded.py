"""The port ``deployment`` on one machine: the supervisor, its data folder, releases as folders."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from opentranscribe.entrypoints.doors import PortTakenError, close, open_doors, words_for
from opentranscribe.entrypoints.installation.maintenance import MaintenanceServer
from opentranscribe.entrypoints.installation.releases import Releases
from opentranscribe.entrypoints.installation.sources import find_wheel
from opentranscribe.entrypoints.supervisor import control, standby, supervise
from opentranscribe.entrypoints.supervisor.logs import log_path
from opentranscribe.entrypoints.supervisor.secret_files import private_folder
from opentranscribe.entrypoints.supervisor.strays import end_strays
from opentranscribe.ports.deployment import DeploymentError, Release
from opentranscribe.ports.progress import Progress
from opentranscribe.settings import Settings, inherited_environment

STOP_SECONDS = 60.0
#: A start is given up when nothing moved for this long, however long it takes in all.
STILL_SECONDS = 90.0
#: What the environment of one release must not tell the processes of another.
OWN_VARIABLES = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}


class EmbeddedDeployment:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._releases = Releases(settings.data_dir)
        self._database = ExitStack()
        self._database_url = ""
        self._waiting: tuple[str, subprocess.Popen[bytes]] | None = None
        self.ports = _ports_in_use(settings)
        self._doors: list[socket.socket] = []
        self._maintenance = MaintenanceServer(settings.update_dir)

    def current(self) -> Release:
        return self._releases.current()

    def find(self, name: str) -> Release:
        return self._releases.find(name)

    def fetch(self, source: str, version: str, progress: Progress) -> Release:
        downloads = self._settings.update_dir / "downloads"
        wheel, packages = find_wheel(source, version, downloads)
        return self._releases.install(wheel, packages, progress)

    def run(
        self,
        release: Release,
        words: Sequence[str],
        environment: Mapping[str, str],
        *,
        seconds: float | None = None,
    ) -> str:
        try:
            done = subprocess.run(
                [str(self._releases.program(release, "opentr")), *words],
                env=self._environment(**environment),
                cwd=self._settings.home,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DeploymentError(
                f"opentr {' '.join(words)} of {release.version} did not end within {seconds:.0f} s."
            ) from error
        if done.returncode != 0 and not (done.returncode == 1 and done.stdout.startswith("{")):
            last = (done.stderr or done.stdout).strip()[-2000:]
            raise DeploymentError(last or f"opentr {words[0]} failed ({done.returncode}).")
        return done.stdout

    def is_running(self) -> bool:
        return self._status() is not None

    def warm_up(self, release: Release) -> None:
        self._dismiss_waiting()
        self._hold_doors()
        self._waiting = release.name, self._spawn(release, standby.FLAG)

    def pause(self, *, reads_too: bool) -> None:
        status = self._status()
        if status is None:
            return
        control.ask(self._settings.sockets_dir, {"do": "pause", "reads_too": reads_too})
        status = self._status()
        # An earlier release's supervisor does not know the word.
        if status is None or status["phase"] != "paused":
            self.stop()

    def stop(self) -> None:
        """Politely first. Whatever outlives that is ended, as after a crash."""
        status = self._status()
        if status is not None:
            control.ask(self._settings.sockets_dir, {"do": "stop"})
        until = time.monotonic() + STOP_SECONDS
        while not self._is_free():
            if time.monotonic() > until:
                self._kill(status)
                until = time.monotonic() + STOP_SECONDS
            time.sleep(0.05)

    def start(self, release: Release) -> None:
        process = None
        if self._is_free():
            process = self._take_waiting(release) or self._spawn(release)
        else:
            # An interrupted start left it behind, it was never stopped, or only paused.
            control.ask(self._settings.sockets_dir, {"do": "go_on"})
        self._dismiss_waiting()
        self._wait_until_running(release, process)

    def switch(self, release: Release) -> None:
        self._releases.switch(release)

    def open_database(self) -> str:
        if self._database_url:
            return self._database_url
        settings = self._settings
        if settings.uses_embedded_postgres and not self.is_running():
            self._database.enter_context(supervise.data_folder_lock(settings))
            end_strays(settings.run_dir)
            server = supervise.embedded_postgres(settings)
            self._database.callback(server.stop)
            server.start(log_path(settings.logs_dir, "postgres"))
            self._database_url = settings.sqlalchemy_url
        return settings.sqlalchemy_url

    def close_database(self) -> None:
        self._database.close()
        self._database_url = ""

    def show_maintenance(self) -> None:
        self._hold_doors()
        self._maintenance.start(self._doors)

    def hide_maintenance(self) -> None:
        self._maintenance.stop()
        close(self._doors)
        self._doors = []

    def _hold_doors(self) -> None:
        """From now on they stay open, whoever stops. Another program may have taken a port; that
        must not stop an update."""
        if self._doors:
            return
        self._doors = control.ask_for_doors(self._settings.sockets_dir)
        if not self._doors:
            with suppress(PortTakenError):
                self._doors = open_doors(self._settings.bind_host, self.ports)

    def _status(self) -> dict[str, Any] | None:
        try:
            return control.ask(self._settings.sockets_dir, {"do": "status"}, seconds=10)
        except control.NotRunningError:
            return None

    def _is_free(self) -> bool:
        """Whether no supervisor holds the data folder."""
        if self._database_url:
            return True
        try:
            with supervise.data_folder_lock(self._settings):
                return True
        except supervise.AlreadyRunningError:
            return False

    def _kill(self, status: dict[str, Any] | None) -> None:
        if status is not None:
            os.kill(int(status["pid"]), signal.SIGKILL)

    def _take_waiting(self, release: Release) -> subprocess.Popen[bytes] | None:
        """The loaded one, told to begin; None when there is none that could."""
        if self._waiting is None:
            return None
        name, process = self._waiting
        if name != release.name or process.poll() is not None or process.stdin is None:
            return None
        (self._settings.run_dir / "failure").unlink(missing_ok=True)
        try:
            process.stdin.write(standby.WORD)
            process.stdin.close()
        except OSError:
            return None
        self._waiting = None
        return process

    def _dismiss_waiting(self) -> None:
        if self._waiting is not None:
            process = self._waiting[1]
            self._waiting = None
            process.kill()
            process.wait()

    def _spawn(self, release: Release, *words: str) -> subprocess.Popen[bytes]:
        private_folder(self._settings.logs_dir)
        (self._settings.run_dir / "failure").unlink(missing_ok=True)
        python = self._releases.program(release, "python")
        with log_path(self._settings.logs_dir, "supervisor").open("ab") as log:
            return subprocess.Popen(
                [str(python), "-m", supervise.__name__, *words, *words_for(self._doors)],
                pass_fds=[door.fileno() for door in self._doors],
                stdin=subprocess.PIPE if words else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(
                    OPENTR_FRONTEND_PORT=str(self.ports[0]),
                    OPENTR_BACKEND_PORT=str(self.ports[1]),
                ),
                start_new_session=True,
                cwd=self._settings.home,
            )

    def _wait_until_running(
        self, release: Release, process: subprocess.Popen[bytes] | None
    ) -> None:
        """As long as something moves: a slow start is no failed one."""
        seen: object = None
        until = time.monotonic() + STILL_SECONDS
        while time.monotonic() < until:
            status = self._status()
            if ("api", "running") in _states(status):
                # The program answers for itself from here on.
                self.hide_maintenance()
            if status and status["phase"] == "running":
                self._require_version(release, status)
                return
            if process is not None and process.poll() is not None:
                raise DeploymentError(self._reason(release))
            moved = (status or {}).get("phase"), _states(status)
            if moved != seen:
                seen, until = moved, time.monotonic() + STILL_SECONDS
            time.sleep(0.05)
        raise DeploymentError(f"{release.version} does not come up; see ./opentr.sh logs")

    def _require_version(self, release: Release, status: dict[str, Any]) -> None:
        running = f"v{str(status['version']).removeprefix('v')}"
        if running != release.version:
            raise DeploymentError(f"{running} is running where {release.version} should be.")

    def _reason(self, release: Release) -> str:
        failure = self._settings.run_dir / "failure"
        if failure.exists():
            return f"{release.version} does not start: {failure.read_text(encoding='utf-8')}"
        return f"{release.version} does not start; see ./opentr.sh logs supervisor"

    def _environment(self, **extra: str) -> dict[str, str]:
        own = inherited_environment(OPENTR_HOME=str(self._settings.home), **extra)
        return {name: value for name, value in own.items() if name not in OWN_VARIABLES}


def _states(status: dict[str, Any] | None) -> tuple[tuple[str, str], ...]:
    services = (status or {}).get("services", [])
    return tuple((one["service"], one["state"]) for one in services)


def _ports_in_use(settings: Settings) -> tuple[int, int]:
    """Those that the running supervisor has, which may be others than were asked for."""
    try:
        status = control.ask(settings.sockets_dir, {"do": "status"}, seconds=10)
    except control.NotRunningError:
        return settings.frontend_port, settings.backend_port
    return int(status["frontend_port"]), int(status["backend_port"])
