"""An engine with our images at the local registry, and the stack of compose.yaml on it.

Where no engine can be started the tests are skipped, and say why; with OPENTR_REQUIRE_CONTAINERS=1
that is a failure. Once it runs, whatever fails is a failure. OPENTR_TEST_ENGINE names a folder in
which images are kept from run to run.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.containers import images
from tests.containers.engine import Engine, EngineError
from tests.containers.stack import PREFIX, Stack
from tests.e2e.updating import Wheels
from tests.integration.supervisor.conftest import models

from opentranscribe.adapters.models.store import CachedModelStore

__all__ = ["models"]


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    # Sockets have short names, and the engine's folder holds some.
    named = os.environ.get("OPENTR_TEST_ENGINE")
    folder = Path(named or f"/var/tmp/opentr-engine-{os.getpid()}")
    made = Engine(folder, Path(sysconfig.get_path("scripts")) / "docker-compose")
    try:
        made.start()
    except EngineError as error:
        if os.environ.get("OPENTR_REQUIRE_CONTAINERS") == "1":
            raise
        pytest.skip(f"SKIPPED, no container engine: {error}")
    try:
        images.make_all_but_ours(made, tmp_path_factory.mktemp("images"))
        yield made
    finally:
        made.stop()
        if not named:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    return Wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="session")
def sample(models: Path) -> bytes:
    """A conversation of two people, 30 seconds, as a WAV file."""
    return (CachedModelStore(models).find("sample-conversation") / "sample.wav").read_bytes()


@pytest.fixture(scope="module")
def stack_folder(
    engine: Engine, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """What an operator has before the first start."""
    made = Stack(engine, tmp_path_factory.mktemp("stack"))
    made.lay_out("latest", models)
    yield made
    print(made.compose("logs", "--no-color", "--tail=100", check=False))
    made.compose("down", "--volumes", "--remove-orphans", check=False)


@pytest.fixture(scope="module")
def stack(stack_folder: Stack, engine: Engine, wheels: Wheels) -> Stack:
    """With the images of v1.0.0 at the registry."""
    images.make_ours(engine, PREFIX, "v1.0.0", wheels["first"])
    return stack_folder
