"""Every operation of the API, called by everybody who might: the table says what each may get."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import update
from starlette.testclient import TestClient
from tests.integration.api.access_table import QUERIES, TABLE, Row

from opentranscribe.bootstrap import App
from opentranscribe.entrypoints.access import access_of, list_routes
from opentranscribe.entrypoints.http import PREFIX, ROUTERS
from opentranscribe.schema.accounts import CustomVocabulary, User, UserSession
from opentranscribe.schema.jobs import Job
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.speakers import Speaker
from opentranscribe.schema.transcript import TranscriptSegment
from opentranscribe.work import SYSTEM, Work

CALLERS = ("anonymous", "garbage", "disabled", "other", "admin", "owner")
DECLARED = {"open": "public", "admin": "admin"}
SECRETS = re.compile(r"\$argon2|hashed_password|token_hash|csrf_hash|Traceback|\.py\b|SELECT ")
counter = itertools.count()


class Things:
    """Rows of one owner, fresh for every operation, by the names that paths use."""

    def __init__(self, app: App) -> None:
        self._app = app

    def make(self, owner: User, admin: User) -> dict[str, str]:
        number = next(counter)
        for kind, data in (("content", b"RIFF"), ("thumb", b"webp"), ("peaks", b"\0\0\1\0" * 8)):
            self._app.ports.objects.put_bytes(f"media/{number}/{kind}", data)
        with self._app.work(SYSTEM) as work:
            file = self._file(work, owner, number)
            speakers = [self._speaker(work, owner, file, label) for label in range(2)]
            segment = TranscriptSegment(
                media_file_id=file.id,
                speaker_id=speakers[0].id,
                start_time=0.0,
                end_time=2.0,
                text="some words",
                words=[],
            )
            job = Job(kind="transcription.run", queue="x", user_id=owner.id, media_file_id=file.id)
            term = CustomVocabulary(user_id=owner.id, term=f"term {number}")
            soon = datetime.now(UTC) + timedelta(hours=1)
            session = UserSession(
                user_id=owner.id, kind="bearer", token_hash=f"{number:064}", expires_at=soon
            )
            person = User(email=f"p{number}@example.org", hashed_password="!")
            work.session.add_all([segment, job, term, session, person])
            work.session.flush()
            for one in (file, *speakers, segment, job, session, person):
                work.session.refresh(one)
            return {
                "file_uuid": str(file.uuid),
                "speaker_uuid": str(speakers[0].uuid),
                "target_uuid": str(speakers[1].uuid),
                "segment_uuid": str(segment.uuid),
                "job_uuid": str(job.uuid),
                "term_id": str(term.id),
                "session_uuid": str(session.uuid),
                "user_uuid": str(person.uuid),
                "name": "tiny",
                "fresh": f"fresh{number}",
            }

    def _file(self, work: Work, owner: User, number: int) -> MediaFile:
        file = MediaFile(
            user_id=owner.id,
            filename="talk.wav",
            storage_path=f"media/{number}/content",
            thumbnail_path=f"media/{number}/thumb",
            peaks_path=f"media/{number}/peaks",
            file_size=4,
            duration=2.0,
            content_type="audio/wav",
            status="completed",
        )
        work.session.add(file)
        work.session.flush()
        return file

    def _speaker(self, work: Work, owner: User, file: MediaFile, label: int) -> Speaker:
        speaker = Speaker(user_id=owner.id, media_file_id=file.id, name=f"SPEAKER_{label:02}")
        work.session.add(speaker)
        work.session.flush()
        return speaker


class Matrix:
    """Calls operations as one caller after the other and says what each got."""

    def __init__(self, app: App, client: TestClient, person: Callable[..., User]) -> None:
        self._app = app
        self._client = client
        self._things = Things(app)
        self._signed_in: dict[str, dict[str, str]] = {}
        self.people = {
            name: person(f"{name}@example.org") for name in ("owner", "other", "disabled")
        }
        self.people["admin"] = person("admin@example.org", role="admin")

    def headers(self, caller: str) -> dict[str, str]:
        if caller == "anonymous":
            return {}
        if caller == "garbage":
            return {"Authorization": "Bearer garbage"}
        if caller not in self._signed_in:
            self._signed_in[caller] = self._sign_in(caller)
        return self._signed_in[caller]

    def forget(self, caller: str) -> None:
        """After an operation that ends sessions."""
        self._signed_in.pop(caller, None)

    def _sign_in(self, caller: str) -> dict[str, str]:
        form = {"username": f"{caller}@example.org", "password": "correct zebra staple battery"}
        token = self._client.post("/api/auth/token", data=form).json()["access_token"]
        if caller == "disabled":
            with self._app.work(SYSTEM) as work:
                off = update(User).where(User.email == form["username"])
                work.session.execute(off.values(is_active=False))
        return {"Authorization": f"Bearer {token}"}

    def make_things(self, operation: str, owner: dict[str, str]) -> dict[str, str]:
        things = self._things.make(self.people["owner"], self.people["admin"])
        if "{upload_uuid}" in operation:
            headers = {**owner, "Tus-Resumable": "1.0.0", "Upload-Length": "5"}
            made = self._client.post("/api/uploads", headers=headers)
            things["upload_uuid"] = made.headers["Location"].rpartition("/")[2]
        if "{edit_uuid}" in operation:
            address = (
                f"/api/files/{things['file_uuid']}/transcript/segments/{things['segment_uuid']}"
            )
            edited = self._client.put(address, json={"text": "new words"}, headers=owner)
            things["edit_uuid"] = edited.json()["edit"]["uuid"]
        return things

    def call(
        self, operation: str, row: Row, things: dict[str, str], headers: dict[str, str]
    ) -> Any:
        method, _, path = operation.partition(" ")
        return self._client.request(
            method,
            _fill(path, things) + QUERIES.get(operation, ""),
            json=_fill_json(row.json, things),
            data=row.form,
            files=_fill_files(row.files, things),
            content=row.content,
            headers={**row.headers, **headers},
        )


def _fill(text: str, things: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: things[found.group(1)], text)


def _fill_json(body: Any, things: dict[str, str]) -> Any:
    return None if body is None else json.loads(_fill_words(json.dumps(body), things))


def _fill_words(text: str, things: dict[str, str]) -> str:
    for name, value in things.items():
        text = text.replace("{" + name + "}", value)
    return text


def _fill_files(files: Any, things: dict[str, str]) -> Any:
    if files is None:
        return None
    return {
        name: (file, _fill_words(data.decode(), things).encode(), kind)
        for name, (file, data, kind) in files.items()
    }


def expected(row: Row, caller: str) -> int:
    if row.kind == "open":
        return row.status
    if caller in {"anonymous", "garbage", "disabled"}:
        return 401
    if row.kind == "admin":
        return row.status if caller == "admin" else 403
    if row.kind == "private":
        return row.status if caller == "owner" else 404
    return row.status


def operations(schema: dict[str, Any]) -> list[str]:
    return [
        f"{method.upper()} {path}"
        for path, methods in schema["paths"].items()
        for method in methods
    ]


@pytest.fixture
def matrix(app: App, client: TestClient, person: Callable[..., User]) -> Matrix:
    return Matrix(app, client, person)


class TestAccess:
    def test_every_operation_has_a_row_and_every_row_an_operation(self, api: FastAPI) -> None:
        assert set(operations(api.openapi())) == set(TABLE)

    def test_every_route_declares_what_its_row_says(self) -> None:
        for path, route in list_routes(ROUTERS, PREFIX):
            declared = access_of(route)
            for method in route.methods or ():
                operation = f"{method} {path}" if route.include_in_schema else f"GET {path}"
                assert declared == DECLARED.get(TABLE[operation].kind, "signed_in"), operation

    def test_operations_have_names_that_stay(self, api: FastAPI) -> None:
        names = [
            operation["operationId"]
            for methods in api.openapi()["paths"].values()
            for operation in methods.values()
        ]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in names)

    def test_everybody_gets_what_the_table_says_and_no_more(self, matrix: Matrix) -> None:
        wrong: list[str] = []
        for operation, row in TABLE.items():
            things = matrix.make_things(operation, matrix.headers("owner"))
            for caller in CALLERS:
                things["fresh"] = f"fresh{next(counter)}"
                headers = matrix.headers(caller)
                answer = matrix.call(operation, row, things, headers)
                if answer.status_code != expected(row, caller):
                    wrong.append(f"{caller}: {operation}: {answer.status_code} {answer.text[:200]}")
                if SECRETS.search(answer.text):
                    wrong.append(f"{caller}: {operation} tells too much: {answer.text[:200]}")
                if "logout" in operation and caller != "disabled":
                    matrix.forget(caller)
        assert not wrong, "\n".join(wrong)

    def test_lists_hold_only_the_callers_own(self, matrix: Matrix, client: TestClient) -> None:
        owner, other = matrix.headers("owner"), matrix.headers("other")
        things = matrix.make_things("{upload_uuid}{edit_uuid}", owner)
        for operation, row in TABLE.items():
            if operation.startswith("GET ") and row.kind == "own":
                answer = matrix.call(operation, row, things, other)
                found = [
                    name
                    for name, value in things.items()
                    if name.endswith("uuid") and value in answer.text
                ]
                assert not found, f"{operation} shows {found} of somebody else"
