"""Talking to the running supervisor: one JSON line each way over a private Unix socket."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from opentranscribe.entrypoints.supervisor.secret_files import private_folder
from opentranscribe.kit.errors import UnavailableError

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


#: What the descriptors travel with, ahead of the answer.
DOORS_WORD = b"doors\n"
MOST_DOORS = 8


class NotRunningError(UnavailableError):
    code = "not_running"


def socket_path(sockets_dir: Path) -> Path:
    return sockets_dir / "supervisor.sock"


async def serve(
    sockets_dir: Path, answer: Answer, doors: Sequence[socket.socket] = ()
) -> asyncio.AbstractServer:
    """Listen for requests; only the owner of the folder can connect. Who asks for the doors is
    given ``doors``."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            if request.get("do") == "doors":
                _hand_over(writer, doors)
            writer.write(json.dumps(await answer(request)).encode() + b"\n")
            await writer.drain()
        except (ValueError, ConnectionError):
            pass
        finally:
            writer.close()

    path = socket_path(private_folder(sockets_dir))
    path.unlink(missing_ok=True)
    return await asyncio.start_unix_server(handle, str(path))


def ask(sockets_dir: Path, request: dict[str, Any], seconds: float = 60.0) -> dict[str, Any]:
    """Raises NotRunningError when nobody answers."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(seconds)
    try:
        with connection:
            connection.connect(str(socket_path(sockets_dir)))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
    except OSError as error:
        raise NotRunningError(
            "OpenTranscribe is not running here. Start it with: ./opentr.sh start"
        ) from error
    if not line:
        raise NotRunningError("The supervisor ended before it answered.")
    answer: dict[str, Any] = json.loads(line)
    return answer


def ask_for_doors(sockets_dir: Path, seconds: float = 10.0) -> list[socket.socket]:
    """The listening sockets of what runs, to keep them open while it is stopped; empty when nobody
    has any."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(seconds)
    try:
        with connection:
            connection.connect(str(socket_path(sockets_dir)))
            connection.sendall(b'{"do": "doors"}\n')
            _, numbers, _, _ = socket.recv_fds(connection, len(DOORS_WORD), MOST_DOORS)
    except OSError:
        return []
    return [socket.socket(fileno=number) for number in numbers]


def _hand_over(writer: asyncio.StreamWriter, doors: Sequence[socket.socket]) -> None:
    """The event loop's own socket cannot send descriptors; one of the same connection can."""
    transport = writer.transport.get_extra_info("socket")
    with socket.socket(fileno=os.dup(transport.fileno())) as connection:
        socket.send_fds(connection, [DOORS_WORD], [door.fileno() for door in doors])
