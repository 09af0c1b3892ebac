"""Bodies and addresses that Python takes and nothing behind it can keep: always 4xx, never 500."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from opentranscribe.schema.accounts import User

JSON = {"Content-Type": "application/json"}
NIL = "00000000-0000-0000-0000-000000000000"
HOSTILE: tuple[bytes, ...] = (
    b"1e400",
    b"-123123e100000",
    b"NaN",
    b"Infinity",
    b"9223372036854775808",
    b"9" * 4999,
    b'"\\ud800"',
    b'"\\u0000"',
    b'"\xff\xfe"',
    b"[" * 2000 + b"]" * 2000,
    b'{"a":' * 500 + b"1" + b"}" * 500,
)
ODD: tuple[bytes, ...] = (
    b"null",
    b"true",
    b"-1",
    b"9223372036854775807",
    b"1.5",
    b'""',
    b'"x"',
    b"[]",
    b"{}",
    b'"' + b"x" * 5000 + b'"',
    '"\u202e\ufeff\U0001f600"'.encode(),
)


def write_operations(schema: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Method, path and the names of the body's fields, of every operation that takes JSON."""
    found = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                body = content["application/json"]["schema"]
                name = body.get("$ref", "").rpartition("/")[2]
                fields = schema["components"]["schemas"].get(name, {}).get("properties", {"x": {}})
                found.append((method.upper(), path, list(fields)))
    return found


def with_nil(path: str) -> str:
    parts = (NIL if "uuid" in part else "1" if "{" in part else part for part in path.split("/"))
    return "/".join(parts)


@pytest.fixture
def headers(person: Callable[..., User], bearer: Callable[[str], dict[str, str]]) -> dict[str, str]:
    person("root@example.org", role="admin")
    return bearer("root@example.org")


class TestJsonBodies:
    def test_no_field_of_any_operation_breaks(
        self, api: FastAPI, client: TestClient, headers: dict[str, str]
    ) -> None:
        wrong: list[str] = []
        for method, path, fields in write_operations(api.openapi()):
            bodies = [*HOSTILE, *ODD, b"", b"{", b"\x00"]
            for field, value in itertools.product(fields, HOSTILE + ODD):
                bodies.append(b'{"%s": %s}' % (field.encode(), value))
            for body in bodies:
                start = time.monotonic()
                answer = client.request(
                    method, with_nil(path), content=body, headers={**headers, **JSON}
                )
                seconds = time.monotonic() - start
                if answer.status_code >= 500 or seconds > 4:
                    wrong.append(
                        f"{answer.status_code} {seconds:.1f}s {method} {path} {body[:60]!r}"
                    )
                hostile = any(value in body for value in HOSTILE)
                if hostile and not 400 <= answer.status_code < 500:
                    wrong.append(f"{answer.status_code} taken: {method} {path} {body[:60]!r}")
        assert not wrong, "\n".join(wrong[:40])

    def test_the_answer_never_echoes_what_was_sent(
        self, client: TestClient, headers: dict[str, str]
    ) -> None:
        body = {"email": ["canary-1"], "password": {"canary-2": 1}, "role": "canary-3"}
        answer = client.post("/api/admin/users", json=body, headers=headers)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "malformed"
        assert "canary" not in answer.text

    @pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", ""])
    def test_other_types_are_refused(
        self, client: TestClient, headers: dict[str, str], kind: str
    ) -> None:
        body = json.dumps({"full_name": "Eve"}).encode()
        answer = client.put(
            "/api/users/me", content=body, headers={**headers, "Content-Type": kind}
        )
        assert 400 <= answer.status_code < 500

    def test_more_than_a_megabyte_is_refused(
        self, client: TestClient, headers: dict[str, str]
    ) -> None:
        body = b'{"full_name": "' + b"x" * 1_100_000 + b'"}'
        answer = client.put("/api/users/me", content=body, headers={**headers, **JSON})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


class TestAddresses:
    def test_no_parameter_of_any_operation_breaks(
        self, api: FastAPI, client: TestClient, headers: dict[str, str]
    ) -> None:
        values = [
            "%00",
            "%ED%A0%80",
            "%FF",
            "-1",
            "0",
            "9" * 30,
            "1e400",
            "NaN",
            "'",
            "x" * 3000,
            "%F0%9F%98%80",
            "..%2f..",
            "9999-12-31T23:59:59Z",
            "0001-01-01",
            NIL,
        ]
        wrong: list[str] = []
        for path, methods in api.openapi()["paths"].items():
            if "get" not in methods:
                continue
            parameters = methods["get"].get("parameters", [])
            names = [one["name"] for one in parameters if one["in"] == "query"]
            addresses = [f"{with_nil(path)}?{name}={value}" for name in names for value in values]
            if "{" in path:
                addresses += [
                    "/".join(value if "{" in part else part for part in path.split("/"))
                    for value in values
                ]
            for address in addresses:
                answer = client.get(address, headers=headers)
                if answer.status_code >= 500:
                    wrong.append(f"{answer.status_code} {address[:100]}")
        assert not wrong, "\n".join(wrong[:60])

    def test_what_is_not_there_is_a_problem_not_the_page(self, client: TestClient) -> None:
        for path in ("/api/nothing", "/api/", "/api/files/../nothing"):
            answer = client.get(path)
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"

    def test_a_wrong_method_is_a_problem(self, client: TestClient) -> None:
        answer = client.put("/api/health")
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


class TestAnswers:
    def test_carry_a_request_id_and_the_security_headers(self, client: TestClient) -> None:
        answer = client.get("/api/files", headers={"X-Request-Id": "mine-12345"})
        assert answer.headers["X-Request-Id"] == "mine-12345"
        assert answer.json()["request_id"] == "mine-12345"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"

    def test_do_not_repeat_a_request_id_that_could_break_a_log(self, client: TestClient) -> None:
        given = "x" * 65
        assert (
            client.get("/api/version", headers={"X-Request-Id": given}).headers["X-Request-Id"]
            != given
        )

    def test_an_error_of_ours_tells_nothing_but_its_id(
        self, api: FastAPI, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken() -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr(api.state.probes, "ask", broken)
        answer = client.get("/api/health")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert "secret" not in answer.text
        assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


class TestOpenApi:
    def test_is_3_1_and_documents_problems(self, client: TestClient) -> None:
        schema = client.get("/api/openapi.json").json()
        assert schema["openapi"].startswith("3.1")
        operation = schema["paths"]["/api/files/{file_uuid}"]["get"]
        assert operation["operationId"] == "library_open_file"
        assert "application/problem+json" in operation["responses"]["404"]["content"]
        assert operation["security"] == [{"bearer": []}, {"session": []}]

    def test_the_page_of_the_api_needs_nobody_else(self, client: TestClient) -> None:
        page = client.get("/api/docs")
        assert "library" in page.text
        assert "<script" not in page.text
        assert "cdn" not in page.text
