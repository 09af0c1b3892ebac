"""Where a new release comes from: a wheel, a folder with wheels, or an index of packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from opentranscribe.entrypoints.installation.releases import PACKAGE
from opentranscribe.ports.deployment import ReleaseNotFoundError
from opentranscribe.settings import inherited_environment


def find_wheel(source: str, version: str, downloads: Path) -> tuple[Path, Path | None]:
    """The wheel, and the folder that may have what it needs too.

    ``source`` is a path, the address of an index, or empty for the ordinary index; ``version`` may
    be empty for the newest. Raises ReleaseNotFoundError.
    """
    wanted = version.removeprefix("v")
    path = Path(source)
    if source and path.is_file():
        _require(path, wanted)
        return path, None
    if source and path.is_dir():
        return _newest(path, wanted), path
    if source and "://" not in source:
        raise ReleaseNotFoundError(f"There is no {source}. Nothing was changed.")
    return _download(source, wanted, downloads), None


def _require(wheel: Path, wanted: str) -> None:
    found = version_of(wheel)
    if found is None:
        raise ReleaseNotFoundError(f"{wheel.name} is not a release. Nothing was changed.")
    if wanted and found != Version(wanted):
        raise ReleaseNotFoundError(f"{wheel.name} is not version {wanted}. Nothing was changed.")


def _newest(folder: Path, wanted: str) -> Path:
    found = [(v, p) for p in folder.glob("*.whl") if (v := version_of(p)) is not None]
    fitting = [(v, p) for v, p in found if not wanted or v == Version(wanted)]
    if not fitting:
        which = f"version {wanted}" if wanted else "a release"
        raise ReleaseNotFoundError(f"There is no wheel of {which} in {folder}.")
    return max(fitting)[1]


def version_of(wheel: Path) -> Version | None:
    """None for a file that is no release of ours."""
    try:
        name, version, *_ = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename:
        return None
    return version if name == PACKAGE else None


def _download(index: str, wanted: str, downloads: Path) -> Path:
    downloads.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-input", "--no-deps", "--only-binary", ":all:", "--dest", str(downloads)),
        *(("--index-url", index) if index else ()),
        f"{PACKAGE}=={wanted}" if wanted else PACKAGE,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=inherited_environment()
    )
    if done.returncode != 0:
        last = " ".join(done.stderr.strip().splitlines()[-1:])
        raise ReleaseNotFoundError(
            f"The release could not be fetched: {last} Nothing was changed. Check the network, or"
            " give a file: ./opentr.sh update --from opentranscribe-X.Y.Z-py3-none-any.whl"
        )
    return _newest(downloads, wanted)
