"""Rows that a constraint on the way would refuse: none stops an upgrade, none is lost."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from tests.upgrade.database import connect, one
from tests.upgrade.filler import fill

from opentranscribe.schema.migrations.chain import HEAD
from opentranscribe.schema.migrations.difference import compare
from opentranscribe.schema.migrations.errors import RevisionFailedError
from opentranscribe.schema.migrations.fingerprint import read_catalogue
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.schema.migrations.shapes import only_ours, shape_of

ROWS = 12


@dataclass(frozen=True)
class Case:
    """``spoil`` runs on a filled database at ``start``; each query of ``expect`` gives its value.
    ``kept`` rows must have moved to the schema kept, no more and no fewer."""

    name: str
    spoil: tuple[str, ...]
    expect: dict[str, object]
    start: str = "v362_add_pipeline_timing_markers"
    kept: dict[str, int] = field(default_factory=dict)


LONG = "SELECT string_agg(md5(n::text), ' ') FROM generate_series(1, 280) AS n"
CASES = (
    Case(
        "segments that were written twice",
        (
            """INSERT INTO transcript_segment (media_file_id, speaker_id, start_time, end_time, text)
               SELECT media_file_id, speaker_id, start_time, end_time, text
               FROM transcript_segment WHERE id <= 1003""",
        ),
        {"SELECT count(*) FROM transcript_segment": ROWS},
        start="v060_add_transcript_overlap",
        kept={"transcript_segment": 3},
    ),
    Case(
        "a segment of nine thousand letters",
        (f"UPDATE transcript_segment SET text = ({LONG}) WHERE id = 1001",),
        {"SELECT length(text) > 9000 FROM transcript_segment WHERE id = 1001": True},
        start="v060_add_transcript_overlap",
    ),
    Case(
        "a role that nobody knows",
        ("""UPDATE "user" SET role = 'king' WHERE id = 1001""",),
        {
            """SELECT role FROM "user" WHERE id = 1001""": "user",
            "SELECT content #>> '{}' FROM kept.value WHERE column_name = 'role'": "king",
        },
        start="v190_add_collection_default_prompt",
    ),
    Case(
        "roles in capitals",
        ("""UPDATE "user" SET role = 'ADMIN' WHERE id = 1001""",),
        {"""SELECT role FROM "user" WHERE id = 1001""": "admin"},
        start="v120_add_remaining_fk_indexes",
    ),
    Case(
        "a way of signing in that nobody knows",
        ("""UPDATE "user" SET auth_type = 'magic' WHERE id = 1001""",),
        {"""SELECT auth_type FROM "user" WHERE id = 1001""": "local"},
        start="v190_add_collection_default_prompt",
    ),
    Case(
        "a share with a right that nobody knows",
        (
            "UPDATE collection_share SET permission = 'owner' WHERE id = 1002",
            "UPDATE collection_share SET permission = 'everything' WHERE id = 1004",
        ),
        {
            "SELECT permission FROM collection_share WHERE id = 1002": "editor",
            "SELECT permission FROM collection_share WHERE id = 1004": "viewer",
        },
        start="v210_add_groups_and_sharing",
    ),
    Case(
        "a share whose target has another name than its kind",
        ("UPDATE collection_share SET target_type = 'people' WHERE id = 1001",),
        {"SELECT target_type FROM collection_share WHERE id = 1001": "group"},
        start="v210_add_groups_and_sharing",
    ),
    Case(
        "states in capitals",
        ("UPDATE media_file SET status = upper(status)",),
        {"SELECT count(*) FROM media_file WHERE status <> lower(status)": 0},
        start="v060_add_transcript_overlap",
    ),
    Case(
        "states as an enum in capitals",
        (
            "CREATE TYPE filestatus AS ENUM ('PENDING', 'COMPLETED', 'ERROR')",
            "DROP INDEX idx_media_file_user_completed",
            "ALTER TABLE media_file ALTER status DROP DEFAULT",
            """ALTER TABLE media_file ALTER status TYPE filestatus
               USING upper(status)::filestatus""",
        ),
        {
            "SELECT count(*) FROM media_file WHERE status IN ('pending', 'completed', 'error')": ROWS,
            "SELECT to_regtype('filestatus') IS NULL": True,
        },
    ),
    Case(
        "an empty owner of a recording",
        (
            "ALTER TABLE media_file ALTER user_id DROP NOT NULL",
            "UPDATE media_file SET user_id = NULL WHERE id = 1001",
        ),
        {
            "SELECT count(*) FROM media_file": ROWS - 1,
            "SELECT count(*) FROM transcript_segment WHERE media_file_id = 1001": 0,
        },
        kept={"media_file": 1},
    ),
    Case(
        "empty names and texts",
        (
            "ALTER TABLE speaker ALTER name DROP NOT NULL",
            "ALTER TABLE transcript_segment ALTER text DROP NOT NULL",
            "UPDATE speaker SET name = NULL WHERE id = 1001",
            "UPDATE transcript_segment SET text = NULL WHERE id = 1001",
        ),
        {
            "SELECT name FROM speaker WHERE id = 1001": "SPEAKER_1001",
            "SELECT text FROM transcript_segment WHERE id = 1001": "",
        },
    ),
    Case(
        "segments of recordings that are gone",
        (
            "ALTER TABLE transcript_segment DROP CONSTRAINT transcript_segment_media_file_id_fkey",
            "UPDATE transcript_segment SET media_file_id = 77 WHERE id = 1001",
        ),
        {"SELECT count(*) FROM transcript_segment": ROWS - 1},
        kept={"transcript_segment": 1},
    ),
    Case(
        "segments of speakers who are gone",
        (
            "ALTER TABLE transcript_segment DROP CONSTRAINT transcript_segment_speaker_id_fkey",
            "UPDATE transcript_segment SET speaker_id = 77 WHERE id = 1001",
        ),
        {
            "SELECT speaker_id FROM transcript_segment WHERE id = 1001": None,
            "SELECT (content #>> '{}')::int FROM kept.value WHERE column_name = 'speaker_id'": 77,
        },
    ),
    Case(
        "two people with one address",
        (
            'ALTER TABLE "user" DROP CONSTRAINT user_email_key',
            """UPDATE "user" SET email = 'ann@example.org' WHERE id IN (1001, 1002)""",
        ),
        {
            """SELECT email FROM "user" WHERE id = 1001""": "ann@example.org",
            """SELECT email FROM "user" WHERE id = 1002""": "twin-1002.ann@example.org",
        },
    ),
    Case(
        "one uuid twice",
        (
            "ALTER TABLE media_file DROP CONSTRAINT media_file_uuid_key",
            "UPDATE media_file SET uuid = (SELECT uuid FROM media_file WHERE id = 1001)",
        ),
        {"SELECT count(DISTINCT uuid) FROM media_file": ROWS},
    ),
    Case(
        "one number twice",
        (
            "ALTER TABLE tag DROP CONSTRAINT tag_pkey CASCADE",
            "UPDATE tag SET id = 1001 WHERE id = 1002",
            "UPDATE file_tag SET tag_id = 1001 WHERE tag_id = 1002",
        ),
        {"SELECT count(DISTINCT id) FROM tag": ROWS},
    ),
    Case(
        "two people tied to one entry of the directory",
        (
            'ALTER TABLE "user" DROP CONSTRAINT uq_user_ldap_uid',
            """UPDATE "user" SET ldap_uid = 'ann' WHERE id IN (1001, 1002)""",
        ),
        {"""SELECT array_agg(id) FROM "user" WHERE ldap_uid = 'ann'""": [1001]},
    ),
    Case(
        "pairs of speakers the wrong way round, and with themselves",
        (
            "ALTER TABLE speaker_match DROP CONSTRAINT speaker_match_check",
            """UPDATE speaker_match SET speaker1_id = speaker2_id, speaker2_id = speaker1_id
               WHERE id = 1001""",
            "UPDATE speaker_match SET speaker1_id = speaker2_id WHERE id = 1003",
        ),
        {"SELECT speaker1_id FROM speaker_match WHERE id = 1001": 1001},
        kept={"speaker_match": 1},
    ),
    Case(
        "text where a date belongs, some of it no date",
        (
            "ALTER TABLE media_file ALTER completed_at TYPE TEXT USING completed_at::text",
            "UPDATE media_file SET completed_at = 'yesterday-ish' WHERE id = 1001",
            "UPDATE media_file SET completed_at = '2025-02-03 04:05:06+00' WHERE id = 1002",
        ),
        {
            "SELECT completed_at FROM media_file WHERE id = 1001": None,
            "SELECT completed_at = '2025-02-03 04:05:06+00' FROM media_file WHERE id = 1002": True,
            "SELECT content #>> '{}' FROM kept.value": "yesterday-ish",
        },
    ),
    Case(
        "text where JSON belongs, some of it no JSON",
        (
            "ALTER TABLE media_file ALTER summary_data TYPE TEXT USING summary_data::text",
            "UPDATE media_file SET summary_data = 'not { json' WHERE id = 1001",
        ),
        {
            "SELECT summary_data FROM media_file WHERE id = 1001": None,
            "SELECT content #>> '{}' FROM kept.value": "not { json",
        },
    ),
    Case(
        "names that are longer than their column",
        (
            "ALTER TABLE speaker ALTER name TYPE TEXT",
            "UPDATE speaker SET name = repeat('long ', 100) WHERE id = 1001",
        ),
        {
            "SELECT length(name) FROM speaker WHERE id = 1001": 255,
            "SELECT length(content #>> '{}') FROM kept.value": 500,
        },
    ),
    Case(
        "a token that is longer than its column will be",
        ("UPDATE refresh_token SET token_hash = repeat('f', 200) WHERE id = 1001",),
        {"SELECT length(token_hash) FROM refresh_token WHERE id = 1001": 128},
        start="v060_add_transcript_overlap",
    ),
    Case(
        "two default prompts",
        (
            "DROP INDEX unique_system_default_per_content_type",
            "UPDATE summary_prompt SET is_system_default = true, content_type = 'general'",
        ),
        {"SELECT count(*) FROM summary_prompt WHERE is_system_default": 1},
    ),
    Case(
        "a sequence that lies behind its rows",
        ("SELECT setval('system_settings_id_seq', 1, false)",),
        {"SELECT count(*) FROM system_settings WHERE key = 'ai.summary_enabled'": 1},
        start="v120_add_remaining_fk_indexes",
    ),
    Case(
        "letters that break lines, quotes and tables",
        (
            r"""UPDATE transcript_segment SET text = E'\x01\t\\N \r\n ''" ❄️ \u2028 日本' WHERE id = 1001""",
        ),
        {"SELECT right(text, 2) FROM transcript_segment WHERE id = 1001": "日本"},
        start="v010_baseline",
    ),
)


class TestBadData:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
    def test_does_not_stop_an_upgrade_and_is_not_lost(
        self, empty_database_url: str, case: Case
    ) -> None:
        upgrade(empty_database_url, target=case.start)
        with connect(empty_database_url) as connection:
            fill(connection, ROWS)
            for statement in case.spoil:
                connection.execute(statement.encode())
        done = upgrade(empty_database_url)
        with connect(empty_database_url) as connection:
            live = only_ours(read_catalogue(connection))
            found = {query: one(connection, query) for query in case.expect}
            kept = (
                dict(
                    connection.execute(
                        "SELECT table_name, count(*)::int FROM kept.row GROUP BY table_name"
                    ).fetchall()
                )
                if case.kept
                else {}
            )
        assert found == case.expect
        assert case.kept.items() <= kept.items()
        assert [str(proof) for proof in done.proofs if not proof.holds] == []
        assert compare(live, shape_of(HEAD).catalogue).describe() == []

    def test_is_told_with_numbers(self, empty_database_url: str) -> None:
        upgrade(empty_database_url, target="v190_add_collection_default_prompt")
        with connect(empty_database_url) as connection:
            fill(connection, ROWS)
            connection.execute("""UPDATE "user" SET role = 'king' WHERE id <= 1005""")
        done = upgrade(empty_database_url)
        changes = [(c.table, c.column, c.rows) for c in done.changes]
        assert ("user", "role", 5) in changes
        proof = next(proof for proof in done.proofs if proof.table == "user")
        assert "role" in proof.changed
        assert "email" in proof.same


class TestMostlyBadData:
    def test_is_taken_for_half_a_restore_and_left_alone(self, empty_database_url: str) -> None:
        upgrade(empty_database_url, target="v362_add_pipeline_timing_markers")
        with connect(empty_database_url) as connection:
            fill(connection, ROWS)
            connection.execute("ALTER TABLE media_file DROP CONSTRAINT media_file_user_id_fkey")
            connection.execute("UPDATE media_file SET user_id = 77")
            before = read_catalogue(connection)
            with pytest.raises(RevisionFailedError, match="Nothing was changed"):
                upgrade(empty_database_url)
            assert read_catalogue(connection) == before
            assert one(connection, "SELECT count(*) FROM media_file") == ROWS
