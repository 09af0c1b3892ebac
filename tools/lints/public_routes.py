"""Who may call a route is read in its signature, not guessed from what it does."""

import ast
from collections.abc import Iterator
from pathlib import Path

RULE = "every route declares its caller (a parameter typed by edge/deps.py) or is marked public"
VERBS = {"get", "post", "put", "patch", "delete", "head", "options", "websocket", "api_route"}
CALLERS = {"SignedIn", "AdminOnly"}


def applies(path: Path) -> bool:
    return path.name == "routes.py" or (path.parts[0] == "features" and "routes" in path.parts)


def find(tree: ast.Module, path: Path) -> Iterator[int]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        routes = [one for one in node.decorator_list if _is_route(one)]
        if routes and not (
            _names_caller(node) or any("public" in ast.unparse(one) for one in node.decorator_list)
        ):
            yield node.lineno


def _is_route(decorator: ast.expr) -> bool:
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in VERBS
    )


def _names_caller(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    return any(
        word in ast.unparse(argument.annotation)
        for argument in arguments
        if argument.annotation is not None
        for word in CALLERS
    )
