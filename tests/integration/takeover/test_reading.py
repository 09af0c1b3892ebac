"""Dumps of the earlier system in every form, and dumps that are none or mean harm."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.takeover.conftest import MakeDatabase, MakeTakeover
from tests.integration.takeover.earlier import DIFFICULT, KEY, Earlier, make_earlier
from tests.upgrade.database import connect, one

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres, wheel_binaries
from opentranscribe.features.takeover.errors import (
    DumpDamagedError,
    DumpUnsuitableError,
    TakeoverFailedError,
)
from opentranscribe.features.takeover.programs import Programs
from opentranscribe.schema.migrations.chain import HEAD
from opentranscribe.schema.migrations.shapes import load_shapes

FORMS = (
    *("plain", "plain.gz", "custom", "custom.gz", "tar", "folder"),
    *("clean", "create", "inserts"),
)
RELEASES = [shape.release for shape in load_shapes() if shape.release]
ROWS = {"user": 7, "media_file": 5, "transcript_segment": 12, "speaker": 4}


class TestForms:
    @pytest.mark.parametrize("form", FORMS)
    def test_each_brings_every_row(
        self, earlier: Earlier, takeover: MakeTakeover, form: str
    ) -> None:
        run = takeover(earlier.dump(form))
        run.read()
        assert {table: run.report.rows[table] for table in ROWS} == ROWS
        assert run.report.revision == HEAD
        assert run.report.proofs
        with connect(run.aside) as connection:
            text = "SELECT count(*) FROM transcript_segment WHERE text = %s"
            assert one(connection, text, DIFFICULT) == 4

    @pytest.mark.parametrize(
        "revision", ["v010_baseline", "v073_convert_filestatus_enum_to_varchar"]
    )
    def test_of_any_age(
        self, make_database: MakeDatabase, takeover: MakeTakeover, tmp_path: Path, revision: str
    ) -> None:
        old = make_earlier(make_database(), tmp_path / "old", revision=revision)
        run = takeover(old.dump("plain"))
        run.read()
        assert run.report.revision == HEAD
        assert run.report.rows["transcript_segment"] == ROWS["transcript_segment"]

    @pytest.mark.parametrize("release", RELEASES)
    def test_of_releases_before_there_were_revisions(
        self, make_database: MakeDatabase, takeover: MakeTakeover, tmp_path: Path, release: str
    ) -> None:
        old = make_earlier(make_database(), tmp_path / "old", release=release)
        run = takeover(old.dump("custom"))
        run.read()
        assert run.report.revision == HEAD
        assert run.report.rows["transcript_segment"] == ROWS["transcript_segment"]

    def test_nothing_belongs_to_the_guest_afterwards(
        self, earlier: Earlier, takeover: MakeTakeover
    ) -> None:
        run = takeover(earlier.dump("plain"))
        run.read()
        with connect(run.aside) as connection:
            owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
            assert [row[0] for row in connection.execute(owners.encode())] == ["postgres"]
            guests = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'opentr_import_%%'"
            assert one(connection, guests) == 0


class TestKey:
    def test_opens_what_it_sealed(self, earlier: Earlier, takeover: MakeTakeover) -> None:
        run = takeover(earlier.dump("plain"))
        run.read()
        assert run.try_key(KEY)
        (result,) = run.report.secrets
        assert (result.table, result.total, result.tried) == ("user_llm_settings", 1, 1)
        assert not run.try_key("another key")
        assert run.report.secrets[0].wrong_key == 1
        assert not run.try_key(None)


def change(plain: Path, target: Path, edit: Callable[[bytes], bytes]) -> Path:
    target.write_bytes(edit(plain.read_bytes()))
    return target


def insert(text: str) -> Callable[[bytes], bytes]:
    """After the last statement that makes a table."""

    def edit(content: bytes) -> bytes:
        at = content.rindex(b"\nALTER TABLE ONLY")
        return content[:at] + b"\n" + text.encode() + b"\n" + content[at:]

    return edit


class TestHostileDumps:
    @pytest.mark.parametrize(
        "line",
        [
            "\\! touch {mark}",
            "SELECT 1 \\! touch {mark}",
            "SELECT 1; \\! touch {mark}",
            "\\o {mark}",
            "SELECT 'x' \\g {mark}",
            "\\copy public.tag to '{mark}'",
            "\\i {mark}",
            "/* a comment */ \\! touch {mark}",
            "SELECT $a$ $b$ $a$ \\! touch {mark}",
            "COPY public.tag FROM PROGRAM 'touch {mark}';",
            "COPY public.tag\n FROM '/etc/passwd';",
            "\\unrestrict abc\n\\! touch {mark}",
        ],
    )
    def test_are_refused_with_the_line_named(
        self, earlier: Earlier, takeover: MakeTakeover, tmp_path: Path, line: str
    ) -> None:
        mark = tmp_path / "mark"
        dump = change(earlier.dump("plain"), tmp_path / "bad", insert(line.format(mark=mark)))
        with pytest.raises(DumpUnsuitableError, match=r"line \d+ "):
            takeover(dump).read()
        assert not mark.exists()

    def test_that_we_overlook_psql_itself_refuses(
        self, empty_database_url: str, tmp_path: Path
    ) -> None:
        mark = tmp_path / "mark"
        lines = [b"\\restrict abc\n", f"\\! touch {mark}\n".encode()]
        said = Programs(wheel_binaries()).feed_psql(empty_database_url, lines)
        assert said is not None
        assert "restricted" in said
        assert not mark.exists()

    @pytest.mark.parametrize(
        "statement",
        [
            "COPY public.tag TO PROGRAM 'cat > {mark}';",
            "DO $$ BEGIN EXECUTE 'COPY public.tag TO PROGRAM ''cat > {mark}'''; END $$;",
            "SELECT lo_export(lo_from_bytea(0, 'x'), '{mark}');",
            "ALTER SYSTEM SET archive_command = 'touch {mark}';",
            "SET SESSION AUTHORIZATION postgres; COPY public.tag TO '{mark}';",
            "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/tmp/x', 'y';",
        ],
    )
    def test_may_do_no_more_than_fill_a_database(
        self, earlier: Earlier, takeover: MakeTakeover, tmp_path: Path, statement: str
    ) -> None:
        mark = tmp_path / "mark"
        text = statement.format(mark=mark)
        dump = change(earlier.dump("plain"), tmp_path / "bad", insert(text))
        with pytest.raises((TakeoverFailedError, DumpUnsuitableError)):
            takeover(dump).read()
        assert not mark.exists()

    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
            (
                "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN END$$;"
                " CREATE TRIGGER t BEFORE UPDATE ON public.tag EXECUTE FUNCTION public.f();"
            ),
            "CREATE RULE r AS ON UPDATE TO public.tag DO INSTEAD NOTHING;",
            "CREATE VIEW public.v AS SELECT 1;",
        ],
    )
    def test_leave_no_program_behind(
        self, earlier: Earlier, takeover: MakeTakeover, tmp_path: Path, statement: str
    ) -> None:
        dump = change(earlier.dump("plain"), tmp_path / "bad", insert(statement))
        with pytest.raises(DumpUnsuitableError, match="programs"):
            takeover(dump).read()


class TestDamagedDumps:
    @pytest.mark.parametrize("share", [0.3, 0.999])
    @pytest.mark.parametrize("form", ["plain", "plain.gz", "custom", "tar"])
    def test_cut_off_anywhere_they_are_refused(
        self, earlier: Earlier, takeover: MakeTakeover, tmp_path: Path, form: str, share: float
    ) -> None:
        whole = earlier.dump(form).read_bytes()
        cut = tmp_path / "cut"
        cut.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises((DumpDamagedError, TakeoverFailedError, DumpUnsuitableError)):
            takeover(cut).read()

    def test_without_their_end_mark_they_are_cut_off(
        self, earlier: Earlier, takeover: MakeTakeover, tmp_path: Path
    ) -> None:
        mark = b"-- PostgreSQL database dump complete"
        dump = change(earlier.dump("plain"), tmp_path / "cut", lambda text: text.replace(mark, b""))
        with pytest.raises(DumpDamagedError, match="end mark"):
            takeover(dump).read()


class TestOtherFiles:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "not a dump"),
            (b"hello\n", "not a dump"),
            (b"\x89PNG\r\n" + bytes(600), "dump|read"),
            (b"BZh91AY" + bytes(600), "bunzip2"),
            (b"-- OpenTranscribe backup, plain SQL\n", "restore"),
            (gzip.compress(b"-- OpenTranscribe backup, plain SQL\n", mtime=0), "restore"),
        ],
        ids=["empty", "text", "picture", "bzip2", "our backup", "our backup, packed"],
    )
    def test_are_refused_with_a_reason(
        self, takeover: MakeTakeover, tmp_path: Path, content: bytes, said: str
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(content)
        with pytest.raises((DumpUnsuitableError, TakeoverFailedError), match=said):
            takeover(path).read()

    def test_a_dump_of_something_else_is_refused(
        self, make_database: MakeDatabase, takeover: MakeTakeover, tmp_path: Path
    ) -> None:
        url = make_database()
        with connect(url) as connection:
            connection.execute("CREATE TABLE post (id int); CREATE TABLE author (id int)")
        with pytest.raises(DumpUnsuitableError, match="not of this product"):
            takeover(Earlier(url, tmp_path).dump("plain")).read()

    def test_nothing_is_left_on_the_server(
        self, takeover: MakeTakeover, tmp_path: Path, postgres_server: EmbeddedPostgres
    ) -> None:
        run = takeover(tmp_path / "none")
        with pytest.raises(DumpUnsuitableError):
            run.read()
        run.discard()
        with connect(postgres_server.url("postgres")) as connection:
            left = "SELECT count(*) FROM pg_database WHERE datname LIKE 'opentr_import_%%'"
            assert one(connection, left) == 0
