"""S3's protocol, as much of it as a store of backups speaks: over real HTTP, signatures required."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class S3Server:
    """One bucket in memory; ``key`` is the access key that is let in."""

    def __init__(self, bucket: str, key: str) -> None:
        self.bucket, self.key = bucket, key
        self.objects: dict[str, bytes] = {}
        handler = type("OwnHandler", (Handler,), {"store": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def listing(self, prefix: str) -> bytes:
        found = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(content)}</Size><ETag>&quot;x&quot;</ETag>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for name, content in sorted(self.objects.items())
            if name.startswith(prefix)
        )
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
        ).encode()


class Handler(BaseHTTPRequestHandler):
    """``store`` is set by a class of its own for each server."""

    protocol_version = "HTTP/1.1"
    store: S3Server

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"x"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def name(self) -> str | None:
        """Of the object that is asked for; None and an answer for who is not let in."""
        path = unquote(urlsplit(self.path).path).strip("/")
        signed = f"Credential={self.store.key}/" in self.headers.get("Authorization", "")
        if not signed or path.split("/")[0] != self.store.bucket:
            self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")
            return None
        return path.removeprefix(self.store.bucket).strip("/")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name = self.name()
        if name is not None:
            self.store.objects[name] = body
            self.answer(200)

    def do_GET(self) -> None:
        name = self.name()
        if name is None:
            return
        query = parse_qs(urlsplit(self.path).query)
        if not name:
            self.answer(200, self.store.listing(query.get("prefix", [""])[0]))
        elif name in self.store.objects:
            self.answer(200, self.store.objects[name])
        else:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_words: object) -> None:
        return
