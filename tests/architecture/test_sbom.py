"""The bill of materials says all that the locks say, in the form that it claims."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]
STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10
Description: GNU C Library
 Status: of nothing

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1:1.0
"""


def write(*words: str) -> str:
    command = [sys.executable, str(ROOT / "tools" / "sbom.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> str:
    status = tmp_path_factory.mktemp("debian") / "status"
    status.write_text(STATUS)
    locks = (
        *("--python", str(ROOT / "requirements" / "distributed.txt")),
        *("--npm", str(ROOT / "web" / "package-lock.json")),
    )
    return write(*locks, "--debian", str(status), "--version", "v9.8.7")


@pytest.fixture(scope="module")
def components(bill: str) -> dict[str, dict[str, Any]]:
    return {one["purl"]: one for one in json.loads(bill)["components"]}


class TestTheBill:
    def test_is_what_the_schema_of_cyclonedx_asks_for(self, bill: str) -> None:
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
        assert json.loads(bill)["metadata"]["component"]["version"] == "v9.8.7"

    def test_names_every_package_of_the_python_lock_with_its_files(
        self, components: dict[str, dict[str, Any]]
    ) -> None:
        lock = (ROOT / "requirements" / "distributed.txt").read_text()
        pinned = re.findall(r"^([\w.-]+)(?:\[.*?\])?==([^\s;]+)", lock, re.MULTILINE)
        assert len(pinned) > 80
        for name, version in pinned:
            found = components[f"pkg:pypi/{name}@{version}"]
            assert found.get("hashes") or found["properties"], name

    def test_names_every_package_of_the_page(self, components: dict[str, dict[str, Any]]) -> None:
        packages = json.loads((ROOT / "web" / "package-lock.json").read_text())["packages"]
        named = {one["name"] for purl, one in components.items() if purl.startswith("pkg:npm/")}
        assert named >= {path.rpartition("node_modules/")[2] for path in packages if path}

    def test_names_what_debian_has_installed(self, components: dict[str, dict[str, Any]]) -> None:
        debian = [purl for purl in components if purl.startswith("pkg:deb/")]
        assert debian == ["pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64"]

    def test_of_the_checkout_needs_no_argument(self) -> None:
        assert "pkg:pypi/fastapi@" in write()
