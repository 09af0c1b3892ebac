"""The shelf and the transcript, over HTTP on a real database."""

from __future__ import annotations

import uuid

from starlette.testclient import TestClient
from tests.factories.recordings import add_recording

from opentranscribe.bootstrap import App
from opentranscribe.schema.jobs import Job
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.transcript import TranscriptDraft
from opentranscribe.work import SYSTEM
from opentranscribe.work.access import get_file


class TestListFiles:
    def test_shows_ones_own_files_only(
        self, app: App, client: TestClient, ann: int, bob: int
    ) -> None:
        mine = add_recording(app, ann, (0, "hello there"))
        add_recording(app, bob, (0, "not for ann"))
        page = client.get("/api/files").json()
        assert page["total"] == 1
        assert page["items"][0]["uuid"] == str(mine.uuid)
        assert page["items"][0]["speakers"][0]["name"] == "Speaker 1"

    def test_pages_filters_and_sorts(self, app: App, client: TestClient, ann: int) -> None:
        for title in ("Alpha", "beta", "100%_sure"):
            add_recording(app, ann, (0, "words"), title=title)
        by_title = {"sort_by": "title", "sort_order": "asc", "page_size": 2}
        first = client.get("/api/files", params=by_title).json()
        assert [item["title"] for item in first["items"]] == ["100%_sure", "Alpha"]
        assert (first["total_pages"], first["has_more"]) == (2, True)
        second = client.get("/api/files", params={**by_title, "page": 2}).json()
        assert [item["title"] for item in second["items"]] == ["beta"]
        found = client.get("/api/files", params={"search": "%_"}).json()
        assert [item["title"] for item in found["items"]] == ["100%_sure"]
        assert client.get("/api/files", params={"status": "error"}).json()["total"] == 0

    def test_a_failure_is_a_sentence(self, app: App, client: TestClient, ann: int) -> None:
        facts = {"status": "error", "error_category": "no_audio_track"}
        add_recording(app, ann, last_error_message="This video has no sound.", **facts)
        (item,) = client.get("/api/files").json()["items"]
        assert item["error"] == {"code": "no_audio_track", "message": "This video has no sound."}

    def test_refuses_odd_pages(self, client: TestClient) -> None:
        for odd in ({"page": 0}, {"page_size": 101}, {"page": "x"}, {"sort_by": "password"}):
            answer = client.get("/api/files", params=odd)
            assert answer.status_code == 422
            assert answer.headers["content-type"].startswith("application/problem+json")


class TestOneFile:
    def test_another_persons_file_does_not_exist(
        self, app: App, client: TestClient, bob: int
    ) -> None:
        theirs = add_recording(app, bob, (0, "secret"))
        for path in ("", "/transcript", "/edits", "/export"):
            answer = client.get(f"/api/files/{theirs.uuid}{path}")
            missing = client.get(f"/api/files/{uuid.uuid4()}{path}")
            assert answer.status_code == missing.status_code == 404
            assert answer.json()["detail"] == missing.json()["detail"]

    def test_can_be_renamed_but_not_to_nothing(
        self, app: App, client: TestClient, ann: int
    ) -> None:
        mine = add_recording(app, ann, (0, "words"))
        path = f"/api/files/{mine.uuid}"
        assert (
            client.put(path, json={"title": "  Board meeting "}).json()["title"] == "Board meeting"
        )
        assert client.put(path, json={"title": "  "}).status_code == 422
        assert client.get(path).json()["title"] == "Board meeting"


class TestTranscript:
    def test_has_one_column_entry_per_token(self, app: App, client: TestClient, ann: int) -> None:
        mine = add_recording(app, ann, (1, "one two"), (0, "three"))
        transcript = client.get(f"/api/files/{mine.uuid}/transcript").json()
        assert transcript["status"] == "final"
        first = transcript["segments"][0]
        assert (first["w"], first["e"], first["c"]) == ([0, 5000], [5000, 10000], [90, 90])
        assert [s["label"] for s in transcript["speakers"]] == ["SPEAKER_00", "SPEAKER_01"]
        assert transcript["speakers"][0]["talk_seconds"] == 10.0

    def test_shows_what_is_decoded_so_far(self, app: App, client: TestClient, ann: int) -> None:
        mine = add_recording(app, ann, status="processing", completed_at=None)
        with app.work(SYSTEM) as work:
            file: MediaFile = get_file(work, mine.uuid)
            job = Job(kind="transcription.process", queue="gpu", media_file_id=file.id)
            work.session.add(job)
            work.session.flush()
            for index, word in ((1, "second"), (0, "first")):
                segment = {"start": index * 5.0, "end": index * 5.0 + 5, "text": word, "words": []}
                work.session.add(
                    TranscriptDraft(
                        job_id=job.id,
                        media_file_id=file.id,
                        window_index=index,
                        start_time=index * 5.0,
                        end_time=index * 5.0 + 5,
                        segments=[segment],
                    )
                )
        transcript = client.get(f"/api/files/{mine.uuid}/transcript").json()
        assert transcript["status"] == "draft"
        assert [s["text"] for s in transcript["segments"]] == ["first", "second"]

    def test_an_empty_recording_has_none(self, app: App, client: TestClient, ann: int) -> None:
        mine = add_recording(app, ann)
        transcript = client.get(f"/api/files/{mine.uuid}/transcript").json()
        assert (transcript["status"], transcript["segments"]) == ("none", [])


class TestExport:
    def test_is_an_attachment_named_after_the_title(
        self, app: App, client: TestClient, ann: int
    ) -> None:
        mine = add_recording(app, ann, (0, "hello"), title='Ünder "quotes" / slash')
        answer = client.get(f"/api/files/{mine.uuid}/export", params={"format": "srt"})
        assert answer.text.endswith("Speaker 1: hello\n")
        assert 'filename="nder _quotes_ _ slash.srt"' in answer.headers["content-disposition"]
        assert "UTF-8''%C3%9Cnder" in answer.headers["content-disposition"]

    def test_of_nothing_or_in_no_known_format_is_refused(
        self, app: App, client: TestClient, ann: int
    ) -> None:
        empty, full = add_recording(app, ann), add_recording(app, ann, (0, "hello"))
        assert client.get(f"/api/files/{empty.uuid}/export").status_code == 409
        unknown = client.get(f"/api/files/{full.uuid}/export", params={"format": "exe"})
        assert unknown.status_code in {400, 415, 422, 501}
        assert "srt" in unknown.json()["detail"]
