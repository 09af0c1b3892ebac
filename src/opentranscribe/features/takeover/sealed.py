"""Trying the earlier system's key on what it encrypted, before anything is changed."""

from __future__ import annotations

from opentranscribe.features.takeover.queries import contents as queries
from opentranscribe.features.takeover.rules.sealed import SEALED, SealedColumn, SealedResult
from opentranscribe.kit.legacy_secrets import SecretFormError, WrongKeyError, decrypt_secret
from opentranscribe.work.databases import Connection

#: Of each column so many are tried, a quarter of a second each; of one where any fails, more.
SAMPLE = 4
MORE = 100


def try_key(connection: Connection, key: str | None) -> list[SealedResult]:
    """One result for each column that holds secrets; without a key none of them opens."""
    found = []
    for column in SEALED:
        stored = queries.list_secrets(connection, column)
        if stored:
            found.append(_try_column(column, stored, key))
    return found


def _try_column(column: SealedColumn, stored: list[str], key: str | None) -> SealedResult:
    wrong = strange = tried = 0
    if key is None:
        wrong = tried = len(stored)
    for value in stored[: MORE if key else 0]:
        if tried >= SAMPLE and not (wrong or strange):
            break
        tried += 1
        try:
            decrypt_secret(value, key or "")
        except WrongKeyError:
            wrong += 1
        except SecretFormError:
            strange += 1
    return SealedResult(
        column.table, column.column, column.feature, len(stored), tried, wrong, strange
    )
