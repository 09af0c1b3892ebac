"""Makes a schema from its lines, the way no chain would: table by table, then keys, then the rest."""

from __future__ import annotations

import re

from tests.upgrade.database import Connection

from opentranscribe.schema.migrations.fingerprint import Catalogue
from opentranscribe.schema.migrations.shapes import name_of, table_of

_SERIAL = re.compile(r" default nextval\('([^']+)'::regclass\)")


def build(connection: Connection, catalogue: Catalogue) -> None:
    """``catalogue`` holds columns, constraints and indexes."""
    tables: dict[str, list[str]] = {}
    owned: list[str] = []
    for key, value in catalogue.items():
        if key.startswith("column "):
            table, name = table_of(key), name_of(key)
            serial = _SERIAL.search(value)
            if serial:
                connection.execute(f"CREATE SEQUENCE {serial[1]}".encode())
                owned.append(f'ALTER SEQUENCE {serial[1]} OWNED BY "{table}"."{name}"')
            tables.setdefault(table, []).append(
                f'"{name}" {value.replace(" default ", " DEFAULT ")}'
            )
    for table, columns in tables.items():
        connection.execute(f'CREATE TABLE "{table}" ({", ".join(columns)})'.encode())
    for statement in owned:
        connection.execute(statement.encode())
    for key, value in sorted(catalogue.items(), key=lambda line: line[1].startswith("FOREIGN")):
        if key.startswith("constraint "):
            connection.execute(
                f'ALTER TABLE "{table_of(key)}" ADD CONSTRAINT "{name_of(key)}" {value}'.encode()
            )
    for key, value in catalogue.items():
        if key.startswith("index "):
            unique = "UNIQUE" if value.startswith("unique ") else ""
            how = value.removeprefix("unique ")
            connection.execute(
                f'CREATE {unique} INDEX "{name_of(key)}" ON "{table_of(key)}" USING {how}'.encode()
            )
