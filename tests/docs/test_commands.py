"""Every command block of the README and the guides runs, in a checkout of its own."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RELEASES = ROOT / "data" / "releases"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: This very run is the test of these, and they would start it anew.
THIS_RUN = frozenset({"./opentr.sh test"})


def commands_of(page: Path) -> list[str]:
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What git tracks, in a new folder; the release that this run has built is reused."""
    if not RELEASES.is_dir():
        pytest.skip("no release is built; ./opentr.sh test builds one first")
    folder = tmp_path_factory.mktemp("checkout") / "opentranscribe"
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / "data").mkdir(mode=0o700)
    (folder / "data" / "releases").symlink_to(RELEASES)
    yield folder
    run("./opentr.sh stop", folder, environment(folder))


def test_the_readme_has_commands_to_run() -> None:
    assert "./opentr.sh start" in commands_of(ROOT / "README.md")


def test_all_command_blocks_run(checkout: Path) -> None:
    settings = environment(checkout)
    _provide_recording(checkout / "recording.mp3", checkout / "models")
    (checkout / ".password").write_text("correct zebra staple battery")
    failed = []
    for page in PAGES:
        for command in commands_of(page):
            if command in THIS_RUN:
                continue
            done = run(command, checkout, settings)
            if done.returncode != 0:
                failed.append(f"{page.name}: {command}\n{done.stdout}{done.stderr}")
    assert not failed, "\n\n".join(failed)


def environment(checkout: Path) -> dict[str, str]:
    """Free ports, so that an installation that runs on this machine is left alone, and models of its
    own, because the guides clear their cache."""
    made = os.environ | {
        "FRONTEND_PORT": str(_free_port()),
        "BACKEND_PORT": str(_free_port()),
        "MODEL_CACHE_DIR": str(checkout / "models"),
    }
    known = Path(os.environ.get("MODEL_CACHE_DIR", ROOT / "models"))
    if known.is_dir() and not (checkout / "models").exists():
        shutil.copytree(known, checkout / "models", copy_function=_link_or_copy, symlinks=True)
    made.pop("PYTHONPATH", None)
    return made


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def run(command: str, folder: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    for port, name in (("5173", "FRONTEND_PORT"), ("5174", "BACKEND_PORT")):
        command = command.replace(f"localhost:{port}", f"localhost:{settings[name]}")
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=settings,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def _provide_recording(target: Path, models: Path) -> None:
    """Real speech: the sample that the program itself fetches."""
    sample = next(models.rglob("sample.wav"), None)
    if sample is None:
        pytest.skip("the sample recording is not on this machine; the browser tests fetch it")
    shutil.copy2(sample, target)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
