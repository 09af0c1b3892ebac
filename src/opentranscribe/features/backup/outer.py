"""What an installation is besides its data: secrets, settings, certificates, the list of models.

They travel sealed in a full backup. On another machine they take the place of what is there, which
stays beside them under another name, and all of it goes back when the restore does not get through.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from dotenv import dotenv_values

from opentranscribe.features.backup.errors import BackupDamagedError
from opentranscribe.features.backup.places import Places
from opentranscribe.kit import clock
from opentranscribe.kit.durable import remove, write_durably

ENV, SECRETS, MODELS = ".env", "secrets/", "#models"
KEPT = ".before-restore-"
#: Beside ``.env``: what an administrator adds to an installation by hand.
ADDED = ("*.override.yml", "*.override.yaml", "tls/*", "certs/*", "nginx/ssl/*")
LARGEST_BYTES = 1 << 20
#: Made again when they are missing, or of no use elsewhere.
NOT_SECRET = frozenset({"setup-token"})
#: They belong to the machine: its database server's password, and a key that nobody saw yet.
UNSHOWN, PUBLIC = "secrets/backup-recovery.unshown", "secrets/backup-recovery.pub"
OF_THE_MACHINE = frozenset({"secrets/postgres", UNSHOWN})
#: Settings that say where things are on this machine stay as this machine has them.
BOUND = ("DATABASE_URL", "POSTGRES_", "MODEL_CACHE_DIR")

Tell = Callable[[str], None]


def collect(places: Places) -> bytes:
    """Everything of it, to be sealed."""
    files = {name: path.read_bytes().hex() for name, path in _list_files(places)}
    models = json.dumps(_list_models(places)).encode().hex()
    return json.dumps({**files, MODELS: models}).encode()


@dataclass(frozen=True)
class OuterFiles:
    places: Places

    @property
    def _pending(self) -> Path:
        return self.places.state_dir / "outer-restore.json"

    @property
    def _settled(self) -> Path:
        return self.places.state_dir / "outer-restored.json"

    @property
    def pending(self) -> str | None:
        """The database that the files came with, when they were put in place and it may not be."""
        return _read_note(self._pending)["database"] if self._pending.is_file() else None

    @property
    def settled(self) -> str | None:
        """The database that the files in place came with; None for this machine's own."""
        return _read_note(self._settled)["database"] if self._settled.is_file() else None

    def put(self, sealed: bytes, database: str, tell: Tell) -> list[str]:
        """What was collected, in place; the names of the files that changed.

        Raises BackupDamagedError; nothing was changed then.
        """
        wanted: dict[str, bytes | None] = {**self._plan(sealed, tell)}
        if PUBLIC in wanted and self._path(UNSHOWN).is_file():
            wanted[UNSHOWN] = (
                None  # nobody needs to write down a key that opens nothing from now on
            )
        stamp = f"{clock.now():%Y%m%d_%H%M%S}"
        absent = [name for name in wanted if not self._path(name).exists()]
        note = {"database": database, "stamp": stamp, "names": list(wanted), "absent": absent}
        self.places.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(self._pending, json.dumps(note))
        for name, content in wanted.items():
            path = self._path(name)
            if name not in absent:
                write_durably(_kept(path, stamp), path.read_bytes())
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if content is None:
                remove(path)
            else:
                write_durably(path, content)
        return list(wanted)

    def put_back(self) -> None:
        """As it was before `put`, however far that came."""
        self._put_back(self._pending)

    def settle(self) -> None:
        """The restore got through: what there was stays only as a copy."""
        if self._pending.is_file():
            write_durably(self._settled, self._pending.read_bytes())
            remove(self._pending)

    def undo(self) -> None:
        """As it was before the files that are settled."""
        self._put_back(self._settled)

    def _put_back(self, marker: Path) -> None:
        if not marker.is_file():
            return
        note = _read_note(marker)
        for name in note["names"]:
            path = self._path(name)
            kept = _kept(path, note["stamp"])
            if name in note["absent"]:
                remove(path)
            elif kept.is_file():
                write_durably(path, kept.read_bytes())
        remove(marker)

    def _plan(self, sealed: bytes, tell: Tell) -> dict[str, bytes]:
        """Files that will be others than they are."""
        try:
            content = {name: bytes.fromhex(text) for name, text in json.loads(sealed).items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise BackupDamagedError("The sealed settings cannot be read.") from error
        self._say_models(json.loads(content.pop(MODELS, b"[]")), tell)
        wanted = {}
        for name, found in content.items():
            if not _is_ours(name):
                raise BackupDamagedError(f"The sealed settings have a strange file: {name}.")
            path = self._path(name)
            if name in OF_THE_MACHINE:
                continue
            new = _keep_bound(found, path) if name == ENV else found
            if not path.is_file() or path.read_bytes() != new:
                wanted[name] = new
        return wanted

    def _say_models(self, models: list[str], tell: Tell) -> None:
        lacking = sorted(set(models) - set(_list_models(self.places)))
        if lacking:
            tell("Models that the backup's machine had and this one lacks; each is fetched when it")
            tell(f"is first needed: {', '.join(lacking)}")

    def _path(self, name: str) -> Path:
        if name.startswith(SECRETS):
            return self.places.secrets_dir / name.removeprefix(SECRETS)
        return self.places.home / name


def _read_note(marker: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(marker.read_text(encoding="utf-8"))
    return found


def _list_files(places: Places) -> Iterator[tuple[str, Path]]:
    if places.env_file.is_file():
        yield ENV, places.env_file
    for path in sorted(places.secrets_dir.iterdir()):
        if path.is_file() and path.name not in NOT_SECRET and not path.name.startswith("."):
            yield f"{SECRETS}{path.name}", path
    for pattern in ADDED:
        for path in sorted(places.home.glob(pattern)):
            if path.is_file() and KEPT not in path.name and path.stat().st_size <= LARGEST_BYTES:
                yield path.relative_to(places.home).as_posix(), path


def _list_models(places: Places) -> list[str]:
    if places.models_dir is None:
        return []
    return sorted({path.name for path in places.models_dir.glob("**/models--*") if path.is_dir()})


def _is_ours(name: str) -> bool:
    if name.startswith(SECRETS):
        return PurePosixPath(name).parts == ("secrets", PurePosixPath(name).name)
    return name == ENV or (
        ".." not in PurePosixPath(name).parts
        and any(fnmatch(name, pattern) for pattern in ADDED)
        and not PurePosixPath(name).is_absolute()
    )


def _kept(path: Path, stamp: object) -> Path:
    return path.with_name(f"{path.name}{KEPT}{stamp}")


def _keep_bound(content: bytes, live: Path) -> bytes:
    """The backup's settings, but for those that say where things are on this machine."""
    lines = content.decode("utf-8", errors="surrogateescape").splitlines()
    kept = [line for line in lines if not _name_of(line).removeprefix("OPENTR_").startswith(BOUND)]
    own = [
        f"{name}={_quote(value)}"
        for name, value in (dotenv_values(live) if live.is_file() else {}).items()
        if name.removeprefix("OPENTR_").startswith(BOUND) and value is not None
    ]
    if len(kept) == len(lines) and not own:
        return content
    return "\n".join([*kept, *own, ""]).encode("utf-8", errors="surrogateescape")


def _name_of(line: str) -> str:
    return line.strip().removeprefix("export ").partition("=")[0].strip()


def _quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
