"""Writes the known schemas by running the chain on a PostgreSQL: the package's own, or DATABASE_URL.

``--releases FILE`` takes the schemas of releases that no revision ever made: a JSON object of
name → catalogue; without it those in the package stay. ``--check`` only compares.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.schema.migrations import shapes
from opentranscribe.schema.migrations.chain import CHAIN
from opentranscribe.schema.migrations.fingerprint import Catalogue, meaning_of, read_catalogue
from opentranscribe.schema.migrations.state import open_connection

TARGET = Path(shapes.__file__).with_name(shapes.DATA)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    catalogues = run_chain()
    if options.releases:
        releases = describe_releases(
            json.loads(options.releases.read_text(encoding="utf-8")), catalogues
        )
    else:
        releases = json.loads(TARGET.read_text(encoding="utf-8"))["releases"]
    text = write(catalogues, releases)
    if options.check:
        return 0 if text == TARGET.read_text(encoding="utf-8") else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


def run_chain() -> dict[str, Catalogue]:
    with tempfile.TemporaryDirectory(prefix="opentr-known-") as folder:
        server = EmbeddedPostgres(Path(folder) / "data", Path(folder) / "run", uuid.uuid4().hex)
        server.start()
        try:
            with open_connection(server.url()) as connection:
                found = {}
                for revision in CHAIN:
                    for step in revision.steps:
                        connection.execute(step.sql.encode())
                    found[revision.name] = shapes.without_stamp(read_catalogue(connection))
                return found
        finally:
            server.stop()


def write(catalogues: dict[str, Catalogue], releases: list[dict[str, Any]]) -> str:
    before: Catalogue = {}
    revisions = []
    for name, catalogue in catalogues.items():
        revisions.append({"name": name, **shapes.describe_change(before, catalogue)})
        before = catalogue
    return json.dumps({"revisions": revisions, "releases": releases}, indent=0) + "\n"


def describe_releases(
    named: dict[str, dict[str, Any]], catalogues: dict[str, Catalogue]
) -> list[dict[str, Any]]:
    found = []
    for name, lines in named.items():
        catalogue = shapes.without_stamp(lines)
        nearest = min(catalogues, key=lambda r: distance(catalogues[r], catalogue))
        change = shapes.describe_change(catalogues[nearest], catalogue)
        found.append({"name": name, "revision": nearest, **change})
    return found


def distance(one: Catalogue, other: Catalogue) -> int:
    left = {meaning_of(*line) for line in one.items()}
    return len(left ^ {meaning_of(*line) for line in other.items()})


if __name__ == "__main__":
    sys.exit(main())
