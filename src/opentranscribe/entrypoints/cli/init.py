"""init: make an installation folder from an installed wheel."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from opentranscribe.kit.errors import ConflictError

OUTER_FILES = ("opentr.sh", ".env.example", "CHANGELOG.md", "VERSION")


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
    for name in OUTER_FILES:
        with as_file(files("opentranscribe") / "outer" / name) as source:
            shutil.copy(source, folder / name)
    (folder / "opentr.sh").chmod(0o755)
    for name in ("backups", "models", "data"):
        (folder / name).mkdir(mode=0o700)
    print(f"Made {folder}. Go on with:\n\n  cd {folder}\n  ./opentr.sh start")
