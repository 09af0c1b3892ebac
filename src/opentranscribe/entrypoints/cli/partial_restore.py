"""restore --file, --user, --list-files: single recordings out of a backup, while all goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from opentranscribe.bootstrap import build_app
from opentranscribe.entrypoints.installation.embedded import EmbeddedDeployment
from opentranscribe.entrypoints.installation.places import build_backups
from opentranscribe.entrypoints.leftovers import sweep_leftovers
from opentranscribe.features.backup.partial import PartialRestore, Restored, open_partial
from opentranscribe.settings import Settings

console = Console(highlight=False)


@dataclass(frozen=True)
class Wish:
    """One of ``file`` and ``user``; none of them for the list."""

    file: str | None
    user: str | None
    as_copy: bool
    yes: bool

    @property
    def is_partial(self) -> bool:
        return self.file is not None or self.user is not None


def list_files(settings: Settings, backup: Path, key: str | None) -> None:
    with _opened(settings, backup, key) as partial:
        files = partial.list_files()
    for one in sorted(files, key=lambda one: (one.owner, one.uploaded)):
        here = "" if one.is_here else "  (not here now)"
        _tell(f"{one.uuid}  {one.uploaded[:16]}  {one.owner}  {one.title}{here}")
    gone = sum(not one.is_here for one in files)
    _tell(f"{len(files)} recordings, {gone} of them not here now.")


def restore_some(settings: Settings, backup: Path, key: str | None, wish: Wish) -> None:
    with _opened(settings, backup, key) as partial:
        restore = _restorer(partial, wish)
        done = restore(wish.as_copy)
        _report(done)
        if done.kept and not wish.as_copy and not wish.yes and sys.stdin.isatty():
            question = f"{len(done.kept)} are here already. Restore those as copies beside them?"
            if typer.confirm(question, default=False):
                _report(restore(True))


def _restorer(partial: PartialRestore, wish: Wish) -> Callable[[bool], Restored]:
    if wish.file is not None:
        file = wish.file
        return lambda as_copy: partial.restore_file(file, as_copy=as_copy)
    user = wish.user or ""
    return lambda as_copy: partial.restore_user(user, as_copy=as_copy)


@contextmanager
def _opened(settings: Settings, backup: Path, key: str | None) -> Iterator[PartialRestore]:
    """With the database woken for the time when it sleeps."""
    deployment = EmbeddedDeployment(settings)
    url = deployment.open_database()
    try:
        sweep_leftovers(settings, url, _tell)
        app = build_app(settings, fetches_models=False)
        try:
            with open_partial(build_backups(settings, url, _tell), app.work, backup, key) as opened:
                yield opened
        finally:
            app.close()
    finally:
        deployment.close_database()


def _report(done: Restored) -> None:
    for uuid, title in done.files:
        _tell(f"  {uuid}  {title}")
    for uuid in done.kept:
        _tell(f"  {uuid}  is here already and stays as it is")
    if done.left_out:
        _tell(f"! {done.left_out} rows were left out: they tie it to what is gone.")
    for key in done.missing:
        _tell(f"! The backup does not have the stored file {key}.")
    if done.rows.get("user") and done.files:
        _tell("! An account came back as well. If it is disabled: ./opentr.sh users enable EMAIL")
    counts = ", ".join(f"{count} {table}" for table, count in sorted(done.rows.items()))
    if not done.rows:
        _tell("Nothing was restored and nothing was changed.")
        return
    _tell(f"✓ {len(done.files)} recordings are back: {counts}; {done.objects} stored files.")


def _tell(line: object) -> None:
    console.print(escape(str(line)), soft_wrap=True)
