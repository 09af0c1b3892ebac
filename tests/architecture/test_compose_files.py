"""The compose files are valid in every combination, and keep what docs/deployment says of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from opentranscribe.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = Path(sysconfig.get_path("scripts")) / "docker-compose"
SECRETS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "OPENTR_S3_SECRET_KEY", "FLOWER_PASSWORD")
OVERLAYS = ("compose.gpu.yaml", "compose.dev.yaml")
#: Who may be reached from other machines when the operator says so.
PUBLIC = {"frontend"}
OURS = {
    *("backend", "frontend", "scheduler", "flower"),
    *("celery-worker", "celery-cpu-worker", "celery-utility-worker"),
}


def render(
    folder: Path, *overlays: str, missing: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """What Compose makes of the files; needs no engine."""
    files = [word for name in ("compose.yaml", *overlays) for word in ("-f", str(ROOT / name))]
    environment = {name: f"secret-{name}" for name in SECRETS if name != missing}
    return subprocess.run(
        [COMPOSE, "--project-directory", str(folder), *files, "config", "--format", "json"],
        env={**environment, **settings, "DOCKER_HOST": "unix:///nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    rendered = render(tmp_path_factory.mktemp("compose"))
    assert rendered.returncode == 0, rendered.stderr
    found: dict[str, dict[str, Any]] = json.loads(rendered.stdout)["services"]
    return found


class TestTheFiles:
    @pytest.mark.parametrize("overlays", [(), OVERLAYS[:1], OVERLAYS[1:], OVERLAYS])
    def test_are_valid_together(self, overlays: tuple[str, ...], tmp_path: Path) -> None:
        rendered = render(tmp_path, *overlays)
        assert rendered.returncode == 0, rendered.stderr

    @pytest.mark.parametrize("secret", SECRETS)
    def test_refuse_to_start_without_a_secret(self, secret: str, tmp_path: Path) -> None:
        rendered = render(tmp_path, missing=secret)
        assert rendered.returncode != 0
        assert secret in rendered.stderr

    def test_name_images_as_the_settings_say(self, tmp_path: Path) -> None:
        rendered = render(tmp_path, OPENTR_IMAGE_PREFIX="acme/speech", OPENTR_VERSION="v9.8.7")
        images = {one["image"] for one in json.loads(rendered.stdout)["services"].values()}
        assert {"acme/speech-backend:v9.8.7", "acme/speech-frontend:v9.8.7"} <= images

    def test_use_no_setting_that_nobody_reads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        parts = [ROOT / "compose.yaml", *sorted((ROOT / "scripts").glob("compose*.sh"))]
        text = "".join(path.read_text(encoding="utf-8") for path in parts)
        for name in [name for name in os.environ if name.startswith("OPENTR_")]:
            monkeypatch.delenv(name)
        for name in set(re.findall(r"\bOPENTR_[A-Z0-9_]+", text)):
            monkeypatch.setenv(name, "1")
        assert Settings.model_construct().strange_names() == []


class TestEveryService:
    def test_has_a_health_check_a_limit_and_a_pinned_image(
        self, services: dict[str, dict[str, Any]]
    ) -> None:
        for name, service in services.items():
            assert service["healthcheck"]["test"], name
            assert int(service["mem_limit"]) > 0, name
            assert name in OURS or not service["image"].endswith(":latest"), name
            assert "no-new-privileges:true" in service["security_opt"], name

    def test_is_reached_from_this_machine_only(self, services: dict[str, dict[str, Any]]) -> None:
        published = {name for name, service in services.items() if service.get("ports")}
        assert published >= PUBLIC
        for name in published:
            assert {port["host_ip"] for port in services[name]["ports"]} == {"127.0.0.1"}, name

    def test_only_page_and_api_are_opened_to_others(self, tmp_path: Path) -> None:
        rendered = render(tmp_path, OPENTR_BIND_HOST="0.0.0.0")
        opened = {
            name
            for name, service in json.loads(rendered.stdout)["services"].items()
            for port in service.get("ports", ())
            if port["host_ip"] != "127.0.0.1"
        }
        assert opened == PUBLIC


class TestOurServices:
    def test_can_write_nowhere_but_in_their_volumes_and_have_no_capability(
        self, services: dict[str, dict[str, Any]]
    ) -> None:
        for name in OURS:
            assert services[name]["read_only"] is True, name
            assert services[name]["cap_drop"] == ["ALL"], name
            assert not services[name].get("cap_add"), name
            assert not services[name].get("privileged"), name

    def test_run_as_the_user_that_the_permissions_recipe_names(
        self, services: dict[str, dict[str, Any]]
    ) -> None:
        assert all(services[name]["user"] == "1000:1000" for name in OURS - {"frontend"})
