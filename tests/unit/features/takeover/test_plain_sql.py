"""What of a plain dump reaches psql."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentranscribe.features.takeover.rules.plain_sql import PlainSql, RefusedLineError

END = "-- PostgreSQL database dump complete\n"


def read(text: str) -> tuple[str, PlainSql]:
    plain = PlainSql()
    kept = [plain.feed(line) for line in text.encode().splitlines(keepends=True)]
    return b"".join(kept).decode(), plain


class TestWhatIsLeftOut:
    @pytest.mark.parametrize(
        "statement",
        [
            "ALTER TABLE public.tag OWNER TO postgres;",
            'ALTER SEQUENCE public."tag id" OWNER TO "Some Body";',
            "GRANT ALL ON SCHEMA public TO PUBLIC;",
            "REVOKE USAGE ON SCHEMA public FROM PUBLIC;",
            'CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;',
            "COMMENT ON EXTENSION \"uuid-ossp\" IS 'generate; identifiers';",
            "CREATE SCHEMA public;",
            "DROP TABLE IF EXISTS public.tag;",
            "ALTER TABLE IF EXISTS ONLY public.tag DROP CONSTRAINT tag_pkey;",
            "ALTER TABLE public.tag ALTER COLUMN id DROP DEFAULT;",
            "SET default_tablespace = '';",
            "SET transaction_timeout = 0;",
            "CREATE DATABASE opentranscribe WITH TEMPLATE = template0;",
            "\\restrict aB3\n\\unrestrict aB3",
            "\\connect opentranscribe",
            "-- a comment; with \\! things in it",
        ],
    )
    def test_means_nothing_in_a_new_database(self, statement: str) -> None:
        kept, _ = read(f"SELECT 1;\n{statement}\nSELECT 2;\n{END}")
        assert kept.split() == ["SELECT", "1;", "SELECT", "2;"]

    def test_owners_in_a_text_are_no_owners(self) -> None:
        statement = "COMMENT ON TABLE public.tag IS 'x OWNER TO y';\n"
        assert read(statement)[0] == statement

    def test_makes_identifiers_without_the_extension(self) -> None:
        kept, _ = read("CREATE TABLE t (u uuid DEFAULT public.uuid_generate_v4());\n")
        assert kept == "CREATE TABLE t (u uuid DEFAULT gen_random_uuid());\n"


class TestRows:
    def test_pass_as_they_are_until_their_end(self) -> None:
        rows = "a\t\\N\n\\! touch /tmp/x\n'\"$$/*\n\\.x\n"
        text = f"COPY public.tag (id) FROM stdin;\n{rows}\\.\n"
        kept, plain = read(text + END)
        assert kept == text
        assert plain.is_complete
        assert plain.is_between_statements

    def test_after_their_end_commands_are_refused_again(self) -> None:
        with pytest.raises(RefusedLineError, match=r"line 4 .*\\!"):
            read("COPY public.tag FROM stdin;\n1\n\\.\n\\! id\n")


class TestQuotes:
    @pytest.mark.parametrize(
        "literal",
        [
            "'it''s \\! fine'",
            "E'it\\'s \\\\! fine'",
            "$$ \\! $x$ ' $$",
            "$tag$ \\! $$ ' $tag$",
            '"a ""\\! name"',
            "'over\n\\! two lines'",
            "'ends with a backslash \\'",
        ],
    )
    def test_hide_what_looks_like_a_command(self, literal: str) -> None:
        kept, _ = read(f"SELECT {literal};\nSELECT 2;\n")
        assert kept == f"SELECT {literal};\nSELECT 2;\n"

    @pytest.mark.parametrize(
        "literal", ["'it''s'", "E'\\''", "$$'$$", "$a$ $b$ $a$", '"x"', "/* ' /* */ */ 1", "a$b$c"]
    )
    def test_hide_nothing_once_they_are_closed(self, literal: str) -> None:
        with pytest.raises(RefusedLineError):
            read(f"SELECT {literal} \\! id\n")


class TestEnd:
    def test_is_missed_when_statements_follow_the_mark(self) -> None:
        assert not read(f"SELECT 1;\n{END}SELECT 2;\n")[1].is_complete
        assert read(f"SELECT 1;\n{END}\n\\unrestrict a\n")[1].is_complete

    def test_is_no_end_within_a_statement(self) -> None:
        assert not read(f"CREATE TABLE t (\n{END}")[1].is_between_statements

    @given(st.integers(min_value=0, max_value=5), st.integers(min_value=0))
    def test_a_dump_cut_anywhere_is_never_complete(self, rows: int, cut: int) -> None:
        lines = "".join(f"{n}\tx\\n;'\n" for n in range(rows))
        text = f"CREATE TABLE t (id int);\nCOPY t FROM stdin;\n{lines}\\.\nSELECT 1;\n{END.strip()}"
        plain = read(text[: cut % len(text)])[1]
        assert not (plain.is_complete and plain.is_between_statements)


class TestSecondDatabase:
    def test_is_refused(self) -> None:
        with pytest.raises(RefusedLineError, match="second database"):
            read("\\connect a\nCREATE TABLE t (id int);\n\\connect b\n")


class TestInserts:
    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO public.tag VALUES (1, 'it''s; -- fine', NULL, -1.5, true);",
            "INSERT INTO public.tag (id, name) VALUES (1, 'a\\b');",
            "INSERT INTO public.tag VALUES (1, 'over\ntwo lines');",
            "INSERT INTO public.tag VALUES (1, E'it\\'s');",
        ],
    )
    def test_pass_as_they_are(self, statement: str) -> None:
        kept, plain = read(f"{statement}\n{END}")
        assert kept == f"{statement}\n"
        assert (plain.tables, plain.is_complete) == (1, True)

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO t VALUES (1); \\! id",
            "INSERT INTO t VALUES ('a'' \\! '); \\! id '",
            "INSERT INTO t VALUES (1 \\! id\n);",
            "INSERT INTO t VALUES ('a') \\g x\n;",
        ],
    )
    def test_hide_no_command(self, statement: str) -> None:
        with pytest.raises(RefusedLineError):
            read(f"{statement}\n")
