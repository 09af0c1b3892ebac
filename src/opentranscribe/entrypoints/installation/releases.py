"""Releases on this machine: found, checked, and installed aside in folders that never change.

``data/releases/<name>/venv`` is a virtual environment with one wheel in it; ``data/current`` points
to one of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from opentranscribe.kit.durable import sync_folder
from opentranscribe.ports.deployment import Release, ReleaseDamagedError, ReleaseNotFoundError
from opentranscribe.ports.progress import Progress
from opentranscribe.settings import inherited_environment

PACKAGE = "opentranscribe"
FACTS_FORMAT = 1
#: Releases beside the current one whose folders are kept.
KEPT = 2


class Releases:
    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "releases"
        self._link = data_dir / "current"

    def current(self) -> Release:
        """Raises ReleaseNotFoundError where the link is broken."""
        if not self._link.is_symlink():
            raise ReleaseNotFoundError(
                f"{self._link} does not point to a release. Nothing was changed."
            )
        return self.find(self._link.readlink().name)

    def find(self, name: str) -> Release:
        package = self._package(name)
        if package is None:
            raise ReleaseNotFoundError(f"The release {name} is not installed in {self._folder}.")
        facts = _read_facts(package)
        version = str(facts.get("version") or name.removeprefix("v").partition("+")[0])
        outer = package / "outer"
        return Release(name, f"v{version}", facts, outer if outer.is_dir() else None)

    def program(self, release: Release, name: str) -> Path:
        return self._folder / release.name / "venv" / "bin" / name

    def switch(self, release: Release) -> None:
        """In one rename; forced to disk."""
        target = Path("releases") / release.name
        draft = self._link.with_name(".current.new")
        draft.unlink(missing_ok=True)
        draft.symlink_to(target)
        draft.replace(self._link)
        sync_folder(self._link.parent)

    def install(self, wheel: Path, packages: Path | None, progress: Progress) -> Release:
        """Aside, and only there under its name when it is complete.

        ``packages`` is a folder with wheels of what it needs, for machines without a network.
        Raises ReleaseDamagedError.
        """
        facts = check_wheel(wheel)
        progress(0.1)
        name = f"v{facts['version']}+{_sha256(wheel)[:12]}"
        if (self._folder / name / "ready").is_file():
            return self.find(name)
        draft = self._folder / f".{name}.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        self._make_environment(draft, wheel, packages)
        progress(0.8)
        shutil.copy(wheel, draft / wheel.name)
        (draft / "ready").write_text(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        os.sync()
        shutil.rmtree(self._folder / name, ignore_errors=True)
        draft.rename(self._folder / name)
        sync_folder(self._folder)
        progress(1.0)
        return self.find(name)

    def forget_old(self, wanted: Sequence[str]) -> None:
        """Folders of releases that nobody goes back to."""
        others = [
            one
            for one in self._folder.iterdir()
            if one.is_dir() and one.name not in wanted and not one.name.startswith(".")
        ]
        others.sort(key=lambda one: one.stat().st_mtime, reverse=True)
        for old in others[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)

    def _make_environment(self, draft: Path, wheel: Path, packages: Path | None) -> None:
        """The packages of the current release again where the lock is the same, else from the
        index; no two releases share a folder, but equal files are stored once."""
        final = self._folder / draft.name.removeprefix(".").removesuffix(".new")
        venv = draft / "venv"
        _run([sys.executable, "-m", "venv", "--without-pip", venv])
        lock = _file_in_wheel(wheel, f"{PACKAGE}/outer/requirements.txt")
        source = self._same_packages(lock)
        if source is not None:
            _link_packages(source, _site_packages(venv))
        else:
            (draft / "requirements.txt").write_bytes(lock)
            offline: list[str | Path] = []
            if packages:
                offline = ["--no-index", "--find-links", packages]
            _pip(venv, ["--require-hashes", *offline, "-r", draft / "requirements.txt"])
        _pip(venv, ["--no-deps", "--force-reinstall", "--no-index", wheel])
        _move_scripts(venv, final / "venv")

    def _same_packages(self, lock: bytes) -> Path | None:
        """Where the current release keeps its packages, if they are those of ``lock``."""
        package = self._package(self.current().name)
        if package is None or (self._link / "venv").is_symlink():
            return None  # an environment that the user made may have anything in it
        own = package / "outer" / "requirements.txt"
        return package.parent if own.is_file() and own.read_bytes() == lock else None

    def _package(self, name: str) -> Path | None:
        found = sorted((self._folder / name / "venv").glob(f"lib/python*/site-packages/{PACKAGE}"))
        return found[0] if found else None


def check_wheel(wheel: Path) -> dict[str, Any]:
    """What the release says of itself, once every file in it is what it says.

    Raises ReleaseDamagedError.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            facts: dict[str, Any] = json.loads(archive.read(f"{PACKAGE}/release.json"))
            if facts.get("format") != FACTS_FORMAT:
                raise ReleaseDamagedError(f"{wheel.name} has a form that this release cannot read.")
            for name, expected in facts["files"].items():
                if hashlib.sha256(archive.read(f"{PACKAGE}/{name}")).hexdigest() != expected:
                    raise ReleaseDamagedError(f"{wheel.name} is damaged: {name} was changed.")
            inside = {n.removeprefix(f"{PACKAGE}/") for n in archive.namelist()}
            strange = [n for n in inside - set(facts["files"]) if _is_code(n)]
            if strange:
                raise ReleaseDamagedError(
                    f"{wheel.name} has files that it does not list: {strange}"
                )
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise ReleaseDamagedError(
            f"{wheel} is not a release of OpenTranscribe, or it is damaged ({error})."
            " Nothing was changed. Get it again."
        ) from error
    return facts


def own_facts() -> dict[str, Any]:
    """What the release that runs this says of itself."""
    return _read_facts(Path(str(package_files(PACKAGE))))


def _is_code(name: str) -> bool:
    return ".dist-info/" not in name and name != "release.json" and not name.endswith("/")


def _read_facts(package: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((package / "release.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _file_in_wheel(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name)


def _link_packages(source: Path, target: Path) -> None:
    def place(old: str, new: str) -> str:
        try:
            os.link(old, new)
        except OSError:
            shutil.copy2(old, new)
        return new

    shutil.copytree(source, target, dirs_exist_ok=True, copy_function=place, symlinks=True)


def _site_packages(venv: Path) -> Path:
    (found,) = venv.glob("lib/python*/site-packages")
    return found


def _move_scripts(venv: Path, final: Path) -> None:
    """Scripts name their interpreter by its full path, and the folder is renamed when complete."""
    for script in (venv / "bin").iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        content = script.read_bytes()
        moved = content.replace(os.fsencode(venv), os.fsencode(final))
        if moved != content:
            mode = script.stat().st_mode
            script.unlink()  # it may be a link to another release's file
            script.write_bytes(moved)
            script.chmod(mode)


def _pip(venv: Path, words: Sequence[str | Path]) -> None:
    """pip of this release, working on another environment."""
    python = venv / "bin" / "python"
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    _run([sys.executable, "-m", "pip", "--python", python, "install", *quiet, *words])


def _run(command: Sequence[str | Path]) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env=inherited_environment()
    )
    if done.returncode != 0:
        last = " ".join((done.stderr or done.stdout).strip().splitlines()[-2:])
        raise ReleaseNotFoundError(
            f"The release could not be installed: {last}\nNothing was changed. Check the network,"
            " or give a folder with all packages: --from DIR"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
