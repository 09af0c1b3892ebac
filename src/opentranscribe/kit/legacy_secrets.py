"""Secrets as the earlier system encrypted them, read with its ``ENCRYPTION_KEY``; nothing new is
ever written in these forms."""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from opentranscribe.kit.errors import InvalidError

V3_PREFIX = "v3:"
V3_ASSOCIATED_DATA = b"opentranscribe-api-key-v3"
V3_ROUNDS = 600_000
SALT_BYTES, NONCE_BYTES, TAG_BYTES, KEY_BYTES = 16, 12, 16, 32
#: How a Fernet token itself begins; kept values have one more layer of base64 around it.
FERNET_MARK = b"gAAAA"


class WrongKeyError(InvalidError):
    """The key does not open this secret, or somebody has changed the secret."""

    code = "wrong_encryption_key"


class SecretFormError(InvalidError):
    """It is no secret in a form that the earlier system wrote."""

    code = "secret_form"


def decrypt_secret(stored: str, key: str) -> str:
    """The text of a stored secret of either form; ``key`` is ENCRYPTION_KEY as written in ``.env``.

    Raises WrongKeyError, SecretFormError.
    """
    if stored.startswith(V3_PREFIX):
        return decrypt_v3(stored, key)
    return decrypt_fernet(stored, key)


def decrypt_v3(stored: str, key: str, associated_data: bytes = V3_ASSOCIATED_DATA) -> str:
    """AES-256-GCM; takes about a quarter of a second, for the key is derived anew for each secret.

    Raises WrongKeyError, SecretFormError.
    """
    fields = stored.removeprefix(V3_PREFIX).split(":")
    if not stored.startswith(V3_PREFIX) or len(fields) != 3:
        raise _strange()
    salt, nonce, sealed = (_decode(field) for field in fields)
    if len(salt) != SALT_BYTES or len(nonce) != NONCE_BYTES or len(sealed) < TAG_BYTES:
        raise _strange()
    derived = hashlib.pbkdf2_hmac("sha256", key.encode(), salt, V3_ROUNDS, KEY_BYTES)
    try:
        return AESGCM(derived).decrypt(nonce, sealed, associated_data).decode()
    except InvalidTag as error:
        raise _wrong_key() from error
    except UnicodeDecodeError as error:
        raise _strange() from error


def decrypt_fernet(stored: str, key: str) -> str:
    """The older form: a Fernet token inside url-safe base64. Raises WrongKeyError,
    SecretFormError."""
    token = stored.strip().encode("utf-8", "replace")
    if not token.startswith(FERNET_MARK):
        token = _decode(stored.strip())
    if not token.startswith(FERNET_MARK):
        raise _strange()
    try:
        return Fernet(fernet_key(key)).decrypt(token).decode()
    except (InvalidToken, ValueError) as error:
        raise _wrong_key() from error


def fernet_key(key: str) -> bytes:
    """The Fernet key that the earlier system made of an ENCRYPTION_KEY.

    A text that decodes as base64 is the key itself, fitting or not; any other is cut or padded
    with zeros to 32 bytes.
    """
    try:
        base64.urlsafe_b64decode(key)
    except ValueError:  # binascii.Error among them
        return base64.urlsafe_b64encode(key.encode()[:KEY_BYTES].ljust(KEY_BYTES, b"\0"))
    return key.encode()


def _decode(field: str) -> bytes:
    """Url-safe base64, with or without its padding."""
    try:
        padded = field.encode("ascii").rstrip(b"=")
        padded += b"=" * (-len(padded) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise _strange() from error


def _wrong_key() -> WrongKeyError:
    return WrongKeyError(
        "ENCRYPTION_KEY does not open this stored secret. Take the value from the .env of the "
        "installation that stored it, character by character; nothing was changed."
    )


def _strange() -> SecretFormError:
    return SecretFormError("This stored secret has no known form; it has to be entered again.")
