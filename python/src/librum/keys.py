"""Ed25519 keys (RFC 8032) of members and peers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from librum.errors import KeyFileError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MAX_FILE_BYTES: Final = 16 << 10


class Key:
    """A private key. It shows its public part alone.

    Attributes
    ----------
    public
        The public key, 32 bytes.
    id
        Its SHA-256, 32 bytes, by which envelopes name it.
    """

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public: bytes = private.public_key().public_bytes_raw()
        self.id: bytes = hashlib.sha256(self.public).digest()

    @classmethod
    def from_seed(cls, seed: bytes) -> Key:
        """Return the key of an RFC 8032 seed, 32 bytes."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def load(cls, path: str | Path) -> Key:
        """Read a key file: PKCS #8 in PEM.

        Raises
        ------
        KeyFileError
            It is no such file. Keys that are encrypted or on a token can't be used from Python yet.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        path = Path(path)
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        text = data.strip()
        if text.startswith((b"pkcs11:", b"-----BEGIN AGE ENCRYPTED FILE-----")):
            raise KeyFileError(f"read {path}: it is encrypted or on a token, which is not supported from Python yet")
        if len(data) > MAX_FILE_BYTES:
            raise KeyFileError(f"read {path}: more than {MAX_FILE_BYTES} bytes")
        try:
            private = load_pem_private_key(data, None)
        except Exception:  # its text may hold what was read
            raise KeyFileError(f"read {path}: want an Ed25519 key as PKCS #8 in PEM") from None
        if not isinstance(private, Ed25519PrivateKey):
            raise KeyFileError(f"read {path}: the key is not Ed25519")
        return cls(private)

    def sign(self, message: bytes) -> bytes:
        """Return the signature of message, 64 bytes."""
        return self._private.sign(message)

    def __repr__(self) -> str:
        return f"<key {self.id.hex()[:8]}, private part not shown>"
