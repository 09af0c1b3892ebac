"""The engine on a real database: it succeeds, or everything is as it was, wherever it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.integration.upgrade.world import NEW, OLD, Killed, World, prepare, updater

from opentranscribe.features.upgrade.errors import (
    NothingToRollBackError,
    UpdateFailedError,
    UpdateUnderWayError,
)
from opentranscribe.features.upgrade.journal import Journal
from opentranscribe.kit.update_state import read_state
from opentranscribe.ports.deployment import DeploymentError
from opentranscribe.work import databases

STEPS = ("pause", "migrate", "stop", "switch", "start", "prove")


@pytest.fixture
def world(empty_database_url: str) -> World:
    prepare(empty_database_url)
    return World(empty_database_url)


def update(world: World, home: Path, **proved: str) -> None:
    updater(world, home).update(
        NEW, backup=home / "b", merged_env="A=2\n", measured={"migrate": 1}, proved=proved
    )


def require_all_of(world: World, home: Path, release: str) -> None:
    live = databases.name_of(world.url)
    assert world.current_name == release
    assert world.running == release
    assert world.state(live) == release
    assert not world.maintenance
    assert not world.paused
    assert world.can_be_written(live)
    assert not (home / "update" / "fence.json").exists()
    assert (home / ".env").read_text() == ("A=2\n" if release == NEW.name else "A=1\n")
    kept = {name for name in world.databases() if name.startswith(f"{live}_before_")}
    assert len(kept) == (1 if release == NEW.name else 0)
    left = (f"{live}_failed_", f"{live}_next_")
    assert not {name for name in world.databases() if name.startswith(left)}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".env").write_text("A=1\n")
    return tmp_path


class TestUpdate:
    def test_leaves_the_new_release_running_and_the_old_database_kept(
        self, world: World, home: Path
    ) -> None:
        update(world, home)
        require_all_of(world, home, NEW.name)
        state = read_state(home / "update")
        assert state is not None
        assert state.outcome == "updated"

    @pytest.mark.parametrize("step", STEPS)
    def test_puts_everything_back_when_a_step_fails(
        self, world: World, home: Path, step: str
    ) -> None:
        world.broken = {step: DeploymentError(f"{step} is broken")}
        with pytest.raises(UpdateFailedError, match=f"{step} is broken"):
            update(world, home)
        require_all_of(world, home, OLD.name)
        state = read_state(home / "update")
        assert state is not None
        assert (state.outcome, state.reason) == ("put_back", f"{step} is broken")

    def test_puts_everything_back_when_what_worked_before_cannot_be_tried_any_more(
        self, world: World, home: Path
    ) -> None:
        world.probes = {"search": "not_tried", "sign in": "passed"}
        with pytest.raises(UpdateFailedError, match="does not prove well: search"):
            update(world, home, search="passed")
        require_all_of(world, home, OLD.name)

    def test_stays_with_what_was_as_broken_before(self, world: World, home: Path) -> None:
        world.probes = {"search": "failed", "sign in": "passed"}
        update(world, home, search="failed")
        require_all_of(world, home, NEW.name)

    def test_an_installation_that_did_not_run_is_left_stopped(
        self, world: World, home: Path
    ) -> None:
        world.running = None
        update(world, home)
        assert (world.running, world.current_name) == (None, NEW.name)

    def test_two_at_once_are_refused(self, world: World, home: Path) -> None:
        first, second = updater(world, home), updater(world, home)
        with first.alone(), pytest.raises(UpdateUnderWayError), second.alone():
            pass


class TestKilled:
    """At every write of the journal, before and after it, and once more while recovering."""

    def test_whoever_comes_next_finishes_or_undoes_it(
        self, world: World, home: Path, killer: Callable[..., Any]
    ) -> None:
        for point in range(200):
            with killer(point) as struck:
                self._update_or_die(world, home)
            if not struck:
                assert point > 30
                return
            self._recover(world, home)
            expected = world.current_name
            require_all_of(world, home, expected)
            if expected == NEW.name:
                updater(world, home).roll_back()
                require_all_of(world, home, OLD.name)
        raise AssertionError("an update never got through")

    def test_killed_again_while_recovering(
        self, world: World, home: Path, killer: Callable[..., Any]
    ) -> None:
        for point in range(4, 36, 6):
            for later in range(0, 24, 5):
                with killer(point) as struck:
                    self._update_or_die(world, home)
                assert struck
                with killer(later) as again:
                    self._recover(world, home)
                if again:
                    self._recover(world, home)
                require_all_of(world, home, world.current_name)
                if world.current_name == NEW.name:
                    updater(world, home).roll_back()

    def _update_or_die(self, world: World, home: Path) -> None:
        try:
            update(world, home)
        except Killed:
            world.die()

    def _recover(self, world: World, home: Path) -> None:
        try:
            updater(world, home).recover()
        except Killed:
            world.die()


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """``with killer(n) as struck``: the n-th moment before or after a line is written is the last;
    ``struck`` is not empty if it came to that."""
    write = Journal.write

    @contextmanager
    def kill_at(point: int) -> Iterator[list[int]]:
        struck: list[int] = []
        moments = iter(range(10_000))

        def tick() -> None:
            if next(moments) == point:
                struck.append(point)
                raise Killed

        def dying_write(self: Journal, *words: Any, **facts: Any) -> None:
            tick()
            write(self, *words, **facts)
            tick()

        with monkeypatch.context() as patched:
            patched.setattr(Journal, "write", dying_write)
            yield struck

    return kill_at


class TestRollBack:
    def test_brings_back_release_database_and_settings_and_lists_what_came_since(
        self, world: World, home: Path
    ) -> None:
        update(world, home)
        live = databases.with_name(world.url, databases.name_of(world.url))
        with databases.connect(live) as connection:
            connection.execute("INSERT INTO \"user\" VALUES (1, 'ann@example.org')")
            connection.execute(
                "INSERT INTO media_file VALUES (1, 1, gen_random_uuid(), 'new.wav', now())"
            )
        written = updater(world, home).roll_back()
        require_all_of(world, home, OLD.name)
        assert "new.wav" in written.read_text()
        (after,) = {name for name in world.databases() if "_after_" in name}
        assert world.state(after) == NEW.name

    def test_a_failing_roll_back_leaves_the_newer_release(self, world: World, home: Path) -> None:
        update(world, home)
        world.broken = {"stop": DeploymentError("stop is broken")}
        with pytest.raises(UpdateFailedError):
            updater(world, home).roll_back()
        world.broken = {}
        require_all_of(world, home, NEW.name)

    def test_there_must_have_been_an_update(self, world: World, home: Path) -> None:
        with pytest.raises(NothingToRollBackError, match="Nothing was changed"):
            updater(world, home).roll_back()
