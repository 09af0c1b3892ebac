"""What can stop an upgrade, or keep a process from starting on a schema.

SchemaUnsuitableError       (conflict)     the schema is not the one this release works with
SchemaBusyError             (unavailable)  somebody else is upgrading, or holds a table for long
DatabaseUnreachableError    (unavailable)  no answer from PostgreSQL
RevisionFailedError         (conflict)     a step did not go through; its revision was undone
"""

from __future__ import annotations

from opentranscribe.kit.errors import ConflictError, UnavailableError


class SchemaUnsuitableError(ConflictError):
    code = "schema_unsuitable"


class RevisionFailedError(ConflictError):
    code = "revision_failed"


class SchemaBusyError(UnavailableError):
    code = "schema_busy"


class DatabaseUnreachableError(UnavailableError):
    code = "database_unreachable"
