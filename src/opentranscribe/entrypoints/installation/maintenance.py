"""Answers visitors on the installation's ports while none of its own processes does."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import uvicorn

from opentranscribe.edge.fence import Maintenance
from opentranscribe.entrypoints.doors import Doors, PoliteServer


class MaintenanceServer:
    """A thread of the process that updates, so that it is gone when that one dies."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, doors: Doors) -> None:
        """At ``doors``, which stay open when it stops."""
        if self._server is not None:
            return
        sockets = [door.dup() for door in doors]
        config = uvicorn.Config(
            Maintenance(self._state_dir),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = server = PoliteServer(config)
        self._thread = threading.Thread(
            target=lambda: server.run(sockets=sockets), name="maintenance", daemon=True
        )
        self._thread.start()
        while not server.started and self._thread.is_alive():
            time.sleep(0.01)

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(5)
        self._server = self._thread = None
