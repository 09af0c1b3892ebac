"""How long somebody stays signed in, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from opentranscribe.bootstrap import App
from opentranscribe.kit import clock
from opentranscribe.schema.accounts import User, UserSession
from opentranscribe.work import SYSTEM

Person = Callable[..., User]
Browser = Callable[[str], TestClient]
Bearer = Callable[[str], dict[str, str]]


def status(client: TestClient, **headers: str) -> int:
    return client.get("/api/auth/me", headers=headers).status_code


class TestSession:
    def test_only_the_hash_of_the_token_is_kept(
        self, app: App, person: Person, browser: Browser
    ) -> None:
        person("ada@example.org")
        token = browser("ada@example.org").cookies["opentr_session"]
        with app.work(SYSTEM) as work:
            rows = work.session.execute(select(UserSession.__table__)).all()
        assert rows
        assert token not in repr(rows)

    def test_ends_when_left_alone(
        self, person: Person, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person("ada@example.org")
        at = datetime(2027, 1, 1, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: at)
        page = browser("ada@example.org")
        for _ in range(4):
            at += timedelta(hours=11, minutes=59)
            assert status(page) == 200
        at += timedelta(hours=12)
        assert status(page) == 401

    def test_ends_for_good_after_thirty_days(
        self, person: Person, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person("ada@example.org")
        at = start = datetime(2027, 1, 1, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: at)
        page = browser("ada@example.org")
        while at < start + timedelta(days=30, seconds=-1):
            assert status(page) == 200
            at = min(at + timedelta(hours=11), start + timedelta(days=30, seconds=-1))
        assert status(page) == 200
        at += timedelta(seconds=1)
        assert status(page) == 401

    def test_a_script_may_rest_for_its_day(
        self, client: TestClient, person: Person, bearer: Bearer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person("ada@example.org")
        at = datetime(2027, 1, 1, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: at)
        header = bearer("ada@example.org")
        at += timedelta(hours=23, minutes=59)
        assert status(client, **header) == 200
        at += timedelta(minutes=1)
        assert status(client, **header) == 401

    def test_logging_out_ends_this_one_only(self, person: Person, browser: Browser) -> None:
        person("ada@example.org")
        one, other = browser("ada@example.org"), browser("ada@example.org")
        token = one.cookies["opentr_session"]
        assert one.post("/api/auth/logout").status_code == 200
        assert "opentr_session" not in one.cookies
        one.cookies.set("opentr_session", token)
        assert status(one) == 401
        assert status(other) == 200

    def test_logging_out_everywhere_ends_all(
        self, client: TestClient, person: Person, browser: Browser, bearer: Bearer
    ) -> None:
        person("ada@example.org")
        page, script = browser("ada@example.org"), bearer("ada@example.org")
        assert page.post("/api/auth/logout/all").status_code == 200
        assert status(client, **script) == 401

    def test_are_listed_and_closed_one_by_one(
        self, client: TestClient, person: Person, browser: Browser, bearer: Bearer
    ) -> None:
        person("ada@example.org")
        person("eve@example.org")
        page, script = browser("ada@example.org"), bearer("ada@example.org")
        listed = page.get("/api/auth/sessions").json()
        assert [one["is_current"] for one in listed].count(True) == 1
        other = next(one for one in listed if not one["is_current"])
        address = f"/api/auth/sessions/{other['uuid']}"
        assert browser("eve@example.org").delete(address).status_code == 404
        assert status(client, **script) == 200
        assert page.delete(address).status_code == 204
        assert status(client, **script) == 401

    def test_a_disabled_person_is_out_at_once(
        self, client: TestClient, person: Person, browser: Browser, bearer: Bearer
    ) -> None:
        ada = person("ada@example.org")
        person("root@example.org", role="admin")
        page, script = browser("ada@example.org"), bearer("ada@example.org")
        root = browser("root@example.org")
        change = {"is_active": False}
        assert root.put(f"/api/users/{ada.uuid}", json=change).status_code == 200
        assert status(page) == status(client, **script) == 401
        assert root.put(f"/api/users/{ada.uuid}", json={"is_active": True}).status_code == 200
        assert status(page) == 401

    def test_a_new_password_ends_the_others(
        self, client: TestClient, person: Person, browser: Browser, bearer: Bearer, password: str
    ) -> None:
        person("ada@example.org")
        page, script = browser("ada@example.org"), bearer("ada@example.org")
        change = {"password": "a new long and fine one", "current_password": password}
        assert page.put("/api/users/me", json=change).status_code == 200
        assert status(page) == 200
        assert status(client, **script) == 401

    def test_a_reset_ends_all_and_asks_for_an_own_password(
        self, client: TestClient, person: Person, browser: Browser
    ) -> None:
        ada = person("ada@example.org")
        person("root@example.org", role="admin")
        page, root = browser("ada@example.org"), browser("root@example.org")
        reset = {"new_password": "set by the administrator", "must_change": True}
        address = f"/api/admin/users/{ada.uuid}/reset-password"
        assert root.post(address, json=reset).status_code == 200
        assert status(page) == 401
        form = {"username": "ada@example.org", "password": "set by the administrator"}
        assert page.post("/api/auth/login", data=form).status_code == 200
        page.headers["X-CSRF-Token"] = page.cookies["csrf_token"]
        refused = page.get("/api/files")
        assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
        change = {"password": "and now one of my own", "current_password": form["password"]}
        assert page.put("/api/users/me", json=change).status_code == 200
        assert page.get("/api/files").status_code == 200


class TestIntent:
    def test_a_cookie_alone_changes_nothing(self, person: Person, browser: Browser) -> None:
        person("ada@example.org")
        page = browser("ada@example.org")
        for token in (None, "", "x", page.cookies["csrf_token"][:-1]):
            page.headers.pop("X-CSRF-Token", None)
            if token is not None:
                page.headers["X-CSRF-Token"] = token
            answer = page.put("/api/users/me", json={"full_name": "Eve"})
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf")

    def test_a_planted_pair_of_cookie_and_header_changes_nothing(
        self, person: Person, browser: Browser
    ) -> None:
        person("ada@example.org")
        page = browser("ada@example.org")
        page.cookies.set("csrf_token", "planted")
        page.headers["X-CSRF-Token"] = "planted"
        assert page.put("/api/users/me", json={"full_name": "Eve"}).status_code == 403

    @pytest.mark.parametrize(
        "origin",
        ["null", "https://evil.example", "http://localhost.evil.example", "http://localhost:1"],
    )
    def test_a_foreign_page_changes_nothing(
        self, person: Person, browser: Browser, origin: str
    ) -> None:
        person("ada@example.org")
        page = browser("ada@example.org")
        answer = page.put("/api/users/me", json={"full_name": "Eve"}, headers={"Origin": origin})
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")

    @pytest.mark.parametrize("origin", ["http://localhost", "http://localhost:5173"])
    def test_the_own_page_does(self, person: Person, browser: Browser, origin: str) -> None:
        person("ada@example.org")
        page = browser("ada@example.org")
        answer = page.put("/api/users/me", json={"full_name": "Ada"}, headers={"Origin": origin})
        assert answer.json()["full_name"] == "Ada"

    def test_a_foreign_page_cannot_sign_somebody_in(
        self, client: TestClient, person: Person, password: str
    ) -> None:
        person("eve@example.org")
        form = {"username": "eve@example.org", "password": password}
        evil = {"Origin": "https://evil.example"}
        assert client.post("/api/auth/login", data=form, headers=evil).status_code == 403

    @pytest.mark.parametrize(
        "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x y", "Bearer " + "x" * 5000]
    )
    def test_a_bad_header_does_not_fall_back_to_the_cookie(
        self, person: Person, browser: Browser, header: str
    ) -> None:
        person("ada@example.org")
        page = browser("ada@example.org")
        answer = page.get("/api/auth/me", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
