"""A sound installation: nothing to say, quickly, and nothing touched."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest
from tests.integration.upgrade.preflight.acts import names, quick

from opentranscribe.features.upgrade.preflight import folders
from opentranscribe.features.upgrade.preflight.context import Context
from opentranscribe.features.upgrade.preflight.service import CHECKS


class TestASoundInstallation:
    def test_passes_every_check_within_three_seconds(
        self, installation: Context, capsys: pytest.CaptureFixture[str]
    ) -> None:
        report = quick(installation)
        assert names(report) == set(), report.as_text()
        assert len(report.passed) >= 45
        assert set(report.unchecked) <= {"media"}
        with capsys.disabled():
            print(f"\n{len(report.passed)} of {len(CHECKS)} checks in {report.seconds:.2f} s")

    def test_is_told_as_text_and_as_json(self, installation: Context) -> None:
        report = quick(replace(installation, recovery_key_known=False))
        told = json.loads(json.dumps(report.as_json()))
        assert told["ok"] is True
        assert told["checks"] == len(CHECKS)
        (finding,) = told["findings"]
        assert (finding["name"], finding["severity"]) == ("recovery-key", "warning")
        assert finding["cause"] in report.as_text()
        assert finding["mend"] in report.as_text()

    def test_is_not_changed_by_looking(self, installation: Context) -> None:
        before = sorted(str(one) for one in installation.home.rglob("*"))
        quick(installation)
        assert sorted(str(one) for one in installation.home.rglob("*")) == before


class TestWhatHangs:
    def test_is_not_waited_for(
        self, installation: Context, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As a file system does whose server is away."""
        release = threading.Event()
        monkeypatch.setattr(folders, "read_disks", lambda _: release.wait(20))
        report = quick(installation)
        release.set()
        found = {one.name: one for one in report.findings}
        assert {"disk-space", "disk-inodes"} <= found.keys()
        assert "no answer" in found["disk-space"].cause
        assert "database-version" in report.passed
