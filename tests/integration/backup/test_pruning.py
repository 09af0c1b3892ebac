"""Old backups leave without touching the ones that stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from opentranscribe.features.backup import rules
from opentranscribe.features.backup.catalogue import FILE
from opentranscribe.features.backup.errors import BackupRunningError
from opentranscribe.features.backup.service import BackupService
from opentranscribe.kit import clock

NONE = rules.Kept(daily=0, weekly=0, monthly=0, least=1)


def make_three(service: BackupService, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of three days, each built on the one before."""
    names = []
    for day in range(3):
        moment = datetime(2026, 11, 20, 3, tzinfo=UTC) + timedelta(days=day)
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        names.append(service.create()[0].name)
    return names


class TestPrune:
    def test_removes_folder_and_file_and_leaves_the_newest_whole(
        self, service: BackupService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second, third = make_three(service, monkeypatch)
        gone = service.prune(NONE)
        assert sorted(gone) == sorted([first, f"{first}.sql", second, f"{second}.sql"])
        assert {one.name for one in service.catalogue.list()} == {third, f"{third}.sql"}
        service.verify(service.places.backups_dir / third)

    def test_keeps_what_a_rollback_needs(
        self, service: BackupService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, _, third = make_three(service, monkeypatch)
        service.prune(NONE, held=[service.places.backups_dir / first])
        left = {one.name.removesuffix(".sql") for one in service.catalogue.list()}
        assert left == {first, third}

    def test_removes_nothing_when_what_was_proven_cannot_be_read(
        self, service: BackupService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_three(service, monkeypatch)
        (service.places.backups_dir / FILE).write_text("{")
        assert service.prune(NONE) == []
        assert len(service.catalogue.list()) == 6

    def test_keeps_the_last_whole_folder_though_a_later_file_is_whole(
        self, service: BackupService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second, third = make_three(service, monkeypatch)
        for damaged in (second, third):
            service.catalogue.note(damaged, state="damaged")
        service.prune(NONE)
        left = {one.name for one in service.catalogue.list()}
        assert left == {first, f"{first}.sql", third, f"{third}.sql"}

    def test_waits_for_nobody_who_makes_one(self, service: BackupService) -> None:
        with service.catalogue.alone(), pytest.raises(BackupRunningError):
            service.prune(NONE)

    def test_clears_what_was_cut_off_on_its_way_out(
        self, service: BackupService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = make_three(service, monkeypatch)[0]
        leaving = service.places.backups_dir / f".{first}.part"
        (service.places.backups_dir / first).rename(leaving)
        service.prune(rules.Kept())
        assert not leaving.exists()
