"""What the page asks when a recording is open, answered from memory for the benches in a browser."""

from __future__ import annotations

import gzip
import html
import json
import mimetypes
import random
import re
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

BUILD = Path(__file__).parents[1] / "web" / "build"
FILE_UUID = "00000000-0000-4000-8000-000000000001"
SPEAKERS = 4
SILENCE_RATE = 8000


def make_transcript(words: int) -> dict[str, Any]:
    """Sentences of 7 to 22 made-up words, turns of 1 to 9 sentences, at 2.8 words a second."""
    chance = random.Random(7)
    syllables = [c + v for c in "bdfgklmnprstvw" for v in ("a", "e", "i", "o", "u", "ei", "ou")]
    stock = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(9000)]
    segments: list[dict[str, Any]] = []
    made, clock, speaker, left = 0, 600, 0, 3
    while made < words:
        count = min(chance.randint(7, 22), words - made)
        starts = [clock + 340 * k for k in range(count)]
        segments.append(
            {
                "uuid": f"00000000-0000-4000-9000-{len(segments):012d}",
                "speaker_uuid": speaker_uuid(speaker),
                "start": starts[0] / 1000,
                "end": (starts[-1] + 300) / 1000,
                "text": " ".join(chance.choices(stock, k=count)).capitalize() + ".",
                "confidence": 0.9,
                "is_overlap": chance.random() < 0.03,
                "flags": ["repaired"] if chance.random() < 0.02 else [],
                "w": starts,
                "e": [start + 300 for start in starts],
                "c": [41 if chance.random() < 0.06 else chance.randint(80, 99) for _ in starts],
            }
        )
        made, clock, left = made + count, starts[-1] + chance.randint(320, 900), left - 1
        if left == 0:
            speaker = (speaker + chance.randint(1, SPEAKERS - 1)) % SPEAKERS
            left = chance.randint(1, 9)
    return {
        "file_uuid": FILE_UUID,
        "language": "en",
        "status": "final",
        "duration": clock / 1000 + 1,
        "revision": 1,
        "speakers": [make_speaker(n) for n in range(SPEAKERS)],
        "segments": segments,
    }


def speaker_uuid(number: int) -> str:
    return f"00000000-0000-4000-a000-{number:012d}"


def make_speaker(number: int) -> dict[str, Any]:
    return {
        "uuid": speaker_uuid(number),
        "label": f"SPEAKER_{number:02d}",
        "name": f"Speaker {number + 1}",
        "display_name": None,
        "suggested_name": None,
        "confidence": None,
        "verified": False,
        "color_index": number,
        "talk_seconds": 9000.0,
    }


def make_file(duration: float) -> dict[str, Any]:
    return {
        "uuid": FILE_UUID,
        "filename": "ten_hours.wav",
        "title": "Ten hours",
        "status": "completed",
        "content_type": "audio/wav",
        "has_video": False,
        "duration": duration,
        "language": "en",
        "file_size": int(duration * SILENCE_RATE) + 44,
        "upload_time": "2026-01-01T08:00:00Z",
        "completed_at": "2026-01-01T09:00:00Z",
        "speakers": [],
        "speaker_count": SPEAKERS,
        "error": None,
        "notices": [],
        "job": None,
        "whisper_model": "base",
    }


def make_answers(transcript: dict[str, Any]) -> dict[str, tuple[str, bytes]]:
    """What the server says to each path: content type and body."""
    chance = random.Random(3)
    tops = [chance.random() ** 2 for _ in range(1600)]
    wave = {"samples": 1600, "duration": transcript["duration"], "peaks": [[-x, x] for x in tops]}
    user = {
        "uuid": "u",
        "email": "bench@localhost",
        "full_name": "Bench",
        "role": "user",
        "is_active": True,
        "last_login_at": None,
        "created_at": "2026-01-01T08:00:00Z",
    }
    file_path = f"/api/files/{FILE_UUID}"
    asked: dict[str, Any] = {
        "/api/auth/me": user,
        "/api/setup": {"needed": False},
        "/api/version": {"version": "bench"},
        "/api/uploads": [],
        file_path: make_file(transcript["duration"]),
        f"{file_path}/transcript": transcript,
        f"{file_path}/waveform": wave,
        f"{file_path}/edits": [],
    }
    answers = {
        path: ("application/json", json.dumps(content, separators=(",", ":")).encode())
        for path, content in asked.items()
    }
    paragraphs = (
        "<p>" + " ".join(f'<span class="word">{html.escape(w)}</span>' for w in s["text"].split())
        for s in transcript["segments"]
    )
    page = "<!doctype html><title>peer</title><body style='max-width:44rem'>" + "".join(paragraphs)
    answers["/peer"] = ("text/html; charset=utf-8", page.encode())
    return answers


class Answers(BaseHTTPRequestHandler):
    """The built page, the prepared answers and a recording of silence made on the way."""

    protocol_version = "HTTP/1.1"

    def __init__(self, answers: dict[str, tuple[str, bytes]], *rest: Any) -> None:
        self.answers = answers
        super().__init__(*rest)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.endswith("/content"):
            self.send_silence()
        elif path in self.answers:
            self.send(*self.answers[path])
        elif path.startswith("/api/"):
            self.send("application/problem+json", b'{"detail":"Not in this bench."}', status=404)
        else:
            inside = BUILD / path.lstrip("/")
            found = inside if inside.is_file() else BUILD / "index.html"
            kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
            self.send(kind, found.read_bytes())

    def send(self, kind: str, body: bytes, status: int = 200) -> None:
        packed = gzip.compress(body, 1) if len(body) > 1000 else body
        self.send_response(status)
        if packed is not body:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed)

    def send_silence(self) -> None:
        """8 kHz, 8 bit, mono; at most a quarter of a megabyte an answer."""
        file = json.loads(self.answers[f"/api/files/{FILE_UUID}"][1])
        size = int(file["file_size"])
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "bytes=0-"))
        first = int(asked[1]) if asked else 0
        last = min(int(asked[2]) if asked and asked[2] else size - 1, first + 262_143, size - 1)
        head = b"RIFF" + (size - 8).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\1\0\1\0"
        head += SILENCE_RATE.to_bytes(4, "little") * 2 + b"\1\0\x08\0data"
        head += (size - 44).to_bytes(4, "little")
        body = (head[first : last + 1] + b"\x80" * (last - first + 1))[: last - first + 1]
        self.send_response(206)
        self.send_header("Content-Type", "audio/wav")
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_: Any) -> None:
        """Says nothing: the figures are all that is printed."""
