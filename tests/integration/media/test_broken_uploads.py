"""What remains of an upload when its server, its connection or its disk breaks."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROUNDS = 5


def trickle(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]
        time.sleep(0.001)


class TestKill:
    def test_no_byte_is_lost_and_the_offset_never_goes_back(self, serve: Callable[[], Any]) -> None:
        data = os.urandom(12_000_000)
        chance = random.Random()
        served = serve()
        place = served.tus.create(len(data))
        acknowledged = 0
        for _ in range(ROUNDS):
            timer = threading.Timer(chance.uniform(0.02, 0.9), served.kill)
            timer.start()
            try:
                while acknowledged < len(data):
                    part = data[acknowledged : acknowledged + 700_000]
                    answer = served.tus.send(place, acknowledged, trickle(part, 50_000))
                    assert answer.status_code == 204, answer.text
                    acknowledged = int(answer.headers["Upload-Offset"])
            except Exception as error:
                if isinstance(error, AssertionError):
                    raise
            timer.join()
            served = serve()
            offset = served.tus.offset(place)
            assert offset >= acknowledged
            acknowledged = offset
        while acknowledged < len(data):
            part = data[acknowledged : acknowledged + 4_000_000]
            acknowledged = int(served.tus.send(place, acknowledged, part).headers["Upload-Offset"])
        if served.tus.get(place + "/result").json()["status"] != "finished":
            # Killed with all bytes in and before the end: whoever comes next finishes it.
            assert served.tus.send(place, len(data), b"").status_code == 204
        result = served.tus.get(place + "/result").json()
        answer = served.tus.get(f"/api/files/{result['file_id']}/content")
        assert answer.status_code == 200
        assert len(answer.content) == len(data)
        assert hashlib.sha256(answer.content).digest() == hashlib.sha256(data).digest()

    def test_a_part_with_a_checksum_counts_only_whole(self, serve: Callable[[], Any]) -> None:
        data = os.urandom(3_000_000)
        served = serve()
        place = served.tus.create(len(data))
        served.tus.send(place, 0, data[:1000])
        digest = base64.b64encode(hashlib.sha256(data[1000:]).digest()).decode()
        connection = open_patch(
            served.tus, place, 1000, len(data) - 1000, f"Upload-Checksum: sha256 {digest}\r\n"
        )
        connection.sendall(data[1000:2_500_000])
        time.sleep(0.5)
        assert served.tus.offset(place) == 1000
        served.kill()
        connection.close()
        served = serve()
        assert served.tus.offset(place) == 1000
        assert served.tus.send(place, 1000, data[1000:]).headers["Upload-File-Id"]

    def test_a_broken_connection_keeps_what_came(self, serve: Callable[[], Any]) -> None:
        data = os.urandom(3_000_000)
        served = serve()
        place = served.tus.create(len(data))
        connection = open_patch(served.tus, place, 0, len(data))
        connection.sendall(data[:2_500_000])
        time.sleep(0.3)
        connection.close()
        deadline = time.monotonic() + 5
        while served.tus.offset(place) < 2_500_000 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert served.tus.offset(place) == 2_500_000
        answer = served.tus.send(place, 2_500_000, data[2_500_000:])
        assert answer.headers["Upload-File-Id"]


class TestFullDisk:
    @pytest.fixture
    def small_disk(self, tmp_path: Path) -> Iterator[Path]:
        folder = tmp_path / "small"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("needs the right to mount a small disk")
        yield folder
        subprocess.run(["umount", "-l", str(folder)], check=True)

    def test_keeps_the_offset_and_goes_on_when_there_is_room(
        self, small_disk: Path, make_media: Callable[..., Any]
    ) -> None:
        media = make_media(uploads_dir=str(small_disk / "uploads"))
        data = os.urandom(1_500_000)
        place = media.tus.create(len(data))
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(1_000_000))
        answer = media.tus.send(place, 0, data)
        assert answer.status_code == 507
        assert answer.json()["code"] == "storage_full"
        offset = media.tus.offset(place)
        assert 0 < offset < len(data)
        assert int(answer.headers["Upload-Offset"]) == offset
        assert media.tus.send(place, offset, data[offset:]).status_code == 507
        ballast.unlink()
        offset = media.tus.offset(place)
        file_id = media.tus.send(place, offset, data[offset:]).headers["Upload-File-Id"]
        assert media.tus.get(f"/api/files/{file_id}/content").content == data

    def test_a_full_store_keeps_the_upload(
        self, small_disk: Path, make_media: Callable[..., Any]
    ) -> None:
        media = make_media(objects_dir=str(small_disk / "objects"))
        data = os.urandom(1_500_000)
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(1_000_000))
        place = media.tus.create(len(data))
        answer = media.tus.send(place, 0, data)
        assert answer.status_code == 507
        assert media.tus.offset(place) == len(data)
        assert media.rows("SELECT 1 FROM media_file") == []
        assert list(media.state.ports.objects.list()) == []
        ballast.unlink()
        assert media.tus.send(place, len(data), b"").headers["Upload-File-Id"]

    def test_says_at_once_that_there_is_no_room(
        self, small_disk: Path, make_media: Callable[..., Any]
    ) -> None:
        media = make_media(uploads_dir=str(small_disk / "uploads"))
        answer = media.tus.post("/api/uploads", headers={"Upload-Length": "5000000"})
        assert answer.status_code == 507
        assert list((small_disk / "uploads").iterdir()) == []


def open_patch(tus: Any, place: str, offset: int, length: int, more: str = "") -> socket.socket:
    """A PATCH whose body the test sends by hand."""
    address = urlsplit(str(tus.http.base_url))
    connection = socket.create_connection((address.hostname, address.port or 80))
    head = (
        f"PATCH {place} HTTP/1.1\r\nHost: test\r\nTus-Resumable: 1.0.0\r\n"
        f"Authorization: Bearer {tus.user_id}\r\nUpload-Offset: {offset}\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n{more}\r\n"
    )
    connection.sendall(head.encode())
    return connection
