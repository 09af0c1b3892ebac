"""The description of the API: stable names, who may call, problems as they really look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from opentranscribe import __license__
from opentranscribe.edge.cookies import SESSION_COOKIE
from opentranscribe.edge.problem import MEDIA_TYPE, Problem
from opentranscribe.entrypoints.access import Access, access_of, list_routes

PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "From POST /api/auth/token."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "Unsafe methods also need the header X-CSRF-Token.",
    },
}
PROBLEMS: dict[Access, tuple[tuple[str, str], ...]] = {
    "public": (),
    "signed_in": (("401", "Nobody is signed in."),),
    "admin": (("401", "Nobody is signed in."), ("403", "Only for administrators.")),
}


def operation_id(route: APIRoute) -> str:
    """``accounts_list_users``: what a generated client calls it, for ever."""
    return f"{route.tags[0]}_{route.name}"


def install_openapi(app: FastAPI, routers: Sequence[APIRouter], prefix: str) -> None:
    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app, list_routes(routers, prefix))
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _describe(app: FastAPI, routes: list[tuple[str, APIRoute]]) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        openapi_version="3.1.0",
        routes=app.routes,
        license_info={"name": __license__, "identifier": __license__},
    )
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = SECURITY_SCHEMES
    for path, route in routes:
        for method in sorted(route.methods or ()):
            operation = schema["paths"].get(path, {}).get(method.lower())
            if operation is not None:
                _complete(operation, access_of(route))
    return schema


def _complete(operation: dict[str, Any], access: Access) -> None:
    operation["x-access"] = access
    if access != "public":
        operation["security"] = [{"bearer": []}, {"session": []}]
    responses = operation["responses"]
    if "422" in responses:
        responses["422"] = _problem("The request cannot be understood.")
    for status, description in PROBLEMS[access]:
        responses.setdefault(status, _problem(description))
    if any(one["in"] == "path" for one in operation.get("parameters", [])):
        responses.setdefault("404", _problem("It does not exist, or is not yours."))
    responses["default"] = _problem("Anything else that can go wrong.")


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": PROBLEM_REF}}}
