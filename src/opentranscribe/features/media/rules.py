"""Decisions about names, types and headers, without touching anything."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote

LONGEST_NAME = 255
NAMELESS = "recording"
OCTETS = "application/octet-stream"
#: What a browser may be told that a file is. Nothing here can carry a script.
TYPES = {
    "3g2": "video/3gpp2",
    "3gp": "video/3gpp",
    "aac": "audio/aac",
    "ac3": "audio/ac3",
    "aif": "audio/aiff",
    "aifc": "audio/aiff",
    "aiff": "audio/aiff",
    "amr": "audio/amr",
    "asf": "video/x-ms-asf",
    "au": "audio/basic",
    "avi": "video/x-msvideo",
    "caf": "audio/x-caf",
    "flac": "audio/flac",
    "flv": "video/x-flv",
    "m2ts": "video/mp2t",
    "m4a": "audio/mp4",
    "m4b": "audio/mp4",
    "m4v": "video/mp4",
    "mka": "audio/x-matroska",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "mp2": "audio/mpeg",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpeg",
    "mts": "video/mp2t",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "ts": "video/mp2t",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    "wma": "audio/x-ms-wma",
    "wmv": "video/x-ms-wmv",
}
SAFE_TYPE = re.compile(r"(audio|video)/[a-z0-9][a-z0-9.+-]{0,80}", re.ASCII)
METADATA_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
OPTION_KEYS = (
    "model",
    "language",
    "task",
    "min_speakers",
    "max_speakers",
    "num_speakers",
    "disable_diarization",
)
LONGEST_OPTION = 200
#: Characters that turn text around and make ``exe.mp3`` of ``3pm.exe``.
BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
RANGE = re.compile(r"bytes=(?P<first>\d{0,19})-(?P<last>\d{0,19})", re.ASCII | re.IGNORECASE)


def clean_name(given: str) -> str:
    """A file name to show and to save under: the last part of a path, printable, ≤ 255 long."""
    text = given.encode("utf-8", "replace").decode("utf-8")
    text = unicodedata.normalize("NFC", text)
    text = re.split(r"[/\\]", text.rstrip("/\\ "))[-1]
    text = BIDI.sub("", text)
    text = "".join(char for char in text if not unicodedata.category(char).startswith("C"))
    text = " ".join(text.split()).strip(". ")
    if len(text) > LONGEST_NAME:
        stem, dot, extension = text.rpartition(".")
        keep = dot + extension if dot and len(extension) <= 10 else ""
        text = (stem if keep else text)[: LONGEST_NAME - len(keep)] + keep
    return text or NAMELESS


def title_of(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return stem if dot and stem and extension.lower() in TYPES else name


def content_type_of(name: str, claimed: str | None) -> str:
    """By the name, else the claim if it is harmless, else just bytes."""
    known = TYPES.get(name.rpartition(".")[2].lower())
    bare = (claimed or "").partition(";")[0].strip().lower()
    if known and SAFE_TYPE.fullmatch(bare) and bare.partition("/")[2] == known.partition("/")[2]:
        return bare
    if known:
        return known
    return bare if SAFE_TYPE.fullmatch(bare) else OCTETS


def served_type(stored: str) -> str:
    """What an old or foreign row says is not trusted either."""
    bare = stored.partition(";")[0].strip().lower()
    return bare if SAFE_TYPE.fullmatch(bare) else OCTETS


def parse_metadata(header: str) -> dict[str, str]:
    """``Upload-Metadata`` of tus 1.0: ``key base64, key base64``. Raises ValueError."""
    found: dict[str, str] = {}
    for pair in header.split(","):
        if not pair.strip():
            continue
        key, _, value = pair.strip().partition(" ")
        if not METADATA_KEY.fullmatch(key) or key in found:
            raise ValueError("Upload-Metadata holds a key twice or one that makes no sense.")
        try:
            raw = base64.b64decode(value.strip(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("Upload-Metadata must be in Base64.") from error
        found[key] = raw.decode("utf-8", "replace")
    return found


def format_metadata(pairs: Mapping[str, str]) -> str:
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items()
    )


def options_of(metadata: Mapping[str, str]) -> dict[str, str]:
    """The uploader's wishes among the metadata; what they mean is decided by the transcription."""
    return {
        key: printable(metadata[key])[:LONGEST_OPTION]
        for key in OPTION_KEYS
        if printable(metadata.get(key, ""))
    }


def printable(text: str) -> str:
    safe = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(char for char in safe if char.isprintable()).strip()


def parse_sha256(text: str | None) -> str | None:
    """64 hexadecimal digits in lower case; None for anything else."""
    value = (text or "").strip().lower()
    return value if re.fullmatch(r"[0-9a-f]{64}", value) else None


def parse_checksum(header: str) -> tuple[str, bytes]:
    """(algorithm, digest) of ``Upload-Checksum``. Raises ValueError."""
    algorithm, _, encoded = header.strip().partition(" ")
    sizes = {"sha256": 32, "sha1": 20}
    try:
        digest = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not Base64") from error
    if len(digest) != sizes.get(algorithm.lower(), -1):
        raise ValueError("unknown algorithm or wrong length")
    return algorithm.lower(), digest


class UnsatisfiableRange(Exception):  # noqa: N818 - an answer (416), not a fault
    """No byte of the range exists."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(first byte, length), or None for the whole; RFC 9110 §14.

    A malformed header and several ranges at once are answered with the whole, as the RFC allows.
    Raises UnsatisfiableRange.
    """
    if not header:
        return None
    match = RANGE.fullmatch(header.replace(" ", ""))
    if match is None or not (match["first"] or match["last"]):
        return None
    if not match["first"]:
        length = min(int(match["last"]), size)
        if length == 0:
            raise UnsatisfiableRange
        return size - length, length
    first = int(match["first"])
    last = min(int(match["last"]) if match["last"] else size - 1, size - 1)
    if match["last"] and int(match["last"]) < first:
        return None
    if first >= size:
        raise UnsatisfiableRange
    return first, last - first + 1


def etag_matches(header: str | None, etag: str) -> bool:
    """``If-None-Match``: any of the listed tags, weak ones too, or ``*``."""
    if not header:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or etag in tags


def disposition(kind: str, name: str) -> str:
    """RFC 6266 with an ASCII fallback for old programs."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'["\\%;\r\n]', "_", plain).strip() or NAMELESS
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
