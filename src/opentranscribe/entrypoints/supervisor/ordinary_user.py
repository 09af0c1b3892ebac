"""Who PostgreSQL runs as: it refuses root, so root becomes somebody ordinary for it."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opentranscribe.kit.errors import UnavailableError

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
NOBODY = 65534


class NoOrdinaryUserError(UnavailableError):
    code = "no_ordinary_user"


@dataclass(frozen=True)
class OrdinaryUser:
    """``in_namespace``: root outside is user 1000 inside, files keep their owner. Else ``user_id``
    is the account the process changes to; None means it stays who it is."""

    bin_dir: Path
    in_namespace: bool = False
    user_id: int | None = None

    @classmethod
    def choose(cls, bin_dir: Path, folder: Path) -> OrdinaryUser:
        """For a process on ``folder``. Raises NoOrdinaryUserError where root has no way."""
        if os.geteuid() != 0:
            return cls(bin_dir)
        owner = folder.stat().st_uid
        if owner == 0 and namespaces_work():
            return cls(bin_dir, in_namespace=True)
        return cls.as_account(bin_dir, folder, owner or NOBODY)

    @classmethod
    def as_account(cls, bin_dir: Path, folder: Path, user_id: int) -> OrdinaryUser:
        """Where the kernel gives no namespace: the folder becomes that account's, and binaries
        that it cannot reach are copied beside it."""
        user = cls(bin_dir, user_id=user_id)
        user.give(folder)
        folder.parent.chmod(0o711)
        if not user.reaches(folder):
            raise NoOrdinaryUserError(
                f"The database must not run as root, and another account cannot reach {folder}. "
                "Start OpenTranscribe as an ordinary user, or put its folder outside of /root."
            )
        if user.reaches(bin_dir / "postgres"):
            return user
        copy = folder.parent / "postgres-program"
        if not copy.exists():
            draft = copy.with_name(f"{copy.name}.new")
            shutil.rmtree(draft, ignore_errors=True)
            _copy_program(bin_dir, draft)
            draft.rename(copy)
        return cls(copy / Path(*bin_dir.parts[-3:]), user_id=user_id)

    def give(self, path: Path) -> None:
        """Make a file, or a folder with all that is in it, this account's."""
        if self.user_id is None or path.stat().st_uid == self.user_id:
            return
        for one in [path, *path.rglob("*")]:
            os.chown(one, self.user_id, self.user_id, follow_symlinks=False)

    def reaches(self, path: Path) -> bool:
        asked = subprocess.run(
            ["/usr/bin/test", "-x", str(path)], preexec_fn=self.prepare(), check=False
        )
        return asked.returncode == 0

    def prepare(self, dies_with_parent: int = 0) -> Callable[[], None]:
        """For ``preexec_fn``: become this user; with a signal number, Linux sends that signal
        when the thread that started the process has ended."""
        libc = ctypes.CDLL(None, use_errno=True)
        parent = os.getpid()

        def become() -> None:
            if self.in_namespace:
                _enter_namespace(libc)
            elif self.user_id is not None:
                os.setgroups([])
                os.setgid(self.user_id)
                os.setuid(self.user_id)
            if dies_with_parent and hasattr(libc, "prctl"):
                libc.prctl(PR_SET_PDEATHSIG, dies_with_parent)
                if os.getppid() != parent:
                    os._exit(1)

        return become


def _copy_program(bin_dir: Path, target: Path) -> None:
    """The installation with the libraries beside it, which its binaries find by relative paths."""
    installation, package = bin_dir.parent, bin_dir.parent.parent
    shutil.copytree(installation, target / package.name / installation.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)


@functools.cache
def namespaces_work() -> bool:
    """Whether this kernel lets us have a user namespace; many containers do not."""
    try:
        prepare = OrdinaryUser(Path(), in_namespace=True).prepare()
        tried = subprocess.run(["/usr/bin/env", "true"], preexec_fn=prepare, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return tried.returncode == 0


def _enter_namespace(libc: ctypes.CDLL) -> None:
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", "1000 0 1")
    _write("/proc/self/gid_map", "1000 0 1")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)
