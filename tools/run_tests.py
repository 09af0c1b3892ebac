"""Everything that proves this checkout, from nothing: ``./opentr.sh test``.

Makes the test environment from the lock, then runs the stages below one after the other, goes on
after a failure, and ends with a table of seconds and one line of counts. With arguments it runs
only pytest with them: ``./opentr.sh test tests/unit -k merge``. Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import install_release as release

ROOT = release.ROOT
TESTS = ROOT / "data" / "tests"
BIN = TESTS / "venv" / "bin"
REPORTS = TESTS / "reports"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: Level of tests, and how many processes share it; an engine of containers wants the machine alone.
LEVELS = {
    "unit": 2,
    "architecture": 1,
    "contract": 2,
    "integration": 2,
    "upgrade": 2,
    "e2e": 2,
    "containers": 1,
    "docs": 1,
}


@dataclass
class Outcome:
    stage: str
    passed: bool
    seconds: float
    counts: Counter[str] = field(default_factory=Counter)


def main(arguments: list[str]) -> int:
    started = time.monotonic()
    prepare_environment()
    if arguments:
        return subprocess.call([BIN / "pytest", "-ra", *arguments], cwd=ROOT, env=environment())
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    provide_browser()
    outcomes = [*check_code(), *check_page(), build_release()]
    outcomes += [run_level(level, workers) for level, workers in LEVELS.items()]
    return report(outcomes, time.monotonic() - started)


def prepare_environment() -> None:
    """The locked test environment, made again only when the lock has changed."""
    lock = ROOT / "requirements" / "dev.txt"
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    stamp = TESTS / "lock.sha256"
    if stamp.is_file() and stamp.read_text() == wanted and (BIN / "pytest").exists():
        return
    release.say("Preparing the test environment")
    with release.locked():
        shutil.rmtree(TESTS, ignore_errors=True)
        TESTS.mkdir(parents=True)
        release.environment(release.tool_environment(), TESTS / "venv", lock)
        stamp.write_text(wanted)


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "src")}


def provide_browser() -> None:
    """Where root may install one it does; else the browser tests skip and are counted."""
    if any(shutil.which(name) for name in BROWSERS):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        release.say("Installing a browser for the page's tests")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in ("update", "install -y --no-install-recommends chromium"):
            subprocess.run(
                ["apt-get", "-q", *command.split()], env=quiet, stdout=sys.stderr, check=False
            )
    if not any(shutil.which(name) for name in BROWSERS):
        release.say("!! NO BROWSER: the page's tests in a browser are SKIPPED on this machine.")


def check_code() -> list[Outcome]:
    commands = {
        "ruff": ["ruff", "check", "."],
        "format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy"],
        "imports": ["lint-imports"],
        "sizes": ["python", "tools/check_sizes.py"],
        "lints": ["python", "tools/lints"],
        "dependencies": ["deptry", "src"],
        "shell": ["shellcheck", "-x", "opentr.sh", *map(str, (ROOT / "scripts").glob("*.sh"))],
    }
    return [stage(name, [str(BIN / words[0]), *words[1:]]) for name, words in commands.items()]


def check_page() -> list[Outcome]:
    """Formatting, types, lint and unit tests of the page, in its own folder."""
    node = release.node_folder(release.tool_environment())
    web = ROOT / "web"
    path = environment()["PATH"]
    env = {**environment(), "PATH": f"{node}{os.pathsep}{path}" if node else path, "CI": "true"}
    commands = {
        "page packages": ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        "page check": ["npm", "run", "check"],
        "page tests": ["npm", "test"],
    }
    return [stage(name, words, cwd=web, env=env) for name, words in commands.items()]


def build_release() -> Outcome:
    """The wheel with the page in it, which the end-to-end tests install and start."""
    return stage("release", [sys.executable, str(ROOT / "tools" / "install_release.py")])


def run_level(level: str, workers: int) -> Outcome:
    folder = ROOT / "tests" / level
    if not any(folder.rglob("test_*.py")):
        return Outcome(f"tests: {level}", passed=True, seconds=0.0)
    xml = REPORTS / f"{level}.xml"
    spread = ["-n", str(workers), "--dist", "loadfile"] if workers > 1 else []
    command = [str(BIN / "pytest"), "-q", "-rsfE", f"--junit-xml={xml}", *spread, str(folder)]
    outcome = stage(f"tests: {level}", command)
    outcome.counts = counts_of(xml)
    return outcome


def counts_of(xml: Path) -> Counter[str]:
    """passed, failed, errors and skipped of a JUnit report; empty when pytest left none."""
    counts: Counter[str] = Counter()
    if not xml.is_file():
        return counts
    for suite in ET.parse(xml).getroot().iter("testsuite"):
        numbers = {
            name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")
        }
        counts["failed"] += numbers["failures"]
        counts["errors"] += numbers["errors"]
        counts["skipped"] += numbers["skipped"]
        counts["passed"] += numbers["tests"] - sum(counts.values())
    return +counts


def stage(
    name: str, command: list[str], cwd: Path = ROOT, env: dict[str, str] | None = None
) -> Outcome:
    print(f"\n── {name} " + "─" * max(0, 70 - len(name)), flush=True)
    started = time.monotonic()
    try:
        code = subprocess.call(command, cwd=cwd, env=env or environment())
    except OSError as error:
        print(error, flush=True)
        code = 127
    return Outcome(name, code == 0, time.monotonic() - started)


def report(outcomes: list[Outcome], seconds: float) -> int:
    print("\n── seconds " + "─" * 60)
    for outcome in outcomes:
        print(f"{'ok  ' if outcome.passed else 'FAIL'} {outcome.seconds:7.1f}  {outcome.stage}")
    counts: Counter[str] = sum((outcome.counts for outcome in outcomes), Counter())
    broken = [outcome.stage for outcome in outcomes if not outcome.passed]
    if broken:
        print(f"Failed: {', '.join(broken)}")
    if counts["skipped"]:
        print(
            f"!! {counts['skipped']} tests were SKIPPED; the reasons stand in their stages above."
        )
    words = ", ".join(
        f"{counts[key]} {key}" for key in ("failed", "errors", "passed", "skipped") if counts[key]
    )
    print(f"===== {words or 'no tests ran'} in {seconds:.2f}s =====", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
