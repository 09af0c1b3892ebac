"""A disk that fails in the middle of a backup or a restore: told, and nothing is harmed."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest
from tests.integration.pipeline.small_disk import small_disk
from tests.integration.supervisor.installation import Installation

from opentranscribe.features.backup.errors import (
    BackupFailedError,
    BackupRunningError,
    RestoreFailedError,
)
from opentranscribe.features.backup.places import Places
from opentranscribe.features.backup.service import BackupService
from opentranscribe.schema.migrations.state import check
from opentranscribe.work import databases


class TestBrokenDisk:
    """The system itself says EIO, by strace."""

    def test_a_backup_says_so_and_leaves_nothing(self, seeded_url: str, tmp_path: Path) -> None:
        strace = shutil.which("strace")
        if strace is None:
            pytest.skip("SKIPPED, no strace on this machine")
        (tmp_path / ".env").write_text(f"DATABASE_URL={seeded_url}\n")
        installation = Installation(tmp_path)
        (tmp_path / "backups").mkdir()
        broken = (strace, "-f", "-qq", "-o", "/dev/null", "-P", str(tmp_path / "backups"))
        inject = ("-e", "trace=fsync", "-e", "inject=fsync:error=EIO")
        done = installation.run("backup", "--plain", before=(*broken, *inject))
        assert done.returncode != 0
        assert "does not do what it should" in done.stderr
        assert "nothing else was changed" in done.stderr
        assert list((tmp_path / "backups").glob("opentranscribe_backup_*")) == []
        assert check(seeded_url).kind == "current"
        assert installation.run("backup", "--plain").returncode == 0


class TestFullDisk:
    def test_a_packed_dump_that_has_no_room_to_be_unpacked_is_not_called_damaged(
        self, service: BackupService, places: Places, tmp_path: Path
    ) -> None:
        made = service.create_plain()
        packed = tmp_path / "dump.sql.gz"
        with gzip.open(packed, "wb") as handle:
            handle.write(made.path.read_bytes())
        with small_disk(places.scratch_dir, megabytes=1) as disk:
            disk.fill()
            with pytest.raises(RestoreFailedError, match="is full"):
                service.restore_into(packed, f"{databases.name_of(service.url)}_restored_x")
        assert check(service.url).kind == "current"

    def test_a_backup_that_has_no_room_leaves_nothing(
        self, service: BackupService, places: Places
    ) -> None:
        with small_disk(places.backups_dir, megabytes=1) as disk:
            disk.fill()
            with pytest.raises(BackupFailedError, match="is full"):
                service.create_plain()
            assert list(places.backups_dir.glob("*.sql")) == []


class TestDrill:
    def test_waits_for_nobody_and_disturbs_nobody(self, service: BackupService) -> None:
        service.create_plain()
        with service.catalogue.alone(), pytest.raises(BackupRunningError):
            service.drill()
