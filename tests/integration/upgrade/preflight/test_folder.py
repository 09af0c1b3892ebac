"""What is wrong in a real installation folder and on its machine."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.upgrade.preflight.acts import (
    LIMIT_SECONDS,
    TEMPLATE,
    names,
    obey,
    quick,
    release,
    the_one,
    write,
)

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.features.upgrade.journal import Journal
from opentranscribe.features.upgrade.preflight.context import Context


@pytest.fixture(scope="module")
def database(server: EmbeddedPostgres) -> str:
    """One for all of these: nothing here changes it."""
    return server.url(TEMPLATE)


class TestFaultsInTheFolder:
    @pytest.fixture
    def home(self, installation: Context) -> Path:
        return installation.home

    def test_open_folder_and_secret_and_settings(self, installation: Context, home: Path) -> None:
        for path, mode in (("data", 0o755), ("data/secrets/postgres", 0o644), (".env", 0o644)):
            (home / path).chmod(mode)
        report = quick(installation)
        assert names(report) == {"folders-private", "secrets-private", "env-private"}
        for finding in report.findings:
            obey(installation, finding)
        assert names(quick(installation)) == set()

    def test_settings_that_are_wrong(self, installation: Context, home: Path) -> None:
        write(home / ".env", "OPENTR_LOG_LEVEL=info\nOPENTR_LOG_LEVEL=x\nOPENTR_LGO=1\nwhat?\n")
        found = names(quick(installation))
        assert found == {"env-duplicates", "env-unknown", "env-readable"}

    def test_settings_that_cannot_be_read(self, installation: Context, home: Path) -> None:
        (home / ".env").write_bytes(b"NAME=\xff\xfe\n")
        assert the_one(installation, "env-readable").severity == "blocker"

    def test_settings_that_are_new(self, installation: Context, home: Path) -> None:
        template = home / "new.example"
        write(template, "#OPENTR_LOG_LEVEL=info\n#OPENTR_NEW_THING=1\n")
        finding = the_one(replace(installation, env_example=template), "env-differences")
        assert finding.severity == "note"
        assert "OPENTR_NEW_THING" in finding.cause

    def test_an_empty_secret(self, installation: Context, home: Path) -> None:
        write(home / "data/secrets/session", "")
        assert the_one(installation, "secrets-whole").severity == "blocker"

    @pytest.mark.parametrize("kind", ["update", "restore"])
    def test_what_was_cut_off(self, installation: Context, home: Path, kind: str) -> None:
        folder = home / "data" / kind / "20261123_080000"
        folder.mkdir(parents=True)
        journal = Journal(folder / "journal.jsonl")
        journal.write("begin", kind=kind)
        assert the_one(installation, f"{kind}-journal").severity == "blocker"
        journal.write("end", result="put_back")
        assert names(quick(installation)) == set()

    def test_another_update(self, installation: Context, home: Path) -> None:
        (home / "data/update").mkdir()
        lock = home / "data/update/lock"
        with subprocess.Popen(
            ["flock", str(lock), "-c", "echo held; exec sleep 30"], stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            try:
                finding = the_one(installation, "other-update")
            finally:
                subprocess.run(["pkill", "-P", str(holder.pid)], check=False)
                holder.kill()
        assert finding.severity == "blocker"

    def test_not_the_update_that_asks(self, installation: Context, home: Path) -> None:
        (home / "data/update").mkdir()
        with (home / "data/update/lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert names(quick(installation)) == set()

    def test_a_link_to_no_release(self, installation: Context, home: Path) -> None:
        (home / "data/current").unlink()
        (home / "data/current").symlink_to("releases/gone")
        finding = the_one(installation, "current-release")
        assert finding.severity == "blocker"
        obey(installation, finding)
        assert names(quick(installation)) == set()

    def test_a_damaged_release(self, installation: Context, home: Path) -> None:
        write(home / "data/releases/9.9.9/hello.py", "print('evil')\n")
        assert the_one(installation, "release-files").severity == "blocker"

    def test_a_release_for_another_python(self, installation: Context, home: Path) -> None:
        target = release(home / "data/releases/9.9.9", python_requires=">=3.99")
        assert the_one(replace(installation, target=target), "release-python").severity == "blocker"

    def test_a_port_that_is_taken(self, installation: Context) -> None:
        with socket.create_server(("127.0.0.1", installation.frontend_port)):
            finding = the_one(installation, "ports-free")
        assert str(installation.frontend_port) in finding.cause

    def test_an_address_of_another_machine(self, installation: Context) -> None:
        other = replace(installation, bind_host="192.0.2.1")
        assert the_one(other, "address").severity == "blocker"

    def test_a_clock_that_was_set_back(self, installation: Context, home: Path) -> None:
        later = time.time() + 7200
        os.utime(home / "backups" / "opentranscribe_backup_20261123_080000.sql", (later, later))
        assert the_one(installation, "clock").severity == "warning"

    def test_a_start_that_failed(self, installation: Context, home: Path) -> None:
        write(home / "data/run/failure", "The database does not start.\n")
        assert "The database does not start." in the_one(installation, "last-start").cause

    def test_models_of_another_user(self, installation: Context, home: Path) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root can give files to another user")
        for path in (home / "data", home / "models"):
            os.chown(path, 12345, -1)
        (home / "models" / "hub").mkdir(mode=0o700)
        report = quick(installation)
        assert names(report) == {"model-rights", "folders-owner"}
        (finding,) = (one for one in report.findings if one.name == "model-rights")
        assert finding.mend == "./scripts/fix-model-permissions.sh"

    def test_a_folder_that_is_a_file_is_told_and_nothing_breaks(
        self, installation: Context, home: Path
    ) -> None:
        shutil.rmtree(home / "data/secrets")
        write(home / "data/secrets", "not a folder")
        assert quick(installation).seconds <= LIMIT_SECONDS

    def test_a_disk_that_is_too_small(self, installation: Context) -> None:
        free = shutil.disk_usage(installation.home).free
        assert installation.target is not None
        coming = replace(installation.target, folder=None)
        found = the_one(replace(installation, target=coming, installed_bytes=free), "disk-space")
        assert found.severity == "blocker"

    def test_a_release_without_its_parts(self, installation: Context, home: Path) -> None:
        shutil.rmtree(home / "data/releases/9.9.9")
        (home / "data/releases/9.9.9").mkdir()
        assert the_one(installation, "release-files").severity == "blocker"

    def test_a_wheel_that_was_damaged(self, installation: Context, home: Path) -> None:
        assert installation.target is not None
        wheel = home / "opentranscribe-9.9.9-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("opentranscribe/hello.py", "print('hello')\n")
        sound = replace(installation, target=replace(installation.target, wheel=wheel))
        assert names(quick(sound)) == set()
        wheel.write_bytes(wheel.read_bytes().replace(b"hello", b"jello"))
        assert the_one(sound, "release-files").severity == "blocker"

    def test_too_many_releases_are_kept(self, installation: Context, home: Path) -> None:
        for name in ("0.1.0", "0.2.0", "0.3.0"):
            (home / "data/releases" / name).mkdir()
        finding = the_one(installation, "kept-releases")
        obey(installation, finding)
        assert names(quick(installation)) == set()

    def test_a_service_that_outlived_its_supervisor(
        self, installation: Context, home: Path
    ) -> None:
        words = [sys.executable, "-c", "import time; time.sleep(30)", "opentranscribe.entrypoints."]
        with subprocess.Popen(words) as stray:
            try:
                write(home / "data/run/api.pid", f"{stray.pid}\n")
                time.sleep(0.2)
                assert str(stray.pid) in the_one(installation, "stray-services").cause
            finally:
                stray.kill()
        assert names(quick(installation)) == set()

    def test_a_limit_of_open_files(self, installation: Context) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
        try:
            assert "512" in the_one(installation, "open-files").cause
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
