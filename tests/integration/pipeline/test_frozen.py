"""A worker that stops in the middle of a transaction does not keep its job from everybody else."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from tests.integration.pipeline.conftest import Installation, wait_until

from opentranscribe.features.jobs import queries
from opentranscribe.features.jobs.errors import LeaseLostError
from opentranscribe.features.jobs.lease import claim
from opentranscribe.work import Work


class TestFrozenInATransaction:
    def test_another_worker_takes_the_job(
        self, installation: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queries, "FROZEN_SECONDS", 1)
        app = installation.app
        file_uuid = installation.add_file()
        job = installation.job(file_uuid)
        claimed = claim(app.work, app.kinds, job.uuid, "frozen", 1.0)
        assert claimed is not None

        def is_taken() -> bool:
            try:
                return claim(app.work, app.kinds, job.uuid, "other", 1.0) is not None
            except OperationalError:  # the row is still held
                return False

        def freeze(work: Work) -> None:
            wait_until(is_taken, 30)
            work.session.execute(text("SELECT 1"))

        with pytest.raises(LeaseLostError):
            claimed[0].write(freeze)
        assert installation.job(file_uuid).lease_owner == "other"
