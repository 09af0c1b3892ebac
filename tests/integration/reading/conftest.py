"""Two people and the whole application over HTTP, engines in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.factories.recordings import PASSWORD, add_user

from opentranscribe.bootstrap import App, build_app
from opentranscribe.entrypoints.http import create_app
from opentranscribe.features.jobs.runner import JobRunner
from opentranscribe.ports.queue import CPU, EMBEDDING
from opentranscribe.settings import Settings

ENGINES = {
    "objects_engine": "memory",
    "queue_engine": "inline",
    "notices_engine": "memory",
    "recognizer_engine": "scripted",
    "diarizer_engine": "scripted",
    "encoder_engine": "scripted",
}


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[App]:
    settings = Settings.load(tmp_path, database_url=database_url, offline=True, **ENGINES)
    built = build_app(settings)
    yield built
    built.close()


@pytest.fixture
def ann(app: App) -> int:
    return add_user(app, "ann@example.org")


@pytest.fixture
def bob(app: App) -> int:
    return add_user(app, "bob@example.org")


@pytest.fixture
def client(app: App, ann: int) -> Iterator[TestClient]:
    """Signed in as Ann."""
    with TestClient(create_app(app), base_url="http://localhost") as client:
        sign_in(client, "ann@example.org")
        yield client


@pytest.fixture
def run_jobs(app: App) -> Callable[[], None]:
    runner = JobRunner(app.work, app.kinds, process="test", lease_seconds=5.0)

    def run() -> None:
        app.ports.queue.run_waiting([EMBEDDING, CPU], runner.handle)  # type: ignore[attr-defined]

    return run


def sign_in(client: TestClient, email: str) -> None:
    form = {"username": email, "password": PASSWORD}
    token = client.post("/api/auth/token", data=form).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
