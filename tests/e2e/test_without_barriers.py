"""Every page, judged by axe-core in light and dark, on a desk and on a phone: nothing serious."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import APIRequestContext, Browser, BrowserContext, Page, expect
from tests.e2e.conftest import ROOT, Installation
from tests.e2e.test_first_visit import PASSWORD

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
SIGHTS = [
    (scheme, width, height)
    for scheme in ("light", "dark")
    for width, height in ((1280, 800), (390, 844))
]
RUN = """() => axe.run(document, {resultTypes: ['violations']}).then((answer) =>
  answer.violations
    .filter((one) => ['serious', 'critical'].includes(one.impact))
    .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target} ${node.failureSummary}`))
)"""
#: Two frames for the new colours to arrive, and no fading between them and the old.
SETTLE = """async () => {
  for (let k = 0; k < 2; k += 1) await new Promise(requestAnimationFrame);
  document.getAnimations().forEach((one) => one.finish());
  await new Promise(requestAnimationFrame);
}"""
PAGES = {
    "library": ("/", "Sample conversation"),
    "search": ("/search?q=jersey", "New Jersey"),
    "nothing found": ("/search?q=xylophone", "Nothing found"),
    "settings": ("/settings", "Vocabulary"),
    "about": ("/about", "System readiness"),
    "users": ("/admin/users", "Add a user"),
    "upgrade": ("/admin/upgrade", "Back up now"),
    "nowhere": ("/files/00000000-0000-4000-8000-000000000000", "There is nothing here"),
}


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run npm ci in web/")
    return AXE.read_text("utf-8")


Visit = Callable[[str], BrowserContext]


@pytest.fixture(scope="module")
def visit(browser: Browser, installation: Installation) -> Iterator[Visit]:
    """A window signed in as somebody, or as nobody ("")."""
    opened: list[BrowserContext] = []

    def enter(email: str) -> BrowserContext:
        # The checker is put into the page from outside, which the page's own policy forbids.
        made = browser.new_context(
            base_url=installation.address, bypass_csp=True, reduced_motion="reduce"
        )
        opened.append(made)
        if email:
            form = {"username": email, "password": PASSWORD}
            assert made.request.post("/api/auth/login", form=form).ok
        return made

    yield enter
    for context in opened:
        context.close()


@pytest.fixture(scope="module")
def administrator(installation: Installation, visit: Visit) -> BrowserContext:
    nobody = visit("").request
    if nobody.get("/api/setup").json()["needed"]:
        token = installation.setup_link.partition("token=")[2]
        new = {"token": token, "email": "ann@example.org", "password": PASSWORD}
        assert nobody.post("/api/setup", data=new).ok
    return visit("ann@example.org")


@pytest.fixture(scope="module")
def recording(administrator: BrowserContext) -> str:
    request = administrator.request
    made = request.post("/api/files/sample", headers=_csrf(administrator)).json()
    return _finished(request, made["uuid"])


@pytest.fixture
def judge(axe: str) -> Callable[[Page, str], None]:
    """Fails with everything serious that axe finds, in each of the four sights."""

    def look(page: Page, text: str) -> None:
        found: dict[str, Any] = {}
        for scheme, width, height in SIGHTS:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": height})
            expect(page.locator("body")).to_contain_text(text)
            page.evaluate(SETTLE)
            if not page.evaluate("() => 'axe' in window"):
                page.add_script_tag(content=axe)
            if complaints := page.evaluate(RUN):
                found[f"{scheme} {width}"] = complaints
        assert found == {}, json.dumps(found, indent=1)

    return look


Judge = Callable[[Page, str], None]


def test_the_setup_page(installation: Installation, visit: Visit, judge: Judge) -> None:
    page = visit("").new_page()
    page.route("**/api/setup", lambda route: route.fulfill(json={"needed": True}))
    page.goto("/setup#token=any")
    judge(page, "Create the administrator")


def test_the_login_page_and_its_refusal(
    administrator: BrowserContext, visit: Visit, judge: Judge
) -> None:
    page = visit("").new_page()
    page.goto("/login")
    judge(page, "Log in")
    page.get_by_label("E-mail").fill("nobody@example.org")
    page.get_by_label("Password", exact=True).fill("not the right password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    judge(page, "Log in")


def test_the_empty_library(administrator: BrowserContext, visit: Visit, judge: Judge) -> None:
    new = {"email": "new@example.org", "password": PASSWORD, "full_name": "New Here"}
    made = administrator.request.post("/api/admin/users", data=new, headers=_csrf(administrator))
    assert made.ok, made.text()
    page = visit("new@example.org").new_page()
    page.goto("/")
    judge(page, "Start with a recording")


@pytest.fixture(scope="module")
def window(administrator: BrowserContext) -> Iterator[Page]:
    """One for all pages that leave nothing behind."""
    made = administrator.new_page()
    yield made
    made.close()


@pytest.mark.parametrize("name", PAGES)
def test_pages(window: Page, recording: str, judge: Judge, name: str) -> None:
    path, text = PAGES[name]
    window.goto(path)
    window.wait_for_load_state("networkidle")
    judge(window, text)


def test_a_recording_with_its_dialogs(
    administrator: BrowserContext, recording: str, judge: Judge
) -> None:
    page = administrator.new_page()
    page.goto(f"/files/{recording}?q=jersey")
    judge(page, "New Jersey")
    page.get_by_role("button", name="Correct the text").first.click()
    judge(page, "Ctrl+Enter saves")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    judge(page, "Single keys act")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Speaker 2").first.click()
    judge(page, "Rename everywhere")
    page.close()


def test_a_recording_that_failed(
    administrator: BrowserContext, judge: Judge, tmp_path: Path
) -> None:
    letter = {"name": "note.mp3", "mimeType": "audio/mpeg", "buffer": b"Dear reader.\n" * 200}
    made = administrator.request.post(
        "/api/files", multipart={"file": letter}, headers=_csrf(administrator)
    )
    uuid = _finished(administrator.request, made.json()["uuid"])
    page = administrator.new_page()
    page.goto(f"/files/{uuid}")
    judge(page, "This is not a sound or video file")
    page.close()


def _csrf(context: BrowserContext) -> dict[str, str]:
    values = {cookie["name"]: cookie["value"] for cookie in context.cookies()}
    return {"X-CSRF-Token": values["csrf_token"]}


def _finished(request: APIRequestContext, uuid: str, seconds: float = 300.0) -> str:
    until = time.monotonic() + seconds
    while request.get(f"/api/files/{uuid}").json()["status"] not in {"completed", "error"}:
        assert time.monotonic() < until, "it never ended"
        time.sleep(0.3)
    return uuid
