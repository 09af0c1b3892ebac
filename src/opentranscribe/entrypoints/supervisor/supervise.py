"""The supervisor process: database, migration, then the services, in order and back."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from opentranscribe import __version__
from opentranscribe.entrypoints.doors import Doors, inherited_doors, open_doors
from opentranscribe.entrypoints.leftovers import sweep_leftovers
from opentranscribe.entrypoints.supervisor import control
from opentranscribe.entrypoints.supervisor.logs import log_path, open_log
from opentranscribe.entrypoints.supervisor.migration import bring_to_this_release
from opentranscribe.entrypoints.supervisor.postgres import (
    EmbeddedPostgres,
    PostgresError,
    wheel_binaries,
)
from opentranscribe.entrypoints.supervisor.secret_files import ensure_secret, private_folder
from opentranscribe.entrypoints.supervisor.services import Services
from opentranscribe.entrypoints.supervisor.setup_offer import offer_setup
from opentranscribe.entrypoints.supervisor.standby import FLAG, is_told_to_begin
from opentranscribe.entrypoints.supervisor.strays import end_strays, is_alive
from opentranscribe.features.upgrade.requests import note_begun, take
from opentranscribe.kit.errors import AppError, ConflictError
from opentranscribe.kit.fence import Fence
from opentranscribe.settings import Settings, inherited_environment

#: Exit code of a supervisor that found another one on its folder.
ALREADY_RUNNING = 3


#: Commands of ``opentr`` for what may be asked for on the page.
UPDATE_WORDS = {
    "check": ("update", "--dry-run", "--for-page"),
    "update": ("update", "--yes"),
    "rollback": ("rollback", "--yes"),
}


class AlreadyRunningError(ConflictError):
    code = "already_running"


class Supervisor:
    """Owns the data folder while it lives. ``phase`` tells a waiting ``start`` how far it is."""

    def __init__(self, settings: Settings, doors: Doors) -> None:
        self.settings = settings
        self.doors = doors
        self.database_since = time.time()
        self.database_restarts = 0
        self.phase = "preparing"
        self.error: AppError | None = None
        self._going_on: asyncio.Task[None] | None = None
        self.postgres: EmbeddedPostgres | None = None
        self.services = Services(settings, doors)
        self._stopping = asyncio.Event()
        # One thread for as long as we live: PostgreSQL is told to end when the thread ends that
        # started it, which must not be one of a pool that comes and goes.
        self._database_thread = ThreadPoolExecutor(1, thread_name_prefix="database")

    async def run(self) -> None:
        """Until told to stop. Raises AppError when the start fails."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        server = await control.serve(self.settings.sockets_dir, self._answer, self.doors)
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._in_database_thread(self._bring_up_database)
            tasks.append(asyncio.create_task(self._watch_database()))
            tasks.append(asyncio.create_task(self._watch_update()))
            await self._begin_services()
            await self._stopping.wait()
            if self.error:
                raise self.error
        finally:
            self.phase = "stopping"
            await self.services.stop()
            for task in tasks:
                task.cancel()
            if self.postgres:
                await self._in_database_thread(self.postgres.stop)
            self._database_thread.shutdown()
            server.close()

    async def _begin_services(self) -> None:
        self.phase = "starting the services"
        begun = asyncio.create_task(self.services.begin())
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((begun, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if self._stopping.is_set():
            begun.cancel()
            return
        await begun
        await self._offer_setup()
        self.phase = "running"

    async def _in_database_thread(self, act: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._database_thread, act)

    def _bring_up_database(self) -> None:
        if self.settings.uses_embedded_postgres:
            self.phase = "starting the database"
            self.postgres = embedded_postgres(self.settings)
            self._start_postgres()
        with open_log(self.settings.logs_dir, "migrate") as log:

            def report(line: object) -> None:
                log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n".encode())

            bring_to_this_release(self.settings, self._say_phase, report)
            sweep_leftovers(self.settings, self.settings.sqlalchemy_url, report)

    def _say_phase(self, phase: str) -> None:
        self.phase = phase

    async def _watch_database(self) -> None:
        """Bring a database that died back; its clients reconnect by themselves."""
        while self.postgres is not None and not self._stopping.is_set():
            await asyncio.sleep(0.5)
            process = self.postgres.process
            if process is None or process.poll() is None:
                continue
            self.database_restarts += 1
            self.database_since = time.time()
            try:
                await self._in_database_thread(self._start_postgres)
            except PostgresError as error:
                sys.stderr.write(f"{error.message} Trying again.\n")

    async def _watch_update(self) -> None:
        """What an administrator asked for on the page is begun; and an update whose process died
        is taken up, which would hold visitors for ever otherwise."""
        fence = Fence(self.settings.update_dir / "fence.json")
        while not self._stopping.is_set():
            await asyncio.sleep(1.0)
            request = take(self.settings.update_dir)
            if request is not None:
                version = ["--version", request.version] if request.version else []
                pid = await self._spawn_updater(*UPDATE_WORDS[request.verb], *version)
                note_begun(self.settings.update_dir, request, pid)
            owner = fence.owner
            if owner is not None and not is_alive(owner):
                await self._spawn_updater("resume")
                await asyncio.sleep(10.0)

    async def _spawn_updater(self, *words: str) -> int:
        """A process of its own, because it will stop this one; its id."""
        with open_log(self.settings.logs_dir, "update") as log:
            begun = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "opentranscribe.entrypoints.cli.main", *words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=inherited_environment(OPENTR_HOME=str(self.settings.home)),
                start_new_session=True,
            )
        return begun.pid

    def _start_postgres(self) -> None:
        if self.postgres is not None and not self._stopping.is_set():
            self.postgres.start(log_path(self.settings.logs_dir, "postgres"))

    async def _offer_setup(self) -> None:
        port = self.settings.backend_port
        await asyncio.to_thread(offer_setup, self.settings.secrets_dir, port)

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        verb, name = request.get("do"), request.get("service")
        if verb == "stop":
            self._stopping.set()
        elif verb == "restart":
            await self.services.restart(name)
        elif verb == "pause":
            self.phase = "paused"
            await self.services.end(reads_too=bool(request.get("reads_too")))
        elif verb == "go_on" and self.phase == "paused":
            self._going_on = asyncio.create_task(self._go_on())
        return self._status()

    async def _go_on(self) -> None:
        try:
            await self._begin_services()
        except AppError as error:
            self.error = error
            self._stopping.set()

    def _status(self) -> dict[str, Any]:
        services = self.services.status()
        if self.postgres is not None:
            process = self.postgres.process
            alive = process is not None and process.poll() is None
            services.insert(
                0,
                {
                    "service": "postgres",
                    "state": "running" if alive else "starting",
                    "pid": process.pid if process else None,
                    "since": self.database_since,
                    "restarts": self.database_restarts,
                },
            )
        return {
            "phase": self.phase,
            "pid": os.getpid(),
            "version": __version__,
            "frontend_port": self.settings.frontend_port,
            "backend_port": self.settings.backend_port,
            "services": services,
        }


def embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    """The installation's own server; its password is made on first use."""
    return EmbeddedPostgres(
        settings.postgres_dir,
        settings.postgres_socket_dir,
        ensure_secret(settings.secrets_dir, "postgres"),
        settings.postgres_bin or wheel_binaries(),
    )


@contextmanager
def data_folder_lock(settings: Settings) -> Iterator[None]:
    """One supervisor a data folder, however it dies. Raises AlreadyRunningError."""
    private_folder(settings.data_dir)
    for folder in (settings.run_dir, settings.logs_dir, settings.scratch_dir):
        private_folder(folder)
    with (settings.run_dir / "lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunningError(
                f"OpenTranscribe is already running on {settings.data_dir}. "
                "See it with: ./opentr.sh status"
            ) from error
        handle.truncate(0)
        handle.write(json.dumps({"pid": os.getpid(), "since": time.time()}))
        handle.flush()
        yield


async def supervise(settings: Settings) -> int:
    """Until told to stop; what went wrong is left in ``run/failure`` for ``start``.

    Raises AlreadyRunningError.
    """
    doors = inherited_doors(sys.argv)
    api = Services(settings, doors).children[0]
    if FLAG in sys.argv:
        await api.warm_up()
    if not await asyncio.to_thread(is_told_to_begin):
        return 0
    # Only now: while this process waited, the settings may have become those of this release.
    settings = Settings.load()
    with data_folder_lock(settings):
        failure = settings.run_dir / "failure"
        failure.unlink(missing_ok=True)
        end_strays(settings.run_dir)
        try:
            ports = settings.frontend_port, settings.backend_port
            supervisor = Supervisor(settings, doors or open_doors(settings.bind_host, ports))
            supervisor.services.children[0].waiting = api.waiting
            await supervisor.run()
        except AppError as error:
            failure.write_text(error.message, encoding="utf-8")
            return 1
    return 0


def main() -> int:
    try:
        return asyncio.run(supervise(Settings.load()))
    except AlreadyRunningError as error:
        sys.stderr.write(f"{error.message}\n")
        return ALREADY_RUNNING


if __name__ == "__main__":
    sys.exit(main())
