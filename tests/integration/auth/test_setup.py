"""The first administrator: one token, one winner, closed for good."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI
from sqlalchemy import func, select
from starlette.testclient import TestClient

from opentranscribe.bootstrap import App
from opentranscribe.schema.accounts import User
from opentranscribe.work import SYSTEM


def wish(token: str, email: str = "Ada@Example.org") -> dict[str, str]:
    return {"token": token, "email": email, "password": "correct zebra staple battery"}


class TestSetup:
    def test_the_token_lies_in_a_file_that_only_the_owner_reads(
        self, client: TestClient, app: App
    ) -> None:
        file = app.options.setup_token_file
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert len(file.read_text()) >= 43

    def test_makes_the_administrator_and_signs_in(self, client: TestClient, app: App) -> None:
        assert client.get("/api/setup").json() == {"needed": True}
        token = app.options.setup_token_file.read_text()
        made = client.post("/api/setup", json=wish(token))
        assert made.status_code == 201
        assert made.json()["email"] == "ada@example.org"
        assert client.get("/api/auth/me").json()["role"] == "admin"
        assert client.get("/api/setup").json() == {"needed": False}

    def test_a_wrong_token_opens_nothing(self, client: TestClient) -> None:
        for token in ("", "x", "é" * 43):
            answer = client.post("/api/setup", json=wish(token))
            assert answer.status_code == 403
            assert answer.json()["code"] == "setup_token"
        assert client.get("/api/setup").json() == {"needed": True}

    def test_an_empty_or_missing_file_opens_nothing(self, client: TestClient, app: App) -> None:
        app.options.setup_token_file.write_text("")
        assert client.post("/api/setup", json=wish("")).status_code == 403
        app.options.setup_token_file.unlink()
        assert client.post("/api/setup", json=wish("")).status_code == 403

    def test_a_weak_password_leaves_the_page_open(self, client: TestClient, app: App) -> None:
        token = app.options.setup_token_file.read_text()
        weak = {**wish(token), "password": "passwordpassword"}
        assert client.post("/api/setup", json=weak).json()["code"] == "weak_password"
        assert app.options.setup_token_file.exists()
        assert client.post("/api/setup", json=wish(token)).status_code == 201

    def test_is_closed_once_there_was_an_administrator(
        self, client: TestClient, app: App, api: FastAPI
    ) -> None:
        token = app.options.setup_token_file.read_text()
        client.post("/api/setup", json=wish(token))
        assert not app.options.setup_token_file.exists()
        app.options.setup_token_file.write_text(token)
        again = TestClient(api, base_url="http://localhost")
        assert again.post("/api/setup", json=wish(token, "eve@example.org")).status_code == 409

    def test_thirty_at_once_have_one_winner(self, client: TestClient, app: App) -> None:
        token = app.options.setup_token_file.read_text()

        def try_it(number: int) -> int:
            return client.post("/api/setup", json=wish(token, f"a{number}@x.org")).status_code

        with ThreadPoolExecutor(30) as pool:
            answers = sorted(pool.map(try_it, range(30)))
        assert answers.count(201) == 1
        assert set(answers) <= {201, 403, 409}
        with app.work(SYSTEM) as work:
            assert work.session.scalar(select(func.count()).select_from(User)) == 1
