"""What can go wrong with settings and terms."""

from __future__ import annotations

from opentranscribe.kit.errors import ConflictError, NotFoundError


class TermNotFoundError(NotFoundError):
    code = "term_not_found"


class TermExistsError(ConflictError):
    code = "term_exists"
