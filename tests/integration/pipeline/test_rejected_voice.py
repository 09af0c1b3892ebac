"""A voice of which a person said that it is not the one it resembles."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient
from tests.factories.recordings import PASSWORD
from tests.integration.pipeline.conftest import Installation

from opentranscribe.entrypoints.http import create_app
from opentranscribe.kit.passwords import hash_password
from opentranscribe.schema.accounts import User
from opentranscribe.work import SYSTEM

Names = list[str | None]


@pytest.fixture
def client(installation: Installation) -> TestClient:
    """The owner of a recording in which both voices are named, signed in."""
    first = installation.add_file()
    installation.run_jobs()
    with installation.app.work(SYSTEM) as work:
        work.session.scalars(select(User)).one().hashed_password = hash_password(PASSWORD)
    client = TestClient(create_app(installation.app), base_url="http://localhost")
    form = {"username": "ann@example.org", "password": PASSWORD}
    token = client.post("/api/auth/token", data=form).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    for speaker, name in zip(speakers(client, first), ("Mara", "Noor"), strict=True):
        client.put(f"/api/speakers/{speaker['uuid']}", json={"display_name": name})
    return client


@pytest.fixture
def second(installation: Installation, client: TestClient) -> uuid.UUID:
    """Another recording of the same two."""
    added = installation.add_file()
    installation.run_jobs()
    return added


def speakers(client: TestClient, file: uuid.UUID) -> list[dict[str, Any]]:
    found = client.get("/api/speakers", params={"file_uuid": str(file)}).json()
    return sorted(found, key=lambda speaker: speaker["label"])


def suggested(client: TestClient, file: uuid.UUID) -> Names:
    return [speaker["suggested_name"] for speaker in speakers(client, file)]


def verify(client: TestClient, file: uuid.UUID, place: int, action: str) -> Any:
    path = f"/api/speakers/{speakers(client, file)[place]['uuid']}/verify"
    return client.post(path, params={"action": action})


def transcribe_again(installation: Installation, client: TestClient, file: uuid.UUID) -> None:
    assert client.post(f"/api/files/{file}/reprocess", json={}).status_code < 300
    installation.run_jobs()


class TestReject:
    def test_takes_the_suggestion_away_from_that_voice_only(
        self, client: TestClient, second: uuid.UUID
    ) -> None:
        assert suggested(client, second) == ["Mara", "Noor"]
        answer = verify(client, second, 0, "reject").json()
        assert answer["speaker"]["suggested_name"] is None
        assert answer["edit"]["before"] == {"suggested_name": "Mara"}
        assert suggested(client, second) == [None, "Noor"]

    def test_is_remembered_when_the_recording_is_transcribed_again(
        self, installation: Installation, client: TestClient, second: uuid.UUID
    ) -> None:
        verify(client, second, 0, "reject")
        for _ in range(2):
            transcribe_again(installation, client, second)
            assert suggested(client, second) == [None, "Noor"]

    def test_can_be_taken_back(
        self, installation: Installation, client: TestClient, second: uuid.UUID
    ) -> None:
        edit = verify(client, second, 0, "reject").json()["edit"]["uuid"]
        assert client.post(f"/api/files/{second}/edits/{edit}/undo").status_code == 200
        assert suggested(client, second) == ["Mara", "Noor"]
        transcribe_again(installation, client, second)
        assert suggested(client, second) == ["Mara", "Noor"]

    def test_a_later_rename_of_that_person_leaves_the_voice_alone(
        self, client: TestClient, second: uuid.UUID
    ) -> None:
        verify(client, second, 0, "reject")
        everyone = client.get("/api/speakers").json()
        (mara,) = [one for one in everyone if one["display_name"] == "Mara"]
        change = {"display_name": "Mara Lee", "scope": "everywhere"}
        assert client.put(f"/api/speakers/{mara['uuid']}", json=change).json()["changed_files"] == 1
        assert speakers(client, second)[0]["display_name"] is None

    def test_there_is_nothing_to_reject_twice(self, client: TestClient, second: uuid.UUID) -> None:
        verify(client, second, 0, "reject")
        again = verify(client, second, 0, "reject")
        assert (again.status_code, again.json()["code"]) == (409, "no_suggestion")


class TestAccept:
    def test_takes_the_name_over(self, client: TestClient, second: uuid.UUID) -> None:
        answer = verify(client, second, 1, "accept").json()
        assert (answer["speaker"]["name"], answer["speaker"]["verified"]) == ("Noor", True)
