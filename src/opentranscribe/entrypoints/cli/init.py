"""init: make an installation folder from an installed wheel."""

from __future__ import annotations

import shutil
import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from opentranscribe import __version__
from opentranscribe.kit.errors import ConflictError


class FolderInUseError(ConflictError):
    code = "folder_in_use"


def register(app: typer.Typer) -> None:
    app.command()(init)


def init(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
) -> None:
    """Make an installation folder: the place where ./opentr.sh and your data live."""
    if folder.exists() and any(folder.iterdir()):
        raise FolderInUseError(
            f"{folder} is not empty. Nothing was changed; choose another folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with as_file(files("opentranscribe") / "outer") as outer:
        shutil.copytree(
            outer, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("requirements.txt")
        )
    for script in ("opentr.sh", "scripts/fix-model-permissions.sh"):
        (folder / script).chmod(0o755)
    for name in ("backups", "models", "data"):
        (folder / name).mkdir(mode=0o700)
    _point_to_this_release(folder / "data")
    print(f"Made {folder}. Go on with:\n\n  cd {folder}\n  ./opentr.sh start")


def _point_to_this_release(data: Path) -> None:
    """The release is the environment this command itself runs from."""
    release = data / "releases" / f"v{__version__}"
    release.mkdir(parents=True)
    (release / "venv").symlink_to(sys.prefix)
    (data / "current").symlink_to(Path("releases") / release.name)
