"""Reading and changing choices and terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from opentranscribe.features.system_settings import queries
from opentranscribe.features.system_settings.errors import TermExistsError, TermNotFoundError
from opentranscribe.features.system_settings.rules import BY_NAME, read_choices, stored_text
from opentranscribe.features.system_settings.schemas import (
    TermIn,
    TermOut,
    TermsAdded,
    TranscriptionSettings,
    TranscriptionSettingsChange,
)
from opentranscribe.schema.accounts import CustomVocabulary
from opentranscribe.work import Work


class TranscriptionDefaults:
    """How a person's recordings are transcribed when nothing else is asked for."""

    def __init__(self, session: Session, default_model: str) -> None:
        self._session = session
        self._default_model = default_model

    def values_of(self, user_id: int) -> dict[str, Any]:
        """As the payload of a transcription job has them."""
        found = read_choices(queries.settings_of(self._session, user_id))
        found["model"] = found["model"] or self._default_model
        found["diarize"] = found["diarization_source"] != "off"
        return found


class SettingsService:
    def __init__(self, work: Work, default_model: str) -> None:
        self.work = work
        self.default_model = default_model

    def read(self, user_id: int) -> TranscriptionSettings:
        found = read_choices(queries.settings_of(self.work.session, user_id))
        return TranscriptionSettings(**found, default_model=self.default_model)

    def change(self, user_id: int, change: TranscriptionSettingsChange) -> TranscriptionSettings:
        for name in change.model_fields_set:
            text = stored_text(name, getattr(change, name))
            queries.put_setting(self.work.session, user_id, BY_NAME[name].key, text)
        return self.read(user_id)


class VocabularyService:
    def __init__(self, work: Work) -> None:
        self.work = work

    def list_terms(self, domain: str | None, active_only: bool) -> list[TermOut]:
        rows = queries.list_terms(self.work.session, self.work.actor, domain, active_only)
        return [_out(row) for row in rows]

    def add(self, new: TermIn) -> TermOut:
        row = self._insert(new)
        if row is None:
            raise TermExistsError(f"{new.term!r} is already among the terms of that domain.")
        return _out(row)

    def add_many(self, terms: Sequence[TermIn]) -> TermsAdded:
        added = [self._insert(term) for term in terms]
        created = sum(row is not None for row in added)
        return TermsAdded(created=created, skipped=len(added) - created)

    def change(self, term_id: int, new: TermIn) -> TermOut:
        row = self._get(term_id)
        row.term, row.domain = new.term, new.domain
        row.category, row.is_active = new.category, new.is_active
        try:
            with self.work.session.begin_nested():
                self.work.session.flush()
        except IntegrityError as error:
            raise TermExistsError(
                f"{new.term!r} is already among the terms of that domain."
            ) from error
        return _out(row)

    def delete(self, term_id: int) -> None:
        self.work.session.delete(self._get(term_id))

    def _insert(self, new: TermIn) -> CustomVocabulary | None:
        return queries.add_term(
            self.work.session,
            self.work.actor.user_id,
            **new.model_dump(),
        )

    def _get(self, term_id: int) -> CustomVocabulary:
        row = queries.find_term(self.work.session, self.work.actor, term_id)
        if row is None:
            raise TermNotFoundError("There is no such term, or it is not yours to change.")
        return row


def _out(row: CustomVocabulary) -> TermOut:
    return TermOut(
        id=row.id,
        term=row.term,
        domain=row.domain,
        category=row.category,
        is_active=row.is_active,
        is_system=row.user_id is None,
    )
