"""What Prometheus reads: parsed as it would parse it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event
from starlette.testclient import TestClient
from tests.integration.api.test_outage import outage

from opentranscribe.bootstrap import App
from opentranscribe.kit import clock
from opentranscribe.schema.accounts import User
from opentranscribe.schema.jobs import Job, JobStep
from opentranscribe.work import SYSTEM

__all__ = ["outage"]

DEPLOY = Path(__file__).parents[3] / "deploy"
OWN_NAME = re.compile(r"\bopentranscribe_[a-z0-9_]+\b")
#: What the exposition adds to the name of a family.
SUFFIXES = re.compile(r"_(bucket|count|sum|total|created)$")


@pytest.fixture
def nearby(api: FastAPI) -> TestClient:
    return TestClient(api, base_url="http://localhost", client=("127.0.0.1", 50_000))


def read(client: TestClient, **headers: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by family and the values of its labels, in the order of their names."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    return {
        family.name: {
            tuple(value for _, value in sorted(one.labels.items())): one.value
            for one in family.samples
        }
        for family in text_string_to_metric_families(answer.text)
    }


def add_job(app: App, *, status: str, ago: timedelta, took: timedelta | None = None) -> None:
    begun = clock.now() - ago
    ended = begun + took if took else None
    with app.work(SYSTEM) as work:
        job = Job(kind="transcription.process", queue="gpu", status=status, created_at=begun)
        job.started_at, job.finished_at = (begun, ended) if took else (None, None)
        work.session.add(job)
        work.session.flush()
        if took:
            step = JobStep(job_id=job.id, name="decode", position=1, status="done")
            step.started_at, step.finished_at = begun, ended
            work.session.add(step)


class TestMetrics:
    def test_tell_what_waits_and_what_was_done(self, app: App, nearby: TestClient) -> None:
        add_job(app, status="queued", ago=timedelta(seconds=90))
        add_job(app, status="succeeded", ago=timedelta(hours=1), took=timedelta(seconds=8))
        add_job(app, status="succeeded", ago=timedelta(hours=1), took=timedelta(seconds=4))
        add_job(app, status="succeeded", ago=timedelta(days=3), took=timedelta(seconds=900))
        found = read(nearby)
        assert found["opentranscribe_database_up"] == {(): 1.0}
        assert found["opentranscribe_queue_jobs"] == {("transcription.process", "gpu"): 1.0}
        assert found["opentranscribe_queue_oldest_seconds"]["transcription.process", "gpu"] >= 90
        assert found["opentranscribe_jobs"]["transcription.process", "succeeded"] == 3
        assert found["opentranscribe_steps_1d"] == {
            ("transcription.process", "done", "decode"): 2.0
        }
        assert found["opentranscribe_step_seconds_mean_1d"] == {
            ("transcription.process", "done", "decode"): 6.0
        }
        ((schema, _),) = found["opentranscribe_info"]
        assert schema.startswith("v4")

    def test_count_requests_by_the_pattern_of_their_route(self, nearby: TestClient) -> None:
        for name in ("one", "two"):
            nearby.get(f"/api/files/{name}")
        nearby.get("/api/no/such/place")
        requests = read(nearby)["opentranscribe_http_requests"]
        routes = {route for _, route, _ in requests}
        assert "/api/files/{file_uuid}" in routes
        assert not any("one" in route or "such" in route for route in routes)

    def test_tell_the_age_of_backups(self, app: App, nearby: TestClient) -> None:
        assert read(nearby)["opentranscribe_backup_age_seconds"] == {}
        folder = app.options.backup_dir
        folder.mkdir(parents=True)
        name = f"opentranscribe_backup_{clock.now() - timedelta(hours=2):%Y%m%d_%H%M%S}.sql"
        (folder / name).write_text("-- a backup")
        record = {"state": "checked", "checked_at": clock.now().isoformat()}
        (folder / ".catalogue.json").write_text(json.dumps({name: record}))
        found = read(nearby)
        assert found["opentranscribe_backups"] == {("checked",): 1.0}
        assert found["opentranscribe_backup_age_seconds"][()] == pytest.approx(7200, abs=60)

    def test_say_when_the_database_is_away(
        self, nearby: TestClient, outage: Callable[[bool], None]
    ) -> None:
        outage(True)
        found = read(nearby)
        assert found["opentranscribe_database_up"] == {(): 0.0}
        assert "opentranscribe_jobs" not in found

    def test_take_few_statements(self, app: App, nearby: TestClient) -> None:
        statements: list[str] = []
        event.listen(
            app.engine,
            "before_cursor_execute",
            lambda _c, _cursor, statement, *_rest: statements.append(statement),
        )
        assert len(read(nearby)) > 15
        assert 5 < len(statements) <= 12


class TestWhoMayRead:
    def test_programs_of_this_machine(self, nearby: TestClient) -> None:
        assert nearby.get("/metrics").status_code == 200

    def test_nobody_elsewhere(self, api: FastAPI) -> None:
        elsewhere = TestClient(api, base_url="http://localhost", client=("10.1.2.3", 50_000))
        assert elsewhere.get("/metrics").status_code == 403

    def test_nobody_behind_a_proxy_of_this_machine(self, nearby: TestClient) -> None:
        answer = nearby.get("/metrics", headers={"X-Forwarded-For": "10.1.2.3"})
        assert answer.status_code == 403

    def test_not_even_an_administrator_without_the_token(
        self,
        api: FastAPI,
        person: Callable[..., User],
        bearer: Callable[[str], dict[str, str]],
    ) -> None:
        person("ada@example.org", role="admin")
        elsewhere = TestClient(api, base_url="http://localhost", client=("10.1.2.3", 50_000))
        assert elsewhere.get("/metrics", headers=bearer("ada@example.org")).status_code == 403

    def test_whoever_brings_the_token_where_one_is_set(self, app: App, api: FastAPI) -> None:
        object.__setattr__(app.options, "metrics_token", "let me see")
        elsewhere = TestClient(api, base_url="http://localhost", client=("10.1.2.3", 50_000))
        assert read(elsewhere, Authorization="Bearer let me see")
        wrong = elsewhere.get("/metrics", headers={"Authorization": "Bearer let me"})
        assert wrong.status_code == 403
        nearby = TestClient(api, base_url="http://localhost", client=("127.0.0.1", 50_000))
        assert nearby.get("/metrics").status_code == 403


class TestWhatIsShipped:
    """Dashboards and alerts name only what there is."""

    def names(self, content: Any) -> set[str]:
        return {SUFFIXES.sub("", name) for name in OWN_NAME.findall(json.dumps(content))}

    def test_the_dashboard_asks_for_what_is_told(self, nearby: TestClient) -> None:
        dashboard = json.loads((DEPLOY / "grafana" / "opentranscribe.json").read_text())
        told = set(read(nearby))
        assert len(self.names(dashboard["panels"])) > 8
        assert self.names(dashboard["panels"]) <= told

    def test_alerts_ask_for_what_is_told_and_say_what_to_do(self, nearby: TestClient) -> None:
        rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())
        told = set(read(nearby))
        for rule in (one for group in rules["groups"] for one in group["rules"]):
            assert self.names(rule["expr"]) <= told, rule["alert"]
            assert rule["annotations"]["summary"]
            assert "./opentr.sh" in rule["annotations"]["description"]
