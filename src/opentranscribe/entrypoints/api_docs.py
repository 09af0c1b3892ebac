"""The API as a page that needs no script and no other server: works without the Internet."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from opentranscribe.edge.deps import public

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;
color-scheme:light dark}
h2{margin-top:2.5rem;border-bottom:1px solid}
code{font-family:ui-monospace,monospace}
summary{cursor:pointer;padding:.25rem 0}
.method{display:inline-block;min-width:4.5rem;font-weight:700}
table{border-collapse:collapse;margin:.5rem 0}
td,th{border:1px solid;padding:.2rem .6rem;text-align:left;vertical-align:top}
"""
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-ancestors 'none'"

docs_router = APIRouter(tags=["system"])


@docs_router.get("/api/docs", include_in_schema=False, dependencies=[Depends(public)])
def read_docs(request: Request) -> HTMLResponse:
    page = render_docs(request.app.openapi())
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


def render_docs(schema: dict[str, Any]) -> str:
    """Every operation of an OpenAPI description, by tag."""
    by_tag: dict[str, list[str]] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            tag = operation.get("tags", ["other"])[0]
            by_tag.setdefault(tag, []).append(_operation(method, path, operation))
    sections = "".join(
        f"<h2>{escape(tag)}</h2>{''.join(parts)}" for tag, parts in sorted(by_tag.items())
    )
    info = schema["info"]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])} API"
        "</title><meta name=viewport content='width=device-width'>"
        f"<style>{STYLE}</style><h1>{escape(info['title'])} API {escape(info['version'])}</h1>"
        "<p>Sign in with <code>POST /api/auth/token</code> (form fields username and password) "
        "and send <code>Authorization: Bearer …</code>. Errors are "
        "<code>application/problem+json</code>. For programs: "
        f"<a href=/api/openapi.json>openapi.json</a>.</p>{sections}"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code><td>{escape(one['in'])}"
        f"<td>{'required' if one.get('required') else ''}"
        f"<td>{escape(_type(one.get('schema', {})))}"
        for one in operation.get("parameters", [])
    )
    body = "".join(
        f"<p>Body ({escape(kind)}): <code>{escape(_type(content.get('schema', {})))}</code></p>"
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
    )
    answers = ", ".join(
        f"{escape(status)} {escape(answer.get('description', ''))}"
        for status, answer in operation["responses"].items()
    )
    text = escape(operation.get("description", operation.get("summary", "")))
    parameters = f"<table><tr><th>name<th>in<th><th>type{rows}</table>" if rows else ""
    return (
        f"<details><summary><span class=method>{method.upper()}</span> <code>{escape(path)}"
        f"</code></summary><p>{text}</p><p>For: {escape(operation.get('x-access', ''))}</p>"
        f"{parameters}{body}<p>Answers: {answers}</p></details>"
    )


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"[{_type(schema.get('items', {}))}]"
    return str(schema.get("format") or schema.get("type", "any"))
