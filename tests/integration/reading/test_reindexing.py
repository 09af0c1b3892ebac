"""The index is derived: lost or stale, one request builds it anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from tests.factories.recordings import add_recording, add_user
from tests.integration.reading.conftest import sign_in

from opentranscribe.bootstrap import App
from opentranscribe.features.search.rebuilding import complete_index
from opentranscribe.work import SYSTEM


@pytest.fixture
def admin(app: App, client: TestClient) -> TestClient:
    add_user(app, "root@example.org", role="admin")
    sign_in(client, "root@example.org")
    return client


def found(client: TestClient, words: str) -> int:
    answer = client.get("/api/search", params={"q": words, "search_mode": "keyword"})
    return int(answer.json()["total_files"])


class TestReindexing:
    def test_everything_is_found_again_after_the_index_was_lost(
        self, app: App, ann: int, admin: TestClient, run_jobs: Callable[[], None]
    ) -> None:
        add_recording(app, ann, (0, "the minister of finance"))
        add_recording(app, ann, (0, "finance again"))
        run_jobs()
        with app.work(SYSTEM) as work:
            for (file_id,) in work.session.execute(text("SELECT id FROM media_file")).all():
                app.ports.search.delete_file(work.session, file_id)
        assert admin.post("/api/admin/reindex").status_code == 202
        run_jobs()
        sign_in(admin, "ann@example.org")
        assert found(admin, "finance") == 2

    def test_what_the_index_lacks_is_added_by_itself(
        self, app: App, ann: int, client: TestClient, run_jobs: Callable[[], None]
    ) -> None:
        add_recording(app, ann, (0, "the minister of finance"))
        run_jobs()
        with app.work(SYSTEM) as work:
            for file_id in app.ports.search.indexed_files(work.session):
                app.ports.search.delete_file(work.session, file_id)
        assert complete_index(app.work, app.kinds, app.ports.search) == 1
        run_jobs()
        assert found(client, "finance") == 1
        assert complete_index(app.work, app.kinds, app.ports.search) == 0

    def test_asking_twice_is_one_job(self, admin: TestClient) -> None:
        first, second = (admin.post("/api/admin/reindex").json() for _ in range(2))
        assert first["uuid"] == second["uuid"]
