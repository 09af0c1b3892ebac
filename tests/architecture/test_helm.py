"""The chart renders to what a cluster accepts, with each choice that it offers.

By helm itself, and the schemas of Kubernetes; no cluster has run it.
"""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from opentranscribe.ports.queue import QUEUES

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "opentranscribe"
KUBERNETES = "1.31"
CHOICES = {
    "as it comes": [],
    "services of one's own": [
        "existingSecret=mine",
        "external.redisHost=redis.example.org",
        "external.s3Endpoint=https://s3.example.org",
        "external.opensearchUrl=https://search.example.org:9200",
        *(
            f"bundled.{name}.enabled=false"
            for name in ("postgres", "redis", "objects", "opensearch")
        ),
    ],
    "many workers with graphics processors": [
        "workers.gpu.autoscaling.enabled=true",
        "workers.gpu.gpus=1",
        "workers.utility.autoscaling.enabled=true",
    ],
    "an ingress with TLS": [
        "ingress.enabled=true",
        "ingress.host=transcripts.example.org",
        "ingress.tlsSecret=certificate",
        "origins={https://transcripts.example.org}",
    ],
}
OURS = (
    *("backend", "migrate", "scheduler", "frontend"),
    *("worker-gpu", "worker-cpu", "worker-utility"),
)


def helm(*words: str) -> str:
    beside = Path(sysconfig.get_path("scripts")) / "helm"
    program = str(beside) if beside.exists() else shutil.which("helm")
    if program is None:
        pytest.skip("SKIPPED, helm is not to be had for this machine")
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(params=CHOICES)
def objects(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    given = [word for choice in CHOICES[request.param] for word in ("--set", choice)]
    rendered = helm("template", "ot", str(CHART), "--is-upgrade", *given)
    return [one for one in yaml.safe_load_all(rendered) if one]


def containers(objects: list[dict[str, Any]]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Pod and container, by the container's name."""
    found = {}
    for one in objects:
        pod = one.get("spec", {}).get("template", {}).get("spec")
        for container in pod["containers"] if pod else ():
            found[container["name"]] = pod, container
    return found


class TestChart:
    def test_has_nothing_that_helm_warns_of(self) -> None:
        assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))

    def test_renders_what_kubernetes_accepts(self, objects: list[dict[str, Any]]) -> None:
        for one in objects:
            kubernetes_validate.validate(one, KUBERNETES, strict=True)

    def test_gives_no_program_of_ours_more_than_it_needs(
        self, objects: list[dict[str, Any]]
    ) -> None:
        found = containers(objects)
        assert set(OURS) <= set(found)
        for name in OURS:
            pod, container = found[name]
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["automountServiceAccountToken"] is False
            assert pod["serviceAccountName"] == "ot"
            rights = container["securityContext"]
            assert rights["readOnlyRootFilesystem"] is True
            assert rights["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]

    def test_every_workload_is_found_by_its_own_labels(self, objects: list[dict[str, Any]]) -> None:
        seen = set()
        for one in objects:
            if one["kind"] in {"Deployment", "StatefulSet"}:
                chosen = tuple(sorted(one["spec"]["selector"]["matchLabels"].items()))
                assert chosen not in seen
                seen.add(chosen)
                assert dict(chosen) == one["spec"]["template"]["metadata"]["labels"]

    def test_a_drain_of_nodes_takes_one_pod_of_each_kind_at_a_time(
        self, objects: list[dict[str, Any]]
    ) -> None:
        budgets = {
            one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]: one["spec"]
            for one in objects
            if one["kind"] == "PodDisruptionBudget"
        }
        assert set(budgets) == set(OURS) - {"migrate", "scheduler"}
        assert {one["maxUnavailable"] for one in budgets.values()} == {1}

    def test_a_scheduler_ends_before_the_next_one_begins(
        self, objects: list[dict[str, Any]]
    ) -> None:
        kinds = {
            one["metadata"]["name"]: one["spec"].get("strategy", {}).get("type")
            for one in objects
            if one["kind"] == "Deployment"
        }
        assert {name for name, kind in kinds.items() if kind == "Recreate"} == {"ot-scheduler"}

    def test_secrets_stand_in_secrets_alone(self, objects: list[dict[str, Any]]) -> None:
        others = [one for one in objects if one["kind"] != "Secret"]
        values = [
            value
            for one in objects
            if one["kind"] == "Secret"
            for name, value in one["stringData"].items()
            if name != "OPENTR_S3_ACCESS_KEY"
        ]
        assert not any(value in yaml.safe_dump(others) for value in values)


def test_migrates_before_an_upgrade_with_the_new_release() -> None:
    rendered = helm("template", "ot", str(CHART), "--set", "image.tag=v9.9.9")
    (job,) = [one for one in yaml.safe_load_all(rendered) if one and one["kind"] == "Job"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith("-backend:v9.9.9")
    assert container["args"] == ["migrate"]


def test_workers_of_each_queue_are_scaled_by_what_waits() -> None:
    groups = ("gpu", "cpu", "utility")
    chosen = ",".join(f"workers.{group}.autoscaling.enabled=true" for group in groups)
    rendered = helm("template", "ot", str(CHART), "--set", chosen)
    found = [one for one in yaml.safe_load_all(rendered) if one]
    watched = set()
    for scaler in [one for one in found if one["kind"] == "HorizontalPodAutoscaler"]:
        metric = scaler["spec"]["metrics"][0]["external"]["metric"]
        assert metric["name"] == "opentranscribe_queue_jobs"
        watched |= set(metric["selector"]["matchExpressions"][0]["values"])
        (worker,) = [
            one
            for one in found
            if one["metadata"]["name"] == scaler["spec"]["scaleTargetRef"]["name"]
            and one["kind"] == "Deployment"
        ]
        assert "replicas" not in worker["spec"]
    assert watched == set(QUEUES)
