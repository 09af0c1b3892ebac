"""Which queue a recording waits in, and that no name keeps it waiting for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, update
from tests.integration.pipeline import stepwise
from tests.integration.pipeline.conftest import Installation

from opentranscribe.features.jobs.sweeper import sweep
from opentranscribe.schema.jobs import Job
from opentranscribe.work import SYSTEM


class TestRecording:
    @pytest.mark.parametrize(("model", "queue"), [("tiny", "cpu"), ("small", "gpu")])
    def test_waits_where_its_model_is_computed(
        self, tmp_path: Path, database_url: str, model: str, queue: str
    ) -> None:
        engines = {**stepwise.ENGINES, "queue_engine": "inline", "cpu_models": "tiny, base"}
        installation = Installation(tmp_path, database_url, engines)
        file_uuid = installation.add_file(model=model)
        assert installation.job(file_uuid).queue == queue
        installation.run_jobs()
        assert installation.file(file_uuid).status == "completed"
        installation.stop()

    def test_of_before_the_queues_were_renamed_is_done(self, installation: Installation) -> None:
        file_uuid = installation.add_file()
        installation.app.ports.queue.run_waiting(["gpu"], lambda _job: None)
        with installation.app.work(SYSTEM) as work:
            work.session.execute(update(Job).values(queue="speech", not_before=func.now()))
        sweep(installation.app.work, grace_seconds=0.0)
        installation.run_jobs()
        assert installation.file(file_uuid).status == "completed"
