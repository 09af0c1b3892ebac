from __future__ import annotations

import pytest

from opentranscribe.features.upgrade.breaking import (
    BreakingChange,
    InstallationProbe,
    changes_between,
    read_changes,
    relevant,
    renamed_settings,
)


def change(name: str, since: str = "1.2.0", **touches: object) -> BreakingChange:
    return BreakingChange(name, since, f"{name} changed.", "Do this.", touches)


CHANGES = [
    change("port", setting="FRONTEND_PORT"),
    change("tiny", env_value="WHISPER_MODEL=tiny"),
    change("gpu", feature="gpu"),
    change("external", feature="external database"),
    change("clusters", database="has speaker clusters"),
    change("everybody", since="2.0.0", always=True),
]
CLUSTERS = {"has speaker clusters": lambda: True}
NO_CLUSTERS = {"has speaker clusters": lambda: False}

#: What somebody has, and the only changes they may be asked about on the way to 1.9.
PERSONAS: dict[str, tuple[InstallationProbe, set[str]]] = {
    "nothing set": (InstallationProbe({}, database=NO_CLUSTERS), set()),
    "own port": (InstallationProbe({"FRONTEND_PORT": "80"}, database=NO_CLUSTERS), {"port"}),
    "tiny model": (InstallationProbe({"WHISPER_MODEL": "tiny"}, database=NO_CLUSTERS), {"tiny"}),
    "other model": (InstallationProbe({"WHISPER_MODEL": "base"}, database=NO_CLUSTERS), set()),
    "a GPU": (InstallationProbe({}, frozenset({"gpu"}), NO_CLUSTERS), {"gpu"}),
    "own database": (
        InstallationProbe({}, frozenset({"external database"}), NO_CLUSTERS),
        {"external"},
    ),
    "clusters": (InstallationProbe({}, database=CLUSTERS), {"clusters"}),
    "unrelated settings": (InstallationProbe({"LOG": "debug"}, database=NO_CLUSTERS), set()),
    "port and clusters": (
        InstallationProbe({"FRONTEND_PORT": "80"}, database=CLUSTERS),
        {"port", "clusters"},
    ),
    "another feature": (InstallationProbe({}, frozenset({"ldap"}), NO_CLUSTERS), set()),
}


class TestRelevant:
    @pytest.mark.parametrize("name", PERSONAS)
    def test_asks_only_about_what_touches_this_installation(self, name: str) -> None:
        probe, expected = PERSONAS[name]
        found = relevant(CHANGES, "v1.0.0", "v1.9.0", probe)
        assert {one.id for one in found} == expected

    def test_tells_everybody_what_touches_everybody(self) -> None:
        found = relevant(CHANGES, "v1.9.0", "v2.0.0", InstallationProbe({}))
        assert [one.id for one in found] == ["everybody"]

    def test_leaves_out_what_came_before_or_comes_after(self) -> None:
        everything = InstallationProbe({"FRONTEND_PORT": "80"})
        assert relevant(CHANGES, "v1.2.0", "v1.9.0", everything) == []
        assert relevant(CHANGES, "v1.0.0", "v1.1.9", everything) == []

    def test_what_is_not_understood_concerns_everybody(self) -> None:
        unknown = change("riddle", moon_phase="full"), change("asked", database="no such question")
        found = relevant(unknown, "v1.0.0", "v1.9.0", InstallationProbe({}))
        assert [one.id for one in found] == ["riddle", "asked"]

    def test_what_is_half_understood_concerns_everybody_too(self) -> None:
        half = [change("half", setting="FRONTEND_PORT", moon_phase="full")]
        assert relevant(half, "v1.0.0", "v1.9.0", InstallationProbe({})) == half


class TestReadChanges:
    def test_reads_what_the_release_carries(self) -> None:
        entry = {"id": "a", "since": "v2.0.0", "summary": "s", "action": "d", "touches": {}}
        (found,) = read_changes({"breaking_changes": [entry]})
        assert found == BreakingChange("a", "v2.0.0", "s", "d", {})

    def test_refuses_a_version_that_is_none(self) -> None:
        entry = {"id": "a", "since": "soon", "summary": "s", "action": "d", "touches": {}}
        with pytest.raises(ValueError, match="soon"):
            read_changes({"breaking_changes": [entry]})

    def test_knows_what_a_setting_is_called_now(self) -> None:
        entry = {"id": "a", "since": "v1.2.0", "summary": "s", "action": "d"}
        renamed = entry | {"touches": {"setting": "PORT"}, "renamed_to": "DOOR"}
        changes = read_changes({"breaking_changes": [renamed, entry | {"touches": {}}]})
        assert renamed_settings(changes) == {"PORT": "DOOR"}
        assert changes_between(changes, "v1.2.0", "v1.9.0") == []

    def test_refuses_half_an_entry(self) -> None:
        with pytest.raises(ValueError, match="not complete"):
            read_changes({"breaking_changes": [{"id": "a"}]})
