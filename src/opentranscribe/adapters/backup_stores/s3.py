"""A bucket of any service that speaks S3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentranscribe.ports.backup_stores import StoreAwayError, StoreRefusedError

#: Names of environment variables that every program for S3 knows → ours for the library.
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
    "AWS_SESSION_TOKEN": "session_token",
    "AWS_REGION": "region",
    "AWS_DEFAULT_REGION": "region",
    "AWS_ENDPOINT_URL": "endpoint",
}
REFUSALS = ("PermissionDenied", "Unauthenticated", "AccessDenied", "SignatureDoesNotMatch")


class S3Store:
    def __init__(self, bucket: str, prefix: str, variables: Mapping[str, str]) -> None:
        # Loaded only where somebody keeps backups in a bucket.
        import obstore  # noqa: PLC0415
        from obstore.store import S3Store as Bucket  # noqa: PLC0415

        if not (variables.get("AWS_ACCESS_KEY_ID") and variables.get("AWS_SECRET_ACCESS_KEY")):
            raise StoreRefusedError(
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in .env, and AWS_ENDPOINT_URL"
                " unless it is Amazon's own service. Nothing was sent."
            )
        self._library: Any = obstore
        self._where = f"s3://{bucket}/{prefix}"
        config: Any = {
            ours: variables[name] for name, ours in VARIABLES.items() if variables.get(name)
        }
        config.setdefault("region", "us-east-1")
        client: Any = {"timeout": "120s", "allow_http": True}
        self._bucket: Any = Bucket(
            bucket, prefix=prefix or None, config=config, client_options=client
        )

    def sizes(self, below: str = "") -> dict[str, int]:
        with self._explained():
            return {
                str(one["path"]): int(one["size"])
                for page in self._library.list(self._bucket, prefix=below or None)
                for one in page
            }

    def put(self, name: str, source: Path) -> None:
        with self._explained():
            self._library.put(self._bucket, name, source)

    def get(self, name: str, target: Path) -> None:
        with self._explained(), target.open("wb") as writing:
            for chunk in self._library.get(self._bucket, name).stream(1 << 20):
                writing.write(bytes(chunk))

    def close(self) -> None:
        return

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # the library has a class of its own for each kind
            told = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            if any(one in f"{type(error).__name__} {error}" for one in REFUSALS):
                raise StoreRefusedError(
                    f"{self._where} does not let us in ({told}). Check AWS_ACCESS_KEY_ID,"
                    " AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL in .env."
                ) from error
            raise StoreAwayError(f"{self._where} cannot be used: {told}.") from error
