"""The guide's file: made, checked, and piped into psql over whatever is there."""

from __future__ import annotations

import random
import re
import stat

import pytest
from sqlalchemy import create_engine

from opentranscribe.adapters.search.postgres import PostgresSearch
from opentranscribe.features.backup.errors import BackupDamagedError, BackupRunningError
from opentranscribe.features.backup.plain import check_plain
from opentranscribe.features.backup.service import BackupService
from opentranscribe.work.databases import connect

from .conftest import digests


class TestPlainBackup:
    def test_is_named_as_the_guide_names_it_and_is_readable_by_its_owner_only(
        self, service: BackupService
    ) -> None:
        made = service.create_plain()
        assert re.fullmatch(r"opentranscribe_backup_\d{8}_\d{6}\.sql", made.name)
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
        assert made.record.state == "checked"
        assert [one.name for one in service.catalogue.list()] == [made.name]

    def test_leaves_nothing_that_looks_like_a_backup_when_the_dump_fails(
        self, service: BackupService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken = service.places.scratch_dir / "bin"
        broken.mkdir()
        program = broken / "pg_dump"
        program.write_text(
            "#!/bin/sh\necho 'CREATE TABLE half ('\necho 'error: no space' >&2\nexit 1\n"
        )
        program.chmod(0o755)
        places = service.places.__class__(**{**service.places.__dict__, "bin_dir": broken})
        with pytest.raises(Exception, match="no space"):
            BackupService(places, service.url, service.objects).create_plain()
        assert not list(service.places.backups_dir.glob("*opentranscribe*"))

    def test_runs_once_at_a_time(self, service: BackupService) -> None:
        with service.catalogue.alone(), pytest.raises(BackupRunningError):
            service.create_plain()

    def test_two_in_one_second_have_two_names(self, service: BackupService) -> None:
        assert service.create_plain().name != service.create_plain().name


class TestPipedIntoPsql:
    def test_brings_every_row_back_over_an_upgraded_and_used_database(
        self, service: BackupService, psql
    ) -> None:
        before = digests(service.url)
        content = service.create_plain().path.read_bytes()
        engine = create_engine(service.url)
        PostgresSearch(engine).ensure_schema()
        engine.dispose()
        with connect(service.url) as connection:
            connection.execute("DELETE FROM transcript_segment WHERE id % 2 = 0")
            connection.execute('UPDATE "user" SET email = email || id')
            connection.execute("ALTER TABLE media_file ADD COLUMN later TEXT")
            connection.execute("CREATE TABLE newer (id serial primary key)")
            connection.execute("CREATE TYPE mood AS ENUM ('up')")
            connection.execute("INSERT INTO alembic_version VALUES ('v999_later')")
        done = psql(service.url, content)
        assert done.returncode == 0, done.stderr
        assert digests(service.url) == before
        with connect(service.url) as connection:
            row = connection.execute("SELECT nextval('transcript_segment_id_seq')").fetchone()
        assert row == (5001,)

    def test_brings_it_into_an_empty_database(
        self, service: BackupService, empty_database_url: str, psql
    ) -> None:
        content = service.create_plain().path.read_bytes()
        assert psql(empty_database_url, content).returncode == 0
        assert digests(empty_database_url) == digests(service.url)

    def test_changes_nothing_when_the_file_is_cut_off_anywhere(
        self, service: BackupService, psql
    ) -> None:
        content = service.create_plain().path.read_bytes()
        with connect(service.url) as connection:
            connection.execute("DELETE FROM transcript_segment WHERE id % 2 = 0")
        used = digests(service.url)
        end_of_work = content.rindex(b"COMMIT;")
        cuts = [*random.Random(4).sample(range(end_of_work), 12), end_of_work]
        for cut in cuts:
            psql(service.url, content[:cut])
            assert digests(service.url) == used, cut

    def test_changes_nothing_when_a_row_is_missing(self, service: BackupService, psql) -> None:
        content = service.create_plain().path.read_bytes()
        used = digests(service.url)
        lines = content.splitlines(keepends=True)
        start = next(i for i, line in enumerate(lines) if b"COPY public.voiceprint" in line)
        done = psql(service.url, b"".join(lines[: start + 1] + lines[start + 2 :]))
        assert done.returncode == 3
        assert b"voiceprint" in done.stderr
        assert digests(service.url) == used


class TestCheck:
    def test_notices_any_change_of_the_file(self, service: BackupService) -> None:
        made = service.create_plain()
        content = made.path.read_bytes()
        chance = random.Random(5)
        for _ in range(60):
            place = chance.randrange(len(content))
            changed = bytearray(content)
            changed[place] ^= 1 << chance.randrange(8)
            made.path.write_bytes(chance.choice([bytes(changed), content[:place]]))
            with pytest.raises(BackupDamagedError):
                check_plain(made.path)
        made.path.write_bytes(content + b"x")
        with pytest.raises(BackupDamagedError):
            service.verify(made.path)
        assert service.catalogue.get(made.path).record.state == "damaged"
        made.path.write_bytes(content)
        assert service.verify(made.path).record.state == "checked"
