from __future__ import annotations

import stat
from pathlib import Path

import pytest

from opentranscribe.features.upgrade import outer_files


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "scripts").mkdir(parents=True)
    (home / "opentr.sh").write_text("old")
    (home / "opentr.sh").chmod(0o755)
    (home / ".env").write_text("A=1\n")
    (home / ".env").chmod(0o600)
    return home


@pytest.fixture
def release(tmp_path: Path) -> Path:
    release = tmp_path / "outer"
    (release / "scripts").mkdir(parents=True)
    (release / "opentr.sh").write_text("new")
    (release / "scripts" / "added.sh").write_text("new too")
    (release / "requirements.txt").write_text("lock")
    return release


class TestOuterFiles:
    def test_puts_back_exactly_what_was_there(self, home: Path, release: Path) -> None:
        new = {**outer_files.read_release_files(release), ".env": (b"A=1\nB=2\n", 0o600)}
        kept = home / "kept"
        outer_files.keep_old(home, list(new), kept)
        outer_files.put_new(home, new)
        assert (home / "scripts" / "added.sh").read_text() == "new too"
        outer_files.put_back(home, kept)
        assert (home / "opentr.sh").read_text() == "old"
        assert (home / ".env").read_text() == "A=1\n"
        assert not (home / "scripts" / "added.sh").exists()
        assert stat.S_IMODE((home / "opentr.sh").stat().st_mode) == 0o755
        assert stat.S_IMODE((home / ".env").stat().st_mode) == 0o600

    def test_touches_nothing_while_the_old_files_were_not_all_kept(
        self, home: Path, release: Path
    ) -> None:
        kept = home / "kept"
        outer_files.keep_old(home, ["opentr.sh"], kept)
        (kept / outer_files.ABSENT).unlink()
        (home / "opentr.sh").write_text("whatever")
        outer_files.put_back(home, kept)
        assert (home / "opentr.sh").read_text() == "whatever"

    def test_scripts_of_a_release_can_be_run_and_its_lock_stays_inside(self, release: Path) -> None:
        found = outer_files.read_release_files(release)
        assert {name: mode for name, (_, mode) in found.items()} == {
            "opentr.sh": 0o755,
            "scripts/added.sh": 0o755,
        }
