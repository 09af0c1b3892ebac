"""HTTP for the caller's transcription settings and vocabulary."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, status

from opentranscribe.edge.deps import OptionsDep, SignedIn, WorkDep
from opentranscribe.features.system_settings.schemas import (
    DOMAINS,
    Domain,
    TermIn,
    TermOut,
    TermsAdded,
    TermsIn,
    TranscriptionSettings,
    TranscriptionSettingsChange,
)
from opentranscribe.features.system_settings.service import SettingsService, VocabularyService

router = APIRouter(tags=["settings"])
TermId = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/user-settings/transcription")
def read_transcription_settings(
    caller: SignedIn, work: WorkDep, options: OptionsDep
) -> TranscriptionSettings:
    return SettingsService(work, options.default_model).read(caller.user_id)


@router.put("/user-settings/transcription")
def change_transcription_settings(
    caller: SignedIn, work: WorkDep, options: OptionsDep, change: TranscriptionSettingsChange
) -> TranscriptionSettings:
    return SettingsService(work, options.default_model).change(caller.user_id, change)


@router.get("/custom-vocabulary/domains")
def list_domains(caller: SignedIn) -> list[str]:
    return list(DOMAINS)


@router.get("/custom-vocabulary")
def list_terms(
    caller: SignedIn, work: WorkDep, domain: Domain | None = None, active_only: bool = False
) -> list[TermOut]:
    """The caller's terms and those for everybody; at most 5000."""
    return VocabularyService(work).list_terms(domain, active_only)


@router.post("/custom-vocabulary", status_code=status.HTTP_201_CREATED)
def add_term(caller: SignedIn, work: WorkDep, new: TermIn) -> TermOut:
    return VocabularyService(work).add(new)


@router.post("/custom-vocabulary/bulk")
def add_terms(caller: SignedIn, work: WorkDep, new: TermsIn) -> TermsAdded:
    """Many at once; those that are there already are skipped."""
    terms = [
        term if isinstance(term, TermIn) else TermIn(term=term, domain=new.domain)
        for term in new.terms
    ]
    return VocabularyService(work).add_many(terms)


@router.put("/custom-vocabulary/{term_id}")
def change_term(caller: SignedIn, work: WorkDep, term_id: TermId, new: TermIn) -> TermOut:
    return VocabularyService(work).change(term_id, new)


@router.delete("/custom-vocabulary/{term_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_term(caller: SignedIn, work: WorkDep, term_id: TermId) -> None:
    VocabularyService(work).delete(term_id)
