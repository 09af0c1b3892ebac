"""One running installation: updated under load, a failing update put back, rolled back, updated.

Two real releases are built from this checkout. People keep writing all the time; what was
acknowledged must never be missing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.e2e.conftest import _free_port as free_port

ROOT = Path(__file__).parents[2]
OVERLAYS = ROOT / "tests" / "releases"
EMAIL, PASSWORD = "owner@example.org", "correct zebra staple battery"
UV = ROOT / "data" / "tools" / "bin" / "uv"


@dataclass
class Visitors:
    """Somebody who adds a word to the vocabulary as fast as the answers come."""

    address: str
    token: str
    acknowledged: list[str] = field(default_factory=list)
    statuses: set[int | str] = field(default_factory=set)

    @contextmanager
    def busy(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self._write, args=(stop,))
        thread.start()
        yield
        stop.set()
        thread.join()

    def _write(self, stop: threading.Event) -> None:
        number = len(self.acknowledged)
        while not stop.is_set():
            number += 1
            term = f"word{number}x{time.monotonic_ns()}"
            status = self._add(term)
            self.statuses.add(status)
            if status == 201:
                self.acknowledged.append(term)
            time.sleep(0.02)

    def _add(self, term: str) -> int | str:
        try:
            call(f"{self.address}/api/custom-vocabulary", self.token, {"term": term})
        except urllib.error.HTTPError as error:
            return error.code
        except OSError as error:
            return type(error).__name__
        return 201

    def missing(self) -> list[str]:
        there = {one["term"] for one in call(f"{self.address}/api/custom-vocabulary", self.token)}
        return [term for term in self.acknowledged if term not in there]


@dataclass
class Place:
    home: Path
    environment: dict[str, str]
    address: str

    def run(self, *words: str, seconds: float = 400.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.home / "opentr.sh"), *words],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def version(self) -> str:
        return str(call(f"{self.address}/api/version", "")["version"])

    def sign_in(self) -> str:
        form = urlencode({"username": EMAIL, "password": PASSWORD}).encode()
        request = urllib.request.Request(f"{self.address}/api/auth/token", form)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.load(answer)["access_token"])


def call(address: str, token: str, body: Any = None) -> Any:
    request = urllib.request.Request(address, None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def build(folder: Path, *words: str) -> Path:
    command = [sys.executable, str(ROOT / "tools" / "build_release.py"), str(folder), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wheels")

    def variant(*names: str) -> Path:
        """A release with the changes of all of these, named by the last one."""
        version = names[-1].removeprefix("v").partition("-")[0]
        overlays = [word for name in names for word in ("--overlay", str(OVERLAYS / name))]
        return build(folder, "--version", version, *overlays)

    return {
        "first": build(folder),
        "second": variant("v1.1.0"),
        "does not start": variant("v1.1.0", "v1.2.0-does-not-start"),
        "cannot migrate": variant("v1.1.0", "v1.3.0-cannot-migrate"),
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Path]) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("updated") / "home"
    install(home, wheels["first"])
    page, api = free_port(), free_port()
    environment = os.environ | {
        "OPENTR_HOME": str(home),
        "FRONTEND_PORT": str(page),
        "BACKEND_PORT": str(api),
        "MODEL_CACHE_DIR": os.environ.get("MODEL_CACHE_DIR", str(ROOT / "models")),
    }
    environment.pop("PYTHONPATH", None)
    made = Place(home, environment, f"http://127.0.0.1:{page}")
    started = made.run("start")
    assert started.returncode == 0, started.stdout + started.stderr
    created = subprocess.run(
        [str(home / "opentr.sh"), "users", "create", EMAIL, "--admin", "--password-stdin"],
        input=PASSWORD,
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert created.returncode == 0, created.stdout + created.stderr
    yield made
    made.run("stop")


def install(home: Path, wheel: Path) -> None:
    """An installation folder with one release in it, its packages as the lock has them."""
    release = home / "data" / "releases" / "v1.0.0"
    release.mkdir(parents=True)
    (home / "data").chmod(0o700)
    python = release / "venv" / "bin" / "python"
    lock = ROOT / "requirements" / "base.txt"
    for words in (
        ("venv", "-q", "--python", sys.executable, str(release / "venv")),
        ("pip", "sync", "-q", "--require-hashes", "--python", str(python), str(lock)),
        ("pip", "install", "-q", "--no-deps", "--python", str(python), str(wheel)),
    ):
        subprocess.run([str(UV), *words], check=True)
    (release / "ready").touch()
    (home / "data" / "current").symlink_to(Path("releases") / "v1.0.0")
    (outer,) = release.glob("venv/lib/python*/site-packages/opentranscribe/outer")
    shutil.copytree(outer, home, dirs_exist_ok=True)
    (home / "opentr.sh").chmod(0o755)


@pytest.fixture(scope="module")
def visitors(place: Place) -> Visitors:
    return Visitors(place.address, place.sign_in())


class TestUpdating:
    """In this order: each test leaves the installation to the next."""

    def test_goes_forth_under_load(
        self, place: Place, visitors: Visitors, wheels: dict[str, Path]
    ) -> None:
        with visitors.busy():
            done = place.run("update", "--from", str(wheels["second"]), "--yes")
            time.sleep(1)
        assert done.returncode == 0, done.stdout + done.stderr
        assert place.version() == "1.1.0"
        assert (place.home / "VERSION").read_text().strip() == "v1.1.0"
        assert visitors.statuses <= {201, 503}
        assert visitors.missing() == []

    def test_a_failing_update_is_put_back_by_itself(
        self, place: Place, visitors: Visitors, wheels: dict[str, Path]
    ) -> None:
        with visitors.busy():
            done = place.run("update", "--from", str(wheels["does not start"]), "--yes")
            time.sleep(1)
        assert done.returncode != 0
        assert "put back" in done.stdout + done.stderr
        assert place.version() == "1.1.0"
        assert place.run("status").returncode == 0
        assert visitors.statuses <= {201, 503}
        assert visitors.missing() == []
        assert place.run("db", "check").returncode == 0

    def test_what_the_rehearsal_finds_stops_nothing(
        self, place: Place, visitors: Visitors, wheels: dict[str, Path]
    ) -> None:
        visitors.statuses.clear()
        with visitors.busy():
            done = place.run("update", "--from", str(wheels["cannot migrate"]), "--yes")
        assert done.returncode != 0
        assert "rehearsal failed" in done.stdout
        assert visitors.statuses == {201}
        assert place.version() == "1.1.0"

    def test_rolls_back_on_request_and_keeps_what_was_written_since(
        self, place: Place, visitors: Visitors
    ) -> None:
        done = place.run("rollback", "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert place.version() == "1.0.0"
        assert (place.home / "VERSION").read_text().strip() == "v1.0.0"
        (listed,) = place.home.glob("data/update/*/written-since.json")
        content = json.loads(listed.read_text())
        gone = visitors.missing()
        assert content["rows_more_or_less"]["custom_vocabulary"] == len(gone)
        assert Path(content["backup"]).exists()
        visitors.acknowledged = [one for one in visitors.acknowledged if one not in set(gone)]

    def test_goes_forth_again(
        self, place: Place, visitors: Visitors, wheels: dict[str, Path]
    ) -> None:
        done = place.run("update", "--from", str(wheels["second"]), "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert place.version() == "1.1.0"
        assert visitors.missing() == []


#: Where the update is killed, and the version that must come up afterwards, by itself.
DEATHS = {
    "fence": ("intent", "1.0.0"),
    "stop": ("done", "1.0.0"),
    "keep": ("intent", "1.0.0"),
    "migrate": ("done", "1.0.0"),
    "files": ("intent", "1.0.0"),
    "switch": ("done", "1.0.0"),
    "start": ("done", "1.0.0"),
    "prove": ("intent", "1.0.0"),
    "": ("commit", "1.1.0"),
}
#: All of them with OPENTR_TEST_UPDATE_DEATHS=all; each takes about half a minute.
SAMPLE = ("keep", "switch", "prove", "")


class TestKilledUpdate:
    @pytest.mark.parametrize(
        "step", DEATHS if os.environ.get("OPENTR_TEST_UPDATE_DEATHS") == "all" else SAMPLE
    )
    def test_the_next_start_finishes_or_undoes_it(
        self, place: Place, visitors: Visitors, wheels: dict[str, Path], step: str
    ) -> None:
        back_to_first(place)
        event, expected = DEATHS[step]
        visitors.acknowledged = []
        with visitors.busy():
            process = subprocess.Popen(
                [str(place.home / "opentr.sh"), "update", "--from", str(wheels["second"]), "--yes"],
                env=place.environment,
                cwd=place.home,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            wait_for_event(place, event, step)
            process.kill()
            process.wait()
            started = place.run("start")
            wait_until_served(place)
        assert started.returncode == 0, started.stdout + started.stderr
        assert place.version() == expected
        assert place.run("db", "check").returncode == 0
        assert visitors.missing() == []
        assert (place.home / "VERSION").read_text().strip() == f"v{expected}"


def back_to_first(place: Place) -> None:
    if place.version() == "1.1.0":
        done = place.run("rollback", "--yes")
        assert done.returncode == 0, done.stdout + done.stderr


def wait_for_event(place: Place, event: str, step: str) -> None:
    """Of the newest update: one line of its journal."""
    known = set(place.home.glob("data/update/*/journal.jsonl"))
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for journal in set(place.home.glob("data/update/*/journal.jsonl")) - known:
            lines = [json.loads(line) for line in journal.read_text().splitlines()]
            if any(one["event"] == event and one.get("step", "") == step for one in lines):
                return
        time.sleep(0.002)
    raise AssertionError(f"the update never came to {event} {step}")


def wait_until_served(place: Place, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            place.version()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError("nobody answers after the start")
