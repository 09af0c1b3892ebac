"""What the legacy revisions do to rows that are already there."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from tests.upgrade.database import (
    BY_NAME,
    Connection,
    add_file,
    add_segment,
    add_user,
    apply,
    connect,
    one,
)

from opentranscribe.schema.migrations.runner import upgrade


@pytest.fixture
def connection(empty_database_url: str) -> Iterator[Connection]:
    with connect(empty_database_url) as opened:
        yield opened


@pytest.fixture
def url(empty_database_url: str) -> str:
    return empty_database_url


class TestV073:
    def test_turns_the_enum_of_states_into_lower_case_text(
        self, url: str, connection: Connection
    ) -> None:
        upgrade(url, target="v072_add_queued_downloading_statuses")
        file_id = add_file(connection, add_user(connection), "COMPLETED")
        connection.execute("CREATE TYPE filestatus AS ENUM ('PENDING', 'COMPLETED')")
        connection.execute("DROP INDEX idx_media_file_user_completed")
        connection.execute("DROP INDEX idx_media_file_user_status_upload")
        connection.execute("""ALTER TABLE media_file ALTER status DROP DEFAULT,
            ALTER status TYPE filestatus USING status::filestatus,
            ALTER status SET DEFAULT 'PENDING'""")
        upgrade(url, target="v073_convert_filestatus_enum_to_varchar")
        assert (
            one(connection, "SELECT status FROM media_file WHERE id = %s", file_id) == "completed"
        )
        assert one(connection, "SELECT to_regtype('filestatus') IS NULL")
        assert one(
            connection,
            """SELECT column_default FROM information_schema.columns
               WHERE table_name = 'media_file' AND column_name = 'status'""",
        ).startswith("'pending'")

    def test_lowers_states_that_are_text_already(self, url: str, connection: Connection) -> None:
        upgrade(url, target="v072_add_queued_downloading_statuses")
        file_id = add_file(connection, add_user(connection), "ERROR")
        upgrade(url, target="v073_convert_filestatus_enum_to_varchar")
        assert one(connection, "SELECT status FROM media_file WHERE id = %s", file_id) == "error"


class TestV200:
    BEFORE = "v190_add_collection_default_prompt"
    NAME = "v200_schema_reconciliation"

    def test_renames_the_certificate_dates_and_keeps_them(
        self, url: str, connection: Connection
    ) -> None:
        upgrade(url, target=self.BEFORE)
        connection.execute("""ALTER TABLE "user" DROP pki_not_before, DROP pki_not_after,
            ADD pki_cert_valid_from TIMESTAMPTZ, ADD pki_cert_valid_until TIMESTAMPTZ,
            ADD pki_cert_fingerprint TEXT""")
        add_user(connection)
        connection.execute("""UPDATE "user" SET pki_cert_valid_from = '2024-01-02 03:04+00',
            pki_cert_valid_until = '2025-01-02 03:04+00'""")
        upgrade(url, target=self.NAME)
        dates = one(
            connection,
            """SELECT extract(year FROM pki_not_before) || '-'
            || extract(year FROM pki_not_after) FROM "user" """,
        )
        assert dates == "2024-2025"
        assert not one(
            connection,
            """SELECT count(*) FROM information_schema.columns
            WHERE table_name = 'user' AND column_name LIKE 'pki_cert%%'""",
            *(),
        )

    def test_keeps_the_dates_when_both_old_and_new_columns_exist(
        self, url: str, connection: Connection
    ) -> None:
        upgrade(url, target=self.BEFORE)
        connection.execute('ALTER TABLE "user" ADD pki_cert_valid_from TIMESTAMPTZ')
        old, new = add_user(connection), add_user(connection, "bob@example.org")
        connection.execute(
            """UPDATE "user" SET pki_cert_valid_from = '2021-01-01' WHERE id = %s""", (old,)
        )
        connection.execute(
            """UPDATE "user" SET pki_not_before = '2022-01-01' WHERE id = %s""", (new,)
        )
        upgrade(url, target=self.NAME)
        years = connection.execute(
            'SELECT extract(year FROM pki_not_before)::int FROM "user" ORDER BY id'
        ).fetchall()
        assert years == [(2021,), (2022,)]

    def test_fills_what_may_no_longer_be_empty(self, url: str, connection: Connection) -> None:
        upgrade(url, target=self.BEFORE)
        ann = add_user(connection)
        connection.execute("""UPDATE "user" SET role = NULL""")
        connection.execute("INSERT INTO user_mfa (user_id) VALUES (%s)", (ann,))
        connection.execute(
            """INSERT INTO refresh_token (user_id, token_hash, expires_at)
               VALUES (%s, 'a', now()), (%s, 'b', now())""",
            (ann, ann),
        )
        upgrade(url, target=self.NAME)
        assert one(connection, 'SELECT role FROM "user"') == "user"
        mfa = connection.execute("SELECT totp_secret, backup_codes FROM user_mfa").fetchone()
        assert mfa == ("", [])
        assert one(connection, "SELECT count(DISTINCT jti) FROM refresh_token") == 2

    def test_refuses_other_roles_from_then_on(self, url: str, connection: Connection) -> None:
        upgrade(url, target=self.NAME)
        add_user(connection)
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("""UPDATE "user" SET role = 'king'""")


class TestV211:
    def test_makes_editors_of_owners(self, url: str, connection: Connection) -> None:
        upgrade(url, target="v210_add_groups_and_sharing")
        ann, bob = add_user(connection), add_user(connection, "bob@example.org")
        shelf = one(
            connection,
            "INSERT INTO collection (name, user_id) VALUES ('Talks', %s) RETURNING id",
            ann,
        )
        connection.execute(
            """INSERT INTO collection_share
                   (collection_id, shared_by_id, target_type, target_user_id, permission)
               VALUES (%s, %s, 'user', %s, 'owner'), (%s, %s, 'user', %s, 'viewer')""",
            (shelf, ann, bob, shelf, ann, ann),
        )
        upgrade(url, target="v211_add_sharing_constraints_and_indexes")
        rows = connection.execute("SELECT permission FROM collection_share ORDER BY id").fetchall()
        assert rows == [("editor",), ("viewer",)]


class TestV230:
    @pytest.mark.parametrize(
        ("name", "normal"),
        [
            ("Board Meeting", "board meeting"),
            ("  Q3_Review--notes ", "q3 review notes"),
            ("tab\tand  space", "tab and space"),
            ("Ärger", "ärger"),
            ("-dash-", "dash"),
        ],
    )
    def test_writes_the_normal_form_of_each_tag(
        self, url: str, connection: Connection, name: str, normal: str
    ) -> None:
        upgrade(url, target="v220_add_speaker_clusters")
        connection.execute("INSERT INTO tag (name) VALUES (%s)", (name,))
        upgrade(url, target="v230_add_auto_labeling")
        assert one(connection, "SELECT normalized_name FROM tag") == normal


class TestV353:
    LONG = " ".join(f"word{n}x{n * 7919}" for n in range(3000))

    def test_takes_monologues_that_the_index_before_refused(
        self, url: str, connection: Connection
    ) -> None:
        upgrade(url, target="v352_add_requested_whisper_model")
        file_id = add_file(connection, add_user(connection))
        with pytest.raises(psycopg.errors.ProgramLimitExceeded):
            add_segment(connection, file_id, self.LONG)
        upgrade(url, target="v353_fix_segment_unique_index")
        add_segment(connection, file_id, self.LONG)
        with pytest.raises(psycopg.errors.UniqueViolation):
            add_segment(connection, file_id, self.LONG)

    def test_keeps_the_segments(self, url: str, connection: Connection) -> None:
        upgrade(url, target="v352_add_requested_whisper_model")
        file_id = add_file(connection, add_user(connection))
        for number in range(20):
            add_segment(connection, file_id, f"Sentence {number}.", float(number))
        upgrade(url)
        assert one(connection, "SELECT count(*) FROM transcript_segment WHERE flags = '[]'") == 20


class TestV355:
    def test_turns_the_switch_into_a_source_and_forgets_the_switch(
        self, url: str, connection: Connection
    ) -> None:
        upgrade(url, target="v353_fix_segment_unique_index")
        people = [add_user(connection, f"{name}@example.org") for name in "abc"]
        old, new = "transcription_disable_diarization", "transcription_diarization_source"
        with connection.cursor() as cursor:
            cursor.executemany(
                """INSERT INTO user_setting (user_id, setting_key, setting_value)
                   VALUES (%s, %s, %s)""",
                [
                    (people[0], old, "true"),
                    (people[1], old, "false"),
                    (people[2], old, "true"),
                    (people[2], new, "provider"),
                ],
            )
        upgrade(url, target="v355_add_diarization_settings")
        rows = connection.execute(
            "SELECT user_id, setting_key, setting_value FROM user_setting ORDER BY user_id"
        ).fetchall()
        assert rows == [(people[0], new, "off"), (people[2], new, "provider")]


class TestSeeds:
    def test_leave_a_choice_that_was_made_before(self, url: str, connection: Connection) -> None:
        upgrade(url, target="v020_add_system_settings")
        connection.execute("UPDATE system_settings SET value = '9' WHERE key LIKE '%max_retries'")
        apply(connection, BY_NAME["v020_add_system_settings"])
        query = "SELECT value FROM system_settings WHERE key = 'transcription.max_retries'"
        assert one(connection, query) == "9"


class TestV400:
    def test_fills_what_was_left_empty_and_keeps_the_rest(
        self, url: str, connection: Connection
    ) -> None:
        upgrade(url, target="v362_add_pipeline_timing_markers")
        file_id = add_file(connection, add_user(connection))
        connection.execute("UPDATE media_file SET status = NULL, upload_time = NULL")
        upgrade(url)
        row = connection.execute(
            "SELECT status, upload_time IS NOT NULL, notices FROM media_file WHERE id = %s",
            (file_id,),
        ).fetchone()
        assert row == ("pending", True, [])


class TestV401:
    def test_lets_one_statement_delete_a_file_with_all_it_has(
        self, url: str, connection: Connection
    ) -> None:
        upgrade(url)
        ann = add_user(connection)
        file_id, other = add_file(connection, ann), add_file(connection, ann)
        for number, owner in enumerate((file_id, file_id, other)):
            segment = add_segment(connection, owner, "Hello.", float(number))
            speaker = one(
                connection,
                """INSERT INTO speaker (user_id, media_file_id, name) VALUES (%s, %s, %s)
                   RETURNING id""",
                *(ann, owner, f"SPEAKER_{number:02}"),
            )
            connection.execute(
                "UPDATE transcript_segment SET speaker_id = %s WHERE id = %s", (speaker, segment)
            )
        connection.execute(
            "INSERT INTO comment (media_file_id, user_id, text) VALUES (%s, %s, 'x')",
            (file_id, ann),
        )
        connection.execute(
            """INSERT INTO task (id, user_id, media_file_id, task_type, status)
               VALUES ('t', %s, %s, 'transcription', 'completed')""",
            (ann, file_id),
        )
        connection.execute("INSERT INTO analytics (media_file_id) VALUES (%s)", (file_id,))
        connection.execute("DELETE FROM media_file WHERE id = %s", (file_id,))
        for table, left in (
            ("transcript_segment", 1),
            ("speaker", 1),
            ("comment", 0),
            ("task", 0),
            ("analytics", 0),
        ):
            assert one(connection, f"SELECT count(*) FROM {table}") == left, table

    def test_keeps_the_words_of_a_speaker_who_is_deleted(
        self, url: str, connection: Connection
    ) -> None:
        upgrade(url)
        ann = add_user(connection)
        file_id = add_file(connection, ann)
        segment = add_segment(connection, file_id, "Hello.")
        speaker = one(
            connection,
            "INSERT INTO speaker (user_id, media_file_id, name) VALUES (%s, %s, 'S') RETURNING id",
            *(ann, file_id),
        )
        connection.execute("UPDATE transcript_segment SET speaker_id = %s", (speaker,))
        connection.execute("DELETE FROM speaker")
        row = connection.execute(
            "SELECT speaker_id, text FROM transcript_segment WHERE id = %s", (segment,)
        ).fetchone()
        assert row == (None, "Hello.")
