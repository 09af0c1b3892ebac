"""One service that is kept running: spawned, watched, restarted with back-off, stopped in time."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opentranscribe.entrypoints.supervisor import standby
from opentranscribe.entrypoints.supervisor.logs import open_log
from opentranscribe.entrypoints.supervisor.strays import remember

PR_SET_PDEATHSIG = 1
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
#: After running this long a service is taken to be well and its back-off starts anew.
WELL_AFTER_SECONDS = 30.0


@dataclass
class Child:
    """``ready`` answers whether the running process serves; None means as soon as it runs."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    log_dir: Path
    run_dir: Path
    stop_seconds: float = 20.0
    ready: Callable[[], Awaitable[bool]] | None = None
    #: Descriptors that every process of it inherits.
    inherits: Sequence[int] = ()
    process: asyncio.subprocess.Process | None = None
    state: str = "stopped"
    since: float = field(default_factory=time.time)
    restarts: int = 0
    #: Loaded already, waiting to be the next process of this service.
    waiting: asyncio.subprocess.Process | None = None
    _wanted: bool = False
    _failures: int = 0

    async def keep_running(self) -> None:
        """Run until ``stop``; a service that ends by itself is started again."""
        self._wanted = True
        while self._wanted:
            started = time.monotonic()
            await self._run_once()
            if not self._wanted:
                break
            if time.monotonic() - started > WELL_AFTER_SECONDS:
                self._failures = 0
            delay = BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS) - 1)]
            self._failures += 1
            self.restarts += 1
            self._turn("waiting to restart")
            await asyncio.sleep(delay)
        self._turn("stopped")

    async def _run_once(self) -> None:
        self.process = await self._take_waiting() or await self._spawn()
        remember(self.run_dir, self.name, self.process.pid)
        self._turn("starting")
        watch = asyncio.create_task(self._watch_ready())
        await self.process.wait()
        watch.cancel()
        self._end_group()

    async def warm_up(self) -> None:
        """Load its program; the next start only has to give the word."""
        self.waiting = await self._spawn(standby.FLAG, stdin=asyncio.subprocess.PIPE)

    async def _take_waiting(self) -> asyncio.subprocess.Process | None:
        process, self.waiting = self.waiting, None
        if process is None or process.stdin is None or process.returncode is not None:
            return None
        try:
            process.stdin.write(standby.WORD)
            await process.stdin.drain()
        except ConnectionError:
            return None
        process.stdin.close()
        return process

    async def _spawn(
        self, *words: str, stdin: int = asyncio.subprocess.DEVNULL
    ) -> asyncio.subprocess.Process:
        with open_log(self.log_dir, self.name) as log:
            return await asyncio.create_subprocess_exec(
                *self.command,
                *words,
                stdin=stdin,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
                pass_fds=self.inherits,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )

    async def _watch_ready(self) -> None:
        while self.ready is not None and not await self.ready():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
        self._turn("running")

    async def stop(self) -> None:
        """End it for good."""
        self._wanted = False
        await self._end("stopping")
        self._turn("stopped")

    async def restart(self) -> None:
        """End the process; ``keep_running`` brings up the next one."""
        self._failures = 0
        await self._end("restarting")

    async def _end(self, state: str) -> None:
        """Ask politely, then insist."""
        process = self.process
        if process is None or process.returncode is not None:
            return
        self._turn(state)
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self.stop_seconds)
        except TimeoutError:
            self._end_group()
            await process.wait()

    def _end_group(self) -> None:
        """Whatever the service itself had started goes with it."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _turn(self, state: str) -> None:
        if state != self.state:
            self.state, self.since = state, time.time()


def die_with_parent(signal_number: int) -> Callable[[], None] | None:
    """A preexec function with which Linux ends the child when its parent is gone."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "prctl"):
        return None

    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
