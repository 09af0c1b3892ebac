"""Files that are broken or mean harm: a sentence for their owner, nothing for their maker."""

from __future__ import annotations

import http.server
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.factories.media import children_of, encode_video, sparse_wav, tone, write_wav

from opentranscribe.adapters.media_tools import pyav
from opentranscribe.adapters.media_tools.pyav import PyavMediaTools
from opentranscribe.kit.errors import AppError
from opentranscribe.ports.media_tools import (
    DamagedMediaError,
    EmptyMediaError,
    MediaError,
    NoAudioTrackError,
    NotMediaError,
)
from opentranscribe.ports.objects import StorageFullError
from opentranscribe.ports.progress import ignore_progress

SECRET = "canary-text-of-a-private-file"


@pytest.fixture
def canary() -> Iterator[tuple[int, list[str]]]:
    """A local server that must never be asked; (port, paths asked for)."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1], asked
    server.shutdown()
    thread.join()
    server.server_close()


def playlists(port: int, secret: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for number, url in enumerate(
        (f"http://127.0.0.1:{port}/x.ts", f"file://{secret}", str(secret))
    ):
        hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}\n#EXT-X-ENDLIST\n"
        texts |= {
            f"{number}.m3u8": hls,
            f"{number}.mp4": f"\ufeff{hls}",
            f"{number}-key.m3u8": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:9,\n{url}\n',
            f"{number}.ffconcat": f"ffconcat version 1.0\nfile '{url}'\n",
            f"{number}.wav": f"file '{url}'\nduration 5\n",
            f"{number}.mpd": f"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' "
            f"type='static'><Period><AdaptationSet><Representation id='a' bandwidth='1'><BaseURL>"
            f"{url}</BaseURL></Representation></AdaptationSet></Period></MPD>",
            f"{number}.pls": f"[playlist]\nFile1={url}\nNumberOfEntries=1\n",
            f"{number}.sdp": f"v=0\nc=IN IP4 127.0.0.1\nm=audio {port} RTP/AVP 0\n",
            f"{number}.ram": url,
            f"{number}.asx": f"<asx version='3.0'><entry><ref href='{url}'/></entry></asx>",
        }
    return texts


class TestReferences:
    def test_a_file_that_points_elsewhere_reaches_nothing(
        self, tmp_path: Path, tools: PyavMediaTools, canary: tuple[int, list[str]]
    ) -> None:
        port, asked = canary
        secret = tmp_path / "secret.txt"
        secret.write_text(SECRET)
        for name, text in playlists(port, secret).items():
            source = tmp_path / name
            source.write_text(text)
            with pytest.raises(NotMediaError) as caught:
                tools.probe(source)
            assert SECRET not in str(caught.value)
            if name.startswith("0"):
                with pytest.raises(NotMediaError):
                    tools.decode(source, tmp_path / "t", tmp_path / "p", ignore_progress)
        assert asked == []

    def test_a_movie_with_its_sound_in_another_file_does_not_open_it(
        self, tmp_path: Path, tools: PyavMediaTools
    ) -> None:
        """A QuickTime data reference (``alis``/``url``) to a neighbour."""
        movie = encode_video(tmp_path / "a.mov", 1.0).read_bytes()
        neighbour = write_wav(tmp_path / "neighbour.wav", tone(1.0, 16000))
        reference = b"url " + b"\0\0\0\0" + f"file://{neighbour}".encode() + b"\0"
        index = movie.rindex(b"url ")
        patched = movie[:index] + reference[: len(movie) - index] + movie[index + len(reference) :]
        source = tmp_path / "b.mov"
        source.write_bytes(patched)
        try:
            tools.decode(source, tmp_path / "t", tmp_path / "p", ignore_progress)
        except MediaError:
            return


class TestSandbox:
    def test_the_child_opens_no_file_and_no_connection(
        self, tmp_path: Path, canary: tuple[int, list[str]]
    ) -> None:
        port, asked = canary
        secret = tmp_path / "secret.txt"
        secret.write_text(SECRET)
        out = tmp_path / "out"
        out.mkdir()
        program = f"""
import os, socket
from pathlib import Path
from opentranscribe.adapters.media_tools import sandbox
print(sandbox.leave_network(), sandbox.lock_files((), (Path({str(out)!r}),)))
Path({str(out / "made")!r}).write_text("x")
for attempt in (
    lambda: open({str(secret)!r}).read(),
    lambda: open("/etc/passwd").read(),
    lambda: open({str(tmp_path / "new")!r}, "w"),
    lambda: os.unlink({str(secret)!r}),
    lambda: socket.create_connection(("127.0.0.1", {port}), 2),
):
    try:
        print("DONE", attempt())
    except OSError as error:
        print("refused")
"""
        shown = subprocess.run(
            [sys.executable, "-c", program],
            env=pyav._environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        if shown[0] != "True True":
            pytest.skip(f"this kernel lacks namespaces or Landlock: {shown[0]}")
        assert shown[1:] == ["refused"] * 5
        assert asked == []
        assert (out / "made").exists()

    def test_the_child_dies_with_its_parent(self, tmp_path: Path) -> None:
        source = sparse_wav(tmp_path / "a.wav", 12, rate_hz=16000)
        program = f"""
from pathlib import Path
from opentranscribe.adapters.media_tools.pyav import PyavMediaTools
folder = Path({str(tmp_path)!r})
def progress(fraction):
    if fraction > 0:
        print("decoding", flush=True)
PyavMediaTools().decode(Path({str(source)!r}), folder / "t", folder / "p", progress)
"""
        parent = subprocess.Popen(
            [sys.executable, "-c", program],
            env=pyav._environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert parent.stdout is not None
        assert parent.stdout.readline() == "decoding\n"
        (child,) = children_of(parent.pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
        deadline = time.monotonic() + 5
        while is_alive(child) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not is_alive(child)

    def test_no_secret_of_ours_is_in_its_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_URL", SECRET)
        assert SECRET not in str(pyav._environment())

    def test_starts_fast(self, tmp_path: Path, tools: PyavMediaTools) -> None:
        source = write_wav(tmp_path / "a.wav", tone(0.1, 16000))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for _ in range(3):
            tools.probe(source)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        assert spent / 3 < 0.4


class TestBroken:
    def test_says_what_is_wrong(self, test_data: Path, tools: PyavMediaTools) -> None:
        expected = {
            "zero_bytes.mp3": EmptyMediaError,
            "corrupt.wav": NotMediaError,
            "az_missing_wav_header.wav": NotMediaError,
            "truncated.mp4": DamagedMediaError,
            "video_no_audio.mp4": NoAudioTrackError,
        }
        for name, kind in expected.items():
            with pytest.raises(kind):
                tools.probe(test_data / "bad" / name)

    def test_an_empty_file(self, tmp_path: Path, tools: PyavMediaTools) -> None:
        (tmp_path / "a.mp3").touch()
        with pytest.raises(EmptyMediaError, match="0 bytes"):
            tools.probe(tmp_path / "a.mp3")

    def test_a_video_without_sound(self, tmp_path: Path, tools: PyavMediaTools) -> None:
        source = encode_video(tmp_path / "a.mp4", 1.0, sound=False)
        with pytest.raises(NoAudioTrackError):
            tools.decode(source, tmp_path / "t", tmp_path / "p", ignore_progress)

    def test_a_video_cut_off_before_its_index(self, tmp_path: Path, tools: PyavMediaTools) -> None:
        source = encode_video(tmp_path / "a.mp4", 2.0)
        source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
        with pytest.raises(DamagedMediaError):
            tools.probe(source)

    @pytest.mark.parametrize(
        "content",
        [
            b"just text\n" * 50,
            b"%PDF-1.7\n" + bytes(2000),
            b"PK\x03\x04" + bytes(500),
            b"\0" * 9000,
        ],
    )
    def test_what_is_no_media(self, tmp_path: Path, tools: PyavMediaTools, content: bytes) -> None:
        source = tmp_path / "a.mp3"
        source.write_bytes(content)
        with pytest.raises(NotMediaError):
            tools.probe(source)

    def test_a_pipe_a_folder_and_a_device_are_not_waited_for(
        self, tmp_path: Path, tools: PyavMediaTools
    ) -> None:
        os.mkfifo(tmp_path / "pipe")
        for source in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), tmp_path / "missing"):
            with pytest.raises(NotMediaError):
                tools.probe(source)

    @pytest.mark.parametrize(
        "name",
        ["-i.wav", "http:x.wav", "a b'\"$(id).wav", "line\nbreak.wav", os.fsdecode(b"\xff.wav")],
    )
    def test_strange_names_are_only_names(
        self, tmp_path: Path, tools: PyavMediaTools, name: str
    ) -> None:
        source = write_wav(tmp_path / name, tone(0.5, 16000))
        assert tools.probe(source).duration_seconds == pytest.approx(0.5)


class TestLies:
    def test_a_header_that_promises_too_much(self, tmp_path: Path, tools: PyavMediaTools) -> None:
        source = write_wav(tmp_path / "a.wav", tone(3.0, 16000))
        data = bytearray(source.read_bytes())
        data[40:44] = struct.pack("<I", 0xFFFFFF00)
        source.write_bytes(data)
        decoded = tools.decode(source, tmp_path / "t", tmp_path / "p", ignore_progress)
        assert decoded.duration_seconds == pytest.approx(3.0)

    def test_an_impossible_format_is_an_answer(self, tmp_path: Path, tools: PyavMediaTools) -> None:
        source = write_wav(tmp_path / "a.wav", tone(1.0, 16000))
        for channels, rate in ((0, 16000), (65535, 16000), (1, 0), (1, 0xFFFFFFFF)):
            data = bytearray(source.read_bytes())
            data[22:28] = struct.pack("<HI", channels, rate)
            bad = tmp_path / "b.wav"
            bad.write_bytes(data)
            try:
                tools.decode(bad, tmp_path / "t", tmp_path / "p", ignore_progress)
            except AppError:
                continue

    def test_flipped_bits_end_in_an_answer(self, tmp_path: Path, tools: PyavMediaTools) -> None:
        chance = random.Random(11)
        original = encode_video(tmp_path / "a.mp4", 2.0).read_bytes()
        for _ in range(12):
            data = bytearray(original)
            for _ in range(30):
                data[chance.randrange(len(data))] = chance.randrange(256)
            (tmp_path / "b.mp4").write_bytes(data)
            started = time.monotonic()
            try:
                tools.decode(tmp_path / "b.mp4", tmp_path / "t", tmp_path / "p", ignore_progress)
            except AppError:
                continue
            assert time.monotonic() - started < 30

    def test_sound_without_end_is_stopped(self, tmp_path: Path) -> None:
        tools = PyavMediaTools(longest_seconds=1800)
        source = sparse_wav(tmp_path / "a.wav", 1, rate_hz=1000)
        with pytest.raises(MediaError, match=r"longer than 0\.5 hours"):
            tools.decode(source, tmp_path / "t", tmp_path / "p", ignore_progress)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav"]

    def test_a_picture_too_large_to_be_real_is_not_drawn(
        self, tmp_path: Path, tools: PyavMediaTools
    ) -> None:
        source = encode_video(tmp_path / "a.avi", 1.0, codec="rawvideo")
        data = source.read_bytes()
        size = struct.pack("<ii", 160, 90)
        assert size in data
        source.write_bytes(data.replace(size, struct.pack("<ii", 12000, 12000)))
        with pytest.raises(MediaError, match="too large to be real"):
            tools.thumbnail(source, tmp_path / "t.webp", 0.0)


class TestFullDisk:
    def test_says_so_and_leaves_nothing(self, tmp_path: Path, tools: PyavMediaTools) -> None:
        small = tmp_path / "small"
        small.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("needs the right to mount a small disk")
        try:
            source = write_wav(tmp_path / "a.wav", np.zeros(16000 * 60))
            with pytest.raises(StorageFullError):
                tools.decode(source, small / "t", small / "p", ignore_progress)
            assert list(small.iterdir()) == []
        finally:
            subprocess.run(["umount", "-l", str(small)], check=True)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"
