"""A name that fits everything soon holds everything."""

import ast
from collections.abc import Iterator
from pathlib import Path

RULE = "a module is named by a noun of its own, not utils, helpers, common, misc, core, manager …"
NAMELESS = {"utils", "util", "helpers", "common", "misc", "core", "manager", "handler", "base2"}


def applies(path: Path) -> bool:
    name = path.parent.name if path.stem == "__init__" else path.stem
    return name in NAMELESS or name.startswith("new_") or name.endswith(("_v2", "_service"))


def find(tree: ast.Module, path: Path) -> Iterator[int]:
    yield 1
