"""One server takes over from another at the same doors, and no visitor notices."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from opentranscribe.entrypoints.doors import (
    PoliteServer,
    PortTakenError,
    inherited_doors,
    open_doors,
    words_for,
)
from opentranscribe.entrypoints.supervisor import control

ANSWER = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}


async def say_ok(scope: Any, receive: Any, send: Any) -> None:
    await send(ANSWER)
    await send({"type": "http.response.body", "body": b"ok"})


@contextmanager
def serving(door: socket.socket) -> Iterator[None]:
    server = PoliteServer(uvicorn.Config(say_ok, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door.dup()]})
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


class Visitor(threading.Thread):
    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port
        self.answers = 0
        self.troubles: set[str] = set()
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("GET", "/", headers={"Connection": "close"})
                assert connection.getresponse().read() == b"ok"
                self.answers += 1
            except (OSError, http.client.HTTPException) as error:
                self.troubles.add(type(error).__name__)
            finally:
                connection.close()


@pytest.fixture
def door() -> Iterator[socket.socket]:
    (opened,) = open_doors("127.0.0.1", [0])
    yield opened
    opened.close()


class TestHandingOver:
    def test_no_visitor_is_refused_or_cut_off(self, door: socket.socket) -> None:
        visitors = [Visitor(door.getsockname()[1]) for _ in range(4)]
        for visitor in visitors:
            visitor.start()
        for _ in range(6):
            with serving(door):
                time.sleep(0.02)
        with serving(door):
            for visitor in visitors:
                visitor.stop.set()
                visitor.join()
        assert set().union(*(visitor.troubles for visitor in visitors)) == set()
        assert all(visitor.answers > 20 for visitor in visitors)

    def test_who_comes_while_nobody_answers_waits(self, door: socket.socket) -> None:
        visitor = Visitor(door.getsockname()[1])
        visitor.start()
        time.sleep(0.2)
        with serving(door):
            visitor.stop.set()
            visitor.join()
        assert visitor.answers > 0
        assert visitor.troubles == set()


class TestLettingGo:
    """Of a server that is stopped while it answers: everything else about it is above."""

    @pytest.mark.parametrize(("is_let_go", "expected"), [(True, b"begun, done"), (False, b"begun")])
    def test_leaves_answers_under_way_the_time_they_need(
        self, door: socket.socket, is_let_go: bool, expected: bytes
    ) -> None:
        async def speak_slowly(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"begun", "more_body": True})
            await asyncio.sleep(2)
            await send({"type": "http.response.body", "body": b", done"})

        config = uvicorn.Config(
            speak_slowly, log_config=None, lifespan="off", timeout_graceful_shutdown=1
        )
        server = PoliteServer(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door.dup()]})
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", door.getsockname()[1], timeout=10)
        connection.request("GET", "/")
        answer = connection.getresponse()
        if is_let_go:
            server.let_go()
        else:
            server.should_exit = True
        heard = b""
        with suppress(http.client.IncompleteRead):
            while piece := answer.read1():
                heard += piece
        thread.join()
        assert heard == expected


class TestDoors:
    def test_are_handed_over_the_supervisors_socket(
        self, door: socket.socket, tmp_path: Path
    ) -> None:
        async def answer(request: dict[str, Any]) -> dict[str, Any]:
            return {"asked": request["do"]}

        async def hand_over() -> list[socket.socket]:
            async with await control.serve(tmp_path, answer, [door]):
                assert await asyncio.to_thread(control.ask, tmp_path, {"do": "x"}) == {"asked": "x"}
                return await asyncio.to_thread(control.ask_for_doors, tmp_path)

        (handed,) = asyncio.run(hand_over())
        with handed, serving(handed):
            visitor = Visitor(door.getsockname()[1])
            visitor.start()
            visitor.stop.set()
            visitor.join()
        assert visitor.troubles == set()

    def test_there_are_none_where_nobody_runs(self, tmp_path: Path) -> None:
        assert control.ask_for_doors(tmp_path) == []

    def test_are_named_on_the_command_line_of_who_inherits_them(self, door: socket.socket) -> None:
        with door.dup() as copy:
            words = ["server", *words_for([copy])]
            (inherited,) = inherited_doors(words)
            assert inherited.getsockname() == door.getsockname()
            inherited.detach()
        assert inherited_doors(["server"]) == []

    def test_a_taken_port_is_named(self, door: socket.socket) -> None:
        port = door.getsockname()[1]
        with pytest.raises(PortTakenError, match=str(port)):
            open_doors("127.0.0.1", [0, port])
