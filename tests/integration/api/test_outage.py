"""When the database is away: fast, honest answers, and everything works again by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from opentranscribe.bootstrap import App
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.schema.accounts import User


@pytest.fixture
def outage(
    app: App, postgres_server: EmbeddedPostgres, database_url: str
) -> Iterator[Callable[[bool], None]]:
    """Lets nobody into the database of this test, and everybody in again."""
    name = app.engine.url.database
    admin = postgres_server.url("postgres").replace("postgresql+psycopg", "postgresql")

    def switch(down: bool) -> None:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {not down}')
            if down:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    [name],
                )

    yield switch
    switch(False)


class TestOutage:
    def test_is_told_with_503_and_heals_by_itself(
        self,
        api: FastAPI,
        client: TestClient,
        person: Callable[..., User],
        bearer: Callable[[str], dict[str, str]],
        outage: Callable[[bool], None],
        password: str,
    ) -> None:
        person("ada@example.org")
        header = bearer("ada@example.org")
        outage(True)
        time.sleep(1.1)  # health remembers for a second
        start = time.monotonic()
        answers = [
            client.get("/api/files", headers=header),
            client.post(
                "/api/auth/token", data={"username": "ada@example.org", "password": password}
            ),
            client.get("/api/setup"),
            client.get("/readyz"),
            client.get("/health"),
        ]
        assert time.monotonic() - start < 5
        assert [one.status_code for one in answers] == [503] * 5
        for answer in answers[:3]:
            assert answer.headers["Retry-After"]
            assert answer.json()["code"] in {"database_unavailable", "identity_unavailable"}
        assert answers[4].json()["status"] == "unhealthy"
        assert client.get("/livez").status_code == 200
        assert client.get("/version").status_code == 200
        outage(False)
        time.sleep(1.1)
        assert client.get("/api/files", headers=header).status_code == 200
        assert client.get("/readyz").status_code == 200

    def test_does_not_keep_the_server_from_starting(
        self, app: App, api: FastAPI, outage: Callable[[bool], None], tmp_path: Path
    ) -> None:
        outage(True)
        with TestClient(api) as client:
            assert client.get("/livez").status_code == 200
            assert client.get("/readyz").status_code == 503
