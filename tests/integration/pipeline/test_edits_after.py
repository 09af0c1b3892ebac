"""Changes that people made to a transcript which has been replaced since."""

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
from opentranscribe.schema.transcript import TranscriptEdit
from opentranscribe.work import SYSTEM


@pytest.fixture
def edited(installation: Installation) -> tuple[TestClient, uuid.UUID, dict[str, str]]:
    """A transcribed recording and one change of each kind, by name; the owner is signed in."""
    file_uuid = installation.add_file()
    installation.run_jobs()
    with installation.app.work(SYSTEM) as work:
        owner = work.session.scalars(select(User)).one()
        owner.hashed_password = hash_password(PASSWORD)
    client = TestClient(create_app(installation.app), base_url="http://localhost")
    form = {"username": "ann@example.org", "password": PASSWORD}
    token = client.post("/api/auth/token", data=form).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client, file_uuid, _make_edits(client, file_uuid)


def _make_edits(client: TestClient, file_uuid: uuid.UUID) -> dict[str, str]:
    shown = client.get(f"/api/files/{file_uuid}/transcript").json()
    first, *_ = shown["segments"]
    one, two = (speaker["uuid"] for speaker in shown["speakers"])
    segment = f"/api/files/{file_uuid}/transcript/segments/{first['uuid']}"
    holder = f"/api/transcripts/segments/{first['uuid']}/speaker"
    other = two if first["speaker_uuid"] == one else one
    answers = {
        "segment_text": client.put(segment, json={"text": "other words"}),
        "segment_speaker": client.put(holder, json={"speaker_uuid": other}),
        "speaker_name": client.put(f"/api/speakers/{one}", json={"display_name": "Mara"}),
        "speaker_merge": client.post(f"/api/speakers/{one}/merge/{two}"),
    }
    return {kind: answer.json()["edit"]["uuid"] for kind, answer in answers.items()}


class TestUndoAfterReprocessing:
    def test_is_refused_with_a_sentence_and_changes_nothing(
        self,
        installation: Installation,
        edited: tuple[TestClient, uuid.UUID, dict[str, str]],
    ) -> None:
        client, file_uuid, edits = edited
        answer = client.post(f"/api/files/{file_uuid}/reprocess", json={})
        assert answer.status_code < 300, answer.text
        installation.run_jobs()
        before = self._transcript(client, file_uuid)
        for kind, edit in edits.items():
            refused = client.post(f"/api/files/{file_uuid}/edits/{edit}/undo")
            assert refused.status_code == 409, (kind, refused.text)
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.json()["code"] == "edit_outdated"
            assert "transcribed again" in refused.json()["detail"]
        assert self._transcript(client, file_uuid) == before
        assert self._undone(installation) == [None] * 4
        assert len(client.get(f"/api/files/{file_uuid}/edits").json()) == 4

    def test_redo_is_refused_likewise(
        self,
        installation: Installation,
        edited: tuple[TestClient, uuid.UUID, dict[str, str]],
    ) -> None:
        client, file_uuid, edits = edited
        path = f"/api/files/{file_uuid}/edits/{edits['segment_text']}"
        assert client.post(f"{path}/undo").status_code == 200
        client.post(f"/api/files/{file_uuid}/reprocess", json={})
        installation.run_jobs()
        refused = client.post(f"{path}/redo")
        assert (refused.status_code, refused.json()["code"]) == (409, "edit_outdated")

    def _transcript(self, client: TestClient, file_uuid: uuid.UUID) -> Any:
        return client.get(f"/api/files/{file_uuid}/transcript").json()["segments"]

    def _undone(self, installation: Installation) -> list[Any]:
        with installation.app.work(SYSTEM) as work:
            return list(work.session.scalars(select(TranscriptEdit.undone_at)))
