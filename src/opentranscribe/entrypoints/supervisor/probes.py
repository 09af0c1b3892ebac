"""Is somebody there: ports and HTTP answers."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.error
import urllib.request
from typing import Any


async def answers_http(host: str, port: int, path: str, seconds: float = 2.0) -> bool:
    """Whether a GET of ``path`` is answered with 2xx."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(_reachable(host), port)
            request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            await writer.drain()
            first = await reader.readline()
            writer.close()
    except (OSError, TimeoutError):
        return False
    return first.split(b" ")[1:2] == [b"200"]


def fetch_json(url: str, seconds: float = 5.0) -> dict[str, Any] | None:
    """The JSON object at a local address; None when nobody answers, or with something else.

    An answer with an error status counts: /api/health says 503 with its reasons in it.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=seconds) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    except (OSError, ValueError):
        return None
    try:
        content = json.loads(body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def next_free(host: str, port: int, taken: set[int]) -> int:
    """``port``, or the next higher one that is free and not in ``taken``."""
    for candidate in range(port, min(port + 200, 65535)):
        if candidate not in taken and is_free(host, candidate):
            return candidate
    raise OSError(f"no free port from {port} on")


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - never bound
