"""The page and the policy around it."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from opentranscribe.entrypoints.static import StaticSite, content_policy

SCRIPT = "\n\t{ start(); }\n"
INDEX = (
    '<!doctype html><link rel="modulepreload" href="/_app/immutable/x.js">'
    f'<div style="display: contents"><script>{SCRIPT}</script>'
    '<script src="/theme.js"></script></div>'
)


def sha(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.fixture
def site(tmp_path: Path) -> TestClient:
    (tmp_path / "_app" / "immutable").mkdir(parents=True)
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "favicon.svg").write_text("<svg/>")
    (tmp_path / "_app" / "immutable" / "x.js").write_text("export {}")
    (tmp_path.parent / "secret.txt").write_text("secret")
    return TestClient(Starlette(routes=[Mount("/", StaticSite(tmp_path))]))


class TestContentPolicy:
    def test_names_the_scripts_of_the_build_and_no_others(self) -> None:
        policy = content_policy(INDEX)
        scripts = next(one for one in policy.split("; ") if one.startswith("script-src "))
        assert set(scripts.split()[1:]) == {"'self'", sha(SCRIPT)}
        assert f"style-src-attr 'unsafe-hashes' {sha('display: contents')}" in policy
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy


class TestStaticSite:
    def test_every_address_inside_the_page_gets_the_page(self, site: TestClient) -> None:
        for path in ("/", "/index.html", "/files/abc", "/search"):
            answer = site.get(path)
            assert answer.text == INDEX
            assert answer.headers["cache-control"] == "no-cache"
            assert sha(SCRIPT) in answer.headers["content-security-policy"]

    def test_hashed_files_are_kept_for_ever(self, site: TestClient) -> None:
        assert "immutable" in site.get("/_app/immutable/x.js").headers["cache-control"]
        assert site.get("/favicon.svg").headers["cache-control"] == "no-cache"

    def test_a_missing_script_is_not_the_page(self, site: TestClient) -> None:
        for path in ("/_app/immutable/old.js", "/_app/version", "/gone.png", "/api/x", "/api"):
            assert site.get(path).status_code == 404

    @pytest.mark.parametrize(
        "path",
        ["/../secret.txt", "/%2e%2e/secret.txt", "/_app/..%2f..%2fsecret.txt", "//etc/passwd"],
    )
    def test_gives_nothing_outside_its_folder(self, site: TestClient, path: str) -> None:
        answer = site.get(path)
        assert "secret" not in answer.text
        assert "root:" not in answer.text

    def test_only_reads(self, site: TestClient) -> None:
        assert site.post("/").status_code == 405
        assert site.head("/").status_code == 200

    def test_says_so_when_the_page_is_not_built(self, tmp_path: Path) -> None:
        site = TestClient(Starlette(routes=[Mount("/", StaticSite(tmp_path / "none"))]))
        assert site.get("/").status_code == 503
        assert "opentr.sh start" in site.get("/").text
