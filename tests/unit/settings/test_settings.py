"""Where a setting comes from, and what is said about names that are none."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from opentranscribe.settings import Settings, names_of, with_psycopg_driver
from opentranscribe.settings.folders import LONGEST_SOCKET_FOLDER


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        for name in names_of(field):
            monkeypatch.delenv(name, raising=False)


def write_env(folder: Path, *lines: str) -> None:
    (folder / ".env").write_text("\n".join(lines), encoding="utf-8")


class TestLoad:
    def test_an_empty_folder_gets_the_defaults(self, tmp_path: Path) -> None:
        settings = Settings.load(tmp_path)
        assert (settings.frontend_port, settings.backend_port) == (5173, 5174)
        assert settings.bind_host == "127.0.0.1"
        assert settings.whisper_model == "base"
        assert settings.uses_embedded_postgres
        assert settings.data_dir == tmp_path / "data"
        assert settings.models_dir == tmp_path / "models"

    def test_the_folder_is_named_by_opentr_home(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENTR_HOME", str(tmp_path))
        assert Settings.load().home == tmp_path

    def test_reads_the_env_file_with_the_names_of_the_earlier_system(self, tmp_path: Path) -> None:
        write_env(tmp_path, "FRONTEND_PORT=6001", "WHISPER_MODEL=small", "HF_HUB_OFFLINE=1")
        settings = Settings.load(tmp_path)
        assert settings.frontend_port == 6001
        assert settings.whisper_model == "small"
        assert settings.offline

    def test_the_environment_wins_over_the_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_env(tmp_path, "FRONTEND_PORT=6001")
        monkeypatch.setenv("OPENTR_FRONTEND_PORT", "6002")
        assert Settings.load(tmp_path).frontend_port == 6002

    def test_our_own_name_wins_over_the_earlier_one(self, tmp_path: Path) -> None:
        write_env(tmp_path, "BACKEND_PORT=6001", "OPENTR_BACKEND_PORT=6003")
        assert Settings.load(tmp_path).backend_port == 6003

    def test_an_argument_wins_over_everything(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENTR_FRONTEND_PORT", "6002")
        monkeypatch.setenv("OPENTR_BIND_HOST", "0.0.0.0")
        settings = Settings.load(tmp_path, frontend_port=6004, bind_host="127.0.0.2")
        assert settings.frontend_port == 6004
        assert settings.bind_host == "127.0.0.2"

    def test_an_empty_database_url_means_the_embedded_one(self, tmp_path: Path) -> None:
        write_env(tmp_path, "DATABASE_URL=")
        assert Settings.load(tmp_path).uses_embedded_postgres

    @pytest.mark.parametrize("line", ["FRONTEND_PORT=0", "FRONTEND_PORT=x", "OPENTR_PROFILE=big"])
    def test_nonsense_is_refused(self, tmp_path: Path, line: str) -> None:
        write_env(tmp_path, line)
        with pytest.raises(ValidationError):
            Settings.load(tmp_path)

    def test_secrets_are_not_shown(self, tmp_path: Path) -> None:
        write_env(tmp_path, "HF_TOKEN=hf_hunter2", "DATABASE_URL=postgresql://u:hunter2@h/d")
        assert "hunter2" not in repr(Settings.load(tmp_path))


class TestDatabaseUrl:
    @pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
    def test_is_turned_to_our_driver(self, scheme: str) -> None:
        assert with_psycopg_driver(f"{scheme}://u@h/d") == "postgresql+psycopg://u@h/d"

    def test_of_another_system_is_refused(self) -> None:
        with pytest.raises(ValueError, match="postgresql"):
            with_psycopg_driver("mysql://u@h/d")

    def test_of_the_embedded_one_survives_a_folder_with_spaces(self) -> None:
        with tempfile.TemporaryDirectory(prefix="My Recordings ") as folder:
            settings = Settings.load(Path(folder))
            settings.secrets_dir.mkdir(parents=True)
            (settings.secrets_dir / "postgres").write_text("pass")
            assert "My%20Recordings" in settings.sqlalchemy_url


class TestSockets:
    def test_lie_in_the_run_folder(self) -> None:
        settings = Settings.load(Path("/srv/opentr"))
        assert settings.postgres_socket_dir == Path("/srv/opentr/data/run/postgres")

    def test_of_a_deep_folder_get_a_short_one_of_their_own(self) -> None:
        one, other = (Settings.load(Path("/srv") / ("x" * 100) / name) for name in "ab")
        assert len(str(one.sockets_dir)) <= LONGEST_SOCKET_FOLDER
        assert one.sockets_dir != other.sockets_dir


class TestStrangeNames:
    def test_a_misspelt_one_is_named_with_the_right_one(self, tmp_path: Path) -> None:
        write_env(tmp_path, "OPENTR_FRONTEND_PROT=1")
        said = Settings.load(tmp_path).strange_names()
        assert said == ["OPENTR_FRONTEND_PROT is not a setting; did you mean OPENTR_FRONTEND_PORT?"]

    def test_one_of_the_earlier_system_that_is_gone_is_explained(self, tmp_path: Path) -> None:
        write_env(tmp_path, "JWT_SECRET_KEY=abc", "EDITOR=vi")
        (said,) = Settings.load(tmp_path).strange_names()
        assert said.startswith("JWT_SECRET_KEY is not used")


class TestEverySetting:
    @pytest.mark.parametrize("field", sorted(set(Settings.model_fields) - {"engine_options"}))
    def test_has_a_sentence(self, field: str) -> None:
        assert Settings.model_fields[field].description
