"""One recording, or one person's, out of a backup: what was deleted by mistake is there again."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opentranscribe.bootstrap import App, build_app
from opentranscribe.features.backup import partial_queries
from opentranscribe.features.backup.errors import BackupDamagedError, NotInBackupError
from opentranscribe.features.backup.manifest import read_manifest
from opentranscribe.features.backup.partial import PartialRestore, open_partial
from opentranscribe.features.backup.partial_rows import list_parts, put_in_order
from opentranscribe.features.backup.service import BackupService
from opentranscribe.settings import Settings
from opentranscribe.work.databases import connect

#: Around the recordings of the seed; the first one hangs on everything a recording can hang on.
MORE = """
INSERT INTO collection (user_id, name) VALUES (2, 'talks');
INSERT INTO collection_member (collection_id, media_file_id) VALUES (1, 1), (1, 2);
INSERT INTO tag (name) VALUES ('important');
INSERT INTO file_tag (media_file_id, tag_id) VALUES (1, 1), (2, 1);
INSERT INTO comment (media_file_id, user_id, text) VALUES (1, 2, 'mine'), (1, 3, E'tab\\t\\\\ theirs');
INSERT INTO speaker_profile (user_id, name) VALUES (2, 'Ada');
INSERT INTO speaker_cluster (user_id, promoted_to_profile_id) VALUES (2, 1);
UPDATE speaker_profile SET source_cluster_id = 1;
UPDATE speaker SET profile_id = 1, cluster_id = 1 WHERE media_file_id = 1;
INSERT INTO speaker_match (speaker1_id, speaker2_id, confidence) VALUES (1, 2, 0.5);
INSERT INTO transcript_edit (media_file_id, user_id, kind, subject_uuid, before, after)
VALUES (1, 2, 'segment_text', gen_random_uuid(), '{"text": "a"}', '{"text": "b"}');
"""
CLIP = """
INSERT INTO speaker_audio_clip (speaker_id, media_file_id, storage_path, start_time, end_time,
                                duration)
VALUES (1, 1, %s, 0, 2, 2)
"""
TABLES = [
    "media_file",
    "transcript_segment",
    "speaker",
    "voiceprint",
    "comment",
    "file_tag",
    "tag",
    "collection",
    "collection_member",
    "speaker_profile",
    "speaker_cluster",
    "speaker_match",
    "transcript_edit",
]


@pytest.fixture
def app(service: BackupService, tmp_path: Path) -> Iterator[App]:
    settings = Settings.load(
        tmp_path,
        database_url=service.url,
        offline=True,
        objects_engine="memory",
        notices_engine="memory",
        search_engine="memory",
        queue_engine="inline",
        recognizer_engine="scripted",
        diarizer_engine="scripted",
        encoder_engine="scripted",
    )
    with connect(service.url) as connection:
        connection.execute(MORE.encode())
    built = build_app(settings)
    yield built
    built.close()


@pytest.fixture(params=["full", "encrypted", "plain"])
def backup(request: pytest.FixtureRequest, app: App, service: BackupService) -> Path:
    if request.param == "plain":
        _, plain = service.create()
        assert plain is not None
        return plain.path
    return service.create_full(is_encrypted=request.param == "encrypted").path


@pytest.fixture
def full(app: App, service: BackupService) -> Path:
    return service.create_full().path


@contextmanager
def opened(service: BackupService, app: App, path: Path) -> Iterator[PartialRestore]:
    with open_partial(service, app.work, path) as partial:
        yield partial


def look(service: BackupService) -> dict[str, list[str]]:
    with connect(service.url) as connection:
        return {
            table: [
                row for (row,) in connection.execute(f"SELECT t::text FROM {table} t ORDER BY id")
            ]
            for table in [*TABLES, '"user"']
        }


def ask(service: BackupService, question: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
    with connect(service.url) as connection:
        return connection.execute(question.encode(), values).fetchall()


def delete(service: BackupService, file: int) -> str:
    """As the product does: the row, what hangs on it, and the bytes."""
    ((public, key),) = ask(
        service, "DELETE FROM media_file WHERE id = %s RETURNING uuid::text, storage_path", file
    )
    service.objects.delete(key)
    return str(public)


class TestRestoreOfOneRecording:
    def test_a_deleted_one_is_there_again_as_it_was(
        self, service: BackupService, app: App, backup: Path
    ) -> None:
        before = look(service)
        (key,) = ask(service, "SELECT storage_path FROM media_file WHERE id = 1")[0]
        content = service.objects.local_path(key).read_bytes()
        public = delete(service, 1)
        assert look(service) != before
        with opened(service, app, backup) as partial:
            done = partial.restore_file(public)
        assert look(service) == before
        assert service.objects.local_path(key).read_bytes() == content
        assert done.rows["media_file"] == 1
        assert done.rows["transcript_segment"] > 500
        assert (done.left_out, done.missing, done.objects) == (0, [], 1)
        assert not list(service.places.scratch_dir.iterdir())

    def test_search_follows(self, service: BackupService, app: App, full: Path) -> None:
        public = delete(service, 1)
        with opened(service, app, full) as partial:
            partial.restore_file(public)
        kinds = ask(service, "SELECT kind FROM job WHERE media_file_id = 1")
        assert kinds == [("search.index_file",)]

    def test_one_that_is_here_stays_as_it_is(
        self, service: BackupService, app: App, full: Path
    ) -> None:
        ask(service, "UPDATE transcript_segment SET text = 'since' WHERE id = 8 RETURNING 1")
        before = look(service)
        ((public,),) = ask(service, "SELECT uuid::text FROM media_file WHERE id = 1")
        with opened(service, app, full) as partial:
            done = partial.restore_file(public)
        assert done.kept == [public]
        assert done.rows == {}
        assert look(service) == before

    def test_or_comes_beside_it_as_a_copy(
        self, service: BackupService, app: App, full: Path
    ) -> None:
        ask(service, "UPDATE transcript_segment SET text = 'since' WHERE id = 8 RETURNING 1")
        before = look(service)
        ((public,),) = ask(service, "SELECT uuid::text FROM media_file WHERE id = 1")
        with opened(service, app, full) as partial:
            done = partial.restore_file(public, as_copy=True)
        ((copy, _title),) = done.files
        assert copy != public
        after = look(service)
        assert all(set(before[table]) <= set(after[table]) for table in before)
        count = "SELECT count(*) FROM {} t JOIN media_file m ON m.id = t.media_file_id WHERE m.uuid = %s"
        for table in ("transcript_segment", "speaker", "comment", "file_tag", "collection_member"):
            question = count.format(table)
            assert ask(service, question, copy) == ask(service, question, public), table
        keys = dict(ask(service, "SELECT uuid::text, storage_path FROM media_file"))
        assert keys[copy] != keys[public]
        read = [service.objects.local_path(keys[one]).read_bytes() for one in (copy, public)]
        assert read[0] == read[1]
        strangers = ask(
            service,
            "SELECT count(*) FROM transcript_segment t JOIN speaker s ON s.id = t.speaker_id"
            " WHERE s.media_file_id <> t.media_file_id",
        )
        assert strangers == [(0,)]

    def test_a_copy_has_samples_of_its_own_of_its_speakers(
        self, service: BackupService, app: App
    ) -> None:
        ((speaker,),) = ask(service, "SELECT uuid::text FROM speaker WHERE id = 1")
        with connect(service.url) as connection:
            connection.execute(CLIP, (f"clips/{speaker}.wav",))
        service.objects.put_bytes(f"clips/{speaker}.wav", b"a voice")
        path = service.create_full().path
        ((public,),) = ask(service, "SELECT uuid::text FROM media_file WHERE id = 1")
        with opened(service, app, path) as partial:
            done = partial.restore_file(public, as_copy=True)
        assert (done.objects, done.missing) == (2, [])
        clips = dict(
            ask(
                service,
                "SELECT m.uuid::text, c.storage_path FROM speaker_audio_clip c"
                " JOIN speaker s ON s.id = c.speaker_id AND s.media_file_id = c.media_file_id"
                " JOIN media_file m ON m.id = c.media_file_id",
            )
        )
        assert set(clips) == {public, done.files[0][0]}
        service.objects.delete(clips[public])
        assert service.objects.local_path(clips[done.files[0][0]]).read_bytes() == b"a voice"

    def test_a_sample_of_a_speaker_comes_back_with_the_recording(
        self, service: BackupService, app: App
    ) -> None:
        with connect(service.url) as connection:
            connection.execute(CLIP, ("clips/one",))
        service.objects.put_bytes("clips/one", b"a voice")
        path = service.create_full().path
        public = delete(service, 1)
        service.objects.delete("clips/one")
        with opened(service, app, path) as partial:
            partial.restore_file(public)
        assert ask(service, "SELECT storage_path FROM speaker_audio_clip") == [("clips/one",)]
        assert service.objects.local_path("clips/one").read_bytes() == b"a voice"

    def test_ids_that_are_taken_are_mapped(
        self, service: BackupService, app: App, full: Path
    ) -> None:
        public = delete(service, 1)
        with connect(service.url) as connection:
            connection.execute(
                "INSERT INTO media_file (id, user_id, filename, storage_path, file_size,"
                " content_type) VALUES (1, 3, 'new', 'media/new', 1, 'audio/wav')"
            )
            connection.execute(
                "INSERT INTO speaker (id, user_id, media_file_id, name) VALUES (1, 3, 1, 'X')"
            )
        with opened(service, app, full) as partial:
            partial.restore_file(public)
        found = ask(
            service,
            "SELECT m.id, s.id, s.name, count(*) FROM media_file m"
            " JOIN transcript_segment t ON t.media_file_id = m.id JOIN speaker s"
            " ON s.id = t.speaker_id AND s.media_file_id = m.id"
            " WHERE m.uuid = %s GROUP BY 1, 2, 3",
            public,
        )
        ((file, speaker, name, count),) = found
        assert (file, speaker) != (1, 1)
        assert (file > 8, speaker > 8, name) == (True, True, "SPEAKER_00")
        assert count > 500
        assert ask(service, "SELECT filename FROM media_file WHERE id = 1") == [("new",)]

    def test_the_owner_comes_along_but_opens_no_door(
        self, service: BackupService, app: App, full: Path
    ) -> None:
        public = delete(service, 1)
        with connect(service.url) as connection:
            connection.execute("DELETE FROM media_file WHERE user_id = 2")
            for table in ("comment", "speaker", "speaker_profile", "collection"):
                connection.execute(f"DELETE FROM {table} WHERE user_id = 2".encode())
            connection.execute('DELETE FROM "user" WHERE id = 2')
        with opened(service, app, full) as partial:
            done = partial.restore_file(public)
        assert done.rows["user"] == 1
        found = ask(
            service,
            'SELECT u.email, u.is_active FROM media_file m JOIN "user" u ON u.id = m.user_id'
            " WHERE m.uuid = %s",
            public,
        )
        assert found == [("person2@example.org", False)]

    def test_what_ties_it_to_a_recording_that_is_gone_is_left_out(
        self, service: BackupService, app: App, full: Path
    ) -> None:
        delete(service, 2)
        public = delete(service, 1)
        with opened(service, app, full) as partial:
            done = partial.restore_file(public)
        assert done.left_out == 1
        assert "speaker_match" not in done.rows
        assert ask(service, "SELECT count(*) FROM media_file") == [(7,)]

    def test_of_a_damaged_backup_nothing_comes_in(
        self, service: BackupService, app: App, full: Path
    ) -> None:
        public = delete(service, 1)
        before = look(service)
        for path in (full / "media").iterdir():
            path.unlink()
        with opened(service, app, full) as partial, pytest.raises(BackupDamagedError):
            partial.restore_file(public)
        assert look(service) == before

    def test_what_the_backup_lacks_is_said(
        self, service: BackupService, app: App, full: Path
    ) -> None:
        with opened(service, app, full) as partial:
            with pytest.raises(NotInBackupError, match="Nothing was changed"):
                partial.restore_file(str(uuid.uuid4()))
            with pytest.raises(NotInBackupError, match="Nothing was changed"):
                partial.restore_user("nobody@example.org")


class TestRestoreOfOnePerson:
    def test_all_recordings_that_are_gone_come_back(
        self, service: BackupService, app: App, full: Path
    ) -> None:
        before = look(service)
        delete(service, 1)
        delete(service, 6)
        with opened(service, app, full) as partial:
            done = partial.restore_user("Person2@example.org")
        assert look(service) == before
        assert len(done.files) == 2

    def test_the_account_comes_back_with_everything(
        self, service: BackupService, app: App, full: Path
    ) -> None:
        before = look(service)
        with connect(service.url) as connection:
            for (file,) in connection.execute("SELECT id FROM media_file WHERE user_id = 2"):
                delete(service, file)
            for table in ("comment", "speaker", "speaker_profile", "collection"):
                connection.execute(f"DELETE FROM {table} WHERE user_id = 2".encode())
            connection.execute('DELETE FROM "user" WHERE id = 2')
        with opened(service, app, full) as partial:
            partial.restore_user("person2@example.org")
        after = look(service)
        assert {table: set(rows) for table, rows in after.items()} == {
            table: set(rows) for table, rows in before.items()
        }


class TestListOfRecordings:
    def test_says_whose_they_are_and_which_are_here(
        self, service: BackupService, app: App, full: Path
    ) -> None:
        public = delete(service, 3)
        with opened(service, app, full) as partial:
            files = {one.uuid: one for one in partial.list_files()}
        assert len(files) == 8
        assert not files[public].is_here
        assert files[public].owner == "person4@example.org"
        assert files[public].title == "take 3.wav"
        assert sum(one.is_here for one in files.values()) == 7


class TestSchema:
    def test_of_this_release_can_be_put_in_order(self, service: BackupService) -> None:
        with connect(service.url) as connection:
            references = partial_queries.list_references(connection)
        tables = {one.table for one in references} | {one.parent for one in references}
        order, late = put_in_order(references, tables)
        assert order.index("media_file") < order.index("transcript_segment")
        assert {one.column for one in late} <= {"source_cluster_id", "promoted_to_profile_id"}
        parts = list_parts(references, "media_file")
        assert {"transcript_segment", "speaker", "comment", "file_tag"} <= parts
        assert not {"user", "tag", "collection", "job", "upload"} & parts


class TestSpeed:
    def test_one_of_ten_thousand_segments_takes_seconds_at_most(
        self, service: BackupService, app: App
    ) -> None:
        segments = int(os.environ.get("OPENTR_PARTIAL_SEGMENTS", "10000"))
        with connect(service.url) as connection:
            connection.execute(
                "INSERT INTO transcript_segment (media_file_id, speaker_id, start_time, end_time,"
                " text, words) SELECT 1 + i / 10000, NULL, i, i + 1, 'some words ' || i,"
                " jsonb_build_array(jsonb_build_object('word', 'some', 'start', i))"
                " FROM generate_series(0, %s - 1) i",
                (min(segments, 80_000),),
            )
        path = service.create_full().path
        public = delete(service, 1)
        started = time.monotonic()
        with opened(service, app, path) as partial:
            done = partial.restore_file(public)
        assert done.rows["transcript_segment"] > 10_000
        assert time.monotonic() - started < 5
        assert read_manifest(path).missing == []
