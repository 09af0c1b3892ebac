from __future__ import annotations

import threading
from pathlib import Path

import pytest

from opentranscribe.features.backup.catalogue import Catalogue
from opentranscribe.features.backup.errors import BackupRunningError


class TestAlone:
    def test_a_second_one_is_refused_at_once(self, tmp_path: Path) -> None:
        with (
            Catalogue(tmp_path).alone(),
            pytest.raises(BackupRunningError, match="Nothing was changed"),
            Catalogue(tmp_path).alone(),
        ):
            pass

    def test_who_has_patience_gets_the_next_turn(self, tmp_path: Path) -> None:
        holding, let_go = threading.Event(), threading.Event()

        def hold() -> None:
            with Catalogue(tmp_path).alone():
                holding.set()
                let_go.wait(30)

        thread = threading.Thread(target=hold)
        thread.start()
        holding.wait(30)
        threading.Timer(0.3, let_go.set).start()
        with Catalogue(tmp_path).alone(patience=30):
            assert let_go.is_set()
        thread.join()


class TestNote:
    def test_two_who_write_at_once_lose_nothing(self, tmp_path: Path) -> None:
        names = [f"opentranscribe_backup_20260101_0200{number:02}" for number in range(24)]
        for name in names:
            (tmp_path / name).mkdir()
        threads = [
            threading.Thread(
                target=Catalogue(tmp_path).note, args=(name,), kwargs={"state": "checked"}
            )
            for name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(one.record.state == "checked" for one in Catalogue(tmp_path).list())
