"""The page probe against the real server of the page."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.integration.supervisor.installation import eventually, free_port

from opentranscribe.entrypoints.static import StaticSite
from opentranscribe.features.upgrade.proof.answering import page
from opentranscribe.features.upgrade.proof.people import Person
from opentranscribe.features.upgrade.proof.trial import Trial
from opentranscribe.features.upgrade.proof.visitor import ProbeFailedError, Visitor

INDEX = """<!doctype html><link rel="icon" href="/icon.svg"><script src="/theme.js"></script>
<link href="/_app/immutable/assets/0.css" rel="stylesheet">
<script>import("/_app/immutable/entry/start.js")</script>"""
FILES = {
    "icon.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "theme.js": "1",
    "_app/immutable/assets/0.css": "a{}",
    "_app/immutable/entry/start.js": "2",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {**FILES, "index.html": INDEX}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


@contextmanager
def served(site: ASGIApp) -> Iterator[Visitor]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(answering_errors(site), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert eventually(lambda: server.started)
        yield Visitor(f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join()


def answering_errors(site: ASGIApp) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await site(scope, receive, send)
        except HTTPException as error:
            await HTMLResponse("Not there.", error.status_code)(scope, receive, send)

    return answer


def page_instead_of_errors(site: ASGIApp) -> ASGIApp:
    """As a proxy does that was told to send the page for whatever it does not find."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await site(scope, receive, send)
        except HTTPException:
            await HTMLResponse(INDEX)(scope, receive, send)

    return answer


def visit(visitor: Visitor, expected: str = INDEX) -> str:
    person = Person("", "", 0)
    return page(Trial(visitor, person, None, "1.0.0", None, expected.encode(), math.inf))


class TestPage:
    def test_counts_every_file_that_the_page_names(self, folder: Path) -> None:
        with served(StaticSite(folder)) as visitor:
            assert "4 files" in visit(visitor)

    @pytest.mark.parametrize("name", sorted(FILES))
    def test_names_a_file_that_is_missing(self, folder: Path, name: str) -> None:
        (folder / name).unlink()
        with (
            served(StaticSite(folder)) as visitor,
            pytest.raises(ProbeFailedError, match=f"/{name} of the page answered 404"),
        ):
            visit(visitor)

    def test_names_a_file_that_is_empty(self, folder: Path) -> None:
        (folder / "theme.js").write_text("")
        with (
            served(StaticSite(folder)) as visitor,
            pytest.raises(ProbeFailedError, match=r"/theme\.js of the page is empty"),
        ):
            visit(visitor)

    def test_names_a_script_in_whose_place_the_page_comes(self, folder: Path) -> None:
        (folder / "theme.js").unlink()
        with (
            served(page_instead_of_errors(StaticSite(folder))) as visitor,
            pytest.raises(ProbeFailedError, match="came as text/html"),
        ):
            visit(visitor)

    def test_the_page_of_another_release_is_not_the_right_one(self, folder: Path) -> None:
        newer = INDEX.replace("start.js", "start.newer.js")
        with (
            served(StaticSite(folder)) as visitor,
            pytest.raises(ProbeFailedError, match="page of another release"),
        ):
            visit(visitor, expected=newer)
