"""The live database is the old one or the new one, whoever the database's owner is and whatever is
killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.takeover.conftest import MakeTakeover
from tests.integration.takeover.earlier import Earlier
from tests.upgrade.database import connect, one

import opentranscribe
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres, wheel_binaries
from opentranscribe.features.takeover.errors import TakeoverRunningError
from opentranscribe.features.takeover.service import LiveContents, Places, Takeover
from opentranscribe.work.databases import with_name

AMOUNT = "SELECT count(*) FROM transcript_segment"
LEFT = """SELECT (SELECT count(*) FROM pg_database WHERE starts_with(datname, 'opentr_import_'))
               + (SELECT count(*) FROM pg_roles WHERE starts_with(rolname, 'opentr_import_'))"""
SCRIPT = """
import sys
from pathlib import Path
from opentranscribe.features.takeover.service import Places, Takeover
url, dump, folder, bin_dir = sys.argv[1:]
places = Places(Path(bin_dir), Path(folder), Path(folder))
run = Takeover(places, url, Path(dump), print)
with run.alone():
    print("begun", flush=True)
    run.read()
    run.settle()
    run.put_in_place()
"""


class TestPutInPlace:
    def test_exchanges_the_databases_though_somebody_is_connected(
        self, earlier: Earlier, takeover: MakeTakeover
    ) -> None:
        run = takeover(earlier.dump("custom"))
        assert run.look_at_live() == LiveContents(0, 0)
        run.read()
        with connect(run.url):
            report = run.put_in_place()
        assert report.exists()
        assert run.look_at_live() == LiveContents(7, 5)
        with connect(run.url) as connection:
            assert one(connection, AMOUNT) == 12
            assert one(connection, LEFT) == 0

    def test_is_for_one_at_a_time(self, earlier: Earlier, takeover: MakeTakeover) -> None:
        first, second = takeover(earlier.dump("plain")), takeover(earlier.dump("plain"))
        with first.alone(), pytest.raises(TakeoverRunningError), second.alone():
            pass


@pytest.fixture
def modest_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """An installation's database on somebody's server: its owner may make databases, no more."""
    with connect(postgres_server.url("postgres")) as connection:
        connection.execute("CREATE ROLE modest LOGIN CREATEDB PASSWORD 'modest'")
        connection.execute("CREATE DATABASE modest OWNER modest")
    yield with_name(postgres_server.url("modest"), "modest", "modest:modest")
    with connect(postgres_server.url("postgres")) as connection:
        connection.execute("DROP DATABASE IF EXISTS modest WITH (FORCE)")
        connection.execute("DROP ROLE modest")


class TestOwnerWithoutPrivileges:
    def test_imports_all_the_same(self, earlier: Earlier, modest_url: str, tmp_path: Path) -> None:
        places = Places(wheel_binaries(), tmp_path / "state", tmp_path)
        places.state_dir.mkdir()
        run = Takeover(places, modest_url, earlier.dump("custom"), lambda line: None)
        try:
            run.read()
            run.put_in_place()
        finally:
            run.discard()
        with connect(modest_url) as connection:
            assert one(connection, AMOUNT) == 12
            assert one(connection, LEFT) == 0


class TestKill:
    @pytest.mark.parametrize("after_seconds", [0.2, 0.8])
    def test_leaves_the_old_or_the_new_and_the_next_try_cleans_up(
        self,
        earlier: Earlier,
        empty_database_url: str,
        takeover: Callable[[Path], Takeover],
        tmp_path: Path,
        after_seconds: float,
    ) -> None:
        dump = earlier.dump("plain")
        folder = tmp_path / "import"
        words = [empty_database_url, str(dump), str(folder), str(wheel_binaries())]
        source = str(Path(opentranscribe.__file__).parents[1])
        with subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *words],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": source},
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            time.sleep(after_seconds)
            os.kill(process.pid, signal.SIGKILL)
        run = takeover(dump)
        assert run.look_at_live() in {LiveContents(0, 0), LiveContents(7, 5)}
        with run.alone():
            run.read()
            run.put_in_place()
        with connect(run.url) as connection:
            assert one(connection, AMOUNT) == 12
            assert one(connection, LEFT) == 0
