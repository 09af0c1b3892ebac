"""What an administrator's page reads and asks; who else may is in the table of access."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from opentranscribe.bootstrap import App
from opentranscribe.features.backup.catalogue import Catalogue
from opentranscribe.features.backup.orders import Order, take_order
from opentranscribe.schema.accounts import User

BACKUPS = "/api/admin/backups"
OLD, NEW = "opentranscribe_backup_20260101_020000", "opentranscribe_backup_20260102_020000"


@pytest.fixture
def admin(
    client: TestClient, person: Callable[..., User], bearer: Callable[[str], dict[str, str]]
) -> TestClient:
    person("root@example.org", role="admin")
    client.headers.update(bearer("root@example.org"))
    return client


@pytest.fixture
def folder(app: App) -> Path:
    options = app.options
    for name, state in ((OLD, "checked"), (NEW, "drilled")):
        (options.backup_dir / name).mkdir(parents=True)
        (options.backup_dir / name / "manifest.json").write_text("{}")
        Catalogue(options.backup_dir).note(name, state=state)
    return options.backup_state_dir


class TestBackups:
    def test_an_installation_without_one_is_told_so(self, admin: TestClient) -> None:
        told = admin.get(BACKUPS).json()
        assert told["backups"] == []
        assert told["running"] is None
        assert "no backup yet" in told["notices"][0]["text"]
        assert told["next_backup_at"]

    def test_are_listed_newest_first(self, admin: TestClient, folder: Path) -> None:
        told = admin.get(BACKUPS).json()
        assert [one["name"] for one in told["backups"]] == [NEW, OLD]
        assert [one["state"] for one in told["backups"]] == ["drilled", "checked"]

    def test_the_plan_is_kept_and_checked(self, admin: TestClient) -> None:
        plan = admin.get(BACKUPS).json()["policy"]
        wanted = {**plan, "at": "04:15", "keep_daily": 14, "to": "/mnt/usb"}
        assert admin.put(f"{BACKUPS}/policy", json=wanted).json() == wanted
        assert admin.get(BACKUPS).json()["policy"] == wanted
        assert admin.put(f"{BACKUPS}/policy", json={**plan, "at": "24:00"}).status_code == 422
        assert admin.get(BACKUPS).json()["policy"] == wanted

    def test_an_order_is_handed_over_and_a_second_one_waits_its_turn(
        self, admin: TestClient, folder: Path
    ) -> None:
        asked = admin.post(BACKUPS, json={"kind": "full", "encrypt": True})
        assert (asked.status_code, asked.json()) == (202, {"asked": "create"})
        assert admin.post(f"{BACKUPS}/drill").status_code == 409
        assert take_order(folder) == Order("create", kind="full", encrypt=True)
        assert admin.post(f"{BACKUPS}/{OLD}/verify").status_code == 202
        assert take_order(folder) == Order("verify", name=OLD)

    def test_a_readable_file_cannot_be_asked_for_sealed(self, admin: TestClient) -> None:
        answer = admin.post(BACKUPS, json={"kind": "plain", "encrypt": True})
        assert answer.status_code == 422

    def test_the_last_good_one_is_not_removed(self, admin: TestClient, folder: Path) -> None:
        refused = admin.delete(f"{BACKUPS}/{NEW}")
        assert refused.status_code == 409
        assert "not removed" in refused.json()["detail"]
        assert admin.delete(f"{BACKUPS}/{OLD}").status_code == 202
        assert take_order(folder) == Order("remove", name=OLD)

    @pytest.mark.parametrize(
        "name",
        ["..", "%2e%2e%2fsecrets", ".catalogue.json", f"{OLD}%00", "x" * 101, "opentranscribe"],
    )
    def test_only_names_of_backups_are_taken(
        self, admin: TestClient, folder: Path, name: str
    ) -> None:
        assert admin.delete(f"{BACKUPS}/{name}").status_code in {400, 404, 405, 422}
        assert admin.post(f"{BACKUPS}/{name}/verify").status_code in {400, 404, 405, 422}
        assert take_order(folder) is None
