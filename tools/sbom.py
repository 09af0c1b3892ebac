"""The bill of materials of this product: what it is made of, as CycloneDX JSON.

    python tools/sbom.py [--python LOCK]… [--npm LOCK]… [--debian STATUS]… [--version v1.0.0] > FILE

Python packages come from a lock with hashes, the page's from npm's lock, and Debian's from the list
of what is installed (/var/lib/dpkg/status). Without arguments: the locks of this checkout. Standard
library only: it also runs while an image is built.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
#: CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/
SPECIFICATION = "1.6"
PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==([^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
ALGORITHMS = {"sha512": "SHA-512", "sha384": "SHA-384", "sha256": "SHA-256", "sha1": "SHA-1"}


@dataclass(frozen=True)
class Component:
    """``url`` is a package URL (https://github.com/package-url/purl-spec); ``hashes`` are of the
    files that it may come as: algorithm and hexadecimal digits."""

    name: str
    version: str
    url: str
    hashes: tuple[tuple[str, str], ...] = ()
    licence: str = ""
    #: Needed to build the page, and no part of it.
    is_tool: bool = False

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "type": "library",
            "bom-ref": self.url,
            "name": self.name,
            "version": self.version,
            "purl": self.url,
        }
        if len(self.hashes) == 1:
            ((algorithm, digits),) = self.hashes
            found["hashes"] = [{"alg": algorithm, "content": digits}]
        elif self.hashes:
            # A package is a file for each platform; a component has one of each kind of hash.
            found["properties"] = [
                {"name": f"opentranscribe:file:{algorithm}", "value": digits}
                for algorithm, digits in self.hashes
            ]
        if self.is_tool:
            found["scope"] = "excluded"
        if self.licence:
            found["licenses"] = [{"license": {"name": self.licence}}]
        return found


@dataclass
class Bill:
    version: str
    components: dict[str, Component] = field(default_factory=dict)

    def add(self, components: Iterator[Component]) -> None:
        for one in components:
            self.components.setdefault(one.url, one)

    def as_json(self) -> dict[str, Any]:
        return {
            "bomFormat": "CycloneDX",
            "specVersion": SPECIFICATION,
            "serialNumber": f"urn:uuid:{uuid.uuid4()}",
            "version": 1,
            "metadata": {
                "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
                "component": {
                    "type": "application",
                    "bom-ref": "opentranscribe",
                    "name": "opentranscribe",
                    "version": self.version,
                    "licenses": [{"license": {"id": "GPL-3.0-or-later"}}],
                },
            },
            "components": [self.components[url].as_json() for url in sorted(self.components)],
        }


def read_python(lock: Path) -> Iterator[Component]:
    """What ``pip-compile`` or ``uv pip compile`` wrote, with hashes."""
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        pinned = PINNED.match(line)
        if pinned is None:
            continue
        name, version = pinned[1].lower().replace("_", "-"), pinned[2]
        hashes = tuple(("SHA-256", digits) for digits in HASH.findall(line))
        yield Component(name, version, f"pkg:pypi/{name}@{version}", hashes)


def read_npm(lock: Path) -> Iterator[Component]:
    """A package-lock.json of version 2 or 3."""
    for path, facts in json.loads(lock.read_text(encoding="utf-8"))["packages"].items():
        if not path or facts.get("link"):
            continue
        name = facts.get("name") or path.rpartition("node_modules/")[2]
        url = f"pkg:npm/{quote(name, safe='/')}@{facts['version']}"
        licence = facts.get("license", "")
        is_tool = bool(facts.get("dev"))
        yield Component(name, facts["version"], url, _integrity_of(facts), licence, is_tool)


def _integrity_of(facts: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    algorithm, _, digest = str(facts.get("integrity", "")).partition("-")
    if algorithm not in ALGORITHMS:
        return ()
    return ((ALGORITHMS[algorithm], base64.b64decode(digest).hex()),)


def read_debian(status: Path) -> Iterator[Component]:
    """What is installed, of a list that dpkg keeps."""
    for paragraph in status.read_text(encoding="utf-8", errors="replace").split("\n\n"):
        facts = dict(
            line.split(": ", 1)
            for line in paragraph.splitlines()
            if ": " in line and not line.startswith(" ")
        )
        if facts.get("Status", "").endswith(" installed"):
            name, version = facts["Package"], facts["Version"]
            where = f"pkg:deb/debian/{name}@{quote(version, safe='')}"
            yield Component(name, version, f"{where}?arch={facts['Architecture']}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, action="append", default=[])
    parser.add_argument("--npm", type=Path, action="append", default=[])
    parser.add_argument("--debian", type=Path, action="append", default=[])
    parser.add_argument("--version", default="")
    chosen = parser.parse_args()
    if not (chosen.python or chosen.npm or chosen.debian):
        chosen.python = [ROOT / "requirements" / "distributed.txt"]
        chosen.npm = [ROOT / "web" / "package-lock.json"]
    bill = Bill(chosen.version or (ROOT / "VERSION").read_text(encoding="utf-8").strip())
    for read, files in (
        (read_python, chosen.python),
        (read_npm, chosen.npm),
        (read_debian, chosen.debian),
    ):
        for file in files:
            bill.add(read(file))
    sys.stdout.write(json.dumps(bill.as_json(), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
