"""A disk that is really full while a step works: what is there stays, and all goes on with room."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, update
from starlette.testclient import TestClient
from tests.factories.recordings import PASSWORD
from tests.integration.pipeline import stepwise
from tests.integration.pipeline.conftest import Installation, wait_until, write_sound
from tests.integration.pipeline.small_disk import SmallDisk, small_disk

from opentranscribe.entrypoints.http import create_app
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.features.jobs.sweeper import sweep
from opentranscribe.kit.passwords import hash_password
from opentranscribe.schema.accounts import User
from opentranscribe.schema.jobs import Job
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.work import SYSTEM

#: Two minutes are 3.8 MB once decoded.
SECONDS = 120.0
ENGINES = {**stepwise.ENGINES, "media_tools_engine": "pyav", "queue_engine": "inline"}


def sha256_of_stored(installation: Installation, file_uuid: uuid.UUID) -> str:
    key = installation.file(file_uuid).storage_path
    return hashlib.sha256(installation.app.ports.objects.local_path(key).read_bytes()).hexdigest()


def try_again(installation: Installation) -> None:
    """As the scheduler does once the pause is over."""
    with installation.app.work(SYSTEM) as work:
        work.session.execute(
            update(Job).where(Job.status == "queued").values(not_before=func.now())
        )
    sweep(installation.app.work, grace_seconds=0.0)
    installation.run_jobs()


class TestFullScratchDisk:
    @pytest.fixture
    def disk(self, tmp_path: Path) -> Iterator[SmallDisk]:
        with small_disk(tmp_path / "data" / "scratch", megabytes=2) as disk:
            yield disk

    @pytest.fixture
    def decoding(
        self, disk: SmallDisk, tmp_path: Path, database_url: str
    ) -> Iterator[Installation]:
        made = Installation(tmp_path, database_url, ENGINES)
        yield made
        made.stop()

    def test_is_told_and_the_recording_is_kept(
        self, decoding: Installation, disk: SmallDisk, tmp_path: Path
    ) -> None:
        sound = write_sound(tmp_path / "long.wav", SECONDS)
        before = hashlib.sha256(sound.read_bytes()).hexdigest()
        file_uuid = decoding.add_file(sound)
        decoding.run_jobs()
        job = decoding.job(file_uuid)
        assert (job.status, job.attempt, job.error_code) == ("queued", 1, "storage_full")
        assert "disk of the server is full" in (job.message or "")
        assert "tried again soon" in (job.message or "")
        for _ in range(2):
            try_again(decoding)
        file = decoding.file(file_uuid)
        assert (file.status, file.error_category) == ("error", "storage_full")
        assert "It is kept; free some space" in (file.last_error_message or "")
        assert sha256_of_stored(decoding, file_uuid) == before
        assert list(disk.folder.rglob("*.*")) == []

    def test_does_not_keep_smaller_recordings_from_being_transcribed(
        self, decoding: Installation, disk: SmallDisk, tmp_path: Path
    ) -> None:
        large = decoding.add_file(write_sound(tmp_path / "long.wav", SECONDS))
        small = decoding.add_file()
        decoding.run_jobs()
        assert decoding.job(large).status == "queued"
        assert decoding.file(small).status == "completed"

    def test_goes_on_by_itself_once_there_is_room(
        self, decoding: Installation, disk: SmallDisk
    ) -> None:
        disk.fill()
        file_uuid = decoding.add_file()
        decoding.run_jobs()
        assert decoding.job(file_uuid).error_code in {"storage_full", "disk_full"}
        disk.make_room()
        try_again(decoding)
        assert decoding.file(file_uuid).status == "completed"
        assert len(decoding.segments(file_uuid)) == stepwise.WINDOWS


class TestFullObjectDisk:
    def test_keeps_the_recording_and_goes_on_with_room(
        self, tmp_path: Path, database_url: str
    ) -> None:
        with small_disk(tmp_path / "data" / "objects", megabytes=8) as disk:
            installation = Installation(tmp_path, database_url, ENGINES)
            file_uuid = installation.add_file()
            before = sha256_of_stored(installation, file_uuid)
            disk.fill()
            installation.run_jobs()
            job = installation.job(file_uuid)
            assert (job.status, job.error_code) == ("queued", "storage_full")
            assert "full" in (job.message or "")
            disk.make_room()
            try_again(installation)
            assert installation.file(file_uuid).status == "completed"
            assert sha256_of_stored(installation, file_uuid) == before
            installation.stop()


class TestFullDatabaseDisk:
    @pytest.fixture
    def disk(self, tmp_path: Path) -> Iterator[SmallDisk]:
        with small_disk(tmp_path / "pg", megabytes=160) as disk:
            yield disk

    @pytest.fixture
    def server(self, disk: SmallDisk) -> Iterator[EmbeddedPostgres]:
        server = EmbeddedPostgres(disk.folder / "data", disk.folder / "run", uuid.uuid4().hex)
        server.start()
        upgrade(server.url())
        yield server
        server.stop()

    def test_waits_with_what_was_computed_and_refuses_changes_with_a_reason(
        self, disk: SmallDisk, server: EmbeddedPostgres, tmp_path: Path
    ) -> None:
        installation = Installation(tmp_path, server.url(), ENGINES)
        file_uuid = installation.add_file()
        with installation.app.work(SYSTEM) as work:
            owner = work.session.query(User).one()
            owner.hashed_password = hash_password(PASSWORD)
        installation.remote.hold("window0")
        working = threading.Thread(target=installation.run_jobs)
        working.start()
        wait_until(lambda: installation.remote.waiting_at("window0"))
        disk.fill()
        installation.remote.release("window0")
        with TestClient(create_app(installation.app), base_url="http://localhost") as client:
            refused = self._sign_in(client)
            assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
            assert "make room" in refused.json()["detail"]
            assert client.get("/api/health").status_code == 200
            working.join(2.5)
            assert working.is_alive()
            assert installation.drafts(file_uuid) == []
            disk.make_room()
            working.join(60)
            assert self._sign_in(client).status_code == 200
        assert installation.file(file_uuid).status == "completed"
        assert installation.job(file_uuid).attempt == 1
        assert installation.remote.visits("window0") == 1
        assert len(installation.segments(file_uuid)) == stepwise.WINDOWS
        installation.stop()

    def _sign_in(self, client: TestClient) -> Any:
        form = {"username": "ann@example.org", "password": PASSWORD}
        return client.post("/api/auth/token", data=form)
