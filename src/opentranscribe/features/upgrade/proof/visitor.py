"""Talking to a running installation as a browser or a script would."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROOF_HEADER = "X-OpenTranscribe-Proof"


class ProbeFailedError(Exception):
    """What was expected and what came instead, in a sentence."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    #: Name → value, of those that it sets.
    cookies: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str:
        """Nothing where it was not sent."""
        return next((said for key, said in self.headers.items() if key.lower() == name.lower()), "")

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ProbeFailedError("the answer is no JSON") from error

    def require(self, status: int) -> Answer:
        if self.status != status:
            said = self.body[:200].decode(errors="replace")
            raise ProbeFailedError(f"answered {self.status} instead of {status}: {said}")
        return self


@dataclass(frozen=True)
class Visitor:
    """``token`` is a bearer token; ``proof`` opens the fence of an update."""

    url: str
    proof: str = ""
    token: str = ""
    seconds: float = 10.0
    _opener: urllib.request.OpenerDirector = field(
        default_factory=lambda: urllib.request.build_opener(urllib.request.ProxyHandler({}))
    )

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, content: Any = None) -> Answer:
        body = b"" if content is None else json.dumps(content).encode()
        return self.send("POST", path, body, {"Content-Type": "application/json"})

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """Raises ProbeFailedError when nobody answers; any status is an answer."""
        request = urllib.request.Request(f"{self.url}{path}", body, method=method)  # noqa: S310
        for name, value in {**self._own_headers(), **headers}.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with self._opener.open(request, timeout=self.seconds) as answer:
                set_cookies = answer.headers.get_all("Set-Cookie") or ()
                pairs = (one.partition(";")[0].partition("=")[::2] for one in set_cookies)
                return Answer(answer.status, dict(answer.headers), answer.read(), dict(pairs))
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())
        except OSError as error:
            raise ProbeFailedError(f"does not answer: {error}") from error

    @contextmanager
    def socket(self) -> Iterator[ClientConnection]:
        """A live connection that has been admitted."""
        address = "ws" + self.url.removeprefix("http") + "/api/ws"
        try:
            with connect(
                address, additional_headers=self._own_headers(), open_timeout=self.seconds
            ) as socket:
                socket.send(json.dumps({"type": "authenticate", "token": self.token}))
                yield socket
        except (OSError, TimeoutError) as error:
            raise ProbeFailedError(f"the live connection broke: {error}") from error

    def _own_headers(self) -> dict[str, str]:
        headers = {PROOF_HEADER: self.proof} if self.proof else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers
