"""An installation made of real releases that are built from this checkout, and its visitors."""

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
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
    #: How often each answer came; the kind of error where none came.
    statuses: Counter[int | str] = field(default_factory=Counter)
    read_statuses: Counter[int | str] = field(default_factory=Counter)
    #: What failing answers said.
    troubles: list[str] = field(default_factory=list)
    #: The longest time between two good answers to somebody who only reads, and to who writes, in
    #: seconds.
    without_service: float = 0.0
    without_changes: float = 0.0

    @contextmanager
    def busy(self) -> Iterator[None]:
        stop = threading.Event()
        self.without_service = self.without_changes = 0.0
        threads = [
            threading.Thread(target=act, args=(stop,)) for act in (self._write, self._keep_reading)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _write(self, stop: threading.Event) -> None:
        number = len(self.acknowledged)
        last = time.monotonic()
        while not stop.is_set():
            number += 1
            term = f"word{number}x{time.monotonic_ns()}"
            status = self._ask({"term": term})
            self.statuses[status] += 1
            if status == 201:
                self.acknowledged.append(term)
                now = time.monotonic()
                self.without_changes = max(self.without_changes, now - last)
                last = now
            time.sleep(0.02)

    def _keep_reading(self, stop: threading.Event) -> None:
        last = time.monotonic()
        while not stop.is_set():
            status = self._ask()
            self.read_statuses[status] += 1
            if status == 200:
                now = time.monotonic()
                self.without_service = max(self.without_service, now - last)
                last = now
            time.sleep(0.02)

    def _ask(self, body: Any = None) -> int | str:
        """The status of the answer, else the kind of error."""
        try:
            with ask(f"{self.address}/api/custom-vocabulary", self.token, body) as answer:
                answer.read()
                return int(answer.status)
        except urllib.error.HTTPError as error:
            self.troubles.append(f"{datetime.now(UTC):%X} {error.code} {error.read()[:300]!r}")
            return error.code
        except OSError as error:
            self.troubles.append(f"{datetime.now(UTC):%X} {error!r}")
            return type(error).__name__

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
        return sign_in(self.address)


def sign_in(address: str) -> str:
    """The token of the administrator."""
    form = urlencode({"username": EMAIL, "password": PASSWORD}).encode()
    with urllib.request.urlopen(f"{address}/api/auth/token", form, timeout=30) as answer:
        return str(json.load(answer)["access_token"])


def call(address: str, token: str, body: Any = None) -> Any:
    with ask(address, token, body) as answer:
        return json.load(answer)


def ask(address: str, token: str, body: Any = None) -> Any:
    """An answer that is open. Raises HTTPError, OSError."""
    request = urllib.request.Request(address, None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    return urllib.request.urlopen(request, timeout=30)


def build(folder: Path, *words: str) -> Path:
    command = [sys.executable, str(ROOT / "tools" / "build_release.py"), str(folder), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip().splitlines()[-1])


#: Release → the overlays that make it from this checkout; it is named by the last one.
RELEASES = {
    "first": (),
    "second": ("v1.1.0",),
    "does not start": ("v1.1.0", "v1.2.0-does-not-start"),
    "cannot migrate": ("v1.1.0", "v1.3.0-cannot-migrate"),
    "faulty": ("v1.1.0", "v1.4.0-faulty"),
}


@dataclass
class Wheels:
    """Built when they are first asked for."""

    folder: Path
    built: dict[str, Path] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Path:
        if name not in self.built:
            names = RELEASES[name]
            version = names[-1].removeprefix("v").partition("-")[0] if names else ""
            words = ["--version", version] if version else []
            for overlay in names:
                words += ["--overlay", str(OVERLAYS / overlay)]
            self.built[name] = build(self.folder / name.replace(" ", "-"), *words)
        return self.built[name]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    return Wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, wheels: Wheels) -> Iterator[Place]:
    yield from made_place(tmp_path_factory.mktemp("updated") / "home", wheels["first"])


def made_place(home: Path, wheel: Path) -> Iterator[Place]:
    """Running, with an administrator, until the iterator is taken up again."""
    install(home, wheel)
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


def back_to_first(place: Place) -> None:
    if place.version() != "1.0.0":
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


def wait_until_served(place: Place, seconds: float = 90.0) -> None:
    """Also what changes something: whoever only reads is served while it is put back."""
    fence = place.home / "data" / "update" / "fence.json"
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not fence.exists():
            try:
                place.version()
            except OSError:
                time.sleep(0.2)
            else:
                return
        time.sleep(0.1)
    raise AssertionError("nobody answers after the start")
