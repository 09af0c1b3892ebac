"""The files of the installation folder change with the release and go back with it.

``opentr.sh``, the template of ``.env``, the changelog and the like belong to the release and are
replaced; ``.env`` belongs to the user and is merged. The old ones are kept with the update.
"""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from opentranscribe.kit.durable import remove, sync_folder, write_durably

#: The lock of the release's packages; of use inside the release only.
NOT_OUTER = {"requirements.txt"}
ABSENT = "absent.json"


def list_outer(folder: Path) -> list[str]:
    """Relative paths of the release's installation-folder files."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = [str(path.relative_to(folder)) for path in found]
    return [name for name in names if name not in NOT_OUTER and "__pycache__" not in name]


def keep_old(home: Path, names: list[str], kept: Path) -> None:
    """Copy what is about to be replaced, and write down what was not there."""
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True, mode=0o700)
    absent = [name for name in names if not (home / name).is_file()]
    for name in names:
        if name not in absent:
            target = kept / name
            target.parent.mkdir(parents=True, exist_ok=True)
            write_durably(target, (home / name).read_bytes(), _mode(home / name))
    write_durably(kept / ABSENT, json.dumps(absent))
    sync_folder(kept.parent)


def put_new(home: Path, contents: Mapping[str, tuple[bytes, int]]) -> None:
    """Each file appears whole; ``contents`` has bytes and mode by relative path."""
    for name, (content, mode) in contents.items():
        target = home / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file() or target.read_bytes() != content:
            write_durably(target, content, mode)


def put_back(home: Path, kept: Path) -> None:
    """As it was. Nothing was replaced yet where the old files were not all kept."""
    if not (kept / ABSENT).is_file():
        return
    absent: list[str] = json.loads((kept / ABSENT).read_text(encoding="utf-8"))
    for name in absent:
        if (home / name).exists():
            remove(home / name)
    for path in sorted(kept.rglob("*")):
        name = str(path.relative_to(kept))
        if path.is_file() and name != ABSENT:
            put_new(home, {name: (path.read_bytes(), _mode(path))})


def read_release_files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Scripts come out of a wheel without the right to be run."""
    return {
        name: ((folder / name).read_bytes(), 0o755 if name.endswith(".sh") else 0o644)
        for name in list_outer(folder)
    }


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
