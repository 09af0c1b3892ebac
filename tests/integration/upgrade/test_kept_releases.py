"""A checkout builds a release after each change; those that a rollback needs outlive that."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).parents[3] / "tools" / "install_release.py"


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("install_release", TOOL)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    monkeypatch.setattr(loaded, "ROOT", tmp_path)
    monkeypatch.setattr(loaded, "RELEASES", tmp_path / "data" / "releases")
    return loaded


def make_releases(folder: Path, count: int) -> list[Path]:
    """Oldest first."""
    made = [folder / "data" / "releases" / f"v1.0.{number}+abc" for number in range(count)]
    for number, release in enumerate(made):
        release.mkdir(parents=True)
        os.utime(release, (1_000_000 + number, 1_000_000 + number))
    return made


class TestForgettingOldReleases:
    def test_keeps_the_newest(self, tool: ModuleType, tmp_path: Path) -> None:
        made = make_releases(tmp_path, 6)
        tool.forget_old(made[-1])
        assert [one for one in made if one.exists()] == made[-tool.KEPT_RELEASES :]

    def test_keeps_the_one_that_a_rollback_goes_back_to(
        self, tool: ModuleType, tmp_path: Path
    ) -> None:
        made = make_releases(tmp_path, 6)
        journal = tmp_path / "data" / "update" / "20260101-000000" / "journal.jsonl"
        journal.parent.mkdir(parents=True)
        journal.write_text(json.dumps({"event": "begin", "facts": {"old": made[0].name}}))
        tool.forget_old(made[-1])
        assert made[0].exists()
        assert not made[1].exists()
