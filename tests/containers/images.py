"""The images that the tests need: stand-ins for what others publish, and our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.containers.engine import Engine
from tests.contract import opensearch_node

from opentranscribe.entrypoints.supervisor.postgres import wheel_binaries

ROOT = Path(__file__).parents[2]
BASE = Path(__file__).parent / "base"
#: Between runs: a fresh Debian, as it was unpacked.
KEPT = ROOT / "data" / "tests" / "containers"
PYTHON_IMAGE = "python:3.11-slim-bookworm"
STAND_INS = {
    "postgres": "pgvector/pgvector:pg18",
    "valkey": "valkey/valkey:8.1-bookworm",
    "nginx": "nginxinc/nginx-unprivileged:1.28-bookworm",
    "seaweedfs": "chrislusf/seaweedfs:4.48",
    "opensearch": "opensearchproject/opensearch:2.19.1",
}
PACKAGES = "python3,python3-pip,python3-venv,ca-certificates,passwd,curl"
#: Of Debian's packages, what an image has no use for.
SPARE = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")


def make_all_but_ours(engine: Engine, folder: Path) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    make_debian(engine, KEPT)
    make_stand_ins(engine, folder)


def make_debian(engine: Engine, kept: Path) -> None:
    """``debian:bookworm-slim`` and the Python image: a fresh Debian. The tree is kept in ``kept``."""
    tree = kept / "bookworm"
    if not (tree / "usr/bin/python3").exists():
        shutil.rmtree(tree, ignore_errors=True)
        draft = kept / "bookworm.new"
        shutil.rmtree(draft, ignore_errors=True)
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(draft))
        for spare in SPARE:
            shutil.rmtree(draft / spare, ignore_errors=True)
        (draft / "var/lib/apt/lists").mkdir(parents=True, exist_ok=True)
        for mark in draft.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            mark.unlink()
        _trust_what_this_machine_trusts(draft)
        draft.rename(tree)
    certificates = "/etc/ssl/certs/ca-certificates.crt"
    changes = [
        word
        for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
        for word in ("--change", f"ENV {name}={certificates}")
    ]
    if engine.has(PYTHON_IMAGE):
        return
    archive = kept / "bookworm.tar"
    if not archive.exists():
        run("tar", "-C", str(tree), "-cf", str(archive), ".")
    for name in ("debian:bookworm-slim", PYTHON_IMAGE):
        engine.docker("import", *changes, str(archive), name)


def make_stand_ins(engine: Engine, folder: Path) -> None:
    if all(engine.has(tag) for tag in STAND_INS.values()):
        return
    context = folder / "base"
    shutil.copytree(BASE, context, dirs_exist_ok=True)
    package = wheel_binaries().parents[1]
    for folder, into in ((package / "pginstall", ""), (package.with_suffix(".libs"), "lib")):
        target = context / "pginstall" / into
        shutil.copytree(folder, target, symlinks=True, dirs_exist_ok=True)
    shutil.copy(Path(sysconfig.get_path("scripts")) / "weed", context / "weed")
    opensearch_node.assemble()
    shutil.copytree(opensearch_node.HOME, context / "opensearch", dirs_exist_ok=True)
    for name, tag in STAND_INS.items():
        engine.build(context, context / f"{name}.Dockerfile", tag)
        engine.publish(tag)


def make_ours(engine: Engine, prefix: str, version: str, wheel: Path) -> None:
    """Built as everybody builds them, once in a run, and pushed: as the version and the latest."""
    names = [f"{prefix}-{name}" for name in ("backend", "frontend")]
    if (version, wheel) in engine.built:
        for name in names:
            engine.docker("tag", f"built/{name}:{version}", f"{name}:{version}")
    else:
        _build(engine, prefix, version, wheel)
        for name in names:
            engine.docker("tag", f"{name}:{version}", f"built/{name}:{version}")
        engine.built.add((version, wheel))
    for name in names:
        publish(engine, name, version)


def _build(engine: Engine, prefix: str, version: str, wheel: Path) -> None:
    command = [
        *(sys.executable, str(ROOT / "tools" / "build_images.py")),
        *("--prefix", prefix, "--version", version, "--wheel", str(wheel)),
    ]
    done = subprocess.run(
        command,
        env=engine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def make_other(engine: Engine, prefix: str, version: str, of: str, added: str, module: str) -> None:
    """The backend of release ``of`` with a line of Python ``added`` to one of its modules."""
    base = f"{engine.registry}/{prefix}-backend:{of}"
    engine.docker("pull", "-q", base)
    path = f"/opt/venv/lib/python3.11/site-packages/opentranscribe/{module}"
    lines = ["FROM " + base, "USER 0", f"RUN printf '\\n{added}\\n' >> {path}", "USER 1000"]
    tag = f"{prefix}-backend:{version}"
    engine.docker("build", "-q", "-t", tag, "-", stdin="\n".join(lines))
    publish(engine, f"{prefix}-backend", version)


def publish(engine: Engine, name: str, version: str) -> None:
    """As the version and as the latest; gone from here, as from a machine that never had it."""
    for tag in (f"{name}:{version}", f"{name}:latest"):
        if tag.endswith(":latest"):
            engine.docker("tag", f"{name}:{version}", tag)
        engine.publish(tag)
    for tag in (f"{name}:{version}", f"{name}:latest"):
        # What was built on the way stays, for the next build.
        engine.docker("rmi", "--no-prune", tag, f"{engine.registry}/{tag}")


def run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words[0]}: {(done.stderr + done.stdout)[-2000:]}"


def _trust_what_this_machine_trusts(tree: Path) -> None:
    """Packages are fetched from inside, perhaps through a proxy with a certificate of its own."""
    bundle = os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
    shutil.copy(bundle, tree / "etc/ssl/certs/ca-certificates.crt")
