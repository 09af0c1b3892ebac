"""A real installation of the built release, and a real browser in front of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
OPENTR = ROOT / "data" / "current" / "venv" / "bin" / "opentr"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
expect.set_options(timeout=15_000)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


@dataclass(frozen=True)
class Installation:
    home: Path
    environment: dict[str, str]
    address: str

    def run(self, *words: str, seconds: float = 300.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(OPENTR), *words],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    @property
    def setup_link(self) -> str:
        token = (self.home / "data" / "secrets" / "setup-token").read_text().strip()
        return f"{self.address}/setup#token={token}"


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    if not OPENTR.exists():
        pytest.skip("no release is built; ./opentr.sh test builds one first")
    home = tmp_path_factory.mktemp("installation")
    page, api = _free_port(), _free_port()
    environment = os.environ | {
        "OPENTR_HOME": str(home),
        "FRONTEND_PORT": str(page),
        "BACKEND_PORT": str(api),
        "MODEL_CACHE_DIR": os.environ.get("MODEL_CACHE_DIR", str(ROOT / "models")),
    }
    environment.pop("PYTHONPATH", None)
    made = Installation(home, environment, f"http://localhost:{page}")
    started = made.run("start")
    assert started.returncode == 0, started.stdout + started.stderr
    yield made
    stopped = made.run("stop")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("NO BROWSER on this machine: install Chromium to run the page's tests")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def context(browser: Browser, installation: Installation) -> Iterator[BrowserContext]:
    made = browser.new_context(
        base_url=installation.address, viewport={"width": 1440, "height": 900}, locale="en-GB"
    )
    made.set_default_timeout(15_000)
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(context: BrowserContext) -> Page:
    return context.new_page()


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
