"""The backups on the Upgrade page: made, read again, rehearsed and removed in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from tests.e2e.conftest import Installation
from tests.e2e.test_without_barriers import administrator, axe, judge, visit

__all__ = ["administrator", "axe", "judge", "visit"]
#: Making one and restoring it take a few seconds on an idle machine.
PATIENCE_MS = 90_000
Judge = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def page(administrator: BrowserContext) -> Iterator[Page]:
    made = administrator.new_page()
    made.goto("/admin/upgrade")
    yield made
    made.close()


def backups(page: Page) -> Locator:
    return page.get_by_role("region", name="Backups")


def rows(page: Page) -> Locator:
    return backups(page).get_by_role("listitem")


def choose(page: Page, row: Locator, action: str) -> None:
    row.get_by_role("button", name="Actions for the backup").click()
    page.get_by_role("menuitem", name=action).click()


def test_without_a_backup_the_page_offers_to_make_one_and_shows_it_across_a_reload(
    page: Page,
) -> None:
    expect(backups(page)).to_contain_text("There is no backup yet")
    with page.expect_response("**/api/admin/backups") as asked:
        page.get_by_role("button", name="Back up now").click()
    assert asked.value.status == 202
    expect(page.get_by_role("button", name="Back up now")).to_be_disabled()
    page.reload()
    expect(rows(page).filter(has_text="Everything")).to_have_count(1, timeout=PATIENCE_MS)
    expect(rows(page).filter(has_text="Read again").first).to_be_visible(timeout=PATIENCE_MS)


def test_a_rehearsal_says_how_long_a_restore_takes(page: Page, judge: Judge) -> None:
    rehearse = page.get_by_role("button", name="Rehearse a restore")
    expect(rehearse).to_be_enabled(timeout=PATIENCE_MS)
    rehearse.click()
    expect(rows(page).filter(has_text="Rehearsed just now")).to_have_count(1, timeout=PATIENCE_MS)
    expect(backups(page)).to_contain_text("everything was back after")
    expect(rehearse).to_be_enabled(timeout=PATIENCE_MS)
    backups(page).get_by_text("What these words mean").click()
    backups(page).get_by_text("Plan of the backups").click()
    judge(page, "Every byte was read back")


def test_the_last_good_one_cannot_be_removed(page: Page) -> None:
    choose(page, rows(page).filter(has_text="Everything").first, "Remove")
    expect(page.get_by_role("dialog")).to_contain_text("This cannot be undone")
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("It was not removed")).to_be_visible()
    expect(rows(page).filter(has_text="Everything")).to_have_count(1)


def test_a_plan_is_kept(page: Page) -> None:
    plan = backups(page).get_by_label("At", exact=True).first
    plan.fill("04:15")
    backups(page).get_by_label("Days", exact=True).fill("9")
    page.get_by_role("button", name="Save the plan").click()
    expect(page.get_by_text("The plan is saved.")).to_be_visible()
    page.reload()
    expect(backups(page)).to_contain_text("every day at 04:15")
    backups(page).get_by_text("Plan of the backups").click()
    expect(backups(page).get_by_label("Days", exact=True)).to_have_value("9")


def test_a_damaged_one_is_found_and_said(page: Page, installation: Installation) -> None:
    known = page.request.get("/api/admin/backups").json()["backups"]
    full = next(one["name"] for one in known if one["kind"] == "full")
    _damage(installation.home, full)
    choose(page, rows(page).filter(has_text="Everything").first, "Read it again")
    damaged = rows(page).filter(has_text="Damaged")
    expect(damaged).to_have_count(1, timeout=PATIENCE_MS)


def _damage(home: Path, name: str) -> None:
    """One byte in the middle of its largest file."""
    found = next(path for path in home.rglob(name) if "backup" in str(path.parent))
    files = [found] if found.is_file() else [one for one in found.rglob("*") if one.is_file()]
    largest = max(files, key=lambda one: one.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    largest.chmod(0o600)
    largest.write_bytes(content)
