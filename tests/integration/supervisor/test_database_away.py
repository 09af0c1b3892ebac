"""A database that is frozen or gone for a while, under the whole product."""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from tests.integration.supervisor.installation import Installation, eventually, free_port

from opentranscribe.adapters.models.store import CachedModelStore
from opentranscribe.entrypoints.supervisor import control
from opentranscribe.settings import Settings

#: How long the database is away; a minute by ``OPENTR_TEST_OUTAGE_SECONDS=60``.
OUTAGE_SECONDS = float(os.environ.get("OPENTR_TEST_OUTAGE_SECONDS", "8"))
#: Whoever was in the middle of a statement has waited the longest.
LONGEST_ANSWER_SECONDS = 25.0
SAMPLE = "sample-conversation"
EMAIL, PASSWORD = "ada@example.org", "correct zebra staple battery"


class Product:
    def __init__(self, home: Path) -> None:
        self.settings = Settings.load(home)
        sample = CachedModelStore(self.settings.models_dir, offline=True).fetch(SAMPLE)
        self.sample = (sample / "sample.wav").read_bytes()
        self.installation = Installation(home)
        port = self.status()["backend_port"]
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=60)

    def status(self) -> dict[str, object]:
        return control.ask(self.settings.sockets_dir, {"do": "status"})

    def postmaster(self) -> psutil.Process:
        services = self.status()["services"]
        assert isinstance(services, list)
        return psutil.Process(next(s["pid"] for s in services if s["service"] == "postgres"))

    def upload(self, number: int) -> str:
        """The same sound in another file each time; the id of the recording."""
        content = self.sample + b"note" + struct.pack("<II", 4, number)
        answer = self.http.post("/files", files={"file": ("talk.wav", content, "audio/wav")})
        assert answer.status_code < 300, answer.text
        return str(answer.json()["uuid"])

    def is_running(self, file_uuid: str) -> bool:
        job = self.http.get(f"/files/{file_uuid}").json()["job"]
        return job is not None and job["status"] == "running"

    def sign_in(self) -> httpx.Response:
        return self.http.post("/auth/token", data={"username": EMAIL, "password": PASSWORD})


@pytest.fixture(scope="module")
def product(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("away")
    ports = f"FRONTEND_PORT={free_port()}\nBACKEND_PORT={free_port()}\n"
    rest = f"MODEL_CACHE_DIR={models}\nOPENTR_OFFLINE=true\nOPENTR_LEASE_SECONDS=3\n"
    (home / ".env").write_text(ports + rest)
    installation = Installation(home)
    started = installation.run("start")
    assert started.returncode == 0, started.stderr
    made = Product(home)
    token = (home / "data" / "secrets" / "setup-token").read_text()
    wish = {"token": token, "email": EMAIL, "password": PASSWORD}
    assert made.http.post("/setup", json=wish).status_code == 201
    made.http.cookies.clear()
    made.http.headers["Authorization"] = f"Bearer {made.sign_in().json()['access_token']}"
    yield made
    made.http.close()
    installation.run("stop")
    for process in installation.processes():
        process.kill()


def ask_through(product: Product, until: float) -> list[tuple[int, float]]:
    """Statuses and seconds of what is asked, again and again, as long as the database is away."""
    answers = []
    while time.monotonic() < until:
        for path in ("/files", "/auth/me", "/speaker-profiles/profiles"):
            began = time.monotonic()
            answer = product.http.get(path)
            answers.append((answer.status_code, time.monotonic() - began))
            if answer.status_code == 503:
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["code"] == "database_unavailable"
                assert int(answer.headers["Retry-After"]) > 0
        time.sleep(0.5)
    return answers


def assert_all_is_well(product: Product, file_uuid: str) -> None:
    """Also the recording that was being worked at when the database went."""
    assert eventually(lambda: product.http.get("/files").status_code == 200, 20)
    assert product.sign_in().status_code == 200

    def is_healthy() -> bool:
        health = product.http.get("/health")
        return health.status_code == 200 and health.json()["status"] == "healthy"

    assert eventually(is_healthy, 60), product.http.get("/health").text
    assert eventually(
        lambda: product.http.get(f"/files/{file_uuid}").json()["status"] == "completed", 120
    ), product.http.get(f"/files/{file_uuid}").text
    shown = product.http.get(f"/files/{file_uuid}/transcript").json()
    words = [word for segment in shown["segments"] for word in segment["text"].split()]
    assert 60 < len(words) < 120
    assert len(shown["speakers"]) == 2


class TestFrozenDatabase:
    @pytest.mark.parametrize("what", ["the postmaster", "every process"])
    def test_is_answered_for_in_time_and_everything_goes_on(
        self, product: Product, what: str
    ) -> None:
        file_uuid = product.upload(len(what))
        assert eventually(lambda: product.is_running(file_uuid))
        postmaster = product.postmaster()
        frozen = [postmaster]
        if what == "every process":
            frozen += postmaster.children(recursive=True)
        for process in frozen:
            process.suspend()
        try:
            assert product.http.get("/livez").status_code in {200, 404}
            answers = ask_through(product, time.monotonic() + OUTAGE_SECONDS)
        finally:
            for process in reversed(frozen):
                process.resume()
        assert {status for status, _ in answers} <= {200, 503}
        assert max(seconds for _, seconds in answers) < LONGEST_ANSWER_SECONDS
        if what == "every process":
            assert answers[-1][0] == 503
            later = [seconds for _, seconds in answers[3:]]
            assert max(later, default=0.0) < 8.0
        assert_all_is_well(product, file_uuid)


class TestKilledDatabase:
    def test_that_comes_back_late_is_waited_for(self, product: Product) -> None:
        """The supervisor brings it back at once, so it is kept from doing so for a while."""
        file_uuid = product.upload(1)
        assert eventually(lambda: product.is_running(file_uuid))
        supervisor = psutil.Process(int(str(product.status()["pid"])))
        postmaster = product.postmaster()
        supervisor.suspend()
        try:
            os.kill(postmaster.pid, signal.SIGKILL)
            time.sleep(1)
            answers = ask_through(product, time.monotonic() + OUTAGE_SECONDS)
        finally:
            supervisor.resume()
        assert {status for status, _ in answers} == {503}
        assert max(seconds for _, seconds in answers) < 8.0
        assert_all_is_well(product, file_uuid)
