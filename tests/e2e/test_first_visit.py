"""The first visitor's way, in a browser: from the set-up link to an exported transcript.

The tests build on each other in the order they stand here, as a person's clicks would.
"""

from __future__ import annotations

import json
import re
import time
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
import srt
from playwright.sync_api import Page, expect
from tests.e2e.conftest import Installation

PASSWORD = "nine purple lanterns drift"
SPOKEN = re.compile("New Jersey")
MINUTES = 60_000
NOW = "() => [...(CSS.highlights.get('word-now') ?? [])].map(String).join(' ')"


def test_the_link_from_the_terminal_creates_the_administrator_once(
    installation: Installation, page: Page
) -> None:
    link = installation.setup_link
    page.goto(link)
    page.get_by_label("E-mail").fill("ann@example.org")
    page.get_by_label("Your name").fill("Ann Lee")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create and open the library").click()
    expect(page.get_by_role("heading", name="Start with a recording")).to_be_visible()
    assert not (installation.home / "data" / "secrets" / "setup-token").exists()


def test_the_sample_becomes_a_transcript_of_two_speakers(page: Page) -> None:
    page.get_by_role("button", name="Try the sample recording").click()
    expect(page).to_have_url(re.compile("/files/"))
    transcript = page.get_by_role("main")
    expect(transcript).to_contain_text(SPOKEN, timeout=10 * MINUTES)
    expect(page.get_by_role("button", name="Export")).to_be_visible(timeout=5 * MINUTES)
    expect(page.get_by_role("button", name=re.compile("Speaker 2")).first).to_be_visible(
        timeout=MINUTES
    )


def test_the_word_that_is_heard_is_marked(page: Page) -> None:
    page.get_by_role("button", name="Play", exact=True).click()
    first = eventually(lambda: page.evaluate(NOW))
    eventually(lambda: page.evaluate(NOW) not in ("", first))
    page.get_by_role("button", name="Pause", exact=True).click()
    assert page.evaluate("document.querySelector('audio, video').currentTime") > 0


def test_a_click_on_a_word_plays_from_there(page: Page) -> None:
    page.get_by_text("originally from Chicago").first.click()
    eventually(lambda: page.evaluate("document.querySelector('audio, video').currentTime") > 13)


def test_a_speaker_gets_a_name(page: Page) -> None:
    page.get_by_role("button", name=re.compile("Speaker 1")).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Diane")
    dialog.get_by_role("button", name="Rename here").click()
    expect(page.get_by_role("button", name=re.compile("Diane")).first).to_be_visible()
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("Diane")


def test_a_correction_is_kept_and_can_be_undone(page: Page) -> None:
    page.get_by_role("button", name="Correct the text").first.click()
    field = page.get_by_role("textbox", name=re.compile("^Text at")).first
    before = field.input_value()
    field.fill(f"{before} Marzipan!")
    field.press("Control+Enter")
    expect(page.get_by_role("main")).to_contain_text("Marzipan!")
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("Marzipan!")


def test_a_search_is_narrowed_to_who_says_it(page: Page) -> None:
    page.goto("/search?q=marzipan")
    said_by = page.get_by_role("group", name="Said by")
    said_by.get_by_role("button", name="Diane, 1 recording").click()
    expect(page).to_have_url(re.compile(r"[?&]speaker=Diane"))
    expect(said_by.get_by_role("button", name=re.compile("Diane"), pressed=True)).to_be_visible()
    expect(page.locator("mark").first).to_be_visible()
    said_by.get_by_role("button", name=re.compile("Diane")).click()
    expect(page).not_to_have_url(re.compile("speaker="))


def test_search_finds_the_correction_and_opens_the_moment(page: Page) -> None:
    page.goto("/search?q=marzipan")
    mark = page.locator("mark", has_text=re.compile("marzipan", re.IGNORECASE)).first
    expect(mark).to_be_visible()
    mark.click()
    expect(page).to_have_url(re.compile(r"/files/.+[?&]t=\d"))


def test_the_transcript_is_exported_as_subtitles(page: Page, tmp_path: Path) -> None:
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as started:
        page.get_by_role("menuitem", name=re.compile("srt")).click()
    target = tmp_path / started.value.suggested_filename
    started.value.save_as(target)
    cues = list(srt.parse(target.read_text("utf-8")))
    text = " ".join(cue.content for cue in cues)
    assert "Diane:" in text
    assert "Marzipan!" in text


def test_an_upload_goes_through_with_progress(
    installation: Installation, page: Page, tmp_path: Path
) -> None:
    page.goto("/")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload", exact=True).first.click()
    chooser.value.set_files(_part_of_the_sample(installation, tmp_path / "second half.wav"))
    page.get_by_role("button", name=re.compile("Transcribe")).click()
    row = page.get_by_role("main").get_by_text("second half").first
    expect(row).to_be_visible(timeout=MINUTES)
    row.click()
    expect(page.get_by_role("main")).to_contain_text(SPOKEN, timeout=5 * MINUTES)


def test_a_file_that_is_no_media_says_so(page: Page, tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp3"
    letter.write_bytes(b"Dear reader, this is no sound.\n" * 100)
    page.goto("/")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload", exact=True).first.click()
    chooser.value.set_files(letter)
    page.get_by_role("button", name=re.compile("Transcribe")).click()
    expect(page.get_by_text("Failed").first).to_be_visible(timeout=MINUTES)


def test_recordings_of_every_kind_become_text(page: Page, test_data: Path) -> None:
    page.goto("/")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload", exact=True).first.click()
    chooser.value.set_files([test_data / "audio" / name for name in ("jfk.mp4", "jfk.flac")])
    page.get_by_role("button", name=re.compile("Transcribe")).click()
    row = page.get_by_role("main").get_by_text("jfk").first
    expect(row).to_be_visible(timeout=MINUTES)
    row.click()
    asked = re.compile("ask not what your country", re.IGNORECASE)
    expect(page.get_by_role("main")).to_contain_text(asked, timeout=5 * MINUTES)


@pytest.mark.parametrize("path", ["/", "/search?q=jersey", "/settings", "/about", "/admin/users"])
def test_pages_read_well_in_the_dark_and_on_a_phone(page: Page, path: str) -> None:
    """Nothing is wider than a phone, and nothing complains in the console."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(path)
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("main")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")
    assert complaints == []


def test_the_page_and_the_api_tell_the_same_version(installation: Installation, page: Page) -> None:
    page.goto("/about")
    health = json.loads(page.request.get("/api/health").text())
    assert health["status"] == "healthy"
    expect(page.locator("body")).to_contain_text(health["version"])


def eventually(look: Callable[[], object], seconds: float = 30.0) -> object:
    """What ``look`` sees as soon as that is anything; the page's policy forbids polling inside."""
    until = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)
    return seen


def _part_of_the_sample(installation: Installation, target: Path) -> Path:
    """Real speech under another hash: the last 13 seconds of the sample."""
    stored = next(Path(installation.environment["MODEL_CACHE_DIR"]).rglob("sample.wav"))
    with wave.open(str(stored)) as sample, wave.open(str(target), "wb") as cut:
        cut.setparams(sample.getparams())
        sample.setpos(17 * sample.getframerate())
        cut.writeframes(sample.readframes(13 * sample.getframerate()))
    return target
