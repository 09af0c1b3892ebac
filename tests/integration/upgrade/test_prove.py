"""The proof of a real installation: all of it works, and what is broken is named."""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import signal
import struct
import subprocess
import sys
import urllib.request
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from tests.integration.supervisor.installation import Installation, eventually, free_port

import opentranscribe
from opentranscribe.features.upgrade.proof.people import DOMAIN
from opentranscribe.kit.fence import Fence
from opentranscribe.settings import Settings

EMAIL, PASSWORD = "ann@example.org", "correct zebra staple battery"
SCRIPTED = ("RECOGNIZER", "DIARIZER", "ENCODER")
SOURCE = Path(opentranscribe.__file__).parent
BUILT_PAGE = SOURCE.parents[1] / "web" / "build"
#: Where the page has not been built, its probe fails, and says so.
WITHOUT_PAGE = set() if BUILT_PAGE.is_dir() else {"page"}


@dataclass
class Release(Installation):
    """The sources and the built page in one place, as a release has them."""

    source: Path

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PYTHONPATH": str(self.source)}

    @property
    def page(self) -> Path:
        return self.source / "opentranscribe" / "static"


def put_together(source: Path) -> Path:
    package = shutil.copytree(SOURCE, source / "opentranscribe")
    if not WITHOUT_PAGE:
        shutil.copytree(BUILT_PAGE, package / "static", dirs_exist_ok=True)
    return source


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    home = tmp_path_factory.mktemp("proven")
    lines = [f"OPENTR_{name}_ENGINE=scripted" for name in SCRIPTED]
    lines += [f"FRONTEND_PORT={free_port()}", f"BACKEND_PORT={free_port()}", "OPENTR_OFFLINE=true"]
    (home / ".env").write_text("\n".join(lines) + "\n")
    made = Release(home, put_together(tmp_path_factory.mktemp("release")))
    started = made.run("start")
    assert started.returncode == 0, started.stdout + started.stderr
    add_person(made)
    add_recording(made)
    yield made
    made.run("stop")


def add_person(installation: Installation) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "opentranscribe.entrypoints.cli.main"),
            *("users", "create", EMAIL, "--admin", "--password-stdin"),
        ],
        input=PASSWORD,
        env=installation.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def add_recording(installation: Installation) -> None:
    base = f"http://127.0.0.1:{installation.status()['backend_port']}"
    form = urlencode({"username": EMAIL, "password": PASSWORD}).encode()
    with urllib.request.urlopen(f"{base}/api/auth/token", form, timeout=30) as answer:
        token = json.load(answer)["access_token"]
    mark = "----test"
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    body = head.encode() + tone() + f"\r\n--{mark}--\r\n".encode()
    request = urllib.request.Request(f"{base}/api/files", body)
    request.add_header("Content-Type", f"multipart/form-data; boundary={mark}")
    request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 201
    assert eventually(lambda: count(installation, "media_file WHERE status = 'completed'") == 1)
    assert eventually(lambda: count(installation, "derived.search_file") == 1)


def tone(seconds: float = 3.0) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        samples = (int(9000 * math.sin(n / 12)) for n in range(round(16_000 * seconds)))
        sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return content.getvalue()


def database_of(installation: Installation) -> str:
    return Settings.load(installation.home).sqlalchemy_url.replace("+psycopg", "")


def count(installation: Installation, what: str) -> int:
    with psycopg.connect(database_of(installation), autocommit=True) as connection:
        row = connection.execute(f"SELECT count(*) FROM {what}".encode()).fetchone()
    return int(row[0]) if row else 0


def execute(installation: Installation, statement: str) -> None:
    with psycopg.connect(database_of(installation), autocommit=True) as connection:
        connection.execute(statement.encode())


def prove(installation: Installation, *words: str) -> dict[str, Any]:
    done = installation.run("prove", "--json", "--wait", "3", *words)
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if report["ok"] else 1)
    return report


def failing(report: dict[str, Any]) -> set[str]:
    return {probe["name"] for probe in report["probes"] if not probe["ok"]}


class TestProve:
    def test_everything_works_and_nothing_is_left_behind(self, running: Release) -> None:
        report = prove(running)
        assert failing(report) <= WITHOUT_PAGE
        assert len(report["probes"]) >= 25
        assert {"open a transcript", "play by ranges", "search by words", "search by meaning"} <= {
            probe["name"] for probe in report["probes"] if probe["state"] == "passed"
        }
        assert count(running, f"\"user\" WHERE email LIKE '%{DOMAIN}'") == 0
        assert count(running, "user_session WHERE user_agent LIKE 'Proof%'") == 0

    def test_removes_who_a_killed_proof_left(self, running: Release) -> None:
        execute(
            running,
            'INSERT INTO "user" (email, hashed_password, full_name)'
            f" VALUES ('proof-left@{DOMAIN}', 'x', 'Proof')",
        )
        assert failing(prove(running)) <= WITHOUT_PAGE
        assert count(running, f"\"user\" WHERE email LIKE '%{DOMAIN}'") == 0

    def test_names_files_that_are_not_where_they_belong(self, running: Release) -> None:
        objects = running.home / "data" / "objects"
        shutil.move(objects, running.home / "elsewhere")
        objects.mkdir()
        try:
            assert {"stored files", "play by ranges"} <= failing(prove(running))
        finally:
            shutil.rmtree(objects)
            shutil.move(running.home / "elsewhere", objects)

    def test_names_a_search_that_finds_nothing(self, running: Release) -> None:
        execute(running, "ALTER TABLE derived.search_posting RENAME TO hidden")
        try:
            assert {"search by words", "search by meaning"} <= failing(prove(running))
        finally:
            execute(running, "ALTER TABLE derived.hidden RENAME TO search_posting")

    def test_names_a_search_by_meaning_that_lost_its_vectors(self, running: Release) -> None:
        execute(running, "CREATE TABLE derived.kept AS TABLE derived.search_vector")
        execute(running, "DELETE FROM derived.search_vector")
        try:
            found = failing(prove(running))
            assert "search by meaning" in found
            assert "search by words" not in found
        finally:
            execute(running, "INSERT INTO derived.search_vector TABLE derived.kept")
            execute(running, "DROP TABLE derived.kept")

    @pytest.mark.skipif(bool(WITHOUT_PAGE), reason="the page is not built: web/build is not there")
    def test_names_a_part_of_the_page_that_is_missing(self, running: Release) -> None:
        part = min(running.page.glob("_app/immutable/entry/app.*.js"))
        part.rename(running.home / "part")
        try:
            report = prove(running)
            assert failing(report) == {"page"}
            assert part.name in next(p["sentence"] for p in report["probes"] if not p["ok"])
        finally:
            (running.home / "part").rename(part)

    def test_what_is_left_at_the_deadline_counts_as_failed(self, running: Release) -> None:
        report = prove(running, "--most", "0")
        assert len(failing(report)) == len(report["probes"]) - 1
        assert "longer than 0 s" in report["probes"][0]["sentence"]
        assert count(running, f"\"user\" WHERE email LIKE '%{DOMAIN}'") == 0

    def test_names_a_transcript_that_lost_its_passages(self, running: Release) -> None:
        execute(running, "ALTER TABLE transcript_segment RENAME TO hidden")
        try:
            assert {"sample of rows", "schema"} & failing(prove(running))
        finally:
            execute(running, "ALTER TABLE hidden RENAME TO transcript_segment")

    def test_names_a_service_that_does_not_answer(self, running: Release) -> None:
        dead = free_port()
        found = failing(prove(running, "--url", f"http://127.0.0.1:{dead}"))
        assert {"alive", "version", "sign in", "page"} <= found

    def test_names_a_worker_that_is_frozen(self, running: Release) -> None:
        pid = running.pids()["worker-utility"]
        os.kill(pid, signal.SIGSTOP)
        try:
            execute(running, "DELETE FROM process_heartbeat WHERE kind = 'worker'")
            assert "workers and scheduler" in failing(prove(running))
        finally:
            os.kill(pid, signal.SIGCONT)

    def test_a_wrong_token_does_not_pass_the_fence(self, running: Release, tmp_path: Path) -> None:
        (running.home / "data" / "update").mkdir(exist_ok=True)
        fence = Fence(running.home / "data" / "update" / "fence.json")
        token = fence.put_up()
        try:
            (tmp_path / "wrong").write_text("guess")
            assert "sign in" in failing(prove(running, "--proof-token-file", f"{tmp_path}/wrong"))
            (tmp_path / "right").write_text(token)
            found = failing(prove(running, "--proof-token-file", f"{tmp_path}/right"))
            assert found <= WITHOUT_PAGE
        finally:
            fence.take_down()


class TestProveBeforeItCanBegin:
    """Programs read from the JSON what is wrong, and people from a sentence."""

    @staticmethod
    def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
        made = Installation(home)
        (home / ".env").write_text(f"POSTGRES_PORT={free_port()}\nPOSTGRES_HOST=127.0.0.1\n")
        return made.run("prove", *words)

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            ((), "not running"),
            (("--url", "http://127.0.0.1:9", "--proof-token-file", "/nowhere"), "No such file"),
        ],
    )
    def test_says_it_in_json_too(
        self, tmp_path: Path, words: tuple[str, ...], sentence: str
    ) -> None:
        done = self.run(tmp_path, "--json", *words)
        report = json.loads(done.stdout)
        assert (done.returncode, report["ok"]) == (1, False)
        assert sentence in report["probes"][0]["sentence"]

    def test_says_in_json_that_the_database_does_not_answer(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, "--json", "--url", "http://127.0.0.1:9")
        report = json.loads(done.stdout)
        assert (done.returncode, report["ok"]) == (1, False)
        assert "passed" not in {probe["state"] for probe in report["probes"]}
        assert "Traceback" not in done.stderr

    def test_a_sentence_is_no_traceback(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, "--url", "http://127.0.0.1:9", "--proof-token-file", "/nowhere")
        assert done.returncode == 1
        assert "could not begin" in done.stdout
        assert "Traceback" not in done.stderr
