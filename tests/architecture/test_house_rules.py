"""The rules of tools/lints bite: each is shown a breach and a blameless neighbour."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"
ROUTE = '@router.get("/x")\ndef {name}({arguments}) -> {result}: ...\n'
CASES = {
    "commits": (
        "features/library/service.py",
        "session.commit()",
        "session.flush()",
    ),
    "silent_except": (
        "features/library/service.py",
        "try:\n    f()\nexcept Exception:\n    pass\n",
        "try:\n    f()\nexcept ValueError:\n    pass\n",
    ),
    "sql_place": (
        "features/library/service.py",
        "from sqlalchemy import select\nselect(x)",
        "from inquirer import select\nselect(x)",
    ),
    "public_routes": (
        "features/library/routes.py",
        ROUTE.format(name="show", arguments="", result="Item"),
        ROUTE.format(name="show", arguments="caller: SignedIn", result="Item"),
    ),
    "paging": (
        "features/library/routes.py",
        ROUTE.format(name="show", arguments="caller: SignedIn", result="Page[Item]"),
        ROUTE.format(name="show", arguments="caller: SignedIn, page: int", result="Page[Item]"),
    ),
    "module_names": ("features/library/helpers.py", "x = 1", None),
}


@pytest.fixture(autouse=True)
def _rules_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS / "lints"))
    monkeypatch.syspath_prepend(str(TOOLS))


def breaches(rule: ModuleType, where: str, text: str) -> list[int]:
    path = Path(where)
    return list(rule.find(ast.parse(text), path)) if rule.applies(path) else []


class TestEveryRule:
    @pytest.mark.parametrize("name", CASES)
    def test_finds_a_breach(self, name: str) -> None:
        where, bad, _ = CASES[name]
        assert breaches(importlib.import_module(name), where, bad)

    @pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[2]])
    def test_leaves_the_blameless_alone(self, name: str) -> None:
        where, _, good = CASES[name]
        assert good is not None
        assert breaches(importlib.import_module(name), where, good) == []

    def test_does_not_look_where_it_does_not_apply(self) -> None:
        rule = importlib.import_module("commits")
        assert breaches(rule, "work/unit.py", "session.commit()") == []

    def test_has_a_case_here(self) -> None:
        files = {path.stem for path in (TOOLS / "lints").glob("*.py")} - {"__main__"}
        assert files == set(CASES)


class TestSizes:
    def test_a_room_that_is_too_large_is_found(self, tmp_path: Path) -> None:
        sizes = importlib.import_module("check_sizes")
        long = "def f() -> None:\n" + "    x = 1\n" * 70
        room = sizes.ROOT / "src" / "x.py"
        found = list(sizes.past(str(room), "lines", long.count("\n"), sizes.FUNCTION_LINES))
        assert found[0][2] == 71
