"""The built page: served from the package, with a policy that lets only its own scripts run."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

INDEX = "index.html"
IMMUTABLE = "_app/immutable/"
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
INLINE_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
STYLE_ATTRIBUTE = re.compile(r"<[^>]*\sstyle=\"([^\"]*)\"")
#: The framework makes one element at run time whose style hides what only screen readers need.
ANNOUNCER_STYLE = (
    "position: absolute; left: 0; top: 0; clip: rect(0 0 0 0); clip-path: inset(50%); "
    "overflow: hidden; white-space: nowrap; width: 1px; height: 1px"
)
UNBUILT = (
    "<!doctype html><title>OpenTranscribe</title><p>The API is running, but the page has not been "
    "built. Start with <code>./opentr.sh start</code>, which builds it.</p>"
)


def page_folder() -> Path:
    return Path(__file__).parents[1] / "static"


def content_policy(html: str) -> str:
    """Content-Security-Policy for the page: no foreign and no inline code except what the build
    itself wrote into ``html``, named by hash."""
    scripts = _hashes(INLINE_SCRIPT.findall(html))
    styles = _hashes(INLINE_STYLE.findall(html))
    attributes = _hashes([*STYLE_ATTRIBUTE.findall(html), ANNOUNCER_STYLE])
    parts = [
        "default-src 'self'",
        " ".join(["script-src 'self'", *scripts]),
        " ".join(["style-src 'self'", *styles]),
        " ".join(["style-src-attr 'unsafe-hashes'", *attributes]),
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
    return "; ".join(parts)


def _hashes(texts: Iterable[str]) -> list[str]:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return list(dict.fromkeys(f"'sha256-{base64.b64encode(one).decode()}'" for one in digests))


class StaticSite:
    """Files by their path; every other address is a place inside the page and gets the page."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = StaticFiles(directory=folder, check_dir=False)
        index = folder / INDEX
        self._policy = content_policy(index.read_text("utf-8")) if index.is_file() else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 4004})
            return
        response = await self._find(scope)
        await response(scope, receive, send)

    async def _find(self, scope: Scope) -> Response:
        path: str = scope["path"].lstrip("/")
        if path.startswith("api/") or path == "api":
            raise HTTPException(404)
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        if self._policy is None:
            return HTMLResponse(UNBUILT, 503)
        if path and path != INDEX:
            try:
                return self._cached(path, await self._files.get_response(path, scope))
            except HTTPException as error:
                if error.status_code != 404 or _is_asset(path):
                    raise
        return self._page()

    def _page(self) -> Response:
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": self._policy or ""}
        return FileResponse(self._folder / INDEX, media_type="text/html", headers=headers)

    def _cached(self, path: str, response: Response) -> Response:
        """Names of hashed files change with their content; all else is asked for again."""
        lasting = path.startswith(IMMUTABLE)
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if lasting else "no-cache"
        )
        response.headers["Content-Security-Policy"] = self._policy or ""
        return response


def _is_asset(path: str) -> bool:
    """A missing script must be a 404: the page in its place would be run as JavaScript."""
    return path.startswith("_app/") or "." in path.rpartition("/")[2]
