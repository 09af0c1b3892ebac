"""The whole application over a database of the test's own, spoken to as a client would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from opentranscribe.bootstrap import App, build_app
from opentranscribe.entrypoints.http import create_app
from opentranscribe.settings import Settings

ENGINES = {
    "objects_engine": "memory",
    "queue_engine": "inline",
    "notices_engine": "memory",
    "search_engine": "memory",
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
def api(app: App) -> FastAPI:
    return create_app(app)


@pytest.fixture
def client(api: FastAPI) -> Iterator[TestClient]:
    with TestClient(api, base_url="http://localhost") as client:
        yield client
