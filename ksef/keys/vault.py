"""Encryption at rest of private keys, under master keys that are not in the database.

Envelope encryption with AES-256-GCM: each secret gets a data key of its own, and the data key is wrapped under a
master key. Both steps are bound to a context (which record the secret belongs to), so a token that is moved to
another record does not open. A token is ASCII text that names the fingerprint of its master key, so that a missing
key can be asked for by name:

    1.<fingerprint>.<base64url of nonce + wrapped data key>.<base64url of nonce + ciphertext>
"""

import base64
import binascii
import hashlib
import os
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import VaultKeyInvalid, VaultKeyMissing, VaultTokenInvalid

VERSION = "1"
KEY_BYTES = 32
NONCE_BYTES = 12


class Vault:
    """Encrypts under the first of its master keys, decrypts under any of them.

    :ivar current: fingerprint of the first one (str), None if there are no keys
    """

    def __init__(self, keys: list[bytes]):
        """:param keys: master keys, 32 bytes each, the current one first"""
        self._keys = {fingerprint(key): key for key in keys}
        self.current = fingerprint(keys[0]) if keys else None

    def encrypt(self, secret: bytes, context: bytes) -> str:
        """Return a token (ASCII str) that only ``decrypt`` with the same context opens.

        :param secret: what is to be kept secret
        :param context: which record the secret belongs to; authenticated, not kept
        :raises VaultKeyMissing: the vault has no key
        """
        master = self._key(self.current)
        data_key = AESGCM.generate_key(bit_length=KEY_BYTES * 8)
        parts = _seal(master, data_key, context), _seal(data_key, secret, context)
        return ".".join([VERSION, self.current, *map(_encode, parts)])

    def decrypt(self, token: str, context: bytes) -> bytes:
        """Return the secret (bytes) of a token.

        :raises VaultKeyMissing: none of the keys is the one that the token names
        :raises VaultTokenInvalid: the token is damaged, or was made for another context
        """
        wanted, wrapped, ciphertext = _parse(token)
        master = self._key(wanted)
        try:
            return _open(_open(master, wrapped, context), ciphertext, context)
        except (InvalidTag, ValueError):
            raise VaultTokenInvalid() from None

    def rotate(self, token: str, context: bytes) -> str:
        """Return a token of the same secret under the first key; the token itself if it is under that key already.

        :raises VaultKeyMissing, VaultTokenInvalid: as ``decrypt``
        """
        if _parse(token)[0] == self.current:
            return token
        return self.encrypt(self.decrypt(token, context), context)

    def missing_key(self, token: str) -> str | None:
        """Return the fingerprint (str) of the master key that a token needs and that is not here, else None.

        :raises VaultTokenInvalid: the token is damaged
        """
        wanted = _parse(token)[0]
        return None if wanted in self._keys else wanted

    def _key(self, wanted: str | None) -> bytes:
        try:
            return self._keys[wanted]
        except KeyError:
            raise VaultKeyMissing(fingerprint=wanted or "-") from None


def fingerprint(key: bytes) -> str:
    """Name a master key without telling it: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(key).hexdigest()[:16]


def parse_keys(text: str) -> list[bytes]:
    """Return the master keys (list of bytes) that ``text`` holds as base64url, separated by blanks or commas.

    :raises VaultKeyInvalid: a part is not base64url of 32 bytes
    """
    keys = []
    for part in text.replace(",", " ").split():
        try:
            key = base64.urlsafe_b64decode(part.encode())
        except (binascii.Error, UnicodeEncodeError):
            key = b""
        if len(key) != KEY_BYTES:
            raise VaultKeyInvalid()
        keys.append(key)
    return keys


def read_key_file(path: str | Path) -> list[bytes]:
    """Return the master keys (list of bytes) in the file at ``path``; none if there is no such file.

    :raises VaultKeyInvalid: the file holds something else
    :raises OSError: it cannot be read
    """
    try:
        return parse_keys(Path(path).read_text(encoding="ascii", errors="replace"))
    except FileNotFoundError:
        return []


def make_key_file(path: str | Path) -> None:
    """Make a file with one new master key, mode 0600, unless the file is there; made once however many try at once.

    :raises OSError: it cannot be written
    """
    path = Path(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent)  # mkstemp's mode is 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.urlsafe_b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # fails if another worker was first, and never shows a half-written file
    except FileExistsError:
        return
    finally:
        os.unlink(draft)


def _parse(token):
    try:
        version, wanted, wrapped, ciphertext = token.split(".")
        if version != VERSION:
            raise ValueError(version)
        return wanted, base64.urlsafe_b64decode(wrapped), base64.urlsafe_b64decode(ciphertext)
    except ValueError:
        raise VaultTokenInvalid() from None


def _encode(data):
    return base64.urlsafe_b64encode(data).decode()


def _seal(key, data, context):
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, context)


def _open(key, data, context):
    return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], context)
