"""What counts as the same schema."""

from __future__ import annotations

from opentranscribe.schema.migrations.fingerprint import digest, fingerprint

TAG = {
    "column tag.name": "character varying(50) not null",
    "constraint tag.tag_name_key": "UNIQUE (name)",
    "index tag.idx_tag_name": "btree (name)",
}


class TestFingerprint:
    def test_ignores_names_of_constraints_and_indexes(self) -> None:
        renamed = {
            "column tag.name": "character varying(50) not null",
            "constraint tag.uq_tag": "UNIQUE (name)",
            "index tag.ix_tag": "btree (name)",
        }
        assert fingerprint(renamed) == fingerprint(TAG)
        assert digest(renamed) != digest(TAG)

    def test_ignores_the_order_of_lines(self) -> None:
        assert fingerprint(dict(reversed(TAG.items()))) == fingerprint(TAG)

    def test_sees_a_changed_type(self) -> None:
        assert fingerprint(TAG | {"column tag.name": "text not null"}) != fingerprint(TAG)

    def test_sees_a_missing_index(self) -> None:
        short = {key: value for key, value in TAG.items() if not key.startswith("index")}
        assert fingerprint(short) != fingerprint(TAG)

    def test_counts_two_equal_indexes_as_two(self) -> None:
        assert fingerprint(TAG | {"index tag.again": "btree (name)"}) != fingerprint(TAG)
