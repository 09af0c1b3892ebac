"""The listening sockets of an installation, handed from process to process.

A connection that nobody has accepted yet is reset when its listening socket is closed. So the
sockets of a running installation are never closed while one process takes over from another: who
comes inherits them, or gets them over the supervisor's own socket, before who goes lets go.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence

import uvicorn

from opentranscribe.kit.errors import UnavailableError

#: Before the numbers of the sockets, on the command line of who inherits them.
FLAG = "--doors"
#: Connections that may wait until somebody answers.
BACKLOG = 2048
#: Who was let in just now gets this long to say what they want.
ARRIVAL_SECONDS = 0.05
#: A long download is heard or fetched to its end, where nobody waits for that.
LAST_ANSWERS_SECONDS = 60

Doors = Sequence[socket.socket]


class PortTakenError(UnavailableError):
    code = "port_taken"


def open_doors(host: str, ports: Iterable[int]) -> list[socket.socket]:
    """Listen at each of ``ports`` once. Raises PortTakenError; then none of them is open."""
    opened: list[socket.socket] = []
    for port in dict.fromkeys(ports):
        door = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        opened.append(door)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
            door.listen(BACKLOG)
        except OSError as error:
            close(opened)
            raise PortTakenError(
                f"Nothing can listen at {host}, port {port}: {error.strerror}. Choose another with"
                " OPENTR_FRONTEND_PORT and OPENTR_BACKEND_PORT."
            ) from error
    return opened


def words_for(doors: Doors) -> list[str]:
    """Behind the command of a process that is given them with ``pass_fds``."""
    return [FLAG, ",".join(str(door.fileno()) for door in doors)] if doors else []


def inherited_doors(words: Sequence[str]) -> list[socket.socket]:
    """What the command line of this process hands it; empty when it names none."""
    if FLAG not in words:
        return []
    numbers = words[words.index(FLAG) + 1].split(",")
    doors = [socket.socket(fileno=int(number)) for number in numbers]
    for door in doors:
        door.set_inheritable(False)
    return doors


def close(doors: Doors) -> None:
    for door in doors:
        door.close()


class PoliteServer(uvicorn.Server):
    """Stops without a reset: whoever was let in before is answered first."""

    def let_go(self, *_: object) -> None:
        """A handler of signals: stop, but nobody comes any more, as others are asked, so that answers
        under way need not be cut off."""
        self.config.timeout_graceful_shutdown = LAST_ANSWERS_SECONDS
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        close(sockets or [])
        await asyncio.sleep(ARRIVAL_SECONDS)
        await super().shutdown()
