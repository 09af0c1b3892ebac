"""Opening one hostile file with libav: known formats only, no other file, no address.

libav is given an open descriptor and the ``fd`` protocol alone, so that neither a file's name nor a
reference inside it (playlist, concat script, external track) can make it open anything else.
"""

from __future__ import annotations

import os
from typing import Any

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

FORMATS = (
    "wav,w64,rf64,mp3,flac,ogg,matroska,webm,mov,mp4,aac,aiff,avi,asf,asf_o,amr,amrnb,amrwb,"
    "mpegts,mpeg,mpegvideo,au,caf,ac3,eac3,dts,flv,wv,ape,tta,voc,dv,loas,rm,mxf,gsm"
)
PLAYLIST_STARTS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD", b"[playlist]", b"v=0", b"#EXT")
LONGEST_TAG = 500
MOST_TAGS = 64
#: Left alone, libav cuts WAV into packets of 1 kB, and the time goes into handling packets.
WAV_PACKET_BYTES = "65536"


class Unusable(Exception):  # noqa: N818 - an answer about the file, not a fault of ours
    """``code`` is one of ports.media_tools' codes; the message is for the uploader."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def open_media(descriptor: int) -> InputContainer:
    """Raises Unusable for what is not media or too damaged to open."""
    _refuse_by_content(descriptor)
    options = {
        "fd": str(descriptor),
        "protocol_whitelist": "fd",
        "format_whitelist": FORMATS,
        "max_streams": "64",
        "max_size": WAV_PACKET_BYTES,
    }
    try:
        return av.open("fd:", options=options, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise _not_openable(descriptor) from error


def audio_stream(container: InputContainer) -> AudioStream:
    for stream in container.streams.audio:
        if stream.codec_context is not None:
            return stream
    if container.streams.audio:
        raise Unusable(
            "media_damaged", "The sound in this file is in a format that cannot be decoded."
        )
    raise Unusable(
        "no_audio_track",
        "This file has no sound track, so there is nothing to transcribe. The file is kept; if "
        "the sound is in another file, upload that one.",
    )


def video_stream(container: InputContainer) -> VideoStream | None:
    """The moving picture; the cover of an album is none."""
    for stream in container.streams.video:
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def describe(container: InputContainer) -> dict[str, Any]:
    """The fields of ports.media_tools.MediaInfo; the time of creation as the text found."""
    audio = audio_stream(container)
    video = video_stream(container)
    tags = _tags(container.metadata)
    rate = video.average_rate if video else None
    return {
        "container": container.format.name,
        "duration_seconds": stated_seconds(container, audio),
        "audio_codec": audio.codec_context.name,
        "audio_channels": audio.channels or None,
        "audio_sample_rate_hz": audio.sample_rate or None,
        "has_video": video is not None,
        "video_codec": video.codec_context.name if video else None,
        "width": video.width if video else None,
        "height": video.height if video else None,
        "frame_rate": float(rate) if rate else None,
        "created_at": tags.get("creation_time") or tags.get("date"),
        "tags": tags,
    }


def stated_seconds(container: InputContainer, stream: AudioStream) -> float | None:
    """What the headers promise, which may be a lie or nothing."""
    if container.duration and container.duration > 0:
        return container.duration / av.time_base
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return None


def _refuse_by_content(descriptor: int) -> None:
    head = os.pread(descriptor, 512, 0)
    if not head:
        raise Unusable(
            "media_empty", "This file is empty (0 bytes). Check the original and upload it again."
        )
    if head.lstrip(b"\xef\xbb\xbf\x00 \t\r\n").startswith(PLAYLIST_STARTS):
        raise Unusable(
            "not_media",
            "This is a playlist or a text that points to recordings, not a recording. Upload the "
            "recording itself.",
        )


def _not_openable(descriptor: int) -> Unusable:
    head = os.pread(descriptor, 16, 0)
    if head[:4] in {b"RIFF", b"fLaC", b"OggS", b"FORM"} or head[4:8] == b"ftyp":
        return Unusable(
            "media_damaged",
            "This file is damaged: it begins like a recording, but an essential part of it is "
            "missing. It may have been cut off while it was copied; try the original.",
        )
    return Unusable(
        "not_media",
        "This is not a sound or video file that can be read. Check that it plays on your "
        "computer, or convert it to MP3, WAV or MP4.",
    )


def _tags(metadata: dict[str, str]) -> dict[str, str]:
    clean: dict[str, str] = {}
    for name, value in list(metadata.items())[:MOST_TAGS]:
        clean[_printable(name)[:64].lower()] = _printable(value)[:LONGEST_TAG]
    return clean


def _printable(text: str) -> str:
    safe = text.encode("utf-8", "replace").decode("utf-8", "replace")
    return "".join(character for character in safe if character.isprintable()).strip()
