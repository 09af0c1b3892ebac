"""A list without an end is a page that works until somebody uses it."""

import ast
from collections.abc import Iterator
from pathlib import Path

RULE = "queries that list rows for people take a limit (list_… with limit, page or page_size)"
WORDS = ("limit", "page", "size", "window")


def applies(path: Path) -> bool:
    return path.name == "routes.py"


def find(tree: ast.Module, path: Path) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _returns_page(node):
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            if not any(word in argument.arg for argument in arguments for word in WORDS):
                yield node.lineno


def _returns_page(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return node.returns is not None and ast.unparse(node.returns).startswith("Page[")
