"""Files that repeat what the code says are written by the code, and say it truly."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def package_name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()


class TestEnvExample:
    def test_is_what_the_settings_say(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(str(ROOT / "tools"))
        generator = importlib.import_module("gen_env_example")
        assert (ROOT / ".env.example").read_text(encoding="utf-8") == generator.render()


class TestApiDescription:
    def test_is_what_the_routes_say(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(str(ROOT / "tools"))
        generator = importlib.import_module("gen_openapi")
        kept = (ROOT / "web" / "openapi.json").read_text(encoding="utf-8")
        assert kept == generator.describe(), "run python tools/gen_openapi.py, then npm run api"


class TestLocks:
    @pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
    def test_pin_every_package_with_a_hash_and_name_no_index(self, lock: Path) -> None:
        text = lock.read_text(encoding="utf-8")
        pins = [line for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)]
        assert pins
        assert all("==" in line and line.endswith("\\") for line in pins)
        assert text.count("--hash=sha256:") >= len(pins)
        assert "http://" not in text
        assert "https://" not in text

    def test_hold_what_the_package_depends_on(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        text = (ROOT / "requirements" / "base.txt").read_text(encoding="utf-8")
        locked = {
            package_name(line) for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)
        }
        wanted = {package_name(one) for one in project["dependencies"]}
        assert wanted <= locked


class TestCommands:
    def test_start_without_loading_what_only_others_need(self) -> None:
        heavy = "{'sqlalchemy', 'numpy', 'fastapi', 'av', 'ctranslate2'}"
        script = (
            "import sys; import opentranscribe.entrypoints.cli.main; "
            f"print(sorted({heavy} & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"

    def test_are_all_told_in_the_readme(self) -> None:
        main = importlib.import_module("opentranscribe.entrypoints.cli.main")
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        docs = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md"))
        there = [name for name, (module, _) in main.COMMANDS.items() if main._exists(module)]
        present = [name for name in there if name not in main.HIDDEN]
        missing = [name for name in present if f"opentr.sh {name}" not in readme + docs]
        missing = [name for name in missing if f"opentr {name}" not in readme + docs]
        assert missing == []

    def test_are_all_on_their_page_with_every_option(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(str(ROOT / "tools"))
        generator = importlib.import_module("gen_command_page")
        kept = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
        assert kept == generator.render(), "run python tools/gen_command_page.py"
        assert "| `--most …` |" in kept
        assert "## opentr users reset-password EMAIL" in kept

    def test_are_all_told_with_what_they_end_with(self) -> None:
        main = importlib.import_module("opentranscribe.entrypoints.cli.main")
        page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
        told = set(re.findall(r"^\| `(?:\./opentr\.sh|opentr) ([a-z-]+)", page, re.MULTILINE))
        there = {name for name, (module, _) in main.COMMANDS.items() if main._exists(module)}
        assert there - main.HIDDEN - told == set()


class TestLauncher:
    def test_is_short(self) -> None:
        assert len((ROOT / "opentr.sh").read_text(encoding="utf-8").splitlines()) <= 150

    def test_and_scripts_are_sound_shell(self) -> None:
        for script in (ROOT / "opentr.sh", ROOT / ".ci" / "run", *(ROOT / "scripts").glob("*.sh")):
            subprocess.run(["bash", "-n", str(script)], check=True)
