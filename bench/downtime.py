"""How long people are without service in an update, on a database of size (U-10).

    MODEL_CACHE_DIR=MODELS python -m bench.downtime [--segments 500000] [--listeners 20]

A real installation of a release built from this checkout, filled, is updated to a second one.
The newest recording, which the update is proven on, is the sample, really transcribed; the others
are left out of the search index, which would otherwise be completed at the same time. Meanwhile somebody reads and somebody writes as fast as the answers come, and listeners each play a
recording of ten minutes at the speed at which it sounds, from one stream that is taken up again
where it was cut.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import socket
import tempfile
import threading
import time
import urllib.request
import wave
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench.backup import fill_tables
from bench.estimate import url_of
from bench.proof import bring_sample
from tests.e2e.updating import Place, Visitors, Wheels, call, made_place

from opentranscribe.features.upgrade.expectation import read_durations
from opentranscribe.features.upgrade.journal import list_journals
from opentranscribe.work import databases

MINUTES, RATE = 10, 16_000
BYTES_A_SECOND = RATE * 2
PIECE = 8_192
#: The stream must still be under way, not waiting whole in the buffers of the network.
BUFFER = 16_384
MOST_SECONDS = 120.0
LEFT_OUT = """
INSERT INTO derived.search_file
SELECT id, user_id, filename, '{}', 'en', upload_time, 0, '', 0, 0, '{}'
FROM media_file WHERE filename LIKE 'take %'
"""


@dataclass
class Listener:
    """``silence`` is the longest time between two pieces, in seconds."""

    address: str
    token: str
    silence: float = 0.0
    cuts: int = 0
    pieces: int = 0
    refused: set[int | str] = field(default_factory=set)
    _at: int = 0
    _last: float = 0.0

    def listen(self, stop: threading.Event) -> None:
        self._last = time.monotonic()
        while not stop.is_set():
            try:
                self._stream(stop)
            except (OSError, http.client.HTTPException) as error:
                self.cuts += 1
                self.refused.add(type(error).__name__)
                time.sleep(0.05)

    def _stream(self, stop: threading.Event) -> None:
        where = urlsplit(self.address)
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            line.settimeout(30)
            line.connect((where.hostname, where.port))
            connection = http.client.HTTPConnection(where.netloc)
            connection.sock = line
            headers = {"Authorization": f"Bearer {self.token}", "Range": f"bytes={self._at}-"}
            connection.request("GET", where.path, headers=headers)
            answer = connection.getresponse()
            if answer.status != 206:
                self.refused.add(answer.status)
                time.sleep(0.05)
                return
            left = int(answer.headers["Content-Length"])
            while not stop.is_set():
                piece = answer.read(PIECE)
                left -= len(piece)
                self._heard(piece)
                if left <= 0:
                    self._at = 0
                    return
                if len(piece) < PIECE:
                    raise ConnectionAbortedError("the stream ended early")
                time.sleep(len(piece) / BYTES_A_SECOND)

    def _heard(self, piece: bytes) -> None:
        now = time.monotonic()
        self.silence = max(self.silence, now - self._last)
        self._last = now
        self._at += len(piece)
        self.pieces += 1


@contextmanager
def listening(listeners: list[Listener]) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=one.listen, args=(stop,)) for one in listeners]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def bring_recording(place: Place, token: str) -> str:
    """Ten silent minutes, once nobody works on them any more; where to listen to them."""
    content = io.BytesIO()
    with wave.open(content, "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", ""))
        sound.writeframes(bytes(MINUTES * 60 * BYTES_A_SECOND))
    mark = "----downtime"
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="long.wav"\r\n\r\n'
    body = head.encode() + content.getvalue() + f"\r\n--{mark}--\r\n".encode()
    request = urllib.request.Request(f"{place.address}/api/files", body)
    request.add_header("Content-Type", f"multipart/form-data; boundary={mark}")
    request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        uuid = json.load(answer)["uuid"]
    until = time.monotonic() + MOST_SECONDS
    while time.monotonic() < until:
        if call(f"{place.address}/api/files/{uuid}", token)["status"] in {"completed", "error"}:
            return f"{place.address}/api/files/{uuid}/content"
        time.sleep(0.5)
    raise SystemExit("the recording is still being worked on")


def measure(place: Place, wheel: Path, count: int) -> None:
    token = place.sign_in()
    bring_sample(place, token)
    visitors = Visitors(place.address, token)
    address = bring_recording(place, token)
    listeners = [Listener(address, token) for _ in range(count)]
    with ExitStack() as held:
        held.enter_context(visitors.busy())
        held.enter_context(listening(listeners))
        time.sleep(3)
        before = visitors.without_service
        started = time.perf_counter()
        done = place.run("update", "--from", str(wheel), "--yes", seconds=1500)
        took = time.perf_counter() - started
        time.sleep(3)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    load = os.getloadavg()[0]
    print(f"the update took {took:.0f} s, on {os.cpu_count()} cores with a load of {load:.1f}")
    journal = list_journals(place.home / "data" / "update")[-1]
    steps = (f"{step} {seconds:.2f}" for step, seconds in read_durations(journal).items())
    print(f"  seconds of each step: {', '.join(steps)}")
    print(f"without_service {visitors.without_service:.2f} s ({before:.2f} s before the update)")
    print(f"answers to who read: {dict(visitors.read_statuses)}")
    written = f"{len(visitors.acknowledged)} words acknowledged, {len(visitors.missing())} missing"
    print(f"answers to who wrote: {dict(visitors.statuses)}; {written}")
    show(listeners)


def show(listeners: list[Listener]) -> None:
    silences = sorted(one.silence for one in listeners) or [0.0]
    refused = sorted({str(what) for one in listeners for what in one.refused})
    print(
        f"{len(listeners)} listeners, {sum(one.pieces for one in listeners)} pieces heard,"
        f" {sum(one.cuts for one in listeners)} streams cut, {refused};"
        f" longest time between pieces {silences[-1]:.2f} s, median"
        f" {silences[len(silences) // 2]:.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=500_000)
    parser.add_argument("--listeners", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opentr-downtime-") as name:
        folder = Path(name)
        wheels = Wheels(folder / "wheels")
        second = wheels["second"]
        making = made_place(folder / "home", wheels["first"])
        place = next(making)
        try:
            url = url_of(place)
            size = fill_tables(url, options.segments, has_words=False)
            with databases.connect(url) as connection:
                connection.execute(LEFT_OUT.encode())
            print(f"{options.segments} segments, a database of {size / 1e6:.0f} MB", flush=True)
            measure(place, second, options.listeners)
        finally:
            for _ in making:
                pass


if __name__ == "__main__":
    main()
