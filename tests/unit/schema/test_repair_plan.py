"""What leads from one catalogue to another, worked out without a database."""

from __future__ import annotations

import pytest

from opentranscribe.schema.migrations.chain import CHAIN, HEAD
from opentranscribe.schema.migrations.difference import compare
from opentranscribe.schema.migrations.fingerprint import normalise
from opentranscribe.schema.migrations.recognise import judge
from opentranscribe.schema.migrations.repair.definitions import Column, Link, Unique
from opentranscribe.schema.migrations.repair.plan import columns_of, find_strangers, plan_repair
from opentranscribe.schema.migrations.repair.resolvers import unique_answer
from opentranscribe.schema.migrations.shapes import load_shapes, name_of, shape_of, table_of

WANTED = shape_of(HEAD).catalogue
LAST = shape_of("v362_add_pipeline_timing_markers").catalogue


def without(*keys: str) -> dict[str, str]:
    return {key: value for key, value in WANTED.items() if key not in keys}


def kinds(live: dict[str, str]) -> list[str]:
    return [operation.kind for operation in plan_repair(live, WANTED) if not operation.quiet]


class TestShapes:
    def test_are_one_for_each_revision_and_the_releases_without(self) -> None:
        named = [shape.revision for shape in load_shapes() if shape.release is None]
        assert named == [revision.name for revision in CHAIN]
        assert len([shape for shape in load_shapes() if shape.release]) == 3

    def test_never_hold_the_stamp(self) -> None:
        assert all(table_of(k) != "alembic_version" for s in load_shapes() for k in s.catalogue)


class TestPlanRepair:
    def test_is_empty_when_nothing_differs(self) -> None:
        assert plan_repair(WANTED, WANTED) == ()

    @pytest.mark.parametrize(
        ("live", "expected"),
        [
            (without("column tag.source"), ["add column"]),
            (without("index tag.ix_tag_normalized_name"), ["add"]),
            (without("constraint tag.tag_name_key"), ["add"]),
            (WANTED | {"column tag.mine": "text"}, ["take out column"]),
            (WANTED | {"index tag.mine": "btree (source)"}, ["drop"]),
            (WANTED | {"column tag.name": "character varying(50)"}, ["require"]),
            (WANTED | {"column tag.source": "character varying(50) not null"}, ["allow empty"]),
            (WANTED | {"column comment.text": "text not null default ''::text"}, ["default"]),
            (WANTED | {"column comment.timestamp": "text"}, ["change type"]),
            (
                without("constraint tag.tag_name_key") | {"constraint tag.other": "UNIQUE (name)"},
                ["rename"],
            ),
        ],
    )
    def test_names_the_one_operation_that_a_difference_needs(
        self, live: dict[str, str], expected: list[str]
    ) -> None:
        assert kinds(live) == expected

    def test_makes_a_table_that_is_missing_with_all_it_has(self) -> None:
        live = {key: value for key, value in WANTED.items() if table_of(key) != "login_guard"}
        assert kinds(live) == ["create table", "add"]

    def test_takes_off_what_hangs_on_a_column_whose_type_changes_and_makes_it_again(self) -> None:
        live = WANTED | {"column media_file.status": "filestatus not null"}
        operations = plan_repair(live, WANTED)
        subjects = [o.subject for o in operations if o.kind == "drop"]
        assert "index media_file.idx_media_file_status" in subjects
        assert subjects == [o.subject for o in operations if o.kind == "add"]

    def test_drops_links_before_the_key_they_lead_to(self) -> None:
        live = without("constraint tag.tag_pkey") | {"constraint tag.k": "PRIMARY KEY (id, name)"}
        subjects = [o.subject for o in plan_repair(live, WANTED) if o.kind == "drop"]
        assert subjects.index("constraint file_tag.file_tag_tag_id_fkey") < subjects.index(
            "constraint tag.k"
        )


class TestFindStrangers:
    def test_are_tables_that_only_share_a_name(self) -> None:
        assert find_strangers(LAST | {"column job.salary": "integer"}) == {"job"}

    def test_are_never_our_own_of_whatever_release(self) -> None:
        assert all(find_strangers(shape.catalogue) == frozenset() for shape in load_shapes())


class TestResolvers:
    def test_have_an_answer_for_every_key_of_the_head(self) -> None:
        columns = columns_of(WANTED)
        moved = set()
        for key, value in WANTED.items():
            unique = None if key.startswith("column ") else Unique.parse(key, value)
            if unique and unique_answer(unique, columns[unique.table])[0] == "move":
                moved.add(unique.table)
        people = {"user", "media_file", "speaker", "collection", "summary_prompt", "tag"}
        assert not moved & people, "rows that people made are never moved for a twin"

    def test_know_every_link_of_the_head(self) -> None:
        links = [k for k, v in WANTED.items() if v.startswith("FOREIGN")]
        assert all(Link.parse(key, WANTED[key]) for key in links)


class TestJudge:
    def test_finds_every_shape_again(self) -> None:
        for shape in load_shapes():
            found = judge(shape.catalogue, ())
            expected = "exact" if shape.release is None else "drifted"
            assert found.kind == expected
            assert found.revision is not None
            assert shape_of(found.revision).catalogue == shape_of(shape.revision).catalogue

    def test_takes_a_schema_between_two_revisions_for_the_first(self) -> None:
        name = "v060_add_transcript_overlap"
        live = shape_of(name).catalogue | {"column user.pki_issuer_dn": "character varying(512)"}
        assert judge(live, (name,)).kind == "exact"
        assert judge(live, ()).kind == "drifted"


class TestNormalise:
    def test_reads_a_check_the_same_before_a_dump_and_after_its_restore(self) -> None:
        before = (
            "CHECK (((role)::text = ANY ((ARRAY['user'::character varying,"
            " 'admin'::character varying])::text[])))"
        )
        after = (
            "CHECK (((role)::text = ANY (ARRAY[('user'::character varying)::text,"
            " ('admin'::character varying)::text])))"
        )
        key = 'constraint "user".users_role_check'
        assert normalise(key, before) == normalise(key, after)
        assert normalise(key, before) != normalise(key, before.replace("admin", "king"))
        assert normalise(key, before) != normalise(key, before.replace("role", "name"))


class TestColumn:
    def test_is_read_from_its_line(self) -> None:
        key = "column job.priority"
        column = Column.parse(key, WANTED[key])
        assert (column.type, column.required, column.default) == ("integer", True, "5")
        assert name_of(key) == "priority"


class TestCompare:
    def test_matches_lines_by_meaning_when_names_differ(self) -> None:
        live = without("index tag.idx_tag_uuid") | {"index tag.by_uuid": "btree (uuid)"}
        difference = compare(live, WANTED)
        assert difference.distance == 0
        assert difference.renamed == {"index tag.by_uuid": "index tag.idx_tag_uuid"}
