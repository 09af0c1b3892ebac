"""One frame of a video as a WebP picture, the right way up."""

from __future__ import annotations

from fractions import Fraction

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from opentranscribe.adapters.media_tools.source import Unusable, video_stream

MOST_PIXELS = 100_000_000
QUALITY = 75


def render_thumbnail(container: InputContainer, at_seconds: float, max_width: int) -> bytes:
    """Raises Unusable when there is no picture to be had."""
    stream = video_stream(container)
    if stream is None:
        raise Unusable("no_picture", "This file has no picture.")
    if stream.width * stream.height > MOST_PIXELS:
        raise Unusable("media_damaged", "The picture of this file is too large to be real.")
    stream.codec_context.thread_count = 1
    frame = _frame_at(container, stream, at_seconds)
    scale = min(1.0, max_width / frame.width)
    width, height = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
    picture = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    turned = np.rot90(picture, k=round(frame.rotation / 90) % 4)
    upright = np.ascontiguousarray(turned, dtype=np.uint8)
    return _encode(VideoFrame.from_ndarray(upright, format="rgb24"))


def _frame_at(container: InputContainer, stream: VideoStream, at_seconds: float) -> VideoFrame:
    for target in (at_seconds, 0.0):
        try:
            container.seek(int(target * av.time_base))
            for frame in container.decode(stream):
                return frame
        except (av.error.FFmpegError, ValueError):
            continue
    raise Unusable("media_damaged", "No picture could be decoded.")


def _encode(frame: VideoFrame) -> bytes:
    encoder = av.CodecContext.create("libwebp", "w")
    encoder.width, encoder.height = frame.width, frame.height
    encoder.pix_fmt = "yuv420p"
    encoder.options = {"quality": str(QUALITY)}
    encoder.time_base = Fraction(1, 25)
    packets = [*encoder.encode(frame.reformat(format="yuv420p")), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)
