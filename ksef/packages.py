"""Invoices as KSeF wants them on the way: encrypted one by one.

Source of the rules: ``sesja-interaktywna.md`` and ``sesja-wsadowa.md`` of the ministry's API documentation. All of a
session is encrypted with one AES-256 key and one initialization vector, which KSeF gets when the session is opened;
the vector is not put before the ciphertext, though the documentation says so in one place: the sizes in its examples
leave no room for it.
"""

import base64
import hashlib
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

KEY_LENGTH, IV_LENGTH = 32, 16
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


def new_key():
    """Return a new AES-256 key and initialization vector (bytes each), for one session."""
    return os.urandom(KEY_LENGTH), os.urandom(IV_LENGTH)


def wrap_key(key, public_key):
    """Return an AES key (bytes) encrypted for KSeF with RSA-OAEP and SHA-256.

    :param public_key: RSA key of ``cryptography``, see ``api.PublicKey``
    """
    return public_key.encrypt(key, _OAEP)


def encrypt(data, key, iv):
    """Return bytes encrypted with AES-256-CBC and PKCS#7 padding."""
    encryptor = _Encryptor(key, iv)
    return encryptor.update(data) + encryptor.finalize()


def base64_sha256(data):
    """Return the SHA-256 of bytes in standard Base64 with padding, as the API has hashes (the QR links do not)."""
    return to_base64(hashlib.sha256(data).digest())


def to_base64(data):
    return base64.b64encode(data).decode()


class _Encryptor:
    def __init__(self, key, iv):
        self._padder = PKCS7(algorithms.AES.block_size).padder()
        self._encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()

    def update(self, data):
        return self._encryptor.update(self._padder.update(data))

    def finalize(self):
        return self._encryptor.update(self._padder.finalize()) + self._encryptor.finalize()
