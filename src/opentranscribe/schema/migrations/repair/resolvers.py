"""What becomes of rows that a wanted constraint would refuse; one declared answer for each.

NULL where a value must be: the column's default, or `FILLS`; rows that mean nothing without it are
moved to ``kept``. Twins: see `unique_answer`. Values a check refuses: `CHECKED`, the rest is moved.
Links to nothing: emptied where the link may be empty, else the row is moved.
"""

# ruff: noqa: S608 - names are quoted, conditions are this package's own

from __future__ import annotations

from typing import Literal

from opentranscribe.schema.migrations.repair.definitions import Column, Link, Unique, quote
from opentranscribe.schema.migrations.repair.mender import Mender

Answer = Literal["new uuid", "new number", "longer name", "clear", "no default", "move"]

#: Rows that mean nothing without this column.
POINTLESS = frozenset(
    {
        ("user_setting", "setting_key"),
        ("system_settings", "key"),
        ("auth_config", "config_key"),
        ("refresh_token", "token_hash"),
        ("password_reset_token", "token_hash"),
        ("speaker_match", "confidence"),
    }
)
FILLS = {
    ("user", "email"): "'user-' || t.id || '@unknown.invalid'",
    ("user", "hashed_password"): "'!'",
    ("media_file", "filename"): "'file-' || t.id",
    ("media_file", "content_type"): "'application/octet-stream'",
    ("transcript_segment", "start_time"): "COALESCE(t.end_time, 0)",
    ("transcript_segment", "end_time"): "COALESCE(t.start_time, 0)",
    ("speaker", "name"): "'SPEAKER_' || t.id",
    ("refresh_token", "jti"): "gen_random_uuid()::text",
    ("tag", "name"): "'Unnamed ' || t.id",
    ("collection", "name"): "'Unnamed ' || t.id",
    ("speaker_profile", "name"): "'Unnamed ' || t.id",
    ("media_file", "upload_time"): "now()",
}
_FILL_BY_TYPE = {
    "uuid": "gen_random_uuid()",
    "boolean": "false",
    "integer": "0",
    "bigint": "0",
    "double precision": "0",
    "jsonb": "'{}'",
    "text": "''",
    "timestamp with time zone": "now()",
}

#: Names that people gave: a twin gets its number in brackets rather than be hidden.
_NAMED = frozenset(
    {
        *("tag", "speaker", "speaker_profile", "speaker_collection", "collection", "user_group"),
        *("user_llm_settings", "user_asr_settings", "user_diarization_settings"),
    }
)
#: Ties to another system: the first keeps them, later ones sign in afresh.
_TIES = frozenset({"ldap_uid", "keycloak_id", "pki_subject_dn", "pki_serial_number"})

_ONE_OF = (
    "CASE WHEN lower(trim(t.{column})) IN ({values}) THEN lower(trim(t.{column})) ELSE {other} END"
)


def _one_of(column: str, other: str, *values: str) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return _ONE_OF.format(column=column, values=listed, other=other)


_SPELT = "CASE WHEN lower(t.role) ~ '^super.?admin' THEN 'super_admin' ELSE 'user' END"
_BY_TARGET = "CASE WHEN t.target_user_id IS NULL THEN 'group' ELSE 'user' END"
_OWNER = "CASE WHEN lower(trim(t.permission)) = 'owner' THEN 'editor' ELSE 'viewer' END"
#: (table, column) → the value it gets where a check refuses it.
CHECKED = {
    ("user", "role"): _one_of("role", _SPELT, "user", "admin", "super_admin"),
    ("user", "auth_type"): _one_of("auth_type", "'local'", "local", "ldap", "keycloak", "pki"),
    ("user_group_member", "role"): _one_of("role", "'member'", "owner", "admin", "member"),
    ("collection_share", "permission"): _one_of("permission", _OWNER, "viewer", "editor"),
    ("collection_share", "target_type"): _BY_TARGET,
    ("collection_share", "target_group_id"): (
        "CASE WHEN t.target_user_id IS NOT NULL AND t.target_type <> 'group'"
        " THEN NULL ELSE t.target_group_id END"
    ),
    ("collection_share", "target_user_id"): (
        "CASE WHEN t.target_group_id IS NOT NULL AND t.target_type = 'group'"
        " THEN NULL ELSE t.target_user_id END"
    ),
}


def fill_nulls(mender: Mender, column: Column, *, is_link: bool) -> None:
    """After it no row has NULL in ``column``."""
    where = f"t.{quote(column.name)} IS NULL"
    place = (column.table, column.name)
    fill = FILLS.get(place) or column.default
    if fill is None and not is_link and place not in POINTLESS:
        fill = _FILL_BY_TYPE.get(column.type)
        if column.type.startswith("character varying"):
            fill = "''"
    if fill is None:
        mender.move(column.table, where, f"{column.name} was empty")
    else:
        reason = "was empty, and takes a value always"
        mender.change(column.table, column.name, fill, where, reason, keep=False)


def unique_answer(unique: Unique, columns: dict[str, Column]) -> tuple[Answer, str]:
    """What happens to the second of two rows that share ``unique``, and to which column."""
    last = unique.expressions[-1].strip('"')
    column = columns.get(last)
    if unique.table == "summary_prompt" and last == "content_type":
        return "no default", "is_system_default"
    first_tie = next((e for e in unique.expressions if e in _TIES), None)
    if first_tie:
        return "clear", first_tie
    if len(unique.expressions) == 1 and column:
        if column.type == "uuid":
            return "new uuid", last
        if column.sequence:
            return "new number", last
    if (unique.table in _NAMED and last == "name") or (unique.table, last) == ("user", "email"):
        return "longer name", last
    return "move", last


def part_twins(mender: Mender, unique: Unique, columns: dict[str, Column]) -> None:
    """After it no two rows share ``unique``; the oldest keeps what it has."""
    where = _second_of_twins(unique, columns)
    answer, name = unique_answer(unique, columns)
    column, reason = f"t.{quote(name)}", "two rows had the same " + ", ".join(unique.expressions)
    if answer == "new number":
        mender.move(unique.table, _exact_copies(unique.table, where), reason + ", and all else")
        numbered = columns[name]
        assert numbered.sequence is not None
        for statement in numbered.number_rows():
            mender.execute(statement)
        fresh = f"nextval('public.{quote(numbered.sequence)}'::regclass)"
        mender.change(unique.table, name, fresh, where, reason)
    elif answer == "new uuid":
        mender.change(unique.table, name, "gen_random_uuid()", where, reason)
    elif answer == "clear":
        mender.change(unique.table, name, "NULL", where, reason)
    elif answer == "no default":
        mender.change(unique.table, name, "false", where, reason)
    elif answer == "longer name":
        longer = f"left({column}, 200) || ' (' || t.id || ')'"
        if name == "email":
            longer = f"'twin-' || t.id || '.' || left({column}, 200)"
        mender.change(unique.table, name, longer, where, reason)
    mender.move(unique.table, where, reason)


def _second_of_twins(unique: Unique, columns: dict[str, Column]) -> str:
    shared = ", ".join(unique.expressions)
    present = " AND ".join(f"({expression}) IS NOT NULL" for expression in unique.expressions)
    order = "id, ctid" if "id" in columns else "ctid"
    return f"""t.ctid IN (SELECT place FROM (
    SELECT ctid AS place, row_number() OVER (PARTITION BY {shared} ORDER BY {order}) AS nth
    FROM public.{quote(unique.table)} WHERE ({unique.where}) AND {present}) AS twin WHERE nth > 1)"""


def _exact_copies(table: str, where: str) -> str:
    return f"""{where} AND EXISTS (SELECT FROM public.{quote(table)} AS other
    WHERE other.ctid < t.ctid AND to_jsonb(other) = to_jsonb(t))"""


def heed_check(mender: Mender, table: str, condition: str) -> None:
    """After it every row of ``table`` meets ``condition``."""
    refused = f"t.ctid IN (SELECT ctid FROM public.{quote(table)} WHERE NOT ({condition}))"
    if not mender.any_row(table, refused):
        return
    if table == "speaker_match":
        _swap_pairs(mender)
    for (owner, column), value in CHECKED.items():
        if owner == table and column in condition:
            where = f"{refused} AND t.{quote(column)} IS DISTINCT FROM ({value})"
            mender.change(table, column, value, where, "had a value that is not allowed")
    mender.move(table, refused, "the row contradicts itself")


def _swap_pairs(mender: Mender) -> None:
    where = "t.speaker1_id > t.speaker2_id"
    reason = "a pair is written with the lower number first"
    rows = mender.keep_values("speaker_match", "speaker1_id", where, reason)
    mender.execute(
        "UPDATE public.speaker_match AS t SET speaker1_id = speaker2_id, speaker2_id = speaker1_id"
        f" WHERE {where}"
    )
    for column in ("speaker1_id", "speaker2_id"):
        mender.count("speaker_match", column, reason, rows)


def tie_links(mender: Mender, link: Link, *, required: bool) -> None:
    """After it every ``link`` leads to a row."""
    column = f"t.{quote(link.column)}"
    where = (
        f"{column} IS NOT NULL AND NOT EXISTS (SELECT FROM public.{quote(link.target)} AS r"
        f" WHERE r.{quote(link.key)} = {column})"
    )
    reason = f"{link.column} led to a row of {link.target} that is not there"
    if required or link.action == "CASCADE":
        mender.move(link.table, where, reason)
    else:
        mender.change(link.table, link.column, "NULL", where, reason)
