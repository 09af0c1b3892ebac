"""Listing models and asking for one."""

from __future__ import annotations

from opentranscribe.features.jobs.kinds import Kind, Kinds
from opentranscribe.features.jobs.schemas import JobView
from opentranscribe.features.jobs.service import JobService
from opentranscribe.features.models.schemas import ModelOut
from opentranscribe.kit.errors import NotFoundError
from opentranscribe.ports.asr import Recognizer
from opentranscribe.ports.models import ModelStore
from opentranscribe.work import Work

FETCH = "model.fetch"


class ModelNotKnownError(NotFoundError):
    code = "model_not_known"


class ModelService:
    def __init__(self, store: ModelStore, recognizer: Recognizer, default_model: str) -> None:
        self.store = store
        self.recognizer = recognizer
        self.default_model = default_model

    def list_models(self) -> list[ModelOut]:
        recognizers = {model.name: model for model in self.recognizer.models()}
        found = []
        for status in self.store.list_models():
            if status.purpose == "sample":
                continue
            recognizer = recognizers.get(status.name)
            found.append(
                ModelOut(
                    name=status.name,
                    purpose=status.purpose,
                    state=status.state,
                    size_bytes=status.size_bytes,
                    languages=recognizer.languages if recognizer else None,
                    translates=recognizer.translates if recognizer else False,
                    licence=status.licence,
                    folder=str(status.folder),
                    sources=list(status.sources),
                    is_default=status.name == self.default_model,
                )
            )
        return found

    def fetch(self, work: Work, kinds: Kinds, name: str) -> JobView:
        """Raises ModelNotKnownError."""
        if all(status.name != name for status in self.store.list_models()):
            raise ModelNotKnownError(f"There is no model named {name!r} in the list.")
        kind = kinds.find(FETCH)
        assert isinstance(kind, Kind), "bootstrap registers model.fetch"
        jobs = JobService(work, kinds)
        job = jobs.create(kind, user_id=work.actor.user_id, payload={"name": name})
        return jobs.view(job)
