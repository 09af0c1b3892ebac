"""The servers of the distributed profile: Redis or Valkey, OpenSearch, and an S3 store.

Each is told by a whole address, or by the parts that the earlier system's ``.env`` has.
"""

from __future__ import annotations

from urllib.parse import quote

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from opentranscribe.settings.names import names


class Servers(BaseSettings):
    redis_url: SecretStr | None = Field(
        default=None,
        validation_alias=names("OPENTR_REDIS_URL", "REDIS_URL"),
        description="Redis or Valkey, which carries jobs and live updates between machines.",
    )
    redis_host: str = Field(
        default="localhost",
        validation_alias=names("OPENTR_REDIS_HOST", "REDIS_HOST"),
        description="Host of Redis where no whole address is given.",
    )
    redis_port: int = Field(
        default=6379,
        ge=1,
        le=65535,
        validation_alias=names("OPENTR_REDIS_PORT", "REDIS_PORT"),
        description="Port of Redis where no whole address is given.",
    )
    redis_password: SecretStr | None = Field(
        default=None,
        validation_alias=names("OPENTR_REDIS_PASSWORD", "REDIS_PASSWORD"),
        description="Password of Redis where no whole address is given.",
    )
    redis_tls: bool = Field(
        default=False,
        validation_alias=names("OPENTR_REDIS_TLS", "REDIS_USE_TLS"),
        description="Speak TLS with Redis where no whole address is given.",
    )

    opensearch_url: str = Field(
        default="", description="OpenSearch, which answers searches across machines."
    )
    opensearch_host: str = Field(
        default="localhost",
        validation_alias=names("OPENTR_OPENSEARCH_HOST", "OPENSEARCH_HOST"),
        description="Host of OpenSearch where no whole address is given.",
    )
    opensearch_port: int = Field(
        default=9200,
        ge=1,
        le=65535,
        validation_alias=names("OPENTR_OPENSEARCH_PORT", "OPENSEARCH_PORT"),
        description="Port of OpenSearch where no whole address is given.",
    )
    opensearch_tls: bool = Field(
        default=False,
        validation_alias=names("OPENTR_OPENSEARCH_TLS", "OPENSEARCH_USE_TLS"),
        description="Speak TLS with OpenSearch where no whole address is given.",
    )
    opensearch_verify_certs: bool = Field(
        default=True,
        validation_alias=names("OPENTR_OPENSEARCH_VERIFY_CERTS", "OPENSEARCH_VERIFY_CERTS"),
        description="Refuse an OpenSearch whose certificate nobody vouches for.",
    )
    opensearch_user: str = Field(
        default="",
        validation_alias=names("OPENTR_OPENSEARCH_USER", "OPENSEARCH_USER"),
        description="User at OpenSearch; empty where it asks for none.",
    )
    opensearch_password: SecretStr | None = Field(
        default=None,
        validation_alias=names("OPENTR_OPENSEARCH_PASSWORD", "OPENSEARCH_PASSWORD"),
        description="Password of that user.",
    )

    s3_endpoint: str = Field(
        default="", description="S3 store of recordings; empty: the host and port below."
    )
    s3_host: str = Field(
        default="localhost",
        validation_alias=names("OPENTR_S3_HOST", "MINIO_HOST"),
        description="Host of the S3 store where no whole address is given.",
    )
    s3_port: int = Field(
        default=9000,
        ge=1,
        le=65535,
        validation_alias=names("OPENTR_S3_PORT", "MINIO_PORT"),
        description="Port of the S3 store where no whole address is given.",
    )
    s3_tls: bool = Field(
        default=False,
        validation_alias=names("OPENTR_S3_TLS", "MINIO_SECURE"),
        description="Speak TLS with the S3 store where no whole address is given.",
    )
    s3_bucket: str = Field(
        default="opentranscribe",
        validation_alias=names("OPENTR_S3_BUCKET", "MEDIA_BUCKET_NAME"),
        description="Bucket of recordings.",
    )
    s3_region: str = Field(default="us-east-1", description="Region of the bucket.")
    s3_access_key: str = Field(
        default="",
        validation_alias=names("OPENTR_S3_ACCESS_KEY", "MINIO_ROOT_USER"),
        description="Access key of the S3 store.",
    )
    s3_secret_key: SecretStr | None = Field(
        default=None,
        validation_alias=names("OPENTR_S3_SECRET_KEY", "MINIO_ROOT_PASSWORD"),
        description="Secret key of the S3 store.",
    )
    s3_copies_bytes: int = Field(
        default=20 * 1024**3,
        ge=0,
        description="Room for copies of recordings that this machine works on.",
    )

    @property
    def redis_address(self) -> str:
        if self.redis_url is not None:
            return self.redis_url.get_secret_value()
        secret = self.redis_password.get_secret_value() if self.redis_password else ""
        login = f":{quote(secret, safe='')}@" if secret else ""
        scheme = "rediss" if self.redis_tls else "redis"
        return f"{scheme}://{login}{self.redis_host}:{self.redis_port}/0"

    @property
    def opensearch_address(self) -> str:
        scheme = "https" if self.opensearch_tls else "http"
        return self.opensearch_url or f"{scheme}://{self.opensearch_host}:{self.opensearch_port}"

    @property
    def s3_address(self) -> str:
        scheme = "https" if self.s3_tls else "http"
        return self.s3_endpoint or f"{scheme}://{self.s3_host}:{self.s3_port}"
