"""Objects in a bucket of any service that speaks S3, for installations on many machines.

An object appears when its last part has arrived: half of one is never seen. Whoever needs a file
gets a copy in a folder of this machine, which is kept for the next one who asks.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.store import S3Store

from opentranscribe.adapters.objects.copies import LocalCopies
from opentranscribe.adapters.objects.keys import check_key
from opentranscribe.adapters.objects.trying import try_store
from opentranscribe.ports.objects import (
    ObjectInfo,
    ObjectNotFoundError,
    StorageFullError,
    StoreAwayError,
)

PART_BYTES = 16 << 20
PARTS_AT_ONCE = 3
CONNECT_SECONDS = "5s"
#: For one request, of which a large object needs many.
REQUEST_SECONDS = "60s"
#: For a question about an object, which has a short answer: somebody waits for it.
QUESTION_SECONDS = "4s"
QUESTION_RETRIES: Any = {"max_retries": 1, "retry_timeout": timedelta(seconds=8)}
RETRIES: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}
#: How services say that nothing more fits in.
FULL = ("507", "StorageFull", "InsufficientStorage", "QuotaExceeded", "no space left")
NO_BUCKET = "NoSuchBucket"


@dataclass(frozen=True)
class Bucket:
    """``address`` is the service's, ``http://host:port``."""

    address: str
    name: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"


class S3Objects:
    def __init__(self, bucket: Bucket, copies: LocalCopies) -> None:
        self._copies = copies
        config: Any = {
            "endpoint": bucket.address,
            "access_key_id": bucket.access_key,
            "secret_access_key": bucket.secret_key,
            "region": bucket.region,
        }
        client: Any = {
            "allow_http": True,
            "connect_timeout": CONNECT_SECONDS,
            "timeout": REQUEST_SECONDS,
        }
        self._store = S3Store(
            bucket.name, config=config, client_options=client, retry_config=RETRIES
        )
        hurried: Any = {**client, "timeout": QUESTION_SECONDS}
        self._asked = S3Store(
            bucket.name, config=config, client_options=hurried, retry_config=QUESTION_RETRIES
        )

    def put_file(self, key: str, source: Path) -> ObjectInfo:
        size = source.stat().st_size
        self._put(check_key(key), source)
        source.unlink(missing_ok=True)
        return ObjectInfo(key, size)

    def put_bytes(self, key: str, data: bytes) -> ObjectInfo:
        self._put(check_key(key), data)
        return ObjectInfo(key, len(data))

    def open_range(
        self, key: str, start: int, length: int, chunk_bytes: int = 1 << 18
    ) -> Iterator[bytes]:
        end = min(start + length, self.stat(key).size_bytes)
        if start >= end:
            return iter(())
        with self._explained(key):
            found = obstore.get(self._store, key, options={"range": (start, end)})
        return self._chunks(key, found.stream(chunk_bytes), chunk_bytes)

    def local_path(self, key: str) -> Path:
        with self._explained(check_key(key)):
            facts = obstore.head(self._asked, key)
        name = f"{key}\n{facts['e_tag']}\n{facts['size']}"
        return self._copies.find(name) or self._copies.keep(
            name, facts["size"], self.open_range(key, 0, facts["size"], 1 << 20)
        )

    def stat(self, key: str) -> ObjectInfo:
        with self._explained(check_key(key)):
            return ObjectInfo(key, int(obstore.head(self._asked, key)["size"]))

    def delete(self, key: str) -> None:
        try:
            with self._explained(check_key(key)):
                obstore.delete(self._store, key)
        except ObjectNotFoundError:
            return

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """The service knows folders; a prefix that ends within a name is looked for in its folder."""
        folder = prefix.rpartition("/")[0]
        try:
            with self._explained(prefix):
                for page in obstore.list(self._store, prefix=folder or None):
                    for one in page:
                        if one["path"].startswith(prefix):
                            yield ObjectInfo(one["path"], int(one["size"]))
        except ObjectNotFoundError:
            return

    def ping(self) -> None:
        try_store(self)

    def _put(self, key: str, content: Path | bytes) -> None:
        # A store that hangs is found out by a short question, not by a long upload.
        with suppress(ObjectNotFoundError):
            self.stat(key)
        try:
            self._put_once(key, content)
        except ObjectNotFoundError:
            # The bucket is made by who needs it first.
            self._make_bucket()
            self._put_once(key, content)

    def _put_once(self, key: str, content: Path | bytes) -> None:
        with self._explained(key):
            obstore.put(
                self._store, key, content, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
            )

    def _make_bucket(self) -> None:
        address = obstore.sign(self._store, "PUT", "", timedelta(seconds=60))
        request = urllib.request.Request(address, method="PUT")  # noqa: S310 - the set address
        try:
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
        except urllib.error.HTTPError as error:
            if error.code != 409:  # somebody else has just made it
                raise StoreAwayError(
                    f"The bucket does not exist and cannot be made ({error.code})."
                ) from error
        except OSError as error:
            raise StoreAwayError("The object store does not answer.") from error

    def _chunks(self, key: str, stream: Any, chunk_bytes: int) -> Iterator[bytes]:
        """Exactly so many bytes each, but for the last."""
        waiting = bytearray()
        with self._explained(key):
            for piece in stream:
                waiting += bytes(piece)
                while len(waiting) >= chunk_bytes:
                    yield bytes(waiting[:chunk_bytes])
                    del waiting[:chunk_bytes]
        if waiting:
            yield bytes(waiting)

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ObjectNotFoundError("The stored file is missing.", key=key) from error
        except (obstore.exceptions.BaseError, OSError) as error:
            told = " ".join(str(error).split())
            if any(word in told for word in FULL):
                raise StorageFullError(
                    "The object store is full. Nothing was lost; make room there and try again.",
                    key=key,
                ) from error
            if NO_BUCKET in told:
                raise ObjectNotFoundError("The bucket is missing.", key=key) from error
            raise StoreAwayError(
                f"The object store cannot be used: {told.partition(' Debug source')[0][:300]}",
                key=key,
            ) from error
