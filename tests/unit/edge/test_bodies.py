"""What may come in."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentranscribe.edge.bodies import (
    BodyGuard,
    MalformedError,
    TooLargeError,
    check_json,
    check_target,
)

TRAPS = [
    b'{"a": 1e400}',
    b'{"a": -1e400}',
    b'{"a": 123123e100000}',
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": -Infinity}',
    b'{"a": 9223372036854775808}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": "\\ud800"}',
    b'{"\\udfff": 1}',
    b'{"a": "\\u0000"}',
    b'["\\ud83d\\ud83d"]',
    b'{"a": "\xed\xa0\x80"}',
    b'{"a": "\xff"}',
    b"[" * 100 + b"]" * 100,
    b"[" * 100_000,
    b'{"a":' * 3000 + b"1" + b"}" * 3000,
    b"\xef\xbb\xbf{}",
    b"{'a': 1}",
    b"{",
    b"nul",
    b"\x00",
    "{}".encode("utf-16"),
]


class TestCheckJson:
    @pytest.mark.parametrize("body", TRAPS)
    def test_refuses_what_nothing_after_it_can_keep(self, body: bytes) -> None:
        with pytest.raises(MalformedError):
            check_json(body)

    @pytest.mark.parametrize(
        "body",
        [
            b"{}",
            b'{"a": 9223372036854775807, "b": -9223372036854775808, "c": 1e300}',
            b'{"a": "\\ud83d\\ude00", "b": "\xf0\x9f\x98\x80"}',
            b"[" * 40 + b"]" * 40,
            b" null ",
        ],
    )
    def test_takes_what_is_odd_but_sound(self, body: bytes) -> None:
        check_json(body)

    @given(st.binary(max_size=200))
    def test_never_fails_otherwise(self, body: bytes) -> None:
        with contextlib.suppress(MalformedError):
            check_json(body)


class TestCheckTarget:
    @pytest.mark.parametrize(
        ("path", "query"), [("/api/x\0", b""), ("/api/x", b"a=%00"), ("/api/x", b"a=\0")]
    )
    def test_refuses_nul(self, path: str, query: bytes) -> None:
        with pytest.raises(MalformedError):
            check_target({"path": path, "query_string": query})

    def test_refuses_endless_addresses(self) -> None:
        with pytest.raises(TooLargeError):
            check_target({"path": "/", "query_string": b"a" * 9000})


def send(
    parts: list[bytes], headers: dict[str, str], path: str = "/api/x"
) -> tuple[int, bytes | None]:
    """The status of the guard, and the body that reached the application."""
    seen: list[bytes] = []
    answers: list[Any] = []
    pending = [
        {"type": "http.request", "body": part, "more_body": number < len(parts) - 1}
        for number, part in enumerate(parts)
    ]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        seen.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        return pending.pop(0)

    async def keep(message: Any) -> None:
        answers.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": raw}
    asyncio.run(BodyGuard(application)(scope, receive, keep))
    return answers[0]["status"], seen[0] if seen else None


class TestBodyGuard:
    def test_hands_on_the_body_as_it_came(self) -> None:
        json = {"content-type": "application/json"}
        assert send([b'{"a"', b": 1}"], json) == (200, b'{"a": 1}')

    def test_stops_at_a_megabyte_whatever_was_declared(self) -> None:
        parts = [b" " * 600_000] * 2
        assert send(parts, {"content-type": "application/json"})[0] == 413
        assert send(parts, {"content-type": "text/plain", "content-length": "5"})[0] == 413
        assert send([b""], {"content-length": "1048577"})[0] == 413
        assert send([b""], {"content-length": "-1"})[0] == 413

    def test_lets_recordings_through_untouched(self) -> None:
        parts = [b"\0" * 600_000] * 3
        upload = {"content-type": "multipart/form-data; boundary=x"}
        assert send(parts, upload, "/api/files") == (200, b"".join(parts))
        tus = {"content-type": "application/offset+octet-stream"}
        assert send(parts, tus, "/api/uploads/5") == (200, b"".join(parts))

    def test_but_only_there(self) -> None:
        parts = [b"\0" * 600_000] * 3
        upload = {"content-type": "multipart/form-data; boundary=x"}
        assert send(parts, upload, "/api/users/me")[0] == 413
        assert send(parts, upload, "/api/filesystem")[0] == 413

    def test_refuses_nul_in_forms(self) -> None:
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert send([b"username=a%00"], form)[0] == 422

    def test_knows_json_by_any_name(self) -> None:
        assert send([b"NaN"], {"content-type": "application/vnd.x+json; charset=utf-8"})[0] == 422
