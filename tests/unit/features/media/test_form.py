from __future__ import annotations

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentranscribe.features.media.errors import NoFileFieldError
from opentranscribe.features.media.form import FileField


def encode(data: bytes, name: str = "talk.wav") -> tuple[str, bytes]:
    fields = {"note": "before", "other": "x"}
    request = httpx.Request("POST", "http://x", files={"file": (name, data)}, data=fields)
    return request.headers["content-type"], request.read()


class TestFileField:
    @given(st.binary(max_size=400), st.integers(1, 50))
    @settings(max_examples=60, deadline=None)
    def test_gives_the_bytes_back_however_they_are_cut(self, data: bytes, size: int) -> None:
        kind, body = encode(data)
        field = FileField(kind)
        out = b"".join(bytes(field.feed(body[at : at + size])) for at in range(0, len(body), size))
        field.finish()
        assert out == data
        assert field.filename == "talk.wav"

    def test_a_form_that_ends_early_is_refused(self) -> None:
        kind, body = encode(b"x" * 1000)
        field = FileField(kind)
        field.feed(body[:500])
        with pytest.raises(NoFileFieldError):
            field.finish()

    @pytest.mark.parametrize(
        "kind", ["", "text/plain", "multipart/form-data", "multipart/mixed; boundary=b"]
    )
    def test_what_is_no_form_is_refused(self, kind: str) -> None:
        with pytest.raises(NoFileFieldError):
            FileField(kind)

    def test_garbage_is_refused(self) -> None:
        with pytest.raises(NoFileFieldError):
            FileField("multipart/form-data; boundary=b").feed(b"garbage" * 100)
