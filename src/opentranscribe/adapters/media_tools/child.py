"""The limited child process: one JSON request on stdin, JSON lines on stdout, then it is gone.

Lines are ``{"progress": 0..1}`` and, last, ``{"result": …}`` or ``{"error": {"code", "message"}}``.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import av.logging
from av.container import InputContainer

from opentranscribe.adapters.media_tools import decoding, picture, sandbox, source

OUTPUT_MARGIN_BYTES = 64 << 20
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def main() -> int:
    request = json.loads(sys.stdin.readline())
    sandbox.die_with_parent(request["parent_pid"])
    sandbox.leave_network()
    av.logging.set_level(None)
    try:
        descriptor = _open_source(Path(os.fsdecode(bytes.fromhex(request["source"]))))
        sandbox.limit_resources(os.fstat(descriptor).st_size, _largest_output_bytes(request))
        folders = tuple(Path(os.fsdecode(bytes.fromhex(f))) for f in request["folders"])
        code_folders = tuple(folder for entry in sys.path if (folder := Path(entry)).is_dir())
        sandbox.lock_files(readable=code_folders, writable=folders)
        with source.open_media(descriptor) as container:
            if request["action"] == "probe":
                result = source.describe(container)
            elif request["action"] == "decode":
                result = _decode(container, request)
            else:
                result = _thumbnail(container, request)
    except source.Unusable as error:
        return _send({"error": {"code": error.code, "message": str(error)}})
    except MemoryError:
        return _send({"error": {"code": "memory", "message": "out of memory"}})
    except OSError as error:
        code = "storage_full" if error.errno in FULL else "failed"
        return _send({"error": {"code": code, "message": str(error)}})
    return _send({"result": result})


def _open_source(path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    return descriptor


def _largest_output_bytes(request: dict[str, Any]) -> int:
    seconds, rate_hz = request.get("longest_seconds", 0.0), request.get("rate_hz", 0)
    return round(float(seconds) * int(rate_hz) * 2) + OUTPUT_MARGIN_BYTES


def _decode(container: InputContainer, request: dict[str, Any]) -> dict[str, Any]:
    rate_hz = int(request["rate_hz"])
    pcm_path, peaks_path = request["target_part"], request["peaks_part"]

    def report(done_seconds: float, stated_seconds: float) -> None:
        sandbox.allow_more_cpu(done_seconds)
        fraction = done_seconds / stated_seconds if stated_seconds else 0.0
        _send({"progress": min(0.99, fraction)})

    with _new(pcm_path) as pcm, _new(peaks_path) as peaks:
        writer = decoding.PcmWriter(pcm, peaks, rate_hz // int(request["pairs_per_second"]))
        decoder = decoding.Decoder(container, writer, rate_hz, request["longest_seconds"])
        warnings = decoder.run(report)
        for handle in (pcm, peaks):
            handle.flush()
            os.fsync(handle.fileno())
    totals = writer.totals
    return {
        "sample_count": totals.sample_count,
        "duration_seconds": totals.sample_count / rate_hz,
        "peak": min(1.0, totals.peak / 32768),
        "warnings": warnings,
    }


def _thumbnail(container: InputContainer, request: dict[str, Any]) -> dict[str, Any]:
    data = picture.render_thumbnail(container, request["at_seconds"], request["max_width"])
    with _new(request["target_part"]) as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    return {"size_bytes": len(data)}


def _new(hex_path: str) -> Any:
    return Path(os.fsdecode(bytes.fromhex(hex_path))).open("xb", buffering=1 << 20)


def _send(message: dict[str, Any]) -> int:
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
