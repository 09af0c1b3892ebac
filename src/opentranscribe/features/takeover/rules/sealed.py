"""Where the earlier system kept secrets encrypted, and what each is for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SealedColumn:
    """``where`` narrows the rows to those that hold a secret."""

    table: str
    column: str
    feature: str
    where: str = "true"


SEALED = (
    SealedColumn("user_llm_settings", "api_key", "keys of language models"),
    SealedColumn("user_asr_settings", "api_key", "keys of recognition services"),
    SealedColumn("user_diarization_settings", "api_key", "keys of diarization services"),
    SealedColumn("user_media_source", "username", "user names of media sources"),
    SealedColumn("user_media_source", "password", "passwords of media sources"),
    SealedColumn("user_mfa", "totp_secret", "second factors (one-time codes)"),
    SealedColumn("user", "keycloak_refresh_token", "sessions with Keycloak"),
    SealedColumn("auth_config", "config_value", "secrets of LDAP and Keycloak", "is_sensitive"),
)


@dataclass(frozen=True)
class SealedResult:
    """Of ``total`` stored secrets ``tried`` were tried; ``wrong_key`` did not open, ``strange``
    are in no form that the earlier system wrote."""

    table: str
    column: str
    feature: str
    total: int
    tried: int
    wrong_key: int
    strange: int

    @property
    def is_readable(self) -> bool:
        return not (self.wrong_key or self.strange)
