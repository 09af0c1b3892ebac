"""Build the images of this checkout: one for API and workers, one for the front door.

    python tools/build_images.py [--prefix opentranscribe/opentranscribe] [--version v1.0.0]
        [--wheel FILE] [--argument PYTHON_IMAGE=…] [--push]

Needs a running container engine. The wheel is made by tools/build_release.py unless one is given.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefix", default="opentranscribe/opentranscribe")
    parser.add_argument("--version", default=(ROOT / "VERSION").read_text().strip())
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--argument", action="append", default=[], help="of the Dockerfiles")
    parser.add_argument("--push", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opentr-images-") as folder:
        context = Path(folder)
        lay_out(context, chosen.wheel)
        for name in ("backend", "frontend"):
            tag = f"{chosen.prefix}-{name}:{chosen.version}"
            given = [f"RELEASE={chosen.version}", *chosen.argument]
            arguments = [word for one in given for word in ("--build-arg", one)]
            docker(
                "build", "-t", tag, "-f", str(context / f"{name}.Dockerfile"), *arguments, folder
            )
            if chosen.push:
                docker("push", tag)
            print(tag)
    return 0


def lay_out(context: Path, wheel: Path | None) -> None:
    """Nothing but what the images are made of."""
    shutil.copytree(ROOT / "deploy" / "frontend", context / "frontend")
    for name in ("backend", "frontend"):
        shutil.copy(ROOT / "deploy" / f"{name}.Dockerfile", context)
    shutil.copy(ROOT / "requirements" / "distributed.txt", context / "requirements.txt")
    shutil.copy(ROOT / "web" / "package-lock.json", context)
    shutil.copy(ROOT / "tools" / "sbom.py", context)
    if wheel is None:
        command = [sys.executable, str(ROOT / "tools" / "build_release.py"), str(context)]
        subprocess.run(command, check=True, stdout=sys.stderr)
    else:
        shutil.copy(wheel, context)


def docker(*words: str) -> None:
    done = subprocess.run(["docker", *words], stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise SystemExit(f"✗ docker {words[0]} failed; see above.")


if __name__ == "__main__":
    sys.exit(main())
