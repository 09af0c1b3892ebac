"""Build this checkout as a release artefact: one wheel.

    python tools/build_release.py OUT [--version 1.1.0 --overlay DIR …]

``--version`` and ``--overlay`` make another release of the same sources, for trying an update
before there is a next one: files of DIR are laid over the package, those named ``X.append`` are
added to the end of X.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import install_release as release

VERSION_LINE = re.compile(r'^__version__ = ".*"$', re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--version", default="")
    parser.add_argument("--overlay", type=Path, action="append", default=[])
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)

    def change(package: Path) -> None:
        if chosen.version:
            set_version(package, chosen.version.removeprefix("v"))
        for overlay in chosen.overlay:
            lay_over(package, overlay)
        if chosen.overlay:
            describe_schemas(package)

    if chosen.overlay and not release.CURRENT.exists():
        release.main()
    with release.locked(), tempfile.TemporaryDirectory(prefix="opentr-build-") as folder:
        build = Path(folder)
        uv = release.tool_environment()
        page = release.Page(uv, build)
        release.environment(uv, build / "venv", release.ROOT / "requirements" / "build.txt")
        page.finish()
        wheel = release.build_wheel(build, build, page.kept, change)
        shutil.copy(wheel, chosen.out)
    print(chosen.out / wheel.name)
    return 0


def set_version(package: Path, version: str) -> None:
    module = package / "__init__.py"
    line = f'__version__ = "{version}"'
    text, count = VERSION_LINE.subn(line, module.read_text(encoding="utf-8"))
    if count != 1:
        raise SystemExit(f"✗ {module} does not say its version in one line.")
    module.write_text(text, encoding="utf-8")
    (package / "outer" / "VERSION").write_text(f"v{version}\n", encoding="utf-8")


def lay_over(package: Path, overlay: Path) -> None:
    for path in sorted(overlay.rglob("*")):
        if not path.is_file() or "__pycache__" in path.parts:
            continue
        target = package / path.relative_to(overlay)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".append":
            with target.with_suffix("").open("a", encoding="utf-8") as handle:
                handle.write(path.read_text(encoding="utf-8"))
        else:
            shutil.copy(path, target)


def describe_schemas(package: Path) -> None:
    """A release knows the schema of each of its revisions, also of those that were laid over."""
    python = release.python_of(release.CURRENT / "venv")
    tool = release.ROOT / "tools" / "gen_known_schemas.py"
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    subprocess.run([python, tool], env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main())
