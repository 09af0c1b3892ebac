"""The connection to OpenSearch: patience, back-pressure, and a pause after it did not answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opensearchpy import OpenSearch, helpers
from opensearchpy.exceptions import (
    AuthenticationException,
    AuthorizationException,
    NotFoundError,
    OpenSearchException,
)

from opentranscribe.kit.errors import UnavailableError

log = logging.getLogger(__name__)

#: Seconds that one request may take; a search is answered from elsewhere after that.
QUERY_SECONDS = 3.0
WRITE_SECONDS = 30.0
#: Seconds in which a server that did not answer is not asked again.
PAUSE_SECONDS = 5.0
#: All that is read of an answer; the rest of a thousand hits would only be sent and parsed.
READ = ("error", "status", "timed_out", "_shards.failed", "hits.total", "aggregations")
READ_OF_HITS = ("_id", "_score", "sort", "fields")
#: Documents of one bulk request, and its largest body in bytes.
BULK_DOCUMENTS = 400
BULK_BYTES = 5_000_000
#: A server that is full (429) is asked again after 1, 2, 4, 8, 16 seconds.
BULK_RETRIES = 5
FIRST_WAIT_SECONDS = 1


def _reason(error: OpenSearchException) -> str:
    if isinstance(error, AuthenticationException | AuthorizationException):
        return "The search server does not let us in: see OPENSEARCH_USER and OPENSEARCH_PASSWORD."
    # Some of these come as SSLError, others as what any lost connection is.
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return (
            "Nobody vouches for the certificate of the search server. Name the authority that"
            " does with SSL_CERT_FILE, or see OPENSEARCH_VERIFY_CERTS."
        )
    return "The search server does not answer."


class Server:
    """OpenSearch at one address. Whatever goes wrong there is an UnavailableError here."""

    def __init__(
        self, address: str, *, user: str = "", password: str = "", verify_certs: bool = True
    ) -> None:
        self._client = OpenSearch(
            [address],
            http_auth=(user, password) if user else None,
            verify_certs=verify_certs,
            ssl_show_warn=False,
            timeout=QUERY_SECONDS,
            max_retries=0,
            retry_on_timeout=False,
        )
        self._silent_until = 0.0
        self._why = ""

    @contextmanager
    def asked(self) -> Iterator[OpenSearch]:
        """The client. Raises UnavailableError, at once while the server is known to be away."""
        if time.monotonic() < self._silent_until:
            raise UnavailableError(self._why)
        try:
            yield self._client
        except OpenSearchException as error:
            why = _reason(error)
            if not isinstance(getattr(error, "status_code", None), int):
                self._silent_until, self._why = time.monotonic() + PAUSE_SECONDS, why
            log.warning("the search server: %s", error)
            raise UnavailableError(why) from error

    def search(self, index: str, body: Mapping[str, Any]) -> dict[str, Any]:
        (answer,) = self.search_all([(index, body)])
        return answer

    def search_all(self, asked: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
        """Several searches in one request: (index, body) each, answers in the same order. An
        answer that lacks a part of the index is none."""
        lines: list[Mapping[str, Any]] = []
        for index, body in asked:
            lines += [{"index": index}, body]
        read = [f"responses.{one}" for one in READ]
        read += [f"responses.hits.hits.{one}" for one in READ_OF_HITS]
        with self.asked() as client:
            said = client.msearch(body=lines, params={"filter_path": ",".join(read)})
        answers: list[dict[str, Any]] = said["responses"]
        for answer in answers:
            if "error" in answer or answer["timed_out"] or answer["_shards"]["failed"]:
                log.warning("the search server refused a search: %s", answer.get("error"))
                raise UnavailableError("The search server refused a search.")
            answer.setdefault("hits", {}).setdefault("hits", [])
        return answers

    def documents(self, wanted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """By _index and _id, in the same order, as a search would find them. They come whole:
        to leave fields out the server would have to read and write each one anew."""
        with self.asked() as client:
            found = client.mget(body={"docs": wanted}, params={"realtime": "false"})
        return list(found["docs"])

    def write(self, actions: Iterable[Mapping[str, Any]]) -> None:
        """Bulk, waiting when the server is full. An older version that loses is no failure."""
        with self.asked() as client:
            done = helpers.streaming_bulk(
                client,
                actions,
                chunk_size=BULK_DOCUMENTS,
                max_chunk_bytes=BULK_BYTES,
                max_retries=BULK_RETRIES,
                initial_backoff=FIRST_WAIT_SECONDS,
                raise_on_error=False,
                request_timeout=WRITE_SECONDS,
            )
            for ok, item in done:
                (result,) = item.values()
                if not ok and result.get("status") not in (404, 409):
                    log.warning("the search server refused a document: %s", result)
                    raise UnavailableError("The search server refused a document.")

    def value(self, index: str, document: str, field: str) -> Any:
        """None where there is no such document."""
        with self.asked() as client:
            body = {"docs": [{"_id": document, "_source": [field]}]}
            (found,) = client.mget(index=index, body=body)["docs"]
        if "error" in found:
            raise UnavailableError("The search server lacks an index.")
        return found["_source"].get(field) if found["found"] else None

    def refresh(self, *indexes: str) -> None:
        """What was written is found from now on."""
        with self.asked() as client:
            patience = {"request_timeout": WRITE_SECONDS}
            client.indices.refresh(index=",".join(indexes), params=patience)

    def forget_chunks(self, index: str, file_id: int, older_than: int) -> None:
        """Remove chunks of the file that were written for an older version."""
        wanted = [{"term": {"file_id": file_id}}, {"range": {"version": {"lt": older_than}}}]
        with self.asked() as client:
            client.indices.refresh(index=index, params={"request_timeout": WRITE_SECONDS})
            client.delete_by_query(
                index=index,
                body={"query": {"bool": {"filter": wanted}}},
                params={
                    "conflicts": "proceed",
                    "refresh": "true",
                    "request_timeout": WRITE_SECONDS,
                },
            )

    def identity(self, index: str) -> str | None:
        """What tells this index from another of the same name; None where there is none."""
        with self.asked() as client:
            try:
                found = client.indices.get_settings(index=index)
            except NotFoundError:
                return None
        return str(found[index]["settings"]["index"]["uuid"]) if index in found else None

    def size_of(self, indexes: Sequence[str]) -> int:
        """Bytes on the disk of one copy."""
        with self.asked() as client:
            said = client.indices.stats(index=",".join(indexes), metric="store")
        return int(said["_all"]["primaries"]["store"]["size_in_bytes"])

    def free_bytes(self) -> int:
        """Of the node that has least."""
        with self.asked() as client:
            said = client.nodes.stats(metric="fs")
        found = [node["fs"]["total"]["available_in_bytes"] for node in said["nodes"].values()]
        return int(min(found))

    def ping(self) -> None:
        with self.asked() as client:
            client.cluster.health(params={"request_timeout": 2})
