"""How fast bytes come in and go out: tus upload and range download against a running server.

    python bench/upload.py http://127.0.0.1:5174 TOKEN [--megabytes 1024]

Prints MB/s of the upload (durable: every 64 MB are synced before the next), of the download, and
of a bare write with fsync of the same bytes in the current folder, measured in the same run.
"""

from __future__ import annotations

import argparse
import base64
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

PART_BYTES = 64 << 20
CHUNK_BYTES = 1 << 20
TUS = {"Tus-Resumable": "1.0.0"}


def chunks(size: int, block: bytes) -> Iterator[bytes]:
    while size > 0:
        yield block[: min(size, len(block))]
        size -= len(block)


def upload(client: httpx.Client, size: int, block: bytes) -> str:
    name = base64.b64encode(b"bench.wav").decode()
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": f"filename {name}"}
    answer = client.post("/api/uploads", headers=headers)
    answer.raise_for_status()
    place = answer.headers["Location"]
    offset = 0
    while offset < size:
        part = min(PART_BYTES, size - offset)
        headers = {
            **TUS,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(part),
        }
        answer = client.patch(place, headers=headers, content=chunks(part, block))
        answer.raise_for_status()
        offset = int(answer.headers["Upload-Offset"])
    return str(answer.headers["Upload-File-Id"])


def download(client: httpx.Client, file_id: str) -> int:
    size = 0
    with client.stream("GET", f"/api/files/{file_id}/content") as answer:
        answer.raise_for_status()
        for chunk in answer.iter_raw(CHUNK_BYTES):
            size += len(chunk)
    return size


def write_bare(size: int, block: bytes) -> None:
    path = Path(f".bench-{os.getpid()}")
    try:
        with path.open("wb", buffering=0) as handle:
            for number, chunk in enumerate(chunks(size, block), 1):
                handle.write(chunk)
                if number % (PART_BYTES // CHUNK_BYTES) == 0:
                    os.fsync(handle.fileno())
            os.fsync(handle.fileno())
    finally:
        path.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("--megabytes", type=int, default=1024)
    given = parser.parse_args()
    size = given.megabytes * 1_000_000
    block = os.urandom(CHUNK_BYTES)
    headers = {"Authorization": f"Bearer {given.token}"}
    with httpx.Client(base_url=given.url, headers=headers, timeout=120) as client:
        started = time.monotonic()
        file_id = upload(client, size, block)
        uploaded = time.monotonic()
        if download(client, file_id) != size:
            raise SystemExit("what came back has another length")
        downloaded = time.monotonic()
        write_bare(size, block)
        written = time.monotonic()
        client.delete(f"/api/files/{file_id}").raise_for_status()
    megabytes = size / 1_000_000
    print(f"upload    {megabytes / (uploaded - started):8.0f} MB/s")
    print(f"download  {megabytes / (downloaded - uploaded):8.0f} MB/s")
    print(f"bare disk {megabytes / (written - downloaded):8.0f} MB/s (write and fsync)")


if __name__ == "__main__":
    main()
