"""A small application around the media routes, in this process or as one that can be killed.

Run as a program it serves on a free port, which it prints, with what it is given as JSON in argv.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

import uvicorn
from fastapi import FastAPI, Request
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from opentranscribe.adapters.notices.memory import MemoryNotices
from opentranscribe.adapters.objects.filesystem import FilesystemObjects
from opentranscribe.edge.failures import register_failures
from opentranscribe.edge.state import Caller, EdgeState
from opentranscribe.features.media.routes import router
from opentranscribe.kit.errors import UnauthenticatedError
from opentranscribe.kit.options import Options
from opentranscribe.ports import Ports
from opentranscribe.schema import accounts  # noqa: F401 - the table that uploads point to
from opentranscribe.work import WorkFactory


class NoQueue:
    """Nothing here makes jobs: who listens to FileAdded is another feature."""

    def enqueue(self, session: Any, envelope: Any) -> None:
        raise AssertionError("no job is made by uploads")


class OnlyPorts:
    """The ports that the media routes use; any other is an error."""

    def __init__(self, **ports: Any) -> None:
        self.__dict__.update(ports)


class FolderModels:
    """The sample recording lies in a folder already; nothing is fetched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str) -> Path | None:
        return self.folder / name


def authenticate(request: Request) -> Caller:
    """A bearer token that is the user's id."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not token.isdecimal():
        raise UnauthenticatedError("Sign in first.")
    return Caller(int(token), "", "", "user", 0, by_cookie=False)


def build_state(database_url: str, folder: Path, **changes: Any) -> EdgeState:
    engine = create_engine(database_url, pool_size=10)
    notices = MemoryNotices()
    objects = FilesystemObjects(Path(changes.pop("objects_dir", folder / "objects")))
    options = Options(
        version="test",
        uploads_dir=Path(changes.pop("uploads_dir", folder / "uploads")),
        scratch_dir=folder / "scratch",
        setup_token_file=folder / "token",
        secrets_dir=folder / "secrets",
        backup_dir=folder / "backups",
        backup_state_dir=folder / "backup",
        update_dir=folder / "update",
        **changes,
    )
    work = WorkFactory(
        sessionmaker(engine, expire_on_commit=False), cast("Any", NoQueue()), notices
    )
    ports = OnlyPorts(objects=objects, models=FolderModels(folder / "models"), notices=notices)
    return EdgeState(cast("Ports", ports), work, options, authenticate)


def build_app(state: EdgeState) -> FastAPI:
    app = FastAPI()
    app.state.edge = state
    app.include_router(router, prefix="/api")
    register_failures(app)
    return app


def main() -> None:
    given = json.loads(sys.argv[1])
    state = build_state(given.pop("database_url"), Path(given.pop("folder")), **given)
    config = uvicorn.Config(build_app(state), host="127.0.0.1", port=0, log_level="warning")
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    socket.listen()
    print(socket.getsockname()[1], flush=True)
    server.run(sockets=[socket])


if __name__ == "__main__":
    main()
