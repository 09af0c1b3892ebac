"""A small server that speaks as much of the hub's protocol as a download needs."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REVISION = "0123456789abcdef0123456789abcdef01234567"


class HubServer:
    """Serves ``files`` of one repository. Large ones carry a SHA-256, small ones git's blob hash.

    ``cut_after`` breaks the connection once after so many bytes; ``served`` replaces what is sent
    for a path, while the listing keeps telling the truth.
    """

    def __init__(self, repo: str, files: dict[str, bytes]) -> None:
        self.repo = repo
        self.files = files
        self.served: dict[str, bytes] = {}
        self.cut_after: dict[str, int] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.endpoint = ""

    def listing(self) -> bytes:
        siblings = []
        for path, content in self.files.items():
            entry: dict[str, object] = {
                "rfilename": path,
                "size": len(content),
                "blobId": hashlib.sha1(
                    f"blob {len(content)}\0".encode() + content, usedforsecurity=False
                ).hexdigest(),
            }
            if len(content) > 1000:
                entry["lfs"] = {
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "size": len(content),
                    "pointerSize": 130,
                }
            siblings.append(entry)
        return json.dumps({"id": self.repo, "sha": REVISION, "siblings": siblings}).encode()

    def ranges(self, path: str) -> list[str]:
        return [headers.get("range", "") for asked, headers in self.requests if asked == path]


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        hub = self.hub
        prefix = f"/{hub.repo}/resolve/{REVISION}/"
        if path == f"/api/models/{hub.repo}":
            hub.requests.append(("listing", headers))
            self._send(200, hub.listing(), "application/json")
        elif path.startswith(prefix):
            # The real hub sends large files from another address.
            self.send_response(302)
            self.send_header("Location", f"/cdn/{path.removeprefix(prefix)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path.startswith("/cdn/") and path.removeprefix("/cdn/") in hub.files:
            self._send_file(path.removeprefix("/cdn/"), headers)
        else:
            self._send(404, b'{"error":"not here"}', "application/json")

    def _send_file(self, name: str, headers: dict[str, str]) -> None:
        self.hub.requests.append((name, headers))
        content = self.hub.served.get(name, self.hub.files[name])
        start = int(headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        body = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        cut = self.hub.cut_after.pop(name, None)
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.close_connection = True

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        return


@contextmanager
def serving(hub: HubServer) -> Iterator[HubServer]:
    answer = type("Answer", (_Answer,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
