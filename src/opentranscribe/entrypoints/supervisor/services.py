"""The services of one installation: begun in order, ended, and begun again."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from opentranscribe.entrypoints.doors import Doors, words_for
from opentranscribe.entrypoints.supervisor.children import Child
from opentranscribe.entrypoints.supervisor.logs import last_line, log_path
from opentranscribe.entrypoints.supervisor.probes import answers_http
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.queue import GPU, QUEUES
from opentranscribe.settings import Settings, inherited_environment

#: What answers visitors; everything else works behind it.
API = "api"
#: A service that ended this often before it ever served is not tried again at start.
HOPELESS_STARTS = 4


class ServiceFailedError(UnavailableError):
    code = "service_failed"


class Services:
    """``children`` in the order in which they are begun, the API first."""

    def __init__(self, settings: Settings, doors: Doors) -> None:
        self._settings = settings
        self.children = make_children(settings, doors)
        self._kept: dict[str, asyncio.Task[None]] = {}
        self._is_stopping = False

    async def begin(self) -> None:
        """Those that do not run. One after the other: the page is there sooner when the workers do
        not load meanwhile. Raises ServiceFailedError."""
        for child in self.children:
            if child.name not in self._kept:
                self._kept[child.name] = asyncio.create_task(child.keep_running())
            await self._until_running(child)

    async def end(self, *, reads_too: bool = True) -> None:
        """What works first, then what answers; without ``reads_too`` visitors can go on reading."""
        api, *workers = self.children
        await asyncio.gather(*(self._end(child) for child in workers))
        if reads_too:
            await self._end(api)

    async def stop(self) -> None:
        """For good."""
        self._is_stopping = True
        await self.end()

    async def restart(self, name: str | None) -> None:
        chosen = [child for child in self.children if name in (None, child.name)]
        await asyncio.gather(*(child.restart() for child in chosen))

    def status(self) -> list[dict[str, Any]]:
        return [
            {
                "service": child.name,
                "state": child.state,
                "pid": child.process.pid if child.process else None,
                "since": child.since,
                "restarts": child.restarts,
            }
            for child in self.children
        ]

    async def _end(self, child: Child) -> None:
        await child.stop()
        if child.name in self._kept:
            self._kept.pop(child.name).cancel()

    async def _until_running(self, child: Child) -> None:
        """Raises ServiceFailedError for one that ends again and again without ever serving."""
        while not self._is_stopping and child.state != "running":
            await asyncio.sleep(0.02)
            if child.restarts >= HOPELESS_STARTS:
                log = log_path(self._settings.logs_dir, child.name)
                raise ServiceFailedError(
                    f"The service {child.name} does not start: {last_line(log)}\n"
                    f"See more with: ./opentr.sh logs {child.name}"
                )


def make_children(settings: Settings, doors: Doors) -> list[Child]:
    base = inherited_environment(
        OPENTR_HOME=str(settings.home), PYTHONUNBUFFERED="1", OMP_WAIT_POLICY="PASSIVE"
    )
    package = "opentranscribe.entrypoints"
    commands = {
        API: [f"{package}.server", *words_for(doors)],
        "worker-speech": [f"{package}.worker", "--queues", GPU],
        "worker-utility": [f"{package}.worker", "--queues", ",".join(QUEUES[1:])],
        "scheduler": [f"{package}.scheduler"],
    }
    children = [
        Child(name, [sys.executable, "-m", *words], base, settings.logs_dir, settings.run_dir)
        for name, words in commands.items()
    ]
    children[0].inherits = [door.fileno() for door in doors]
    address = settings.bind_host, settings.backend_port
    children[0].ready = lambda: answers_http(*address, "/livez")
    return children
