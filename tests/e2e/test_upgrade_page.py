"""The Upgrade page, and every other page while the server is updated: in a real browser."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from tests.e2e.conftest import Installation
from tests.e2e.test_without_barriers import administrator, axe, judge, visit

from opentranscribe.features.upgrade.requests import PREPARING, read_preparing
from opentranscribe.kit.durable import remove
from opentranscribe.kit.fence import Fence
from opentranscribe.kit.update_state import FILE, UpdateState, write_state

__all__ = ["administrator", "axe", "judge", "visit"]
NOTICE = "OpenTranscribe is being updated"
#: The first of two steps is done, which is a third of the time.
SHARE = re.compile(r"^(3[3-9]|[4-9]\d)$")
CHECKED = {
    "to_version": "99.0.0",
    "may_begin": False,
    "seconds": 21.3,
    "backup": "",
    "trouble": "",
    "report": {
        "ok": False,
        "checks": 48,
        "seconds": 0.4,
        "passed": ["ports", "clock"],
        "unchecked": {},
        "findings": [
            {
                "name": "disk",
                "title": "Room on the disk",
                "severity": "blocker",
                "cause": "1 GB is free; the update needs 3 GB.",
                "mend": "./opentr.sh prune",
            }
        ],
    },
}
Judge = Callable[[Page, str], None]


@pytest.fixture
def updates(installation: Installation) -> Iterator[Path]:
    """The folder that the page is drawn from, as it was before afterwards."""
    folder = installation.home / "data" / "update"
    folder.mkdir(exist_ok=True, mode=0o700)
    yield folder
    remove(folder / "request.json")
    # A check that was begun would write what it found into the next test.
    _eventually(lambda: not ((begun := read_preparing(folder)) and begun.is_alive), 60.0)
    for name in (FILE, PREPARING, "check.json", "fence.json"):
        remove(folder / name)


@pytest.fixture
def page(administrator: BrowserContext) -> Iterator[Page]:
    made = administrator.new_page()
    yield made
    made.close()


@contextmanager
def visitors_held(folder: Path) -> Iterator[UpdateState]:
    """As the engine does it: the state first, then the fence; the other way round at the end."""
    now = datetime.now(UTC).isoformat()
    state = UpdateState(
        "20990101_000000",
        "1.0.0",
        "99.0.0",
        now,
        step="migrate",
        title="Bringing the database to the new release",
        step_started_at=now,
        predicted={"fence": 30.0, "migrate": 60.0},
    )
    fence = Fence(folder / "fence.json")
    write_state(folder, state)
    fence.put_up()
    try:
        yield state
    finally:
        fence.take_down()
        write_state(folder, replace(state, outcome="put_back", reason="A probe failed."))


def test_the_page_says_which_release_this_is_and_asks_for_a_check(
    page: Page, updates: Path, installation: Installation
) -> None:
    page.goto("/admin/upgrade")
    version = page.request.get("/api/version").json()["version"]
    expect(page.get_by_role("main")).to_contain_text(version)
    expect(page.get_by_text("Nobody has looked for an update yet")).to_be_visible()
    with page.expect_response("**/api/admin/updates/check") as asked:
        page.get_by_role("button", name="Check for an update").click()
    assert asked.value.status == 202
    expect(page.get_by_text("Looking for an update")).to_be_visible()
    expect(page.get_by_role("button", name="Check for an update")).to_be_disabled()


def test_a_release_that_cannot_be_installed_yet_says_what_mends_it(
    page: Page, updates: Path, judge: Judge
) -> None:
    _write_check(page, updates)
    page.goto("/admin/upgrade")
    expect(page.get_by_text("99.0.0 cannot be installed yet")).to_be_visible()
    expect(page.get_by_text("./opentr.sh prune")).to_be_visible()
    expect(page.get_by_role("button", name="Update now")).to_have_count(0)
    judge(page, "Room on the disk")


def test_what_an_update_does_is_said_before_it_begins(
    page: Page, updates: Path, judge: Judge
) -> None:
    _write_check(
        page,
        updates,
        may_begin=True,
        report=CHECKED["report"] | {"findings": []},  # type: ignore[operator]
        breaking=["The port of the page is another one. Set FRONTEND_PORT to keep it."],
        env_difference="+BACKUP_BANDWIDTH=",
    )
    page.goto("/admin/upgrade")
    page.get_by_role("button", name="Update now").click()
    expect(page.get_by_role("dialog")).to_contain_text("everything is put back by itself")
    for changed in ("Set FRONTEND_PORT to keep it.", "+BACKUP_BANDWIDTH="):
        expect(page.get_by_role("dialog")).to_contain_text(changed)
    judge(page, "Begin the update")
    page.get_by_role("button", name="Cancel").click()
    assert not (updates / "request.json").exists()


def test_every_open_page_waits_for_the_update_and_goes_on_by_itself(
    page: Page, updates: Path, judge: Judge
) -> None:
    page.goto("/settings")
    expect(page.get_by_role("heading", name="Vocabulary")).to_be_visible()
    field = page.get_by_label("Your name")
    field.fill("Ann of the Update")
    notice = page.get_by_role("complementary", name=NOTICE)
    with visitors_held(updates):
        field.press("Enter")
        expect(notice).to_contain_text("Bringing the database to the new release")
        expect(notice.get_by_role("progressbar")).to_have_attribute("aria-valuenow", SHARE)
        assert field.input_value() == "Ann of the Update"
        judge(page, NOTICE)
    expect(notice).to_have_count(0)
    _eventually(lambda: _name(page) == "Ann of the Update")


def test_the_upgrade_page_shows_progress_and_why_everything_was_put_back(
    page: Page, updates: Path, judge: Judge
) -> None:
    page.goto("/admin/upgrade")
    expect(page.get_by_role("button", name="Check for an update")).to_be_visible()
    with visitors_held(updates):
        page.get_by_role("button", name="Check for an update").click()
        notice = page.get_by_role("complementary", name=NOTICE)
        expect(notice).to_contain_text("Bringing the database to the new release")
    expect(notice).to_have_count(0)
    page.reload()
    expect(page.get_by_text("The update to 99.0.0 was put back")).to_be_visible()
    expect(page.get_by_text("A probe failed.")).to_be_visible()
    judge(page, "A probe failed.")


def test_who_comes_anew_sees_a_page_that_comes_back_by_itself(page: Page, updates: Path) -> None:
    with visitors_held(updates):
        page.goto("/")
        expect(page.get_by_role("heading", name=NOTICE)).to_be_visible()
    expect(page.get_by_role("navigation").first).to_be_visible()


def _write_check(page: Page, folder: Path, **changed: object) -> None:
    version = page.request.get("/api/version").json()["version"]
    facts = {"from_version": version, "checked_at": datetime.now(UTC).isoformat()}
    (folder / "check.json").write_text(json.dumps(CHECKED | facts | changed))


def _name(page: Page) -> str:
    return str(page.request.get("/api/auth/me").json()["full_name"])


def _eventually(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.1)
