"""A recording that is on its way while the server is updated: it pauses, goes on, and is whole."""

from __future__ import annotations

import hashlib
import random
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from tests.e2e.conftest import Installation
from tests.e2e.test_upgrade_page import NOTICE, updates, visitors_held
from tests.e2e.test_without_barriers import administrator, visit

__all__ = ["administrator", "updates", "visit"]
SIZE_BYTES = 20_000_000
#: A slow line, so that the update comes in the middle.
BYTES_PER_SECOND = 5_000_000
HELD = "Waits for the update, then goes on"


@pytest.fixture
def page(administrator: BrowserContext) -> Iterator[Page]:
    made = administrator.new_page()
    yield made
    made.close()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Noise of few seconds in many bytes, so that transcribing it is no work."""
    path = tmp_path / "a long way.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(8)
        out.setsampwidth(3)
        out.setframerate(192_000)
        out.writeframes(random.Random(7).randbytes(SIZE_BYTES // 24 * 24))
    return path


def test_an_upload_waits_while_the_server_is_away_and_the_file_is_whole(
    page: Page, recording: Path, updates: Path, installation: Installation
) -> None:
    page.goto("/")
    line = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 5, "downloadThroughput": -1}
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": BYTES_PER_SECOND})
    page.locator("input[type=file]").first.set_input_files(recording)
    page.get_by_role("button", name="Transcribe it").click()
    uploads = page.get_by_role("region", name="Uploads")
    expect(uploads).to_contain_text("/s")
    with visitors_held(updates):
        stopped = installation.run("restart", "api")
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr
        expect(uploads).to_contain_text(HELD)
        expect(page.get_by_role("complementary", name=NOTICE)).to_be_visible()
        expect(uploads).not_to_contain_text("Failed")
    expect(uploads.get_by_role("link", name="Open")).to_be_visible(timeout=60_000)
    link = uploads.get_by_role("link", name="Open").get_attribute("href") or ""
    kept = page.request.get(f"/api/files/{link.rpartition('/')[2]}/download")
    assert kept.ok, kept.status
    assert hashlib.sha256(kept.body()).digest() == hashlib.sha256(recording.read_bytes()).digest()
