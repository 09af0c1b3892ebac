"""The whole product with its real engines; each of its processes is killed at each step."""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import psycopg.rows
import pytest
from tests.integration.supervisor.installation import Installation, eventually, free_port

from opentranscribe.adapters.models.store import CachedModelStore
from opentranscribe.entrypoints.supervisor import control
from opentranscribe.settings import Settings

PROCESSES = ("api", "worker-speech", "postgres", "worker-utility", "scheduler")
STEPS = ("upload", "decode", "speech", "transcribe", "diarize", "voiceprints", "save", "index")
#: Every process dies once, where it is busy.
FEW = (
    ("upload", "api"),
    ("decode", "worker-speech"),
    ("transcribe", "postgres"),
    ("diarize", "scheduler"),
    ("save", "worker-speech"),
    ("index", "worker-utility"),
)
#: Each process at each step: forty.
ALL = tuple((step, process) for step in STEPS for process in PROCESSES)
PLANS = ALL if os.environ.get("OPENTR_TEST_REAL_KILLS") == "all" else FEW
EMAIL, PASSWORD = "ada@example.org", "correct zebra staple battery"
#: What ends a search job, or the whole, however slow the machine.
PATIENCE_SECONDS = 180.0


@pytest.fixture(scope="module")
def product(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("product")
    given = {
        "FRONTEND_PORT": free_port(),
        "BACKEND_PORT": free_port(),
        "MODEL_CACHE_DIR": models,
        "OPENTR_OFFLINE": "true",
        "OPENTR_LEASE_SECONDS": 2,
    }
    (home / ".env").write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    installation = Installation(home)
    started = installation.run("start")
    assert started.returncode == 0, started.stderr
    sample = CachedModelStore(models).find("sample-conversation")
    assert sample is not None
    made = Product(installation, (sample / "sample.wav").read_bytes())
    made.sign_up()
    yield made
    made.http.close()
    installation.run("stop")
    for process in installation.processes():
        process.kill()


@dataclass
class Product:
    installation: Installation
    sample: bytes
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=15))

    def sign_up(self) -> None:
        token = (self.installation.home / "data" / "secrets" / "setup-token").read_text()
        wish = {"token": token, "email": EMAIL, "password": PASSWORD}
        port = self.installation.status()["backend_port"]
        self.http.base_url = httpx.URL(f"http://127.0.0.1:{port}/api")
        assert self.http.post("/setup", json=wish).status_code == 201
        self.http.cookies.clear()
        form = {"username": EMAIL, "password": PASSWORD}
        bearer = self.http.post("/auth/token", data=form).json()["access_token"]
        self.http.headers.update({"Authorization": f"Bearer {bearer}", "Tus-Resumable": "1.0.0"})

    def patiently(self, method: str, path: str, **options: Any) -> httpx.Response:
        """As a client does that comes back: while the API is away or says that it cannot now."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self.http.request(method, path, **options)
                if answer.status_code != 503:
                    return answer
            except httpx.TransportError:
                pass
            assert time.monotonic() < until, f"{method} {path} was never answered"
            time.sleep(0.1)

    def upload(self, content: bytes, midway: Callable[[], None]) -> str:
        """By tus in two halves, with ``midway`` while the second is on its way; the file's id."""
        length = {"Upload-Length": str(len(content)), "Upload-Metadata": "filename dGFsay53YXY="}
        location = self.patiently("POST", "/uploads", headers=length).headers["Location"]
        half = len(content) // 2
        self._append(location, content[:half], 0)
        midway()
        while True:
            standing = self.patiently("HEAD", location.removeprefix("/api"))
            if standing.status_code != 200:  # it had arrived, and was only not told
                break
            offset = int(standing.headers["Upload-Offset"])
            assert half <= offset <= len(content), "acknowledged bytes were lost"
            if offset == len(content) or self._append(location, content[offset:], offset):
                break
        return self._file_of(location)

    def _append(self, location: str, body: bytes, offset: int) -> bool:
        headers = {
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(offset),
        }
        try:
            answer = self.http.patch(location.removeprefix("/api"), content=body, headers=headers)
        except httpx.TransportError:
            return False
        return answer.status_code == 204

    def _file_of(self, location: str) -> str:
        """What became of the upload; the last of its bytes may still be on their way to a file."""
        result: dict[str, Any] = {}

        def is_finished() -> bool:
            path = f"{location.removeprefix('/api')}/result"
            result.update(self.patiently("GET", path).json())
            return result["file_id"] is not None

        assert eventually(is_finished), result
        return str(result["file_id"])

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """From the database itself, as soon as it is there."""
        found: list[dict[str, Any]] = []

        def ask() -> bool:
            try:
                with psycopg.connect(
                    self._address(), row_factory=psycopg.rows.dict_row
                ) as connection:
                    found[:] = connection.execute(statement, values).fetchall()  # type: ignore[call-overload]
            except psycopg.OperationalError:
                return False
            return True

        assert eventually(ask), "the database did not come back"
        return found

    def services(self) -> list[dict[str, Any]]:
        sockets = Settings.load(self.installation.home).sockets_dir
        listed: list[dict[str, Any]] = control.ask(sockets, {"do": "status"})["services"]
        return listed

    def is_well(self) -> bool:
        try:
            healthy = self.http.get("/health").status_code == 200
        except httpx.TransportError:
            return False
        return healthy and {one["state"] for one in self.services()} == {"running"}

    def _address(self) -> str:
        url = Settings.load(self.installation.home).sqlalchemy_url
        return url.replace("postgresql+psycopg", "postgresql")

    def watch_for(self, file_uuid: str, step: str) -> bool:
        """Return at the moment the step runs; False when it was over before it was seen."""
        name, kind = ("run", "search.%") if step == "index" else (step, "transcription.%")
        query = """
            SELECT s.status FROM job_step s JOIN job j ON j.id = s.job_id
            JOIN media_file f ON f.id = j.media_file_id
            WHERE f.uuid = %s AND j.kind LIKE %s AND s.name = %s
            ORDER BY j.id LIMIT 1"""
        until = time.monotonic() + PATIENCE_SECONDS
        with psycopg.connect(self._address(), autocommit=True) as connection:
            while time.monotonic() < until:
                found = connection.execute(query, (file_uuid, kind, name)).fetchone()
                if found and found[0] not in {"pending", "queued"}:
                    return found[0] == "running"
                time.sleep(0.001)
        raise AssertionError(f"the step {step} never began")


def unique(sample: bytes, number: int) -> bytes:
    """The same sound in another file: duplicates would be answered, not transcribed."""
    return sample + b"note" + struct.pack("<I", 4) + struct.pack("<I", number)


@dataclass(frozen=True)
class Transcript:
    words: tuple[str, ...]
    speakers: int


class TestKilledProcess:
    def test_loses_doubles_and_blocks_nothing(self, product: Product) -> None:
        expected = self._transcribe_undisturbed(product)
        files = []
        in_time = 0
        for number, (step, process) in enumerate(PLANS, start=1):
            began = time.monotonic()
            content = unique(product.sample, number)
            file_uuid, done, was_running = self._kill_at(product, content, step, process)
            in_time += was_running
            files.append(file_uuid)
            self._wait_for_end(product, file_uuid, f"{process} killed at {step}")
            assert self._transcript(product, file_uuid) == expected, f"{process} at {step}"
            again = self._done_steps(product, file_uuid)
            assert done.items() <= again.items(), f"repeated after {process} died at {step}"
            assert eventually(product.is_well, PATIENCE_SECONDS), product.services()
            print(f"{process} at {step}: well after {time.monotonic() - began:.1f} s")
        print(f"{len(PLANS)} kills, {in_time} of them while the step ran")
        for file_uuid in files:
            assert self._transcript(product, file_uuid) == expected
        self._assert_nothing_is_left(product, len(files) + 1)

    def _kill_at(
        self, product: Product, content: bytes, step: str, process: str
    ) -> tuple[str, dict[str, datetime], bool]:
        """The file, the steps that were done before, and whether the step was still running."""
        pids = {one["service"]: one["pid"] for one in product.services()}
        if step == "upload":
            kill = partial(os.kill, pids[process], signal.SIGKILL)
            return product.upload(content, kill), {}, True
        file_uuid = product.upload(content, lambda: None)
        was_running = product.watch_for(file_uuid, step)
        done = self._done_steps(product, file_uuid)
        os.kill(pids[process], signal.SIGKILL)
        return file_uuid, done, was_running

    def _transcribe_undisturbed(self, product: Product) -> Transcript:
        file_uuid = product.upload(unique(product.sample, 0), lambda: None)
        self._wait_for_end(product, file_uuid, "nothing killed")
        transcript = self._transcript(product, file_uuid)
        assert transcript.speakers == 2
        assert len(transcript.words) > 60
        return transcript

    def _wait_for_end(self, product: Product, file_uuid: str, what: str) -> None:
        def is_over() -> bool:
            jobs = product.rows(
                """SELECT j.kind, j.status, j.error_message FROM job j
                JOIN media_file f ON f.id = j.media_file_id WHERE f.uuid = %s""",
                file_uuid,
            )
            assert all(job["status"] not in {"failed", "cancelled"} for job in jobs), (what, jobs)
            kinds = {job["kind"].partition(".")[0] for job in jobs}
            ended = all(job["status"] == "succeeded" for job in jobs)
            return ended and kinds == {"transcription", "search"}

        assert eventually(is_over, PATIENCE_SECONDS), f"stuck: {what}"

    def _transcript(self, product: Product, file_uuid: str) -> Transcript:
        segments = product.patiently("GET", f"/files/{file_uuid}/transcript").json()["segments"]
        starts = [start for segment in segments for start in segment["w"]]
        assert starts == sorted(starts)
        words = tuple(word for segment in segments for word in segment["text"].split())
        return Transcript(words, len({segment["speaker_uuid"] for segment in segments}))

    def _done_steps(self, product: Product, file_uuid: str) -> dict[str, datetime]:
        rows = product.rows(
            """SELECT j.kind || ':' || s.name AS step, s.finished_at FROM job_step s
            JOIN job j ON j.id = s.job_id JOIN media_file f ON f.id = j.media_file_id
            WHERE f.uuid = %s AND s.status = 'done'""",
            file_uuid,
        )
        return {row["step"]: row["finished_at"] for row in rows}

    def _assert_nothing_is_left(self, product: Product, files: int) -> None:
        (counts,) = product.rows(
            """SELECT (SELECT count(*) FROM media_file) AS files,
            (SELECT count(*) FROM job WHERE kind LIKE 'transcription.%%') AS transcriptions,
            (SELECT count(*) FROM job WHERE status <> 'succeeded') AS unfinished,
            (SELECT count(*) FROM transcript_draft) AS drafts,
            (SELECT count(*) FROM speaker) AS speakers"""
        )
        assert counts == {
            "files": files,
            "transcriptions": files,
            "unfinished": 0,
            "drafts": 0,
            "speakers": 2 * files,
        }
        settings = Settings.load(product.installation.home)
        size = len(unique(product.sample, 0))
        kept = [path for path in settings.data_dir.rglob("*") if _size_of(path) == size]
        assert len(kept) == files, kept
        assert list(settings.scratch_dir.iterdir()) == []


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1
