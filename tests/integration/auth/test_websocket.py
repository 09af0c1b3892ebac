"""The live socket: who may open it, what they hear, when it closes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from opentranscribe.bootstrap import App
from opentranscribe.entrypoints import websocket as module
from opentranscribe.ports.notices import Notice
from opentranscribe.schema.accounts import User

Person = Callable[..., User]
Browser = Callable[[str], TestClient]
Bearer = Callable[[str], dict[str, str]]
OWN = {"Origin": "http://localhost"}


@pytest.fixture
def page(client: TestClient, person: Person, password: str) -> TestClient:
    """Signed in by cookie, within the running application."""
    person("ada@example.org")
    form = {"username": "ada@example.org", "password": password}
    assert client.post("/api/auth/login", data=form).status_code == 200
    client.headers["X-CSRF-Token"] = client.cookies["csrf_token"]
    return client


def closing_code(client: TestClient, *messages: str, **headers: str) -> int:
    with client.websocket_connect("ws://localhost/api/ws", headers=headers) as socket:
        for message in messages:
            socket.send_text(message)
        with pytest.raises(WebSocketDisconnect) as closed:
            _read_on(socket)
    return closed.value.code


def _read_on(socket: WebSocketTestSession) -> None:
    while True:
        socket.receive_json()


class TestAdmission:
    def test_a_cookie_of_the_own_page_opens_it(self, page: TestClient) -> None:
        with page.websocket_connect("ws://localhost/api/ws", headers=OWN) as socket:
            assert socket.receive_json()["type"] == "connection_established"
            socket.send_text("ping")
            assert socket.receive_json() == {"type": "echo", "data": "ping"}

    @pytest.mark.parametrize("origin", [None, "null", "https://evil.example"])
    def test_a_cookie_of_another_page_does_not(
        self, page: TestClient, origin: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "FIRST_MESSAGE_SECONDS", 0.2)
        headers = {} if origin is None else {"Origin": origin}
        assert closing_code(page, **headers) == 4001

    def test_a_token_in_the_first_message_opens_it(
        self, client: TestClient, person: Person, bearer: Bearer
    ) -> None:
        person("ada@example.org")
        token = bearer("ada@example.org")["Authorization"].removeprefix("Bearer ")
        with client.websocket_connect("ws://localhost/api/ws") as socket:
            socket.send_json({"type": "authenticate", "token": token})
            assert socket.receive_json()["type"] == "connection_established"

    @pytest.mark.parametrize(
        ("message", "code"),
        [
            ('{"type":"authenticate","token":"wrong"}', 4003),
            ('{"type":"authenticate","token":"' + "x" * 1000 + '"}', 4003),
            ('{"type":"authenticate","token":5}', 4001),
            ('{"type":"subscribe"}', 4001),
            ("[]", 4002),
            ("not json", 4002),
            ("[" * 5000, 4002),
            ('"' + "x" * 70_000 + '"', 4002),
        ],
    )
    def test_anything_else_closes_it(self, client: TestClient, message: str, code: int) -> None:
        assert closing_code(client, message) == code

    def test_a_cookie_that_is_no_session_closes_it(self, client: TestClient) -> None:
        client.cookies.set("opentr_session", "gone")
        assert closing_code(client, **OWN) == 4003


class TestNotices:
    def test_reach_the_person_and_nobody_else(
        self, app: App, page: TestClient, person: Person
    ) -> None:
        eve = person("eve@example.org")
        ada = page.get("/api/auth/me").json()
        with page.websocket_connect("ws://localhost/api/ws", headers=OWN) as socket:
            socket.receive_json()
            app.ports.notices.publish(Notice("file_updated", {"file_id": "hers"}, eve.id))
            app.ports.notices.publish(Notice("file_updated", {"file_id": "all"}))
            assert socket.receive_json() == {"type": "file_updated", "data": {"file_id": "all"}}
        assert ada["email"] == "ada@example.org"

    def test_a_page_that_does_not_read_is_closed(
        self, app: App, page: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connection = module.Connection(None, None, "")  # type: ignore[arg-type]
        for number in range(module.QUEUE_LENGTH + 1):
            connection.offer({"number": number})
        assert connection.overflow.is_set()


class TestClosing:
    def test_signing_out_closes_within_a_moment(self, page: TestClient) -> None:
        with page.websocket_connect("ws://localhost/api/ws", headers=OWN) as socket:
            socket.receive_json()
            start = time.monotonic()
            assert page.post("/api/auth/logout").status_code == 200
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_json()
        assert closed.value.code == 4003
        assert time.monotonic() - start < 3

    def test_an_ended_session_is_seen_without_a_notice(
        self, app: App, page: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "RECHECK_SECONDS", 0.2)
        with page.websocket_connect("ws://localhost/api/ws", headers=OWN) as socket:
            socket.receive_json()
            with app.engine.begin() as connection:
                connection.exec_driver_sql("UPDATE user_session SET revoked_at = now()")
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_json()
        assert closed.value.code == 4003

    def test_an_oversized_message_closes_it(self, page: TestClient) -> None:
        with page.websocket_connect("ws://localhost/api/ws", headers=OWN) as socket:
            socket.receive_json()
            socket.send_text(json.dumps("x" * 70_000))
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_json()
        assert closed.value.code == 4002
