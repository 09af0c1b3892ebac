from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from opentranscribe.features.backup.catalogue import BackupSet, Record, State
from opentranscribe.features.backup.overview import find_notices
from opentranscribe.features.backup.policy import Policy

USUAL = Policy()
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def backup(hours_old: float, state: State = "checked", **facts: str) -> BackupSet:
    made_at = NOW - timedelta(hours=hours_old)
    path = Path(f"opentranscribe_backup_{made_at:%Y%m%d_%H%M%S}")
    return BackupSet(path, made_at, True, 1000, Record(state=state, **facts))


def notices(
    *found: BackupSet, free: int = 10**9, key_waiting: bool = False, policy: Policy = USUAL
) -> str:
    told = find_notices(found, policy, NOW, free, key_waiting=key_waiting)
    return "\n".join(f"{one.level}: {one.text}" for one in told)


class TestFindNotices:
    def test_all_is_well(self) -> None:
        assert notices(backup(5, "drilled", drilled_at=NOW.isoformat())) == ""

    def test_there_is_none(self) -> None:
        assert "error: There is no backup yet" in notices()

    def test_the_last_good_one_is_old(self) -> None:
        assert "error: The last good backup is from" in notices(backup(40))
        assert "good backup" not in notices(backup(40), policy=Policy(enabled=False))

    def test_one_is_damaged(self) -> None:
        told = notices(backup(1), backup(30, "damaged", failure="a pack is cut short"))
        assert "a pack is cut short" in told

    def test_a_rehearsal_failed(self) -> None:
        assert "The rehearsal failed: x" in notices(backup(1, drill_failure="x"))

    def test_the_last_rehearsal_is_old(self) -> None:
        long_ago = (NOW - timedelta(hours=50)).isoformat()
        told = notices(backup(1), backup(60, "drilled", drilled_at=long_ago))
        assert "warning: The last rehearsal" in told
        assert "warning: No backup was ever rehearsed" in notices(backup(1), backup(60))

    def test_the_disk_is_short(self) -> None:
        assert "may not fit" in notices(backup(1), free=10)

    def test_nobody_has_the_recovery_key(self) -> None:
        assert "recovery key" in notices(backup(1), key_waiting=True)
