"""While the installation is updated, nothing can be changed in it; what can be read is read on.

Who is not let in is told why: the page says how far it is and looks again by itself; programs get
503 with Retry-After; sockets are closed as for a restart. Who proves the new release brings the
token of the fence.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from opentranscribe.edge.problem import problem
from opentranscribe.kit import clock
from opentranscribe.kit.fence import Fence
from opentranscribe.kit.update_state import UpdateState, read_state

HEADER = "X-OpenTranscribe-Proof"
#: Where an open page asks how far the update is.
PROGRESS_PATH = "/api/maintenance"
RETRY_SECONDS = 3
SERVICE_RESTART = 1012
READING = {"GET", "HEAD", "OPTIONS"}
STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.6 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;"
    "margin:0 1.25rem;background:Canvas;color:CanvasText}"
    "main{max-width:26rem;width:100%}h1{font-size:1.4rem;margin:0 0 .5rem}"
    "progress{width:100%;height:.75rem;accent-color:#0b5d46}small{opacity:.75}"
    "@media(prefers-color-scheme:dark){progress{accent-color:#74d3ae}}"
)


class FenceGuard:
    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self.app = app
        self.fence = Fence(folder / "fence.json")
        self.maintenance = Maintenance(folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or not self.fence.stands:
            await self.app(scope, receive, send)
            return
        if self._admits(scope):
            await self.app(scope, receive, send)
        else:
            await self.maintenance(scope, receive, send)

    def _admits(self, scope: Scope) -> bool:
        if scope["path"] in {"/livez", "/api/livez"}:
            return True
        only_reads = scope["type"] == "websocket" or scope["method"] in READING
        # How far the update is stands in its own file; the application knows nothing of it.
        only_reads = only_reads and scope["path"] != PROGRESS_PATH
        return self.fence.admits(Headers(scope=scope).get(HEADER), only_reads=only_reads)


class Maintenance:
    """The answers of an installation that is being updated; complete without anything behind it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise RuntimeError("no lifespan")  # servers take this as: there is none
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": SERVICE_RESTART, "reason": "update"})
            return
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        state = read_state(self._folder)
        headers = {"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"}
        if scope["path"] == PROGRESS_PATH:
            return JSONResponse(facts_of(state), headers=headers)
        if "text/html" in Headers(scope=scope).get("accept", ""):
            policy = f"default-src 'none'; style-src '{_hash_of(STYLE)}'; frame-ancestors 'none'"
            headers["Content-Security-Policy"] = policy
            return HTMLResponse(_page(state), 503, headers)
        detail = (
            "OpenTranscribe is being updated and will be back in a moment. What you saved is safe;"
            " try again in a few seconds."
        )
        return problem(scope, 503, "maintenance", detail, headers=headers, fields=facts_of(state))


def facts_of(state: UpdateState | None) -> dict[str, Any]:
    """What everybody may know of a running update; ``fraction`` in [0, 1], seconds."""
    if state is None or state.has_ended:
        return {"maintenance": False}
    fraction, left = state.progress(clock.now())
    return {
        "maintenance": True,
        "phase": _phase_of(state),
        "step": state.step,
        "title": state.title,
        "fraction": round(fraction, 3),
        "seconds_left": round(left),
    }


def _phase_of(state: UpdateState) -> str:
    """Which of how many steps, as people count: ``"3 of 9"``; empty before the first."""
    steps = list(state.predicted)
    if state.step not in steps:
        return ""
    return f"{steps.index(state.step) + 1} of {len(steps)}"


def _page(state: UpdateState | None) -> str:
    facts = facts_of(state)
    title = html.escape(str(facts.get("title") or "Starting again"))
    left = f"About {facts['seconds_left']} seconds left." if facts.get("seconds_left") else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="refresh" content="{RETRY_SECONDS}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>OpenTranscribe is being updated</title><style>{STYLE}</style></head>"
        "<body><main><h1>OpenTranscribe is being updated</h1>"
        "<p>Your recordings and transcripts are safe. This page comes back by itself.</p>"
        f'<progress max="1" value="{json.dumps(facts.get("fraction", 0))}"'
        ' aria-label="Progress of the update"></progress>'
        f'<p role="status"><small>{title}. {left}</small></p></main></body></html>'
    )


def _hash_of(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
