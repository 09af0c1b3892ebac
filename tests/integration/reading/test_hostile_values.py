"""Values that Python takes and PostgreSQL or JSON do not, sent to what really exists.

1e400 is read as infinity, a lone surrogate cannot be encoded, a NUL cannot be stored: each has
made frameworks answer 500. Here everything that is named exists, so that nothing stops early.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient
from tests.factories.recordings import PASSWORD, Recording, add_recording

from opentranscribe.bootstrap import App

HOSTILE = {
    "infinity": b"1e400",
    "negative infinity": b"-123123e100000",
    "lone surrogate": b'"\\ud800"',
    "reversed pair": b'"ok \\udc00\\ud800"',
    "NUL": b'"a\\u0000b"',
    "inside a list": b'["\\ud800", 1e400, "\\u0000"]',
    "inside an object": b'{"a": {"\\u0000": 1e400}}',
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def mine(app: App, ann: int) -> Recording:
    return add_recording(app, ann, (0, "first words"), (1, "second words"))


def targets(mine: Recording) -> list[tuple[str, str, str]]:
    """Method, path and field of what changes something that people can name."""
    return [
        ("PUT", f"/files/{mine.uuid}", "title"),
        ("PUT", f"/speakers/{mine.speakers[0]}", "display_name"),
        ("PUT", f"/speakers/{mine.speakers[0]}", "scope"),
        ("POST", f"/files/{mine.uuid}/speakers", "display_name"),
        ("PUT", f"/files/{mine.uuid}/transcript/segments/{mine.segments[0]}", "text"),
        ("PUT", f"/transcripts/segments/{mine.segments[0]}/speaker", "speaker_uuid"),
        ("PUT", "/user-settings/transcription", "model"),
        ("PUT", "/user-settings/transcription", "language"),
        ("PUT", "/user-settings/transcription", "vad_threshold"),
        ("PUT", "/user-settings/transcription", "min_speakers"),
        ("POST", "/custom-vocabulary", "term"),
        ("POST", "/custom-vocabulary/bulk", "terms"),
        ("PUT", "/users/me", "full_name"),
        ("PUT", "/users/me", "password"),
        ("POST", f"/files/{mine.uuid}/reprocess", "whisper_model"),
        ("POST", "/setup", "token"),
    ]


def assert_is_problem(answer: Any, what: object) -> None:
    assert 400 <= answer.status_code < 500, (what, answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json", what
    assert answer.json()["detail"], what


class TestJsonBodies:
    @pytest.mark.parametrize("kind", HOSTILE)
    def test_are_refused_with_a_sentence_and_change_nothing(
        self, client: TestClient, mine: Recording, kind: str
    ) -> None:
        before = self._everything(client, mine)
        for method, path, field in targets(mine):
            body = b'{"%s": %s}' % (field.encode(), HOSTILE[kind])
            answer = client.request(
                method, f"/api{path}", content=body, headers={"Content-Type": "application/json"}
            )
            assert_is_problem(answer, (method, path, field, kind))
        assert self._everything(client, mine) == before

    def test_sent_to_the_sign_in_form_are_refused(self, client: TestClient) -> None:
        for path in ("/api/auth/token", "/api/auth/login"):
            for kind, value in HOSTILE.items():
                body = b'{"username": %s, "password": %s}' % (value, value)
                answer = client.post(
                    path, content=body, headers={"Content-Type": "application/json"}
                )
                assert_is_problem(answer, (path, kind))

    def _everything(self, client: TestClient, mine: Recording) -> list[Any]:
        paths = (
            f"/files/{mine.uuid}",
            f"/files/{mine.uuid}/transcript",
            f"/files/{mine.uuid}/edits",
            "/user-settings/transcription",
            "/custom-vocabulary",
            "/users/me",
        )
        return [client.get(f"/api{path}").json() for path in paths]


class TestSignInForm:
    @pytest.mark.parametrize(
        "value", ["%00", "ann%00@example.org", "%ED%A0%80", "%FF%FE", "1e400", "%F0%9F%98%80" * 50]
    )
    @pytest.mark.parametrize("path", ["/api/auth/token", "/api/auth/login"])
    def test_takes_no_harm(self, client: TestClient, path: str, value: str) -> None:
        right = quote(PASSWORD)
        for body in (
            f"username={value}&password={right}",
            f"username=ann%40example.org&password={value}",
            f"username={value}&password={value}",
        ):
            assert_is_problem(client.post(path, content=body, headers=FORM), (path, body))
        form = {"username": "ann@example.org", "password": PASSWORD}
        assert client.post(path, data=form).status_code == 200


class TestSearch:
    @pytest.mark.parametrize(
        "value", ["%00", "words%00", "%ED%A0%80", "%FF", "1e400", "speaker:%00"]
    )
    @pytest.mark.parametrize("mode", ["keyword", "semantic", "hybrid"])
    def test_answers_any_question(
        self, client: TestClient, mine: Recording, mode: str, value: str
    ) -> None:
        answer = client.get(f"/api/search?q={value}&search_mode={mode}")
        assert answer.status_code < 500, answer.text
        assert client.get(f"/api/search/suggestions?q={value}").status_code < 500
        if answer.status_code != 200:
            assert_is_problem(answer, value)

    @pytest.mark.parametrize("name", ["page", "page_size", "date_from", "date_to"])
    @pytest.mark.parametrize("value", ["1e400", "-1", "NaN", "%00", "%ED%A0%80", "9" * 400])
    def test_refuses_numbers_and_dates_that_are_none(
        self, client: TestClient, name: str, value: str
    ) -> None:
        assert client.get(f"/api/search?q=words&{name}={value}").status_code in {200, 400, 422}
