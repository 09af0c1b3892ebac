from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from starlette.websockets import WebSocketDisconnect

from opentranscribe.edge.fence import HEADER, FenceGuard
from opentranscribe.kit.fence import Fence
from opentranscribe.kit.update_state import UpdateState, write_state


@pytest.fixture
def fence(tmp_path: Path) -> Fence:
    return Fence(tmp_path / "fence.json")


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    inner: ASGIApp = PlainTextResponse("inside")
    return TestClient(FenceGuard(inner, tmp_path))


class TestFenceGuard:
    def test_lets_everybody_in_while_there_is_no_fence(self, client: TestClient) -> None:
        assert client.get("/api/files").text == "inside"

    def test_tells_programs_to_come_back_and_that_nothing_is_lost(
        self, client: TestClient, fence: Fence
    ) -> None:
        fence.put_up()
        answer = client.post("/api/files", json={})
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json()["code"] == "maintenance"
        assert "safe" in answer.json()["detail"]

    def test_shows_people_a_page_with_how_far_it_is(
        self, client: TestClient, fence: Fence, tmp_path: Path
    ) -> None:
        fence.put_up()
        state = UpdateState("1", "v1", "v2", "2026-01-01T00:00:00+00:00", title="Changing <x>")
        write_state(tmp_path, state)
        answer = client.get("/library", headers={"Accept": "text/html"})
        assert answer.status_code == 503
        assert "Changing &lt;x&gt;" in answer.text
        assert "<progress" in answer.text

    def test_lets_in_who_has_the_token(self, client: TestClient, fence: Fence) -> None:
        token = fence.put_up()
        assert client.get("/api/files", headers={HEADER: token}).text == "inside"
        assert client.get("/api/files", headers={HEADER: "guess"}).status_code == 503

    def test_a_readable_one_lets_everybody_look_and_nobody_change_anything(
        self, client: TestClient, fence: Fence
    ) -> None:
        fence.put_up(readable=True)
        assert client.get("/api/files").text == "inside"
        assert client.get("/library", headers={"Accept": "text/html"}).text == "inside"
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert client.request(method, "/api/files").status_code == 503

    def test_says_how_far_the_update_is_also_where_one_may_look(
        self, client: TestClient, fence: Fence, tmp_path: Path
    ) -> None:
        fence.put_up(readable=True)
        at = "2026-01-01T00:00:00+00:00"
        predicted = {"fence": 1.0, "migrate": 3.0}
        state = UpdateState("1", "v1", "v2", at, step="migrate", step_started_at=at)
        write_state(tmp_path, replace(state, predicted=predicted, log=("secret",)))
        told = client.get("/api/maintenance").json()
        assert (told["maintenance"], told["step"], told["phase"]) == (True, "migrate", "2 of 2")
        assert "log" not in told

    def test_opens_again(self, client: TestClient, fence: Fence) -> None:
        fence.put_up()
        fence.take_down()
        assert client.get("/api/files").text == "inside"

    def test_a_fence_that_cannot_be_read_admits_nobody(
        self, client: TestClient, fence: Fence
    ) -> None:
        token = fence.put_up()
        fence.path.write_text("{")
        assert client.get("/api/files", headers={HEADER: token}).status_code == 503

    def test_closes_sockets_as_for_a_restart(self, client: TestClient, fence: Fence) -> None:
        fence.put_up()
        with pytest.raises(WebSocketDisconnect) as closed, client.websocket_connect("/api/ws"):
            pass
        assert closed.value.code == 1012
