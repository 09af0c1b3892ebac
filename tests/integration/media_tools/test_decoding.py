"""Every kind of sound becomes 16 kHz mono, whole, in time and in constant memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.factories.media import (
    children_of,
    encode_sound,
    encode_video,
    peak_bytes,
    sparse_wav,
    tone,
    write_wav,
)

from opentranscribe.adapters.media_tools.pyav import PyavMediaTools
from opentranscribe.ports.media_tools import EmptyMediaError
from opentranscribe.ports.progress import Cancelled

Decode = Callable[[Path], tuple[Any, Any]]


def pitch(samples: Any) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.fft.rfftfreq(len(samples), 1 / 16000)[spectrum.argmax()])


class TestFormats:
    @pytest.mark.parametrize(
        ("name", "rate_hz", "codec", "layout", "sample_format"),
        [
            ("a.wav", 96000, "pcm_f32le", "mono", "flt"),
            ("a.wav", 8000, "pcm_mulaw", "mono", "s16"),
            ("a.wav", 48000, "pcm_s24le", "stereo", "s32"),
            ("a.wav", 11025, "pcm_u8", "mono", "u8"),
            ("a.flac", 48000, "flac", "5.1", "s16"),
            ("a.m4a", 44100, "aac", "5.1", "fltp"),
            ("a.mp3", 44100, "libmp3lame", "stereo", "fltp"),
            ("a.ogg", 48000, "libopus", "stereo", "flt"),
            ("a.wma", 44100, "wmav2", "stereo", "fltp"),
            ("a.aiff", 22050, "pcm_s16be", "mono", "s16"),
            ("a.ts", 44100, "mp2", "stereo", "s16"),
            ("a.mkv", 48000, "ac3", "5.1", "fltp"),
            ("a.mov", 44100, "pcm_s16be", "mono", "s16"),
            ("a.avi", 44100, "libmp3lame", "mono", "fltp"),
            ("a.au", 8000, "pcm_alaw", "mono", "s16"),
        ],
    )
    def test_keeps_length_and_pitch(
        self,
        tmp_path: Path,
        decode: Decode,
        tools: PyavMediaTools,
        name: str,
        rate_hz: int,
        codec: str,
        layout: str,
        sample_format: str,
    ) -> None:
        channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
        source = encode_sound(
            tmp_path / name, tone(2.0, rate_hz, channels), rate_hz, codec, layout, sample_format
        )
        source = source.rename(tmp_path / "no-extension")
        info = tools.probe(source)
        assert (info.audio_channels, info.audio_sample_rate_hz) == (channels, rate_hz)
        assert not info.has_video
        decoded, samples = decode(source)
        assert decoded.duration_seconds == pytest.approx(2.0, abs=0.08)
        assert decoded.warnings == ()
        assert pitch(samples) == pytest.approx(440, abs=2)
        assert 0.2 < decoded.peak <= 1.0

    def test_ten_milliseconds_are_enough(self, tmp_path: Path, decode: Decode) -> None:
        decoded, _ = decode(write_wav(tmp_path / "a.wav", tone(0.01, 16000)))
        assert decoded.sample_count == 160

    def test_speech_in_the_centre_of_surround_sound_is_kept(
        self, tmp_path: Path, decode: Decode
    ) -> None:
        samples = np.zeros((6, 48000), dtype=np.float32)
        samples[2] = tone(1.0, 48000)[0]
        source = encode_sound(tmp_path / "a.flac", samples, 48000, "flac", "5.1", "s16")
        assert decode(source)[0].peak > 0.1


class TestTime:
    def test_sound_that_begins_later_stays_where_the_picture_has_it(
        self, tmp_path: Path, decode: Decode
    ) -> None:
        decoded, samples = decode(encode_video(tmp_path / "a.mkv", 4.0, sound_at=1.5))
        assert decoded.duration_seconds == pytest.approx(4.0, abs=0.1)
        first = int(np.flatnonzero(np.abs(samples) > 0.1)[0]) / 16000
        assert first == pytest.approx(1.5, abs=0.1)


class TestPeaks:
    def test_are_the_extremes_of_each_fiftieth_of_a_second(
        self, tmp_path: Path, decode: Decode
    ) -> None:
        sound = np.zeros(16000)
        sound[320 * 7 + 5], sound[320 * 7 + 9] = 0.5, -0.25
        decode(write_wav(tmp_path / "a.wav", sound))
        pairs = np.fromfile(tmp_path / "out.i16", dtype="<i2").reshape(-1, 2)
        assert len(pairs) == 50
        assert tuple(pairs[7] / 32768) == pytest.approx((-0.25, 0.5), abs=0.001)
        assert not pairs[:7].any()
        assert not pairs[8:].any()


class TestWarnings:
    def test_a_recording_that_was_cut_off_says_so(self, tmp_path: Path, decode: Decode) -> None:
        source = encode_sound(
            tmp_path / "a.mp3", tone(20.0, 16000), 16000, "libmp3lame", "mono", "fltp"
        )
        source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
        decoded, _ = decode(source)
        assert decoded.duration_seconds == pytest.approx(10, abs=0.5)
        (warning,) = decoded.warnings
        assert "0:20" in warning
        assert "cut off" in warning

    def test_silence_says_so(self, tmp_path: Path, decode: Decode) -> None:
        decoded, _ = decode(write_wav(tmp_path / "a.wav", np.zeros(16000)))
        assert decoded.peak == 0
        assert "silent" in decoded.warnings[0]

    def test_no_sound_at_all_is_an_error(self, tmp_path: Path, decode: Decode) -> None:
        with pytest.raises(EmptyMediaError, match="0 seconds"):
            decode(write_wav(tmp_path / "a.wav", np.zeros(0)))


class TestLength:
    def test_memory_does_not_grow_with_it(self, tmp_path: Path, tools: PyavMediaTools) -> None:
        """Twelve hours of samples are 1.4 GB; a process that held them could not hide it."""
        highest = 0

        def watch(fraction: float) -> None:
            nonlocal highest
            highest = max([highest, *map(peak_bytes, children_of(os.getpid()))])

        target = tmp_path / "t"
        decoded = tools.decode(sparse_wav(tmp_path / "a.wav", 12), target, tmp_path / "p", watch)
        assert decoded.duration_seconds == pytest.approx(12 * 3600, abs=0.01)
        last = np.fromfile(target, dtype="<i2", offset=target.stat().st_size - 1000)
        assert np.abs(last).max() > 16000
        assert 0 < highest < 150_000_000


class TestProgress:
    def test_rises_to_one(self, tmp_path: Path, tools: PyavMediaTools) -> None:
        seen: list[float] = []
        source = sparse_wav(tmp_path / "a.wav", 8)
        tools.decode(source, tmp_path / "t", tmp_path / "p", seen.append)
        assert len(seen) > 2
        assert seen == sorted(seen)
        assert seen[-1] == 1.0
        assert any(0.05 < one < 0.95 for one in seen)

    def test_cancelling_stops_the_child_and_leaves_nothing(
        self, tmp_path: Path, tools: PyavMediaTools
    ) -> None:
        source = sparse_wav(tmp_path / "a.wav", 12)
        out = tmp_path / "out"
        out.mkdir()

        def progress(fraction: float) -> None:
            if fraction > 0:
                raise Cancelled

        started = time.monotonic()
        with pytest.raises(Cancelled):
            tools.decode(source, out / "t", out / "p", progress)
        assert time.monotonic() - started < 5
        assert list(out.iterdir()) == []


class TestThumbnail:
    def test_is_the_picture(self, tmp_path: Path, tools: PyavMediaTools) -> None:
        image = pytest.importorskip("PIL.Image")
        source = encode_video(tmp_path / "a.mp4", 3.0)
        for at_seconds in (1.0, 1000.0):
            tools.thumbnail(source, tmp_path / "t.webp", at_seconds)
            picture = image.open(tmp_path / "t.webp").convert("RGB")
            assert (picture.format, picture.size) == (None, (160, 90))
            red, blue = picture.getpixel((40, 45)), picture.getpixel((120, 45))
            assert red[0] > 200 > 60 > red[2]
            assert blue[2] > 200 > 60 > blue[0]

    def test_is_made_smaller(self, tmp_path: Path, tools: PyavMediaTools) -> None:
        image = pytest.importorskip("PIL.Image")
        source = encode_video(tmp_path / "a.mp4", 1.0)
        tools.thumbnail(source, tmp_path / "t.webp", 0.0, max_width=64)
        assert image.open(tmp_path / "t.webp").size == (64, 36)


class TestRecordings:
    """Real files, where they are."""

    def test_all_decode_to_their_length(self, test_data: Path, decode: Decode) -> None:
        rows = (test_data / "manifest.tsv").read_text().splitlines()
        assert len(rows) > 10
        for path in sorted((test_data / "audio").iterdir()):
            if path.suffix not in {".txt", ".rttm", ".tsv"}:
                decoded, _ = decode(path)
                assert decoded.duration_seconds > 1
                assert decoded.warnings == (), path.name
