"""Jobs, settings, vocabulary and models as a client sees them."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from opentranscribe.bootstrap import App
from opentranscribe.features.jobs.runner import JobRunner
from opentranscribe.ports.queue import QUEUES
from opentranscribe.schema.accounts import User
from opentranscribe.schema.media import MediaFile
from opentranscribe.work import SYSTEM
from opentranscribe.work.events import FileAdded

Person = Callable[..., User]
Bearer = Callable[[str], dict[str, str]]


@pytest.fixture
def ann(person: Person, bearer: Bearer) -> dict[str, str]:
    person("ann@example.org")
    return bearer("ann@example.org")


def add_file(app: App, email_owner: User | int, **options: object) -> str:
    """A recording whose bytes are not there: its job fails as soon as it is done."""
    with app.work(SYSTEM) as work:
        file = MediaFile(
            user_id=email_owner if isinstance(email_owner, int) else email_owner.id,
            filename="talk.wav",
            storage_path="media/none.wav",
            file_size=1,
            content_type="audio/wav",
            uuid=uuid.uuid4(),
        )
        work.session.add(file)
        work.session.flush()
        work.emit(FileAdded(file.id, options))
        return str(file.uuid)


def run_jobs(app: App) -> None:
    runner = JobRunner(app.work, app.kinds, process="test")
    app.ports.queue.run_waiting(QUEUES, runner.handle)  # type: ignore[attr-defined]


class TestFileJob:
    def test_waits_with_its_place_and_its_steps(
        self, app: App, client: TestClient, person: Person, bearer: Bearer
    ) -> None:
        owner = person("ann@example.org")
        headers = bearer("ann@example.org")
        add_file(app, owner)
        second = add_file(app, owner)
        job = client.get(f"/api/files/{second}/job", headers=headers).json()
        assert (job["status"], job["queue_position"], job["progress"]) == ("queued", 2, 0)
        assert [step["name"] for step in job["steps"]][:3] == ["probe", "decode", "speech"]
        assert job["steps"][0]["label"] == "Looking at the file"

    def test_can_be_cancelled_and_retried(
        self, app: App, client: TestClient, person: Person, bearer: Bearer
    ) -> None:
        owner = person("ann@example.org")
        headers = bearer("ann@example.org")
        file = add_file(app, owner)
        answer = client.post(f"/api/files/{file}/cancel", headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        again = client.post(f"/api/files/{file}/cancel", headers=headers)
        assert (again.status_code, again.json()["code"]) == (409, "job_state")
        retried = client.post(f"/api/files/{file}/retry", headers=headers)
        assert (retried.status_code, retried.json()["status"]) == (202, "queued")

    def test_says_why_it_failed(
        self, app: App, client: TestClient, person: Person, bearer: Bearer
    ) -> None:
        owner = person("ann@example.org")
        headers = bearer("ann@example.org")
        file = add_file(app, owner)
        run_jobs(app)
        job = client.get(f"/api/files/{file}/job", headers=headers).json()
        assert (job["status"], job["error"]["code"]) == ("failed", "object_not_found")

    def test_reprocessing_waits_for_what_is_under_way(
        self, app: App, client: TestClient, person: Person, bearer: Bearer
    ) -> None:
        owner = person("ann@example.org")
        headers = bearer("ann@example.org")
        file = add_file(app, owner)
        answer = client.post(f"/api/files/{file}/reprocess", headers=headers, json={})
        assert (answer.status_code, answer.json()["code"]) == (409, "job_state")

    def test_reprocessing_takes_other_choices(
        self, app: App, client: TestClient, person: Person, bearer: Bearer
    ) -> None:
        owner = person("ann@example.org")
        headers = bearer("ann@example.org")
        file = add_file(app, owner, language="de")
        client.post(f"/api/files/{file}/cancel", headers=headers)
        url = f"/api/files/{file}/reprocess"
        assert client.post(url, headers=headers, json={"min_speakers": 0}).status_code == 422
        bounds = {"min_speakers": 4, "max_speakers": 2}
        assert client.post(url, headers=headers, json=bounds).status_code == 422
        wanted = {"model": "tiny", "num_speakers": 2}
        assert client.post(url, headers=headers, json=wanted).status_code == 202
        voices = client.post(url, headers=headers, json={"stages": ["rediarize"]})
        assert voices.status_code == 409

    @pytest.mark.parametrize("verb", ["job", "cancel", "retry", "reprocess"])
    def test_is_hidden_from_others(
        self, app: App, client: TestClient, person: Person, bearer: Bearer, verb: str
    ) -> None:
        file = add_file(app, person("ann@example.org"))
        person("bob@example.org")
        headers = bearer("bob@example.org")
        url = f"/api/files/{file}/{verb}"
        if verb == "job":
            answer = client.get(url, headers=headers)
        else:
            answer = client.post(url, headers=headers, json={})
        assert (answer.status_code, answer.json()["code"]) == (404, "file_not_found")


class TestTasks:
    def test_lists_the_callers_own(
        self, app: App, client: TestClient, person: Person, bearer: Bearer
    ) -> None:
        file = add_file(app, person("ann@example.org"))
        add_file(app, person("bob@example.org"))
        headers = bearer("ann@example.org")
        page = client.get("/api/tasks", headers=headers).json()
        assert (page["total"], page["items"][0]["file_uuid"]) == (1, file)
        active = client.get("/api/tasks/progress/active", headers=headers).json()
        assert [job["file_title"] for job in active] == ["talk.wav"]
        failed = client.get("/api/tasks?status=failed", headers=headers).json()
        assert failed["items"] == []

    def test_opens_one(self, app: App, client: TestClient, person: Person, bearer: Bearer) -> None:
        add_file(app, person("ann@example.org"))
        person("bob@example.org")
        headers = bearer("ann@example.org")
        job = client.get("/api/tasks", headers=headers).json()["items"][0]["uuid"]
        assert client.get(f"/api/tasks/{job}", headers=headers).status_code == 200
        stranger = client.get(f"/api/tasks/{job}", headers=bearer("bob@example.org"))
        assert stranger.status_code == 404


class TestTranscriptionSettings:
    def test_change_what_is_sent_and_nothing_else(
        self, client: TestClient, ann: dict[str, str]
    ) -> None:
        url = "/api/user-settings/transcription"
        assert client.get(url, headers=ann).json()["default_model"] == "base"
        changed = client.put(url, headers=ann, json={"language": "de", "max_speakers": 4}).json()
        assert (changed["language"], changed["max_speakers"]) == ("de", 4)
        changed = client.put(url, headers=ann, json={"max_speakers": None}).json()
        assert (changed["language"], changed["max_speakers"]) == ("de", None)

    def test_are_what_a_new_recording_gets(
        self, app: App, client: TestClient, person: Person, bearer: Bearer
    ) -> None:
        owner = person("ann@example.org")
        headers = bearer("ann@example.org")
        url = "/api/user-settings/transcription"
        wanted = {"model": "tiny", "diarization_source": "off", "task": "translate"}
        client.put(url, headers=headers, json=wanted)
        file = add_file(app, owner)
        opened = client.get(f"/api/files/{file}", headers=headers).json()
        assert opened["requested_whisper_model"] == "tiny"

    @pytest.mark.parametrize(
        "nonsense",
        [{"language": "german"}, {"max_speakers": 0}, {"vad_threshold": 2}, {"task": "sing"}],
    )
    def test_refuse_nonsense(
        self, client: TestClient, ann: dict[str, str], nonsense: dict[str, object]
    ) -> None:
        url = "/api/user-settings/transcription"
        assert client.put(url, headers=ann, json=nonsense).status_code == 422


class TestVocabulary:
    URL = "/api/custom-vocabulary"

    def test_adds_changes_and_removes_a_term(self, client: TestClient, ann: dict[str, str]) -> None:
        made = client.post(self.URL, headers=ann, json={"term": " CTranslate2 "})
        assert (made.status_code, made.json()["term"]) == (201, "CTranslate2")
        one = f"{self.URL}/{made.json()['id']}"
        changed = client.put(one, headers=ann, json={"term": "ONNX", "domain": "technical"})
        assert changed.json()["domain"] == "technical"
        assert client.delete(one, headers=ann).status_code == 204
        assert client.get(self.URL, headers=ann).json() == []

    def test_refuses_a_term_twice(self, client: TestClient, ann: dict[str, str]) -> None:
        client.post(self.URL, headers=ann, json={"term": "ONNX"})
        again = client.post(self.URL, headers=ann, json={"term": "ONNX"})
        assert (again.status_code, again.json()["code"]) == (409, "term_exists")
        other = client.post(self.URL, headers=ann, json={"term": "PCM"}).json()
        one = f"{self.URL}/{other['id']}"
        assert client.put(one, headers=ann, json={"term": "ONNX"}).status_code == 409

    def test_takes_many_at_once(self, client: TestClient, ann: dict[str, str]) -> None:
        many = {"terms": ["a", "b", "a", {"term": "c", "domain": "legal"}]}
        answer = client.post(f"{self.URL}/bulk", headers=ann, json=many)
        assert answer.json() == {"created": 3, "skipped": 1}
        legal = client.get(f"{self.URL}?domain=legal", headers=ann).json()
        assert [term["term"] for term in legal] == ["c"]

    def test_keeps_a_term_from_others(
        self, client: TestClient, ann: dict[str, str], person: Person, bearer: Bearer
    ) -> None:
        made = client.post(self.URL, headers=ann, json={"term": "secret"}).json()
        person("bob@example.org")
        bob = bearer("bob@example.org")
        assert client.get(self.URL, headers=bob).json() == []
        assert client.delete(f"{self.URL}/{made['id']}", headers=bob).status_code == 404

    def test_names_its_domains(self, client: TestClient, ann: dict[str, str]) -> None:
        assert "medical" in client.get(f"{self.URL}/domains", headers=ann).json()


class TestModels:
    def test_are_listed_with_where_they_are(self, client: TestClient, ann: dict[str, str]) -> None:
        models = client.get("/api/models", headers=ann).json()
        base = next(model for model in models if model["name"] == "base")
        assert base["is_default"] is True
        assert base["state"] == "missing"

    def test_are_fetched_for_administrators_only(
        self, client: TestClient, ann: dict[str, str], person: Person, bearer: Bearer
    ) -> None:
        assert client.post("/api/models/base/fetch", headers=ann).status_code == 403
        person("root@example.org", role="admin")
        root = bearer("root@example.org")
        answer = client.post("/api/models/base/fetch", headers=root)
        assert (answer.status_code, answer.json()["kind"]) == (202, "model.fetch")
        assert client.post("/api/models/nonesuch/fetch", headers=root).status_code == 404

    def test_that_cannot_be_had_say_so(
        self, app: App, client: TestClient, person: Person, bearer: Bearer
    ) -> None:
        person("root@example.org", role="admin")
        root = bearer("root@example.org")
        job = client.post("/api/models/base/fetch", headers=root).json()
        run_jobs(app)
        done = client.get(f"/api/tasks/{job['uuid']}", headers=root).json()
        assert (done["status"], done["error"]["code"]) == ("failed", "model_missing")
