"""A media server of each test's own: in this process, or as a process to kill."""

from __future__ import annotations

import base64
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text

SERVER = Path(__file__).parent / "server.py"
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = {"Content-Type": "application/offset+octet-stream"}


def load_server() -> ModuleType:
    spec = importlib.util.spec_from_file_location("media_test_server", SERVER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def metadata(**pairs: str) -> str:
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in pairs.items())


@dataclass
class Tus:
    """A client of the protocol over anything that speaks like httpx."""

    http: Any
    user_id: int

    def __getattr__(self, method: str) -> Callable[..., httpx.Response]:
        def send(path: str, **more: Any) -> httpx.Response:
            headers = {**TUS, "Authorization": f"Bearer {self.user_id}", **more.pop("headers", {})}
            answer: httpx.Response = self.http.request(
                method.upper(), path, headers=headers, **more
            )
            return answer

        return send

    def create(self, size: int, *, headers: dict[str, str] | None = None, **pairs: str) -> str:
        pairs.setdefault("filename", "talk.wav")
        given = {"Upload-Length": str(size), "Upload-Metadata": metadata(**pairs)}
        answer = self.post("/api/uploads", headers={**given, **(headers or {})})
        assert answer.status_code == 201, answer.text
        return str(answer.headers["Location"])

    def send(self, place: str, offset: int, data: bytes, **headers: str) -> httpx.Response:
        given = {**OCTETS, "Upload-Offset": str(offset), **headers}
        return self.patch(place, headers=given, content=data)

    def offset(self, place: str) -> int:
        answer = self.head(place)
        assert answer.status_code == 200, answer.status_code
        return int(answer.headers["Upload-Offset"])

    def upload(self, data: bytes, **pairs: str) -> httpx.Response:
        answer = self.send(self.create(len(data), **pairs), 0, data)
        assert answer.status_code == 204, answer.text
        return answer


@dataclass
class Media:
    """``state`` is what the routes see; ``tus`` speaks for the first user, ``other`` for another."""

    state: Any
    folder: Path
    tus: Tus
    other: Tus
    database_url: str
    events: list[Any] = field(default_factory=list)

    def rows(self, statement: str, **values: Any) -> list[Any]:
        engine = create_engine(self.database_url)
        with engine.begin() as connection:
            found = connection.execute(text(statement), values)
            rows = list(found) if found.returns_rows else []
        engine.dispose()
        return rows

    @property
    def spool(self) -> Path:
        return Path(self.state.options.uploads_dir)


@pytest.fixture
def users(database_url: str) -> tuple[int, int]:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        ids = connection.scalars(
            text(
                "INSERT INTO \"user\" (email, hashed_password) VALUES ('a@example.org', 'x'), "
                "('b@example.org', 'x') RETURNING id"
            )
        ).all()
    engine.dispose()
    return ids[0], ids[1]


@pytest.fixture
def make_media(
    database_url: str, users: tuple[int, int], tmp_path: Path
) -> Iterator[Callable[..., Media]]:
    server = load_server()
    made: list[tuple[TestClient, Any]] = []

    def make(**changes: Any) -> Media:
        state = server.build_state(database_url, tmp_path, **changes)
        client = TestClient(server.build_app(state), raise_server_exceptions=False)
        made.append((client, state))
        return Media(state, tmp_path, Tus(client, users[0]), Tus(client, users[1]), database_url)

    yield make
    for client, state in made:
        client.close()
        state.work._sessions.kw["bind"].dispose()


@pytest.fixture
def media(make_media: Callable[..., Media]) -> Media:
    return make_media()


@dataclass
class Served:
    """The same as a process of its own on a real socket."""

    process: subprocess.Popen[str]
    tus: Tus

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def serve(
    database_url: str, users: tuple[int, int], tmp_path: Path
) -> Iterator[Callable[[], Served]]:
    started: list[Served] = []

    def start() -> Served:
        given = json.dumps({"database_url": database_url, "folder": str(tmp_path)})
        process = subprocess.Popen(
            [sys.executable, str(SERVER), given],
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(Path(__file__).parents[3] / "src")},
        )
        assert process.stdout is not None
        port = int(process.stdout.readline())
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        served = Served(process, Tus(client, users[0]))
        started.append(served)
        return served

    yield start
    for served in started:
        served.kill()
        served.tus.http.close()
        assert served.process.stdout is not None
        served.process.stdout.close()
