"""Small acts on an installation and its database, and what is asked of a preflight."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from opentranscribe import __version__
from opentranscribe.features.upgrade.preflight.context import Context, TargetRelease
from opentranscribe.features.upgrade.preflight.findings import Finding, Report
from opentranscribe.features.upgrade.preflight.service import run_preflight
from opentranscribe.schema.migrations.chain import HEAD

LIMIT_SECONDS = 3.0
#: The database that those of the tests are copies of.
TEMPLATE = "preflight_template"


def release(folder: Path, **facts: Any) -> TargetRelease:
    content = b"print('hello')\n"
    (folder / "hello.py").write_bytes(content)
    stated = {
        "version": "9.9.9",
        "schema_head": HEAD,
        "oldest_reader": __version__,
        "oldest_writer": __version__,
        "python_requires": ">=3.11",
        "files": {"hello.py": hashlib.sha256(content).hexdigest()},
    }
    write(folder / "release.json", json.dumps(stated))
    return TargetRelease("9.9.9", folder, None, stated | facts)


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def connect(url: str, **options: Any) -> psycopg.Connection[Any]:
    plain = url.replace("postgresql+psycopg", "postgresql")
    return psycopg.connect(plain, **{"autocommit": True, **options})


def execute(url: str, *statements: str) -> None:
    with connect(url) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def quick(context: Context) -> Report:
    report = run_preflight(context)
    assert report.seconds <= LIMIT_SECONDS
    return report


def names(report: Report) -> set[str]:
    return {one.name for one in report.findings}


def the_one(context: Context, name: str) -> Finding:
    """The finding of that check, the only one of the whole preflight."""
    report = quick(context)
    assert names(report) == {name}, report.as_text()
    return report.findings[0]


def obey(context: Context, finding: Finding) -> None:
    """Do what the finding says, in a shell, as people would."""
    done = subprocess.run(
        ["bash", "-c", finding.mend], capture_output=True, text=True, cwd=context.home, check=False
    )
    assert done.returncode == 0, f"{finding.mend}\n{done.stderr}"
