"""The whole application over a database of the test's own, spoken to as a client would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from opentranscribe.bootstrap import App, build_app
from opentranscribe.entrypoints.http import create_app
from opentranscribe.features.accounts.service import AccountService
from opentranscribe.schema.accounts import User
from opentranscribe.settings import Settings
from opentranscribe.work import SYSTEM

ENGINES = {
    "objects_engine": "memory",
    "queue_engine": "inline",
    "notices_engine": "memory",
    "search_engine": "memory",
    "recognizer_engine": "scripted",
    "diarizer_engine": "scripted",
    "encoder_engine": "scripted",
}
PASSWORD = "correct zebra staple battery"


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[App]:
    settings = Settings.load(tmp_path, database_url=database_url, offline=True, **ENGINES)
    built = build_app(settings)
    yield built
    built.close()


@pytest.fixture
def api(app: App) -> FastAPI:
    return create_app(app)


@pytest.fixture
def client(api: FastAPI) -> Iterator[TestClient]:
    """Nobody, until somebody signs in."""
    with TestClient(api, base_url="http://localhost") as client:
        yield client


@pytest.fixture
def password() -> str:
    return PASSWORD


@pytest.fixture
def person(app: App) -> Callable[..., User]:
    """Make an account whose password is the ``password`` fixture."""

    def make(email: str, role: str = "user", **fields: object) -> User:
        with app.work(SYSTEM) as work:
            user = AccountService(work).create(email, PASSWORD, role=role, **fields)
            work.session.refresh(user)
            return user

    return make


@pytest.fixture
def bearer(client: TestClient) -> Callable[[str], dict[str, str]]:
    """The header of a script of this person."""

    def sign_in(email: str) -> dict[str, str]:
        form = {"username": email, "password": PASSWORD}
        answer = client.post("/api/auth/token", data=form)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    return sign_in


@pytest.fixture
def browser(api: FastAPI) -> Callable[[str], TestClient]:
    """A signed-in browser: cookies, and the CSRF header as the page sends it."""

    def sign_in(email: str) -> TestClient:
        client = TestClient(api, base_url="http://localhost")
        form = {"username": email, "password": PASSWORD}
        assert client.post("/api/auth/login", data=form).status_code == 200
        client.headers["X-CSRF-Token"] = client.cookies["csrf_token"]
        return client

    return sign_in
