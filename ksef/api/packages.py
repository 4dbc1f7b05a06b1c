"""Invoices as KSeF wants them on the way: encrypted one by one, or packed, cut in parts and encrypted for a batch.

Source of the rules: ``sesja-interaktywna.md`` and ``sesja-wsadowa.md`` of the ministry's API documentation. All of a
session is encrypted with one AES-256 key and one initialization vector, which KSeF gets when the session is opened;
the vector is not put before the ciphertext, though the documentation says so in one place: the sizes in its examples
leave no room for it.
"""

import base64
import gzip
import hashlib
import io
import os
import tarfile
import tempfile
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from ..errors import PackageTooLarge

KEY_LENGTH, IV_LENGTH = 32, 16
# Of ten thousand invoices a third of a Zip's size, since they are alike and packed as one stream.
COMPRESSION = "TarGz"
# KSeF takes 50 parts of 100 MB (before they are encrypted) and 5 GB altogether, so 50 full parts just fit.
PART_SIZE, MAX_PARTS = 100_000_000, 50
_CHUNK = 1 << 16
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


def new_key():
    """Return a new AES-256 key and initialization vector (bytes each), for one session."""
    return os.urandom(KEY_LENGTH), os.urandom(IV_LENGTH)


def wrap_key(key, public_key):
    """Return an AES key (bytes) encrypted for KSeF with RSA-OAEP and SHA-256.

    :param public_key: RSA key of ``cryptography``, see ``sessions.PublicKey``
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


@dataclass(frozen=True)
class Part:
    """An encrypted part of a package. ``ordinal``: from 1; ``sha256``: bytes; ``start``: in the package's file."""

    ordinal: int
    size: int
    sha256: bytes
    start: int


class Package:
    """An archive of invoices, encrypted in parts, in a temporary file without a name. A context manager.

    :ivar bytes key: AES-256; ``iv``: initialization vector
    :ivar int size: of the archive before it was cut and encrypted; ``sha256``: bytes, likewise
    :ivar tuple parts: of ``Part``
    """

    def __init__(self, file, key, iv, size, sha256, parts):
        self._file = file
        self.key = key
        self.iv = iv
        self.size = size
        self.sha256 = sha256
        self.parts = tuple(parts)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        self._file.close()

    def open_part(self, ordinal):
        """Return a readable file object of an encrypted part, at its start; one at a time."""
        return _PartReader(self._file, self.parts[ordinal - 1])


def build_package(invoices, key, iv, *, part_size=PART_SIZE, folder=None):
    """Pack invoices, cut the archive in parts and encrypt them; return the ``Package``.

    The same invoices in the same order with the same key and vector make the same package to the last byte (as long as
    Python's zlib stays the same), so that one that is lost on the way can be made again.

    :param invoices: iterable of (name, bytes); names of files, at most 128 characters, each one once
    :param folder: for the temporary files, twice the size of the archive; the system's if None
    :raises PackageTooLarge: more than KSeF takes at once
    """
    with tempfile.TemporaryFile(dir=folder) as archive:
        _write_archive(archive, invoices)
        size = archive.tell()
        if size > part_size * MAX_PARTS:
            raise PackageTooLarge(limit=f"{part_size * MAX_PARTS / 1e9:g} GB")
        archive.seek(0)
        whole = hashlib.sha256()
        encrypted = tempfile.TemporaryFile(dir=folder)
        try:
            parts = []
            while archive.tell() < size:
                parts.append(_encrypt_part(archive, encrypted, len(parts) + 1, part_size, whole, key, iv))
        except BaseException:
            encrypted.close()
            raise
    return Package(encrypted, key, iv, size, whole.digest(), parts)


def _encrypt_part(archive, encrypted, ordinal, part_size, whole, key, iv):
    start, left = encrypted.tell(), part_size
    digest, encryptor = hashlib.sha256(), _Encryptor(key, iv)
    while left and (chunk := archive.read(min(_CHUNK, left))):
        left -= len(chunk)
        whole.update(chunk)
        block = encryptor.update(chunk)
        digest.update(block)
        encrypted.write(block)
    block = encryptor.finalize()
    digest.update(block)
    encrypted.write(block)
    return Part(ordinal, encrypted.tell() - start, digest.digest(), start)


def _write_archive(file, invoices):
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, xml in invoices:
            info = tarfile.TarInfo(name)
            info.size = len(xml)
            archive.addfile(info, io.BytesIO(xml))
            archive.members.clear()  # kept for reading only


class _PartReader:
    """Reads a part and nothing beyond it; has a length, so that HTTP can announce it."""

    def __init__(self, file, part):
        self._file = file
        self._left = self._size = part.size
        self._file.seek(part.start)

    def __len__(self):
        return self._size

    def __iter__(self):
        return iter(lambda: self.read(_CHUNK), b"")

    def read(self, size=-1):  # pylint: disable=method-required-super
        data = self._file.read(self._left if size is None or size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


class _Encryptor:
    def __init__(self, key, iv):
        self._padder = PKCS7(algorithms.AES.block_size).padder()
        self._encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()

    def update(self, data):
        return self._encryptor.update(self._padder.update(data))

    def finalize(self):
        return self._encryptor.update(self._padder.finalize()) + self._encryptor.finalize()
