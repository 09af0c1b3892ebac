"""The job that fetches a model."""

from __future__ import annotations

from opentranscribe.features.jobs.kinds import Kind, StepRun, single_step_kind
from opentranscribe.features.models.service import FETCH
from opentranscribe.ports.models import ModelStore
from opentranscribe.ports.queue import DOWNLOAD


def fetch_kind(store: ModelStore) -> Kind:
    def fetch(run: StepRun) -> None:
        store.fetch(str(run.job.payload["name"]), run.progress)

    return single_step_kind(FETCH, DOWNLOAD, "Fetching the model", fetch, priority=3)
