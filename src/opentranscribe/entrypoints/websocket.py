"""Live notices to open pages: one listener for the process, one queue for each socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import anyio.to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocket, WebSocketDisconnect

from opentranscribe.edge.cookies import SESSION_COOKIE
from opentranscribe.edge.origins import is_own_origin
from opentranscribe.edge.state import Caller
from opentranscribe.entrypoints.authentication import LONGEST_TOKEN, Authenticator
from opentranscribe.features.accounts.service import SESSION_REVOKED
from opentranscribe.kit.errors import UnauthenticatedError
from opentranscribe.ports.notices import Notice, Notices

log = logging.getLogger(__name__)

REQUIRED, MALFORMED, INVALID = 4001, 4002, 4003
FIRST_MESSAGE_SECONDS = 10.0
RECHECK_SECONDS = 30.0
LONGEST_MESSAGE = 64 * 1024
#: A page that takes nothing for this many notices is not reading; it reconnects and reloads.
QUEUE_LENGTH = 500
TOO_SLOW = 1013


class Refusal(Exception):  # noqa: N818 - a decision, not a failure
    def __init__(self, code: int) -> None:
        self.code = code


class Connection:
    """One open socket of a signed-in person."""

    def __init__(self, socket: WebSocket, caller: Caller, token: str) -> None:
        self.socket = socket
        self.caller = caller
        self.token = token
        self.outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue(QUEUE_LENGTH)
        self.recheck = asyncio.Event()
        self.overflow = asyncio.Event()

    def offer(self, message: dict[str, Any]) -> None:
        try:
            self.outgoing.put_nowait(message)
        except asyncio.QueueFull:
            self.overflow.set()


class Sockets:
    def __init__(
        self, authenticator: Authenticator, notices: Notices, allowed_origins: tuple[str, ...]
    ) -> None:
        self._authenticator = authenticator
        self._notices = notices
        self._allowed = tuple(origin.rstrip("/").lower() for origin in allowed_origins)
        self._connections: set[Connection] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Forward notices for as long as the application lives."""
        task = asyncio.create_task(self._forward(), name="notices")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def serve(self, socket: WebSocket) -> None:
        await socket.accept()
        try:
            caller, token = await self._admit(socket)
            connection = Connection(socket, caller, token)
            self._connections.add(connection)
            try:
                await self._converse(connection)
            finally:
                self._connections.discard(connection)
        except Refusal as refusal:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(refusal.code)
        except WebSocketDisconnect:
            pass

    async def _admit(self, socket: WebSocket) -> tuple[Caller, str]:
        """By cookie when the page is ours, else by the first message. Raises Refusal."""
        token = socket.cookies.get(SESSION_COOKIE)
        if token and self._is_own_page(socket):
            return await self._identify(token, by_cookie=True), token
        try:
            async with asyncio.timeout(FIRST_MESSAGE_SECONDS):
                first = _parse(await _receive_text(socket))
        except TimeoutError:
            raise Refusal(REQUIRED) from None
        token = first.get("token")
        if first.get("type") != "authenticate" or not isinstance(token, str):
            raise Refusal(REQUIRED)
        return await self._identify(token, by_cookie=False), token

    def _is_own_page(self, socket: WebSocket) -> bool:
        """Browsers send cookies along from any page; only Origin tells which page it was."""
        origin = socket.headers.get("origin", "")
        return is_own_origin(origin, socket.headers.get("host", ""), self._allowed)

    async def _identify(self, token: str, *, by_cookie: bool) -> Caller:
        if len(token) > LONGEST_TOKEN:
            raise Refusal(INVALID)
        try:
            return await anyio.to_thread.run_sync(
                lambda: self._authenticator.of_token(token, by_cookie=by_cookie)
            )
        except UnauthenticatedError:
            raise Refusal(INVALID) from None

    async def _converse(self, connection: Connection) -> None:
        """Until the page leaves, the session ends or the page stops reading. Raises Refusal."""
        endings: list[int] = []

        async def run(work: Callable[[Connection], Awaitable[None]]) -> None:
            try:
                await work(connection)
            except Refusal as refusal:
                endings.append(refusal.code)
            except WebSocketDisconnect:
                pass
            group.cancel_scope.cancel()

        connection.offer({"type": "connection_established", "message": "Connected."})
        async with anyio.create_task_group() as group:
            for work in (self._listen, self._speak, self._watch, self._overflow):
                group.start_soon(run, work)
        if endings:
            raise Refusal(endings[0])

    async def _listen(self, connection: Connection) -> None:
        while True:
            text = await _receive_text(connection.socket)
            connection.offer({"type": "echo", "data": text})

    async def _speak(self, connection: Connection) -> None:
        while True:
            message = await connection.outgoing.get()
            await connection.socket.send_text(json.dumps(message))

    async def _watch(self, connection: Connection) -> None:
        """The session may end while the socket is open."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RECHECK_SECONDS):
                    await connection.recheck.wait()
            connection.recheck.clear()
            try:
                await self._identify(connection.token, by_cookie=connection.caller.by_cookie)
            except SQLAlchemyError:
                log.info("the database is away; a socket is checked again later")

    async def _overflow(self, connection: Connection) -> None:
        await connection.overflow.wait()
        raise Refusal(TOO_SLOW)

    async def _forward(self) -> None:
        async for notice in self._notices.subscribe():
            self._dispatch(notice)

    def _dispatch(self, notice: Notice) -> None:
        for connection in list(self._connections):
            if notice.user_id not in {None, connection.caller.user_id}:
                continue
            if notice.type == SESSION_REVOKED:
                connection.recheck.set()
            else:
                connection.offer({"type": notice.type, "data": notice.data})


async def _receive_text(socket: WebSocket) -> str:
    """Raises Refusal for what is no text of bearable length, WebSocketDisconnect."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text = message.get("text")
    if text is None or len(text.encode()) > LONGEST_MESSAGE:
        raise Refusal(MALFORMED)
    return str(text)


def _parse(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal(MALFORMED) from None
    if not isinstance(said, dict):
        raise Refusal(MALFORMED)
    return said
