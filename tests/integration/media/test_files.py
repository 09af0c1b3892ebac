"""What is sent, drawn and deleted, over HTTP on a real database and a real disk."""

from __future__ import annotations

import os
import wave
from typing import Any

import numpy as np
import pytest

from opentranscribe.work.events import FileAdded, FileDeleted

DATA = os.urandom(100_000)


@pytest.fixture
def file_id(media: Any) -> str:
    return str(media.tus.upload(DATA, filename='Ünï "code".mp3').headers["Upload-File-Id"])


class TestRanges:
    @pytest.mark.parametrize(
        ("wanted", "first", "last"),
        [
            ("bytes=0-0", 0, 0),
            ("bytes=0-", 0, 99_999),
            ("bytes=10-19", 10, 19),
            ("bytes=99990-200000", 99_990, 99_999),
            ("bytes=-5", 99_995, 99_999),
            ("bytes=-200000", 0, 99_999),
        ],
    )
    def test_sends_the_part_that_was_asked_for(
        self, media: Any, file_id: str, wanted: str, first: int, last: int
    ) -> None:
        answer = media.tus.get(f"/api/files/{file_id}/content", headers={"Range": wanted})
        assert answer.status_code == 206
        assert answer.content == DATA[first : last + 1]
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/100000"

    @pytest.mark.parametrize("wanted", ["bytes=100000-", "bytes=-0", "bytes=999999-1000000"])
    def test_says_that_a_part_does_not_exist(self, media: Any, file_id: str, wanted: str) -> None:
        answer = media.tus.get(f"/api/files/{file_id}/content", headers={"Range": wanted})
        assert answer.status_code == 416
        assert answer.headers["Content-Range"] == "bytes */100000"

    @pytest.mark.parametrize("wanted", ["bytes=5-1", "lines=1-2", "bytes=a-b", "bytes=1-2,4-5"])
    def test_sends_the_whole_for_what_it_does_not_understand(
        self, media: Any, file_id: str, wanted: str
    ) -> None:
        answer = media.tus.get(f"/api/files/{file_id}/content", headers={"Range": wanted})
        assert answer.status_code == 200
        assert answer.content == DATA

    def test_a_range_of_other_bytes_is_not_mixed_in(self, media: Any, file_id: str) -> None:
        place = f"/api/files/{file_id}/content"
        head = media.tus.head(place)
        assert head.status_code == 200
        assert head.headers["Content-Length"] == "100000"
        assert head.content == b""
        for condition in (head.headers["ETag"], head.headers["Last-Modified"]):
            headers = {"Range": "bytes=0-9", "If-Range": condition}
            assert media.tus.get(place, headers=headers).status_code == 206
        headers = {"Range": "bytes=0-9", "If-Range": '"another"'}
        assert media.tus.get(place, headers=headers).content == DATA
        headers = {"If-None-Match": head.headers["ETag"]}
        assert media.tus.get(place, headers=headers).status_code == 304


class TestSafety:
    def test_cannot_become_a_page(self, media: Any) -> None:
        page = b"<html><script>alert(1)</script>"
        answer = media.tus.upload(page, filename="x.html", filetype="text/html")
        place = f"/api/files/{answer.headers['Upload-File-Id']}/content"
        answer = media.tus.get(place)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        media.rows("UPDATE media_file SET content_type = 'text/html; charset=utf-8'")
        assert media.tus.get(place).headers["Content-Type"] == "application/octet-stream"

    def test_the_name_cannot_break_out_of_its_header(self, media: Any, file_id: str) -> None:
        answer = media.tus.get(f"/api/files/{file_id}/download")
        assert answer.headers["Content-Type"] == "audio/mpeg"
        assert answer.headers["Content-Disposition"] == (
            'attachment; filename="Uni _code_.mp3"; '
            "filename*=UTF-8''%C3%9Cn%C3%AF%20%22code%22.mp3"
        )

    def test_others_get_nothing(self, media: Any, file_id: str) -> None:
        for place in ("content", "download", "thumbnail", "waveform", "stream-url"):
            assert media.other.get(f"/api/files/{file_id}/{place}").status_code == 404
        assert media.other.delete(f"/api/files/{file_id}").status_code == 404
        assert media.tus.get(f"/api/files/{file_id}/content").status_code == 200


class TestForm:
    def test_takes_a_whole_file(self, media: Any) -> None:
        seen: list[FileAdded] = []
        media.state.work.listen(FileAdded, lambda work, event: seen.append(event))
        files = {"other": ("a.txt", b"ignored"), "file": ("../Talk.wav", DATA, "audio/wav")}
        answer = media.tus.post("/api/files", files=files, headers={"X-Num-Speakers": "3"})
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert made["filename"] == "Talk.wav"
        assert (made["status"], made["is_duplicate"]) == ("pending", False)
        assert seen[0].options == {"num_speakers": "3"}
        assert media.tus.get(f"/api/files/{made['uuid']}/content").content == DATA
        again = media.tus.post("/api/files", files=files)
        assert again.status_code == 200
        assert (again.json()["uuid"], again.json()["is_duplicate"]) == (made["uuid"], True)
        assert list(media.spool.iterdir()) == []

    @pytest.mark.parametrize(
        ("request_parts", "code"),
        [
            ({"files": {"file": ("a.wav", b"")}}, "media_empty"),
            ({"files": {"data": ("a.wav", b"x")}}, "no_file"),
            ({"content": b"nothing", "headers": {"Content-Type": "text/plain"}}, "no_file"),
            (
                {
                    "content": b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf',
                    "headers": {"Content-Type": "multipart/form-data; boundary=b"},
                },
                "no_file",
            ),
        ],
    )
    def test_says_what_is_wrong_and_keeps_nothing(
        self, media: Any, request_parts: dict[str, Any], code: str
    ) -> None:
        answer = media.tus.post("/api/files", **request_parts)
        assert answer.status_code == 422
        assert answer.json()["code"] == code
        assert media.rows("SELECT 1 FROM upload") == []
        assert not media.spool.exists() or list(media.spool.iterdir()) == []

    def test_refuses_what_is_too_large_while_it_comes(self, make_media: Any) -> None:
        media = make_media(max_upload_bytes=1_200_000)
        answer = media.tus.post("/api/files", files={"file": ("a.wav", bytes(3_000_000))})
        assert answer.status_code == 413
        assert list(media.spool.iterdir()) == []


class TestPrepare:
    def test_knows_the_callers_own_copy_only(self, media: Any, file_id: str) -> None:
        ((digest,),) = media.rows("SELECT file_hash FROM media_file")
        asked = {"filename": "a.mp3", "file_size": len(DATA), "file_hash": digest.upper()}
        own = media.tus.post("/api/files/prepare", json=asked).json()
        assert own == {"file_id": file_id, "is_duplicate": True, "upload_url": None}
        others = media.other.post("/api/files/prepare", json=asked).json()
        assert others == {"file_id": None, "is_duplicate": False, "upload_url": "/api/uploads"}


class TestSample:
    def test_is_added_once(self, media: Any) -> None:
        folder = media.folder / "models" / "sample-conversation"
        folder.mkdir(parents=True)
        with wave.open(str(folder / "sample.wav"), "wb") as sound:
            sound.setparams((1, 2, 16000, 0, "NONE", ""))
            sound.writeframes(bytes(32000))
        first = media.tus.post("/api/files/sample")
        assert first.status_code == 201
        assert first.json()["title"] == "Sample conversation"
        again = media.tus.post("/api/files/sample")
        assert again.status_code == 200
        assert again.json()["uuid"] == first.json()["uuid"]
        assert (folder / "sample.wav").exists()


class TestWaveform:
    def test_is_thinned_and_scaled(self, media: Any, file_id: str) -> None:
        assert media.tus.get(f"/api/files/{file_id}/waveform").status_code == 404
        pairs = np.zeros((500, 2), dtype="<i2")
        pairs[250] = (-16384, 8192)
        media.state.ports.objects.put_bytes("peaks/p.i16", pairs.tobytes())
        media.rows("UPDATE media_file SET peaks_path = 'peaks/p.i16', duration = 10")
        found = media.tus.get(f"/api/files/{file_id}/waveform?samples=10").json()
        assert (found["samples"], found["duration"]) == (10, 10.0)
        assert found["peaks"][5] == [-1.0, 0.5]
        assert found["peaks"][4] == [0.0, 0.0]
        for samples in ("0", "10001", "x"):
            answer = media.tus.get(f"/api/files/{file_id}/waveform?samples={samples}")
            assert answer.status_code == 422


class TestPicture:
    def test_is_sent_when_there_is_one(self, media: Any, file_id: str) -> None:
        place = f"/api/files/{file_id}/thumbnail"
        assert media.tus.get(place).status_code == 404
        media.state.ports.objects.put_bytes("thumbnails/t.webp", b"RIFF")
        media.rows("UPDATE media_file SET thumbnail_path = 'thumbnails/t.webp'")
        answer = media.tus.get(place)
        assert (answer.headers["Content-Type"], answer.content) == ("image/webp", b"RIFF")
        found = media.tus.get(f"/api/files/{file_id}/stream-url?media_type=thumbnail").json()
        assert found == {"url": place}

    def test_the_stream_address_plays(self, media: Any, file_id: str) -> None:
        url = media.tus.get(f"/api/files/{file_id}/stream-url").json()["url"]
        assert media.tus.get(url).content == DATA


class TestDelete:
    def test_takes_rows_bytes_and_everything_that_hangs_on_them(
        self, media: Any, file_id: str
    ) -> None:
        seen: list[FileDeleted] = []
        media.state.work.listen(FileDeleted, lambda work, event: seen.append(event))
        objects = media.state.ports.objects
        objects.put_bytes("peaks/p.i16", b"x")
        media.rows("UPDATE media_file SET peaks_path = 'peaks/p.i16'")
        media.rows(
            "INSERT INTO speaker (user_id, media_file_id, name) "
            "SELECT user_id, id, 'SPEAKER_00' FROM media_file"
        )
        media.rows(
            "INSERT INTO transcript_segment (media_file_id, start_time, end_time, text) "
            "SELECT id, 0, 1, 'hello' FROM media_file"
        )
        assert media.tus.delete(f"/api/files/{file_id}").status_code == 204
        assert "peaks/p.i16" in seen[0].keys
        assert list(objects.list()) == []
        for table in ("media_file", "speaker", "transcript_segment"):
            assert media.rows(f"SELECT 1 FROM {table}") == []
        assert media.tus.get(f"/api/files/{file_id}/content").status_code == 404
        assert media.tus.delete(f"/api/files/{file_id}").status_code == 404
        said = [notice.type for notice in media.state.ports.notices.published]
        assert said == ["file_created", "file_deleted"]

    def test_keeps_the_bytes_when_it_fails(self, media: Any, file_id: str) -> None:
        def listener(work: Any, event: Any) -> None:
            raise RuntimeError("no")

        media.state.work.listen(FileDeleted, listener)
        assert media.tus.delete(f"/api/files/{file_id}").status_code == 500
        assert media.tus.get(f"/api/files/{file_id}/content").content == DATA

    def test_the_same_bytes_can_come_again(self, media: Any, file_id: str) -> None:
        media.tus.delete(f"/api/files/{file_id}")
        again = media.tus.upload(DATA)
        assert again.headers["Upload-Duplicate"] == "0"
        place = f"/api/files/{again.headers['Upload-File-Id']}/content"
        assert media.tus.get(place).content == DATA


class TestFormats:
    def test_are_listed(self, media: Any) -> None:
        found = media.tus.get("/api/files/supported-formats").json()
        extensions = {one["extension"] for one in found["formats"]}
        wanted = "mp3 wav flac m4a ogg opus wma aac aiff amr mp4 mov avi mkv webm mpeg wmv 3gp ts"
        assert {f".{one}" for one in wanted.split()} <= extensions
        assert found["max_bytes"] == 15 * 1024**3
