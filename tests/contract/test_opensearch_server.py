"""The connection to OpenSearch: a server that is full, TLS, and who one is there."""

from __future__ import annotations

import base64
import http.client
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from opensearchpy import OpenSearch
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session
from tests.contract.opensearch_node import OpenSearchNode
from tests.contract.searching import ANN, chunk, file, found

from opentranscribe.adapters.search.opensearch.index import OpenSearchIndex
from opentranscribe.adapters.search.opensearch.server import Server
from opentranscribe.bootstrap.engines import Parts, build_models, choose
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.settings import Settings

USER, PASSWORD = "writer", "correct zebra"
Connect = Callable[..., Server]


class TestAFullServer:
    def test_refuses_and_is_asked_again_until_everything_is_there(
        self, opensearch_node: OpenSearchNode
    ) -> None:
        """It takes 8 MB at once; eight people come with 4 MB each."""
        client = OpenSearch([opensearch_node.address], timeout=20)
        index = f"{opensearch_node.new_prefix()}full"
        client.indices.create(index=index, body={"mappings": {"dynamic": False}})
        before = refused(client)
        with ThreadPoolExecutor(8) as people:
            for _ in people.map(
                lambda who: Server(opensearch_node.address).write(documents(index, who)), range(8)
            ):
                pass
        client.indices.refresh(index=index)
        assert refused(client) > before, "it was never full"
        assert client.count(index=index)["count"] == 8 * 40


def documents(index: str, who: int) -> Iterator[dict[str, Any]]:
    for number in range(40):
        yield {
            "_op_type": "index",
            "_index": index,
            "_id": f"{who}-{number}",
            "_source": {"padding": "x" * 100_000},
        }


def refused(client: OpenSearch) -> int:
    nodes = client.nodes.stats(metric="indexing_pressure")["nodes"].values()
    return sum(
        node["indexing_pressure"]["memory"]["total"]["coordinating_rejections"] for node in nodes
    )


def certify(folder: Path) -> tuple[Path, Path]:
    """Files of a certificate for 127.0.0.1, which vouches for itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "search of the tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


class Guard(BaseHTTPRequestHandler):
    """Lets those through to the server who have the password."""

    protocol_version = "HTTP/1.1"
    behind = ""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            self.reply(401, b"Unauthorized", "text/plain")
            return
        asked = http.client.HTTPConnection(self.behind, timeout=30)
        kept = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in {"host", "authorization", "content-length"}
        }
        asked.request(self.command, self.path, body or None, kept)
        found = asked.getresponse()
        self.reply(found.status, found.read(), found.headers.get("Content-Type", "text/plain"))
        asked.close()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815

    def reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return certify(tmp_path)


@pytest.fixture
def guarded(
    opensearch_node: OpenSearchNode, certificate: tuple[Path, Path]
) -> Iterator[dict[str, Any]]:
    """The settings of a server behind TLS and a password."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    behind = urlsplit(opensearch_node.address).netloc
    guard = ThreadingHTTPServer(("127.0.0.1", 0), type("GuardOfOne", (Guard,), {"behind": behind}))
    guard.socket = context.wrap_socket(guard.socket, server_side=True)
    thread = threading.Thread(target=guard.serve_forever)
    thread.start()
    yield {
        "search_engine": "opensearch",
        "opensearch_host": "127.0.0.1",
        "opensearch_port": guard.server_port,
        "opensearch_tls": True,
        "opensearch_user": USER,
        "opensearch_password": PASSWORD,
    }
    guard.shutdown()
    thread.join()
    guard.server_close()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = create_engine(database_url)
    yield made
    made.dispose()


def connect(engine: Engine, folder: Path, **chosen: Any) -> OpenSearchIndex:
    """As a process of the product does, by its settings."""
    settings = Settings.load(folder, offline=True, **chosen)
    index: OpenSearchIndex = choose("search", Parts(settings, engine, build_models(settings)))
    index.ensure_schema()
    return index


class TestTls:
    def test_a_server_that_somebody_vouches_for_is_used(
        self,
        engine: Engine,
        tmp_path: Path,
        guarded: dict[str, Any],
        certificate: tuple[Path, Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        connect(engine, tmp_path, **guarded).ping()

    def test_one_that_nobody_vouches_for_is_refused_unless_told_otherwise(
        self, engine: Engine, tmp_path: Path, guarded: dict[str, Any]
    ) -> None:
        with pytest.raises(UnavailableError, match="Nobody vouches"):
            connect(engine, tmp_path, **guarded).ping()
        connect(engine, tmp_path, **guarded, opensearch_verify_certs=False).ping()


class TestAWrongPassword:
    def test_is_told_and_postgresql_answers_searches(
        self, engine: Engine, tmp_path: Path, guarded: dict[str, Any]
    ) -> None:
        wrong = guarded | {"opensearch_password": "wrong", "opensearch_verify_certs": False}
        index = connect(engine, tmp_path, **wrong)
        with pytest.raises(UnavailableError, match="does not let us in"):
            index.ping()
        with Session(engine) as session:
            index.index_file(session, file(1, chunk(0, "kept words")))
            session.commit()
            assert found(index, session, "kept", ANN) == [1]
