"""The tus server over HTTP on a real database and a real disk."""

from __future__ import annotations

import base64
import hashlib
import os
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import pytest

from opentranscribe.features.media.jobs import (
    expire_uploads,
    finish_pending,
    remove_orphans,
)
from opentranscribe.kit import clock
from opentranscribe.work.events import FileAdded

DATA = os.urandom(300_000)


def checksum(data: bytes, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, data).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


class TestProtocol:
    def test_says_what_it_can_do_without_signing_in(self, media: Any) -> None:
        answer = media.tus.options("/api/uploads", headers={"Authorization": ""})
        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert set(answer.headers["Tus-Extension"].split(",")) == {
            "creation",
            "creation-with-upload",
            "checksum",
            "termination",
            "expiration",
        }
        assert answer.headers["Tus-Max-Size"] == str(15 * 1024**3)

    def test_takes_a_file_in_pieces(self, media: Any) -> None:
        place = media.tus.create(len(DATA))
        assert media.tus.offset(place) == 0
        assert media.tus.send(place, 0, DATA[:100_000]).headers["Upload-Offset"] == "100000"
        assert media.tus.offset(place) == 100_000
        last = media.tus.send(place, 100_000, DATA[100_000:])
        assert last.status_code == 204
        assert last.headers["Upload-Offset"] == str(len(DATA))
        assert last.headers["Upload-Duplicate"] == "0"
        file_id = last.headers["Upload-File-Id"]
        assert media.tus.get(f"/api/files/{file_id}/content").content == DATA

    def test_takes_the_first_bytes_with_the_creation(self, media: Any) -> None:
        headers = {
            "Upload-Length": str(len(DATA)),
            "Upload-Metadata": "filename YS53YXY=",
            "Content-Type": "application/offset+octet-stream",
        }
        answer = media.tus.post("/api/uploads", headers=headers, content=DATA)
        assert answer.status_code == 201
        assert answer.headers["Upload-Offset"] == str(len(DATA))
        assert answer.headers["Upload-File-Id"]

    def test_every_answer_names_the_version(self, media: Any) -> None:
        for answer in (
            media.tus.post("/api/uploads"),
            media.tus.head(f"/api/uploads/{uuid.uuid4()}"),
            media.tus.options("/api/uploads"),
        ):
            assert answer.headers["Tus-Resumable"] == "1.0.0"

    def test_refuses_another_version(self, media: Any) -> None:
        answer = media.tus.post("/api/uploads", headers={"Tus-Resumable": "0.2.2"})
        assert answer.status_code == 412

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 400),
            ({"Upload-Length": "-1"}, 400),
            ({"Upload-Length": "1e9"}, 400),
            ({"Upload-Length": "9" * 40}, 400),
            ({"Upload-Length": "٣"}, 400),
            ({"Upload-Defer-Length": "1"}, 400),
            ({"Upload-Length": "5", "Upload-Metadata": "filename %%%"}, 400),
            ({"Upload-Length": "5", "Upload-Metadata": "a YQ==,a YQ=="}, 400),
            ({"Upload-Length": "5", "Upload-Metadata": "a " + "YQ==" * 3000}, 400),
            ({"Upload-Length": str(16 * 1024**3)}, 413),
            ({"Upload-Length": "0"}, 422),
        ],
    )
    def test_refuses_a_creation_that_makes_no_sense(
        self, media: Any, headers: dict[str, str], status: int
    ) -> None:
        encoded = {key: value.encode() for key, value in headers.items()}
        answer = media.tus.post("/api/uploads", headers=encoded)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"

    def test_refuses_a_wrong_offset_and_says_the_right_one(self, media: Any) -> None:
        place = media.tus.create(len(DATA))
        media.tus.send(place, 0, DATA[:1000])
        for offset in (0, 999, 1001, len(DATA)):
            answer = media.tus.send(place, offset, b"x")
            assert answer.status_code == 409
            assert answer.headers["Upload-Offset"] == "1000"
        assert media.tus.offset(place) == 1000

    def test_refuses_another_content_type(self, media: Any) -> None:
        place = media.tus.create(10)
        answer = media.tus.send(place, 0, b"x", **{"Content-Type": "text/plain"})
        assert answer.status_code == 415

    def test_refuses_more_bytes_than_announced(self, media: Any) -> None:
        place = media.tus.create(10)
        assert media.tus.send(place, 0, b"x" * 11).status_code == 400
        chunks = iter([b"x" * 6, b"x" * 6])
        answer = media.tus.send(place, 0, chunks)
        assert answer.status_code == 400
        assert media.tus.offset(place) <= 10

    def test_cancelling_forgets_the_bytes(self, media: Any) -> None:
        place = media.tus.create(len(DATA))
        media.tus.send(place, 0, DATA[:1000])
        assert media.tus.delete(place).status_code == 204
        assert media.tus.head(place).status_code == 410
        assert media.tus.send(place, 1000, DATA[1000:]).status_code == 410
        assert list(media.spool.iterdir()) == []
        assert media.tus.get("/api/uploads").json() == []

    def test_others_see_nothing(self, media: Any) -> None:
        place = media.tus.create(len(DATA))
        assert media.other.head(place).status_code == 404
        assert media.other.send(place, 0, DATA).status_code == 404
        assert media.other.delete(place).status_code == 404
        assert media.other.get(place + "/result").status_code == 404
        assert media.other.get("/api/uploads").json() == []
        assert media.tus.offset(place) == 0

    def test_needs_somebody_signed_in(self, media: Any) -> None:
        place = media.tus.create(10)
        nobody = {"Authorization": ""}
        assert media.tus.post("/api/uploads", headers=nobody).status_code == 401
        assert media.tus.head(place, headers=nobody).status_code == 401
        assert media.tus.patch(place, headers=nobody).status_code == 401

    def test_lists_what_is_unfinished(self, media: Any) -> None:
        place = media.tus.create(len(DATA), filename="Réunion.mp3")
        media.tus.send(place, 0, DATA[:1000])
        media.tus.upload(b"another")
        (only,) = media.tus.get("/api/uploads").json()
        assert only["filename"] == "Réunion.mp3"
        assert (only["offset"], only["size_bytes"]) == (1000, len(DATA))

    def test_tells_the_result(self, media: Any) -> None:
        place = media.tus.create(len(DATA))
        assert media.tus.get(place + "/result").json()["file_id"] is None
        file_id = media.tus.send(place, 0, DATA).headers["Upload-File-Id"]
        result = media.tus.get(place + "/result").json()
        assert result == {
            "status": "finished",
            "file_id": file_id,
            "is_duplicate": False,
            "error": None,
        }


class TestChecksum:
    @pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
    def test_takes_a_part_that_matches(self, media: Any, algorithm: str) -> None:
        place = media.tus.create(len(DATA))
        part = DATA[:5000]
        answer = media.tus.send(place, 0, part, **{"Upload-Checksum": checksum(part, algorithm)})
        assert answer.status_code == 204
        assert media.tus.offset(place) == 5000

    def test_throws_away_a_part_that_does_not(self, media: Any) -> None:
        place = media.tus.create(len(DATA))
        media.tus.send(place, 0, DATA[:1000])
        wrong = {"Upload-Checksum": checksum(b"other")}
        answer = media.tus.send(place, 1000, DATA[1000:], **wrong)
        assert answer.status_code == 460
        assert media.tus.offset(place) == 1000
        file_id = media.tus.send(place, 1000, DATA[1000:]).headers["Upload-File-Id"]
        assert media.tus.get(f"/api/files/{file_id}/content").content == DATA

    @pytest.mark.parametrize("header", ["md5 AAAA", "sha256", "sha256 !!", "sha256 AAAA"])
    def test_refuses_what_it_does_not_know(self, media: Any, header: str) -> None:
        place = media.tus.create(10)
        assert media.tus.send(place, 0, b"x", **{"Upload-Checksum": header}).status_code == 400

    def test_a_whole_that_is_not_what_was_announced_is_not_stored(self, media: Any) -> None:
        place = media.tus.create(len(DATA), sha256="0" * 64)
        answer = media.tus.send(place, 0, DATA)
        assert answer.status_code == 422
        assert answer.json()["code"] == "upload_damaged"
        result = media.tus.get(place + "/result").json()
        assert result["status"] == "failed"
        assert "checksum" in result["error"]
        assert media.rows("SELECT 1 FROM media_file") == []
        assert list(media.spool.iterdir()) == []


class TestFinishing:
    def test_the_file_and_its_event_share_a_transaction(self, media: Any) -> None:
        seen: list[FileAdded] = []
        media.state.work.listen(FileAdded, lambda work, event: seen.append(event))
        media.tus.upload(DATA, filename="Talk.mp3", model="base", num_speakers="2", odd="x")
        (event,) = seen
        assert event.options == {"model": "base", "num_speakers": "2"}
        ((name, title, kind, status, size, digest),) = media.rows(
            "SELECT filename, title, content_type, status, file_size, file_hash FROM media_file"
        )
        assert (name, title, kind, status, size) == (
            "Talk.mp3",
            "Talk",
            "audio/mpeg",
            "pending",
            len(DATA),
        )
        assert digest == hashlib.sha256(DATA).hexdigest()

    def test_nothing_is_stored_when_a_listener_fails_and_the_upload_can_go_on(
        self, media: Any
    ) -> None:
        failing = True

        def listener(work: Any, event: Any) -> None:
            if failing:
                raise RuntimeError("the queue is down")

        media.state.work.listen(FileAdded, listener)
        place = media.tus.create(len(DATA))
        assert media.tus.send(place, 0, DATA).status_code == 500
        assert media.rows("SELECT 1 FROM media_file") == []
        assert media.tus.offset(place) == len(DATA)
        failing = False
        assert finish_pending(media.state.work, media.state.ports.objects, media.state.options) == 1
        result = media.tus.get(place + "/result").json()
        assert result["status"] == "finished"
        assert media.tus.get(f"/api/files/{result['file_id']}/content").content == DATA

    def test_the_owners_duplicate_is_answered_not_stored(self, media: Any) -> None:
        first = media.tus.upload(DATA).headers["Upload-File-Id"]
        again = media.tus.upload(DATA, filename="other name.mp3")
        assert again.headers["Upload-File-Id"] == first
        assert again.headers["Upload-Duplicate"] == "1"
        assert len(media.rows("SELECT 1 FROM media_file")) == 1
        assert len(list(media.state.ports.objects.list())) == 1
        assert list(media.spool.iterdir()) == []

    def test_somebody_elses_copy_is_not_revealed(self, media: Any) -> None:
        first = media.tus.upload(DATA).headers["Upload-File-Id"]
        theirs = media.other.upload(DATA)
        assert theirs.headers["Upload-Duplicate"] == "0"
        assert theirs.headers["Upload-File-Id"] != first

    def test_two_uploads_of_the_same_bytes_at_once_make_one_file(self, media: Any) -> None:
        places = [media.tus.create(len(DATA)) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda place: media.tus.send(place, 0, DATA), places))
        assert [one.status_code for one in answers] == [204] * 4
        assert len({one.headers["Upload-File-Id"] for one in answers}) == 1
        assert len(media.rows("SELECT 1 FROM media_file")) == 1
        assert len(list(media.state.ports.objects.list())) == 1

    def test_a_stored_object_without_its_row_is_finished_later(self, media: Any) -> None:
        """As after a kill between the move into the store and the commit."""
        place = media.tus.create(len(DATA))
        name = place.rpartition("/")[2]
        spooled = media.spool / f"{name}.part"
        spooled.write_bytes(DATA)
        media.state.ports.objects.put_file(f"media/{name}", spooled)
        assert media.tus.offset(place) == len(DATA)
        for expected in (1, 0):
            done = finish_pending(media.state.work, media.state.ports.objects, media.state.options)
            assert done == expected
        file_id = media.tus.get(place + "/result").json()["file_id"]
        assert media.tus.get(f"/api/files/{file_id}/content").content == DATA

    def test_a_client_that_comes_back_finishes_what_is_stored(self, media: Any) -> None:
        place = media.tus.create(len(DATA))
        name = place.rpartition("/")[2]
        spooled = media.spool / f"{name}.part"
        spooled.write_bytes(DATA)
        media.state.ports.objects.put_file(f"media/{name}", spooled)
        first = media.tus.send(place, len(DATA), b"")
        assert first.status_code == 204
        again = media.tus.send(place, len(DATA), b"")
        assert again.headers["Upload-File-Id"] == first.headers["Upload-File-Id"]
        content = media.tus.get(f"/api/files/{again.headers['Upload-File-Id']}/content").content
        assert content == DATA
        assert media.tus.send(place, 0, DATA).status_code == 409

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("../../etc/passwd.wav", "passwd.wav"),
            ("C:\\Users\\me\\talk.mp3", "talk.mp3"),
            ("a\x00b\x1b[31m\r\n.wav", "ab[31m.wav"),
            ("\u202evaw.exe", "vaw.exe"),
            ("..", "recording"),
            ("", "recording"),
            ("x" * 400 + ".flac", "x" * 250 + ".flac"),
            ("<script>alert(1)</script>.mp3", "script>.mp3"),
        ],
    )
    def test_names_are_made_harmless(self, media: Any, given: str, kept: str) -> None:
        file_id = media.tus.upload(DATA, filename=given).headers["Upload-File-Id"]
        ((name,),) = media.rows("SELECT filename FROM media_file")
        assert name == kept
        assert media.tus.get(f"/api/files/{file_id}/content").status_code == 200


class TestExpiry:
    def test_says_when_and_forgets_then(self, media: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        place = media.tus.create(len(DATA))
        expires = parsedate_to_datetime(media.tus.head(place).headers["Upload-Expires"])
        assert timedelta(days=6.9) < expires - clock.now() <= timedelta(days=7)
        later = clock.now() + timedelta(days=8)
        monkeypatch.setattr(clock, "now", lambda: later)
        assert media.tus.head(place).status_code == 410
        state = media.state
        assert expire_uploads(state.work, state.options) == 1
        assert media.tus.head(place).status_code == 404
        assert list(media.spool.iterdir()) == []

    def test_what_moves_lives_on(self, media: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        place = media.tus.create(len(DATA))
        later = clock.now() + timedelta(days=6)
        monkeypatch.setattr(clock, "now", lambda: later)
        answer = media.tus.send(place, 0, DATA[:10])
        assert parsedate_to_datetime(answer.headers["Upload-Expires"]) > later + timedelta(days=6)

    def test_bytes_without_an_upload_go_and_others_stay(self, media: Any) -> None:
        place = media.tus.create(len(DATA))
        kept = media.tus.upload(b"kept").headers["Upload-File-Id"]
        stray = media.spool / f"{uuid.uuid4()}.part"
        stray.write_bytes(b"x")
        os.utime(stray, (time.time() - 7200,) * 2)
        objects = media.state.ports.objects
        objects.put_bytes(f"media/{uuid.uuid4()}", b"orphan")
        objects.put_bytes(f"peaks/{uuid.uuid4()}.i16", b"orphan")
        objects.put_bytes("user_1/file_2/old.mp3", b"of an earlier version")
        assert expire_uploads(media.state.work, media.state.options) == 1
        assert remove_orphans(media.state.work, objects) == 2
        assert media.tus.offset(place) == 0
        left = [info.key for info in objects.list()]
        assert left == [f"media/{kept}", "user_1/file_2/old.mp3"]


class TestConcurrency:
    def test_of_eight_writers_at_one_offset_exactly_one_wins(
        self, serve: Callable[[], Any]
    ) -> None:
        tus = serve().tus
        for _ in range(3):
            parts = [os.urandom(2_000_000) for _ in range(8)]
            place = tus.create(3_000_000)
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(partial(tus.send, place, 0), parts))
            statuses = [answer.status_code for answer in answers]
            assert sorted(statuses) == [204, *[409] * 7]
            winner = statuses.index(204)
            rest = os.urandom(1_000_000)
            file_id = tus.send(place, 2_000_000, rest).headers["Upload-File-Id"]
            assert tus.get(f"/api/files/{file_id}/content").content == parts[winner] + rest
