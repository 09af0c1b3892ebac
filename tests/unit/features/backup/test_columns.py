"""Turning rows by column loses nothing, whatever is in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentranscribe.features.backup.columns import decode, encode
from opentranscribe.features.backup.errors import BackupDamagedError

plain = st.binary(max_size=20).map(lambda raw: raw.replace(b"\t", b" ").replace(b"\n", b" "))
uuid = st.uuids().map(lambda one: str(one).encode())
almost = st.uuids().map(lambda one: str(one).upper().encode()) | st.just(b"-" * 36) | uuid
column = st.sampled_from([plain, uuid, almost])


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, bytes]:
    kinds = draw(st.lists(column, min_size=1, max_size=5))
    rows = draw(st.lists(st.tuples(*kinds), min_size=1, max_size=12))
    return len(kinds), b"".join(b"\t".join(row) + b"\n" for row in rows)


class TestColumns:
    @given(tables())
    def test_gives_back_the_very_bytes(self, table: tuple[int, bytes]) -> None:
        count, text = table
        assert decode(encode(text, count)[0]) == text

    def test_keeps_uuids_in_sixteen_bytes(self) -> None:
        text = b"".join(b"0123abcd-0123-4567-89ab-%012x\n" % (i * 7919**3) for i in range(1000))
        assert len(encode(text, 1)[0]) < 12_000

    def test_refuses_rows_of_another_width(self) -> None:
        with pytest.raises(ValueError, match="columns"):
            encode(b"a\tb\nc\n", 2)

    @given(tables(), st.data())
    def test_never_fails_in_an_unknown_way_on_damaged_bytes(
        self, table: tuple[int, bytes], data: st.DataObject
    ) -> None:
        count, text = table
        blob = bytearray(encode(text, count)[0])
        place = data.draw(st.integers(0, len(blob) - 1))
        blob[place] ^= data.draw(st.integers(1, 255))
        try:
            decode(bytes(blob))
        except BackupDamagedError:
            return
