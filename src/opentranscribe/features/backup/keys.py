"""Who can open what is secret in a backup: this installation, and whoever has the recovery key.

Each backup has a key of its own (AES-256-GCM). It is wrapped twice: with a key that lies in this
installation, so that a drill needs nobody, and to the recovery key (X25519, HKDF-SHA-256), whose
private half is shown once and kept by a person. The machine alone can write such a backup for the
recovery key without being able to read others by it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from opentranscribe.features.backup.errors import WrongRecoveryKeyError
from opentranscribe.kit.durable import remove, write_durably

PREFIX = "OTRK"
_PURPOSE = b"opentranscribe backup key 1"
_OWN, _PUBLIC, _UNSHOWN = "backup-key", "backup-recovery.pub", "backup-recovery.unshown"
_CHECK_BYTES = 3


def seal(key: bytes, content: bytes, purpose: bytes = b"") -> bytes:
    """With a random nonce in front. ``purpose`` must be the same for `unseal`."""
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(key).encrypt(nonce, content, purpose)


def unseal(key: bytes, sealed: bytes, purpose: bytes = b"") -> bytes:
    """Raises WrongRecoveryKeyError when the key is another or the bytes were changed."""
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], purpose)
    except (InvalidTag, ValueError) as error:
        raise WrongRecoveryKeyError("This key does not open that part of the backup.") from error


@dataclass(frozen=True)
class KeyRing:
    folder: Path

    def ensure(self) -> None:
        """Make the keys that are missing."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (self.folder / _OWN).exists():
            write_durably(self.folder / _OWN, secrets.token_hex(32))
        if not (self.folder / _PUBLIC).exists():
            private = X25519PrivateKey.generate()
            write_durably(self.folder / _UNSHOWN, spell(private.private_bytes_raw()))
            write_durably(self.folder / _PUBLIC, private.public_key().public_bytes_raw().hex())

    def peek_recovery_key(self) -> str | None:
        """The recovery key as long as nobody has seen it; see `forget_recovery_key`."""
        try:
            return (self.folder / _UNSHOWN).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def forget_recovery_key(self) -> None:
        """A person has it now; this machine has no use for it."""
        remove(self.folder / _UNSHOWN)

    @property
    def fingerprint(self) -> str:
        """Of the recovery key: tells which one a backup needs."""
        return _fingerprint(self._public())

    def wrap(self, key: bytes) -> dict[str, str]:
        ephemeral = X25519PrivateKey.generate()
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(self._public()))
        public = ephemeral.public_key().public_bytes_raw()
        return {
            "fingerprint": self.fingerprint,
            "recovery_public": public.hex(),
            "recovery": seal(_derive(shared, public), key, _PURPOSE).hex(),
            "installation": seal(self._own(), key, _PURPOSE).hex(),
        }

    def unwrap(self, wrapped: dict[str, str], recovery_key: str | None = None) -> bytes:
        """With the recovery key when it is given, else with this installation's own.

        Raises WrongRecoveryKeyError.
        """
        try:
            if recovery_key:
                return _unwrap_by_recovery(wrapped, read_spelt(recovery_key))
            return self._unwrap_by_own(bytes.fromhex(wrapped["installation"]))
        except (FileNotFoundError, KeyError, ValueError, WrongRecoveryKeyError) as error:
            fingerprint = wrapped.get("fingerprint", "unknown")
            raise WrongRecoveryKeyError(
                "This backup was not made by this installation, or its key is another one."
                f" Give the recovery key that was shown when backups began ({fingerprint}) with"
                " --recovery-key-file. Nothing was changed."
            ) from error

    def _unwrap_by_own(self, wrapped: bytes) -> bytes:
        """Also with the keys that this machine had before another's backup was restored on it."""
        for path in sorted(self.folder.glob(f"{_OWN}.*"), reverse=True):
            with suppress(WrongRecoveryKeyError):
                return unseal(bytes.fromhex(path.read_text(encoding="utf-8")), wrapped, _PURPOSE)
        return unseal(self._own(), wrapped, _PURPOSE)

    def _own(self) -> bytes:
        return bytes.fromhex((self.folder / _OWN).read_text(encoding="utf-8"))

    def _public(self) -> bytes:
        return bytes.fromhex((self.folder / _PUBLIC).read_text(encoding="utf-8"))


def spell(private: bytes) -> str:
    """``OTRK-XXXXXX-…``: base 32 in groups, with a check for typing errors."""
    check = hashlib.sha256(_PURPOSE + private).digest()[:_CHECK_BYTES]
    text = base64.b32encode(private + check).decode("ascii").rstrip("=")
    return "-".join([PREFIX, *(text[i : i + 7] for i in range(0, len(text), 7))])


def read_spelt(text: str) -> bytes:
    """Raises WrongRecoveryKeyError for what is no recovery key or was mistyped."""
    plain = "".join(text.upper().split()).replace("-", "").removeprefix(PREFIX)
    try:
        raw = base64.b32decode(plain + "=" * (-len(plain) % 8))
    except (ValueError, binascii.Error) as error:
        raise WrongRecoveryKeyError("That is no recovery key; it begins with OTRK-.") from error
    private, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    if len(private) != 32 or hashlib.sha256(_PURPOSE + private).digest()[:_CHECK_BYTES] != check:
        raise WrongRecoveryKeyError("The recovery key is mistyped: its check does not fit.")
    return private


def _unwrap_by_recovery(wrapped: dict[str, str], private: bytes) -> bytes:
    public = bytes.fromhex(wrapped["recovery_public"])
    shared = X25519PrivateKey.from_private_bytes(private).exchange(
        X25519PublicKey.from_public_bytes(public)
    )
    return unseal(_derive(shared, public), bytes.fromhex(wrapped["recovery"]), _PURPOSE)


def _derive(shared: bytes, public: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=public, info=_PURPOSE).derive(shared)


def _fingerprint(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:16]
