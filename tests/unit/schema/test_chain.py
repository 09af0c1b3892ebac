"""The chain as a list: order, names, what is pending."""

from __future__ import annotations

import pytest

from opentranscribe.schema.migrations.chain import (
    CHAIN,
    HEAD,
    is_known,
    is_newer,
    list_pending,
)
from opentranscribe.schema.migrations.legacy import LEGACY
from opentranscribe.schema.migrations.steps import Revision, Step, constraint, seed_settings


class TestChain:
    def test_keeps_the_48_legacy_revisions_in_the_order_they_ran(self) -> None:
        names = [revision.name for revision in LEGACY]
        assert len(names) == 48
        assert names[0] == "v010_baseline"
        assert names[-1] == "v362_add_pipeline_timing_markers"
        late = names.index("v071_add_transcript_segment_unique_constraint")
        assert names[late - 1] == "v130_add_processing_model_tracking"
        assert [name[:4] for name in names[late + 1 : late + 4]] == ["v072", "v073", "v140"]

    def test_names_each_revision_once_and_short_enough_for_the_stamp(self) -> None:
        names = [revision.name for revision in CHAIN]
        assert len(set(names)) == len(names)
        assert max(map(len, names)) <= 128

    def test_puts_ours_after_the_legacy_ones_from_400_up(self) -> None:
        numbers = [revision.number for revision in CHAIN[len(LEGACY) :]]
        assert numbers == sorted(numbers)
        assert numbers[0] == 400

    def test_gives_every_step_one_statement_when_it_runs_outside_a_transaction(self) -> None:
        apart = [s for revision in CHAIN for s in revision.steps if not s.transactional]
        assert apart
        assert all(";" not in step.sql.strip().rstrip(";") for step in apart)


class TestListPending:
    def test_is_the_whole_chain_for_an_empty_database(self) -> None:
        assert list_pending(None) == CHAIN

    def test_is_nothing_at_the_head(self) -> None:
        assert list_pending(HEAD) == ()

    def test_stops_at_the_target(self) -> None:
        names = [r.name for r in list_pending("v010_baseline", "v030_add_ldap_auth")]
        assert names == ["v020_add_system_settings", "v030_add_ldap_auth"]

    def test_is_nothing_when_the_target_lies_behind(self) -> None:
        assert list_pending(HEAD, "v030_add_ldap_auth") == ()


class TestIsNewer:
    @pytest.mark.parametrize("name", ["v499_later", "v999_much_later"])
    def test_holds_for_numbers_past_the_head(self, name: str) -> None:
        assert is_newer(name)

    @pytest.mark.parametrize("name", [HEAD, "v010_other", "v", "", "a1b2c3d4", "v4x0_odd"])
    def test_fails_for_known_older_and_foreign_names(self, name: str) -> None:
        assert not is_newer(name)

    def test_leaves_known_names_to_is_known(self) -> None:
        assert is_known(HEAD)
        assert not is_known("v499_later")


class TestRevision:
    def test_reads_its_number_from_its_name(self) -> None:
        assert Revision("v412_do_something", ()).number == 412


class TestStep:
    def test_is_called_by_its_first_words_without_a_title(self) -> None:
        assert Step("ALTER TABLE tag\n  ADD x INT, ADD y INT").name == "ALTER TABLE tag ADD x INT,"


class TestConstraint:
    def test_takes_reserved_table_names(self) -> None:
        sql = constraint('"user"', "uq_user_name", "UNIQUE (name)")
        assert "'public.\"user\"'::regclass" in sql
        assert 'ALTER TABLE "user" ADD CONSTRAINT uq_user_name UNIQUE (name)' in sql


class TestSeedSettings:
    def test_writes_dots_nulls_and_quotes(self) -> None:
        sql = seed_settings(files__last_run=(None, "when it's done"))
        assert "('files.last_run', NULL, 'when it''s done')" in sql
