"""The stack of compose.yaml, from pulled images to a transcript that is found."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from tests.containers.stack import Stack, Visitor
from tests.e2e.updating import EMAIL, PASSWORD

BILL = "/usr/share/sbom/opentranscribe.cdx.json"


@pytest.fixture(scope="module")
def running(stack: Stack) -> Stack:
    stack.compose("pull", "--quiet")
    stack.compose("up", "--detach", "--wait")
    return stack


@pytest.fixture(scope="module")
def visitor(running: Stack) -> Visitor:
    words = ("users", "create", EMAIL, "--admin", "--password-stdin")
    running.opentr(*words, stdin=PASSWORD)
    return Visitor(running.address)


class TestTheStack:
    def test_is_healthy_and_says_its_version(self, running: Stack) -> None:
        health = running.health()
        assert (health["status"], health["version"]) == ("healthy", "1.0.0")

    def test_serves_the_page_and_proves_itself(self, running: Stack, visitor: Visitor) -> None:
        assert visitor.http.get("/", headers={"Accept": "text/html"}).status_code == 200
        running.opentr("prove", "--url", "http://127.0.0.1:8080")

    def test_brought_the_database_along_before_it_served(self, running: Stack) -> None:
        assert "migration: bringing the database" in running.compose("logs", "backend")
        assert "v402" in running.opentr("db", "history")

    def test_turns_speech_into_a_transcript_that_is_found(
        self, visitor: Visitor, sample: bytes
    ) -> None:
        file_uuid = visitor.upload(sample)
        found = visitor.wait_until_done(file_uuid)
        assert found["status"] == "completed", found
        text = visitor.http.get(f"/api/files/{file_uuid}/export?format=txt").text
        word = max(re.findall(r"[a-z]+", text), key=len)
        assert visitor.finds(word, file_uuid)

    def test_keeps_recordings_in_the_bucket_and_the_index_in_opensearch(
        self, running: Stack, visitor: Visitor, sample: bytes
    ) -> None:
        listed = visitor.http.get("/api/files").json()["items"]
        assert listed
        index = httpx.get(f"{running.search_address}/_cat/indices?format=json", timeout=30).json()
        chunks = [one for one in index if "chunk" in one["index"]]
        assert sum(int(one["docs.count"]) for one in chunks) > 0, index
        stored = running.compose("exec", "-T", "objects", "du", "-sk", "/data").split()[0]
        assert int(stored) * 1024 > len(sample)

    def test_plays_by_range(self, visitor: Visitor, sample: bytes) -> None:
        (listed, *_) = visitor.http.get("/api/files").json()["items"]
        part = visitor.http.get(
            f"/api/files/{listed['uuid']}/content", headers={"Range": "bytes=10-19"}
        )
        assert (part.status_code, part.content) == (206, sample[10:20])

    def test_backs_up_into_the_folder_beside_it(self, running: Stack) -> None:
        running.opentr("backup", "--plain")
        (made,) = (running.home / "backups").glob("opentranscribe_backup_*.sql")
        assert EMAIL in made.read_text()

    def test_carries_its_bills_of_materials(self, running: Stack) -> None:
        for service, expected in (
            ("backend", "pkg:pypi/fastapi@"),
            ("frontend", "pkg:deb/debian/"),
        ):
            bill = running.compose("exec", "-T", service, "cat", BILL)
            assert json.loads(bill)["metadata"]["component"]["version"] == "v1.0.0"
            assert expected in bill

    def test_runs_nothing_as_root_that_is_ours(self, running: Stack) -> None:
        for service in ("backend", "celery-worker", "scheduler", "frontend"):
            assert running.compose("exec", "-T", service, "id", "-u").strip() != "0"


class TestTheFrontDoor:
    def test_says_so_while_no_backend_answers(self, running: Stack, visitor: Visitor) -> None:
        running.compose("stop", "backend")
        page = visitor.http.get("/", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["Retry-After"]) == (503, "3")
        assert "comes back by itself" in page.text
        answer = visitor.http.get("/api/files", headers={"Accept": "application/json"})
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "starting"
        running.compose("up", "--detach", "--wait", "backend")
        assert visitor.http.get("/api/files").status_code == 200
