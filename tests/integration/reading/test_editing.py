"""Correcting, naming, merging; undo and redo; search that follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import func, update
from starlette.testclient import TestClient
from tests.factories.recordings import Recording, add_recording

from opentranscribe.bootstrap import App
from opentranscribe.schema.jobs import Job
from opentranscribe.work import SYSTEM


def transcript(client: TestClient, recording: Recording) -> Any:
    return client.get(f"/api/files/{recording.uuid}/transcript").json()


def correct(client: TestClient, recording: Recording, text: str, segment: int = 0) -> Any:
    path = f"/api/files/{recording.uuid}/transcript/segments/{recording.segments[segment]}"
    return client.put(path, json={"text": text})


def turn(client: TestClient, recording: Recording, edit: str, way: str) -> Any:
    return client.post(f"/api/files/{recording.uuid}/edits/{edit}/{way}")


class TestCorrectText:
    def test_changes_the_words_and_keeps_the_times_of_the_rest(
        self, app: App, client: TestClient, ann: int
    ) -> None:
        mine = add_recording(app, ann, (0, "the red dog barks"))
        answer = correct(client, mine, "  the read\ndog barks ").json()
        assert answer["segment"]["text"] == "the read dog barks"
        assert answer["segment"]["w"] == [0, 2500, 5000, 7500]
        assert answer["edit"]["before"]["text"] == "the red dog barks"
        assert transcript(client, mine)["segments"][0]["text"] == "the read dog barks"

    def test_the_same_words_are_no_edit(self, app: App, client: TestClient, ann: int) -> None:
        mine = add_recording(app, ann, (0, "same words"))
        assert correct(client, mine, "same  words").json()["edit"] is None

    def test_an_empty_passage_is_refused_and_changes_nothing(
        self, app: App, client: TestClient, ann: int
    ) -> None:
        mine = add_recording(app, ann, (0, "words"))
        assert correct(client, mine, " \n ").status_code in {400, 422}
        assert correct(client, mine, "x" * 20_001).status_code == 422
        assert transcript(client, mine)["segments"][0]["text"] == "words"

    def test_nobody_edits_what_is_not_theirs(
        self, app: App, client: TestClient, ann: int, bob: int
    ) -> None:
        theirs, mine = add_recording(app, bob, (0, "theirs")), add_recording(app, ann, (0, "mine"))
        assert correct(client, theirs, "x").status_code == 404
        smuggled = f"/api/files/{mine.uuid}/transcript/segments/{theirs.segments[0]}"
        assert client.put(smuggled, json={"text": "x"}).status_code == 404
        path = f"/api/transcripts/segments/{theirs.segments[0]}/speaker"
        assert client.put(path, json={"speaker_uuid": None}).status_code == 404

    def test_moves_the_revision(self, app: App, client: TestClient, ann: int) -> None:
        mine = add_recording(app, ann, (0, "words"))
        before = transcript(client, mine)["revision"]
        edit = correct(client, mine, "other words").json()["edit"]["uuid"]
        after = transcript(client, mine)["revision"]
        turn(client, mine, edit, "undo")
        assert before < after < transcript(client, mine)["revision"]


class TestUndo:
    def test_goes_back_and_forth(self, app: App, client: TestClient, ann: int) -> None:
        mine = add_recording(app, ann, (0, "first words"))
        edit = correct(client, mine, "second words").json()["edit"]["uuid"]
        assert turn(client, mine, edit, "undo").json()["undone_at"]
        assert transcript(client, mine)["segments"][0]["text"] == "first words"
        assert turn(client, mine, edit, "undo").status_code == 409
        assert turn(client, mine, edit, "redo").json()["undone_at"] is None
        assert transcript(client, mine)["segments"][0]["text"] == "second words"

    def test_does_not_overwrite_a_later_change(
        self, app: App, client: TestClient, ann: int
    ) -> None:
        mine = add_recording(app, ann, (0, "one"))
        first = correct(client, mine, "two").json()["edit"]["uuid"]
        correct(client, mine, "three")
        answer = turn(client, mine, first, "undo")
        assert answer.status_code == 409
        assert "nothing was overwritten" in answer.json()["detail"]
        assert transcript(client, mine)["segments"][0]["text"] == "three"

    def test_history_tells_who_and_what(self, app: App, client: TestClient, ann: int) -> None:
        mine = add_recording(app, ann, (0, "one"))
        correct(client, mine, "two")
        (entry,) = client.get(f"/api/files/{mine.uuid}/edits").json()
        assert (entry["user_name"], entry["kind"]) == ("Ann", "segment_text")
        assert entry["after"] == {"text": "two"}


class TestSpeakers:
    def test_a_name_can_be_given_and_taken_back(
        self, app: App, client: TestClient, ann: int
    ) -> None:
        mine = add_recording(app, ann, (0, "hello"))
        path = f"/api/speakers/{mine.speakers[0]}"
        edit = client.put(path, json={"display_name": " Mara  Lee "}).json()["edit"]["uuid"]
        assert transcript(client, mine)["speakers"][0]["name"] == "Mara Lee"
        assert [p["name"] for p in client.get("/api/speaker-profiles/profiles").json()] == [
            "Mara Lee"
        ]
        turn(client, mine, edit, "undo")
        assert transcript(client, mine)["speakers"][0]["name"] == "Speaker 1"

    def test_everywhere_renames_the_person_in_all_recordings(
        self, app: App, client: TestClient, ann: int
    ) -> None:
        one, two = (add_recording(app, ann, (0, "hello")) for _ in range(2))
        for recording in (one, two):
            client.put(f"/api/speakers/{recording.speakers[0]}", json={"display_name": "Mara"})
        change = {"display_name": "Mara Lee", "scope": "everywhere"}
        answer = client.put(f"/api/speakers/{one.speakers[0]}", json=change).json()
        assert answer["changed_files"] == 2
        assert transcript(client, two)["speakers"][0]["name"] == "Mara Lee"

    def test_here_leaves_other_recordings_alone(
        self, app: App, client: TestClient, ann: int
    ) -> None:
        one, two = (add_recording(app, ann, (0, "hello")) for _ in range(2))
        for recording in (one, two):
            client.put(f"/api/speakers/{recording.speakers[0]}", json={"display_name": "Mara"})
        client.put(f"/api/speakers/{one.speakers[0]}", json={"display_name": "Nora"})
        assert transcript(client, two)["speakers"][0]["name"] == "Mara"

    def test_a_passage_can_change_hands(self, app: App, client: TestClient, ann: int) -> None:
        mine = add_recording(app, ann, (0, "hello"), (1, "there"))
        path = f"/api/transcripts/segments/{mine.segments[0]}/speaker"
        edit = client.put(path, json={"speaker_uuid": str(mine.speakers[1])}).json()["edit"]
        assert transcript(client, mine)["segments"][0]["speaker_uuid"] == str(mine.speakers[1])
        turn(client, mine, edit["uuid"], "undo")
        assert transcript(client, mine)["segments"][0]["speaker_uuid"] == str(mine.speakers[0])

    def test_a_speaker_of_another_recording_cannot_be_given(
        self, app: App, client: TestClient, ann: int
    ) -> None:
        one, two = (add_recording(app, ann, (0, "hello")) for _ in range(2))
        path = f"/api/transcripts/segments/{one.segments[0]}/speaker"
        assert client.put(path, json={"speaker_uuid": str(two.speakers[0])}).status_code == 409

    def test_merging_moves_all_passages_and_can_be_undone(
        self, app: App, client: TestClient, ann: int
    ) -> None:
        mine = add_recording(app, ann, (0, "a"), (1, "b"), (0, "c"))
        first, second = mine.speakers
        merged = client.post(f"/api/speakers/{first}/merge/{second}").json()
        held = {s["speaker_uuid"] for s in transcript(client, mine)["segments"]}
        assert held == {str(second)}
        turn(client, mine, merged["edit"]["uuid"], "undo")
        held_by = [s["speaker_uuid"] for s in transcript(client, mine)["segments"]]
        assert held_by == [str(first), str(second), str(first)]

    def test_a_voice_can_be_added(self, app: App, client: TestClient, ann: int) -> None:
        mine = add_recording(app, ann, (0, "hello"))
        answer = client.post(f"/api/files/{mine.uuid}/speakers", json={"display_name": "Zoe"})
        assert (answer.status_code, answer.json()["label"]) == (201, "SPEAKER_01")


class TestSearchFollows:
    def test_a_correction_is_found_and_the_old_word_is_not(
        self, app: App, client: TestClient, ann: int, run_jobs: Callable[[], None]
    ) -> None:
        mine = add_recording(app, ann, (0, "we met the minister of finnance"))
        run_jobs()
        correct(client, mine, "we met the minister of finance")
        run_jobs()
        result = client.get("/api/search", params={"q": "finance", "search_mode": "keyword"}).json()
        (occurrence,) = result["results"][0]["occurrences"]
        assert "<mark>finance</mark>" in occurrence["snippet"]
        assert occurrence["start_time"] == transcript(client, mine)["segments"][0]["w"][5] / 1000

    def test_a_change_does_not_wait_for_a_failed_try_to_be_repeated(
        self, app: App, client: TestClient, ann: int, run_jobs: Callable[[], None]
    ) -> None:
        mine = add_recording(app, ann, (0, "first words"))
        with app.work(SYSTEM) as work:
            work.session.execute(update(Job).values(not_before=func.now() + timedelta(minutes=5)))
        run_jobs()
        correct(client, mine, "second words")
        run_jobs()
        result = client.get("/api/search", params={"q": "second"}).json()
        assert result["total_files"] == 1

    def test_a_name_is_a_filter_as_soon_as_it_is_given(
        self, app: App, client: TestClient, ann: int, run_jobs: Callable[[], None]
    ) -> None:
        mine = add_recording(app, ann, (0, "the budget"), (1, "the budget too"))
        client.put(f"/api/speakers/{mine.speakers[1]}", json={"display_name": "Mara Lee"})
        run_jobs()
        query = {"q": 'budget speaker:"Mara Lee"', "search_mode": "keyword"}
        (hit,) = client.get("/api/search", params=query).json()["results"]
        assert [o["speaker"] for o in hit["occurrences"]] == ["Mara Lee"]

    def test_who_says_it_is_counted_by_name_once_they_have_one(
        self, app: App, client: TestClient, ann: int, bob: int, run_jobs: Callable[[], None]
    ) -> None:
        for owner in (ann, ann, bob):
            add_recording(app, owner, (0, "the budget"), (1, "the budget too"))
        for one in client.get("/api/speakers").json():
            if one["label"] == "SPEAKER_01":
                client.put(f"/api/speakers/{one['uuid']}", json={"display_name": "Mara Lee"})
        run_jobs()
        query = {"q": "budget", "facets": True}
        assert client.get("/api/search", params=query).json()["facets"] == {
            "speakers": [{"value": "Mara Lee", "files": 2}],
            "languages": [{"value": "en", "files": 2}],
        }
        assert client.get("/api/search", params={"q": "budget"}).json()["facets"] is None

    def test_nothing_of_another_person_is_found_or_suggested(
        self, app: App, client: TestClient, bob: int, run_jobs: Callable[[], None]
    ) -> None:
        add_recording(app, bob, (0, "zanzibar"), title="Zanzibar trip")
        run_jobs()
        assert client.get("/api/search", params={"q": "zanzibar"}).json()["total_files"] == 0
        assert client.get("/api/search/suggestions", params={"q": "zan"}).json() == []

    def test_a_query_that_means_nothing_is_a_sentence(self, client: TestClient) -> None:
        answer = client.get("/api/search", params={"q": "?!"})
        assert answer.status_code in {400, 422}
        assert "word" in answer.json()["detail"]
