"""Measures how fast the built page opens and scrolls a ten-hour transcript of 100 000 words.

    python bench/web_transcript.py [--words 100000] [--chromium /usr/bin/chromium]

The page is the real build; only the API is answered from memory, with a generated transcript.
Needs ``playwright`` and a Chromium. Prints JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

BUILD = Path(__file__).parents[1] / "web" / "build"
FILE = "00000000-0000-4000-8000-000000000001"
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
VOCABULARY = re.findall(
    r"\w+",
    "the harbour was quiet when we came back and nobody had asked for the keys "
    "because everyone thought that somebody else would keep them until morning",
)

#: Runs in the page: scrolls from top to bottom and notes the time of every frame.
SCROLL = """async (seconds) => {
  const frames = [];
  const height = document.documentElement.scrollHeight - innerHeight;
  const start = performance.now();
  return await new Promise((resolve) => {
    const step = (now) => {
      frames.push(now);
      const share = (now - start) / (seconds * 1000);
      scrollTo(0, height * Math.min(1, share));
      if (share < 1) requestAnimationFrame(step);
      else resolve(frames);
    };
    requestAnimationFrame(step);
  });
}"""

#: Runs in the page: the time when all segments are in it. (The page's policy forbids the
#: evaluated predicates of ``wait_for_function``.)
WHOLE = """(count) => new Promise((resolve) => {
  const look = () => {
    if (document.querySelectorAll('.segment').length >= count) resolve(performance.now());
    else setTimeout(look, 20);
  };
  look();
})"""


def transcript(words: int) -> dict[str, Any]:
    """Ten hours of four voices; the same for the same number of words."""
    chance = random.Random(words)
    milliseconds_per_word = 36_000_000 / words
    segments: list[dict[str, Any]] = []
    said, voice = 0, 0
    while said < words:
        count = min(chance.randint(6, 22), words - said)
        text = " ".join(chance.choice(VOCABULARY) for _ in range(count))
        starts = [round((said + k) * milliseconds_per_word) for k in range(count)]
        ends = [round(start + milliseconds_per_word * 0.8) for start in starts]
        if chance.random() < 0.3:
            voice = chance.randrange(4)
        segments.append(
            {
                "uuid": f"segment-{len(segments)}",
                "speaker_uuid": f"speaker-{voice}",
                "start": starts[0] / 1000,
                "end": ends[-1] / 1000,
                "text": text.capitalize() + ".",
                "confidence": 0.9,
                "is_overlap": False,
                "flags": [],
                "w": starts,
                "e": ends,
                "c": [chance.choice((99, 95, 88, 35)) for _ in range(count)],
            }
        )
        said += count
    return {
        "file_uuid": FILE,
        "language": "en",
        "status": "final",
        "duration": 36_000.0,
        "revision": 1,
        "speakers": [_speaker(k) for k in range(4)],
        "segments": segments,
    }


def _speaker(number: int) -> dict[str, Any]:
    return {
        "uuid": f"speaker-{number}",
        "label": f"SPEAKER_0{number}",
        "name": f"Speaker {number + 1}",
        "display_name": None,
        "suggested_name": None,
        "confidence": None,
        "verified": False,
        "color_index": number,
        "talk_seconds": 9000,
    }


def answers(words: int) -> dict[str, bytes]:
    """The API's answers, compressed once."""
    file = {
        "uuid": FILE,
        "filename": "hearing.wav",
        "title": "A long hearing",
        "status": "completed",
        "content_type": "audio/wav",
        "has_video": False,
        "duration": 36_000.0,
        "language": "en",
        "file_size": 1,
        "upload_time": "2026-01-01T00:00:00Z",
        "completed_at": None,
        "speakers": [],
        "speaker_count": 4,
        "error": None,
        "notices": [],
        "job": None,
        "whisper_model": "base",
    }
    user = {"uuid": "u", "email": "a@example.org", "full_name": "Ann", "role": "user"}
    peaks = [[-0.5, 0.5]] * 1600
    contents: dict[str, Any] = {
        "/api/auth/me": user,
        "/api/version": {"version": "bench"},
        "/api/uploads": [],
        f"/api/files/{FILE}": file,
        f"/api/files/{FILE}/transcript": transcript(words),
        f"/api/files/{FILE}/edits": [],
        f"/api/files/{FILE}/waveform": {"samples": 1600, "duration": 36_000.0, "peaks": peaks},
    }
    return {path: gzip.compress(json.dumps(body).encode(), 5) for path, body in contents.items()}


class Handler(BaseHTTPRequestHandler):
    """The build's files and the prepared answers."""

    protocol_version = "HTTP/1.1"

    def __init__(self, api: dict[str, bytes], *args: Any) -> None:
        self._api = api
        super().__init__(*args)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in self._api:
            self._send(200, self._api[path], "application/json", gzipped=True)
        elif path.startswith("/api/"):
            self._send(404, b'{"detail": "not measured"}', "application/problem+json")
        else:
            asset = BUILD / path.lstrip("/")
            file = asset if path != "/" and asset.is_file() else BUILD / "index.html"
            kind = TYPES.get(file.suffix, "application/octet-stream")
            self._send(200, file.read_bytes(), kind)

    def log_message(self, *_: Any) -> None:
        """Quiet: the result is the output."""

    def _send(self, status: int, body: bytes, kind: str, *, gzipped: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if gzipped:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)


def serve(words: int) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, answers(words)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def open_once(browser: Browser, address: str, segments: int) -> tuple[Page, dict[str, float]]:
    """A first visit with an empty cache; seconds from navigation to text and to all of it."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{address}/files/{FILE}", wait_until="commit")
    page.wait_for_selector(".transcript .segment")
    readable = page.evaluate(
        "() => new Promise(r => requestAnimationFrame(() => r(performance.now())))"
    )
    whole = page.evaluate(WHOLE, segments)
    return page, {"readable_seconds": readable / 1000, "whole_seconds": whole / 1000}


def frame_figures(frames: list[float]) -> dict[str, float]:
    gaps = sorted(after - before for before, after in pairwise(frames))
    return {
        "frames_per_second": round(1000 * len(gaps) / (frames[-1] - frames[0]), 1),
        "p50_frame_ms": round(gaps[len(gaps) // 2], 1),
        "p95_frame_ms": round(gaps[int(len(gaps) * 0.95)], 1),
        "worst_frame_ms": round(gaps[-1], 1),
    }


def measure(words: int, chromium: str, visits: int = 5) -> dict[str, Any]:
    segments = len(transcript(words)["segments"])
    for address in serve(words):
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            opened = []
            for _ in range(visits):
                page, figures = open_once(browser, address, segments)
                opened.append(figures)
                if len(opened) < visits:
                    page.close()
            nodes = page.evaluate("document.querySelectorAll('*').length")
            scrolled = frame_figures(page.evaluate(SCROLL, 10))
            browser.close()
    median = {name: sorted(one[name] for one in opened)[visits // 2] for name in opened[0]}
    return {
        "words": words,
        "visits": visits,
        **{name: round(value, 2) for name, value in median.items()},
        "elements": nodes,
        "scroll_10_s": scrolled,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    print(json.dumps(measure(options.words, options.chromium), indent=2))


if __name__ == "__main__":
    main()
