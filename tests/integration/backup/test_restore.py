"""Bringing a backup back: proven equal, or nothing is there at all."""

from __future__ import annotations

import gzip
import shutil
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.backup.conftest import digests

from opentranscribe.entrypoints.installation.media_sample import build_look
from opentranscribe.features.backup.errors import BackupDamagedError, BackupUnsuitableError
from opentranscribe.features.backup.manifest import read_manifest
from opentranscribe.features.backup.metrics import BackupCollector
from opentranscribe.features.backup.programs import Programs
from opentranscribe.features.backup.service import BackupService
from opentranscribe.ports.media_tools import Decoded, MediaError
from opentranscribe.settings import Settings
from opentranscribe.work import databases
from opentranscribe.work.databases import connect


@pytest.fixture
def aside(service: BackupService) -> Iterator[str]:
    """A name for a database that is gone afterwards."""
    name = f"{databases.name_of(service.url)}_aside"
    yield name
    with databases.administer(service.url) as connection:
        databases.drop_database(connection, name)


def exists(service: BackupService, name: str) -> bool:
    with databases.administer(service.url) as connection:
        return name in databases.list_databases(connection)


class TestRestoreInto:
    @pytest.mark.parametrize("kind", ["full", "plain", "encrypted"])
    def test_every_row_comes_back_as_it_was(
        self, service: BackupService, aside: str, kind: str
    ) -> None:
        before = digests(service.url)
        made = (
            service.create_plain()
            if kind == "plain"
            else service.create_full(is_encrypted=kind == "encrypted")
        )
        with connect(service.url) as connection:
            connection.execute("DELETE FROM transcript_segment")
        service.restore_into(made.path, aside)
        assert digests(databases.with_name(service.url, aside)) == before

    @pytest.mark.parametrize("packed", [False, True])
    def test_takes_an_archive_of_pg_dump(
        self, service: BackupService, aside: str, tmp_path: Path, packed: bool
    ) -> None:
        before = digests(service.url)
        archive = tmp_path / "archive"
        words = ("-Fc", "--exclude-schema=derived", "--exclude-schema=queue", f"--file={archive}")
        Programs(service.places.bin_dir, service.url).run("pg_dump", *words)
        if packed:
            with gzip.open(tmp_path / "archive.gz", "wb") as handle:
                handle.write(archive.read_bytes())
            archive = tmp_path / "archive.gz"
        service.restore_into(archive, aside)
        assert digests(databases.with_name(service.url, aside)) == before

    def test_of_a_damaged_one_nothing_is_left(
        self, service: BackupService, aside: str, tmp_path: Path
    ) -> None:
        made = service.create_plain()
        cut = tmp_path / made.name
        cut.write_bytes(made.path.read_bytes()[:-2000])
        with pytest.raises(BackupDamagedError, match="cut off"):
            service.restore_into(cut, aside)
        assert not exists(service, aside)

    def test_what_is_no_backup_is_refused(
        self, service: BackupService, aside: str, tmp_path: Path
    ) -> None:
        (tmp_path / "letter.sql").write_text("Dear Sir or Madam")
        with pytest.raises(BackupUnsuitableError, match="Nothing was changed"):
            service.restore_into(tmp_path / "letter.sql", aside)
        assert not exists(service, aside)


class TestRestoreMedia:
    def test_puts_back_what_the_store_lacks_and_leaves_the_rest(
        self, service: BackupService
    ) -> None:
        made = service.create_full(is_encrypted=True)
        lost, *_ = (one.object for one in read_manifest(made.path).media)
        content = service.objects.local_path(lost).read_bytes()
        service.objects.delete(lost)
        assert service.restore_media(made.path) == 1
        assert service.objects.local_path(lost).read_bytes() == content


def told(service: BackupService) -> dict[str, float]:
    """The metrics of the backups that have one value."""
    metrics = BackupCollector(service.places.backups_dir).collect()
    return {metric.name: metric.samples[0].value for metric in metrics if len(metric.samples) == 1}


class TestDrill:
    def test_restores_aside_asks_and_clears_up(self, service: BackupService) -> None:
        service.create_full()
        seen: list[Path] = []
        done = service.drill(seen.append)
        assert done.record.state == "drilled"
        assert (done.record.rto_seconds or 0) > 0
        assert len(seen) == 3
        assert not exists(service, f"{databases.name_of(service.url)}_drill")

    def test_writes_down_why_it_failed(self, service: BackupService) -> None:
        made = service.create_full()
        shutil.rmtree(made.path / "database")
        with pytest.raises(BackupDamagedError):
            service.drill()
        record = service.catalogue.get(made.path).record
        assert record.drill_failure
        assert record.drill_tried_at
        assert told(service)["opentranscribe_backup_drill_ok"] == 0

    def test_that_failed_is_not_made_good_by_a_check(self, service: BackupService) -> None:
        made = service.create_full()

        def refuse(path: Path) -> None:
            raise MediaError("It cannot be decoded.")

        with pytest.raises(MediaError):
            service.drill(refuse)
        service.verify(made.path)
        assert service.catalogue.get(made.path).record.drill_failure
        assert told(service)["opentranscribe_backup_drill_ok"] == 0
        service.drill()
        assert service.catalogue.get(made.path).record.drill_failure is None
        assert told(service)["opentranscribe_backup_drill_ok"] == 1


class TestDrillOfSound:
    def test_decodes_what_it_looks_at(self, service: BackupService, tmp_path: Path) -> None:
        settings = Settings.load(tmp_path, database_url=service.url, offline=True)
        look = build_look(settings)
        sound, noise = tmp_path / "sound.wav", tmp_path / "noise"
        with wave.open(str(sound), "wb") as handle:
            handle.setparams((1, 2, 16_000, 0, "NONE", ""))
            handle.writeframes(b"\x00\x10" * 16_000)
        noise.write_bytes(b"no recording at all")
        decoded = look(sound)
        assert isinstance(decoded, Decoded)
        assert decoded.sample_count == 16_000
        service.create_full()
        with pytest.raises(MediaError):
            service.drill(lambda path: look(noise))
        assert not list(settings.scratch_dir.glob("drill-*"))
