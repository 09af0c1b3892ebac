"""Times as subtitle formats and people write them."""

from __future__ import annotations

from opentranscribe.kit.timecode import clock_text, srt_time, vtt_time


def test_subtitle_times_round_to_the_millisecond_and_carry() -> None:
    assert srt_time(3661.2345) == "01:01:01,234"
    assert vtt_time(59.9996) == "00:01:00.000"
    assert srt_time(-1.0) == "00:00:00,000"


def test_hours_beyond_a_hundred_are_written_out() -> None:
    assert vtt_time(360_000) == "100:00:00.000"


def test_people_read_whole_seconds_that_have_begun() -> None:
    assert clock_text(59.999) == "0:59"
    assert clock_text(3600) == "1:00:00"
