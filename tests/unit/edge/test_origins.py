"""Which pages are ours."""

from __future__ import annotations

import pytest

from opentranscribe.edge.origins import is_own_origin


class TestIsOwnOrigin:
    @pytest.mark.parametrize(
        ("origin", "host"),
        [
            ("http://localhost:5173", "localhost:5173"),
            ("https://notes.example", "notes.example"),
            ("https://Notes.Example", "notes.example"),
            ("https://listed.example/", "whatever:1"),
            ("http://[::1]:5173", "[::1]:5173"),
        ],
    )
    def test_knows_its_own(self, origin: str, host: str) -> None:
        assert is_own_origin(origin, host, ("https://listed.example",))

    @pytest.mark.parametrize(
        "origin",
        [
            "",
            "null",
            "http://",
            "file://",
            "https://evil.example",
            "http://localhost:5174",
            "http://localhost:5173.evil.example",
            "http://localhost:5173@evil.example",
            "javascript://localhost:5173",
            "https://listed.example.evil.example",
        ],
    )
    def test_knows_no_other(self, origin: str) -> None:
        assert not is_own_origin(origin, "localhost:5173", ("https://listed.example",))

    def test_no_host_is_nobody(self) -> None:
        assert not is_own_origin("http://", "", ())
