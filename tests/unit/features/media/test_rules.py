from __future__ import annotations

import base64
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentranscribe.features.media import rules


class TestCleanName:
    @given(st.text(max_size=600))
    def test_is_always_one_harmless_part_of_a_path(self, given_name: str) -> None:
        name = rules.clean_name(given_name)
        assert 1 <= len(name) <= 255
        assert not set(name) & set("/\\\0\r\n")
        assert not any(unicodedata.category(char).startswith("C") for char in name)
        assert name.strip(". ")
        name.encode("utf-8")
        assert rules.clean_name(name) == name

    @pytest.mark.parametrize(
        ("given_name", "kept"),
        [
            ("talk.mp3", "talk.mp3"),
            ("Größe 会議.m4a", "Größe 会議.m4a"),
            ("a/b/c.wav", "c.wav"),
            ("C:\\x\\c.wav", "c.wav"),
            ("folder/", "folder"),
            ("  two   spaces .wav", "two spaces .wav"),
            ("e\u0301.wav", "é.wav"),
            ("\ud800.wav", "?.wav"),
            ("...", "recording"),
            ("y" * 300 + ".webm", "y" * 250 + ".webm"),
        ],
    )
    def test_keeps_what_people_read(self, given_name: str, kept: str) -> None:
        assert rules.clean_name(given_name) == kept


class TestTitle:
    def test_is_the_name_without_a_known_ending(self) -> None:
        assert rules.title_of("Board meeting 3.5.mp3") == "Board meeting 3.5"
        assert rules.title_of("Version 3.5") == "Version 3.5"
        assert rules.title_of(".mp3") == ".mp3"


class TestContentType:
    @pytest.mark.parametrize(
        ("name", "claimed", "expected"),
        [
            ("a.mp3", None, "audio/mpeg"),
            ("a.mp3", "text/html", "audio/mpeg"),
            ("a.webm", "audio/webm; codecs=opus", "audio/webm"),
            ("a.html", "text/html", "application/octet-stream"),
            ("a.svg", "image/svg+xml", "application/octet-stream"),
            ("a", "audio/x-new", "audio/x-new"),
            ("a", "audio/x\r\nSet-Cookie: a", "application/octet-stream"),
        ],
    )
    def test_is_never_one_that_can_carry_a_script(
        self, name: str, claimed: str | None, expected: str
    ) -> None:
        assert rules.content_type_of(name, claimed) == expected

    @given(st.text(max_size=80))
    def test_what_is_served_is_sound_video_or_bytes(self, stored: str) -> None:
        kind = rules.served_type(stored)
        assert kind == rules.OCTETS or kind.startswith(("audio/", "video/"))


class TestMetadata:
    @given(
        st.dictionaries(
            st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True), st.text(max_size=40), max_size=8
        )
    )
    def test_comes_back_as_it_went_in(self, pairs: dict[str, str]) -> None:
        pairs = {key: value.encode("utf-8", "replace").decode() for key, value in pairs.items()}
        assert rules.parse_metadata(rules.format_metadata(pairs)) == pairs

    @given(st.text(max_size=200))
    def test_nonsense_is_refused_and_nothing_worse(self, header: str) -> None:
        try:
            found = rules.parse_metadata(header)
        except ValueError:
            return
        assert all(key.isascii() for key in found)

    def test_options_are_picked_and_cut(self) -> None:
        given_pairs = {"filename": "x", "model": "base\0\n", "task": "", "language": "d" * 300}
        assert rules.options_of(given_pairs) == {"model": "base", "language": "d" * 200}


class TestChecksum:
    def test_is_an_algorithm_and_a_digest_of_its_length(self) -> None:
        digest = bytes(range(32))
        header = f"SHA256 {base64.b64encode(digest).decode()}"
        assert rules.parse_checksum(header) == ("sha256", digest)
        for bad in ("", "sha256", "crc32 AAAA", "sha1 AAAA", "sha256 ä"):
            with pytest.raises(ValueError, match=r"\w"):
                rules.parse_checksum(bad)


class TestRange:
    @given(st.integers(1, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
    def test_stays_inside(self, size: int, first: int, last: int) -> None:
        try:
            part = rules.parse_range(f"bytes={first}-{last}", size)
        except rules.UnsatisfiableRange:
            assert first >= size
            return
        if last < first:
            assert part is None
        else:
            assert part == (first, min(last, size - 1) - first + 1)

    @given(st.text(max_size=40))
    def test_nonsense_means_the_whole(self, header: str) -> None:
        assert rules.parse_range(header, 100) is None

    def test_of_an_empty_file_does_not_exist(self) -> None:
        for header in ("bytes=0-", "bytes=-1", "bytes=0-0"):
            with pytest.raises(rules.UnsatisfiableRange):
                rules.parse_range(header, 0)


class TestEtag:
    def test_matches_weakly_and_among_others(self) -> None:
        assert rules.etag_matches('"a", W/"b"', '"b"')
        assert rules.etag_matches("*", '"b"')
        assert not rules.etag_matches('"a"', '"b"')
        assert not rules.etag_matches(None, '"b"')


class TestDisposition:
    @given(st.text(max_size=100))
    def test_is_one_ascii_line(self, name: str) -> None:
        header = rules.disposition("attachment", rules.clean_name(name))
        assert header.isascii()
        assert header.isprintable()
        assert header.count('"') == 2
