"""Private keys and certificates: read them as KSeF hands them out, and as people keep them.

KSeF's taxpayer application saves a ``.key`` (PEM, PKCS #8, encrypted with PBES2) and later a ``.crt`` (PEM); its API
gives Base64 of DER. What people make of the two is read as well: PKCS #12, PKCS #7, DER, traditional PEM, both in
one file, the two files swapped. What else a file may be is named. Every failure is one of the errors of this package,
and none carries what was in a file.
"""

import base64
import re
from dataclasses import dataclass, field

from asn1crypto import parser
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates

from .. import errors
from . import other_formats
from .attempts import attempt
from .certificates import Certificate, describe, key_type, sha256, spki
from .encryption import open_key, open_pem_key, open_pkcs12

# Bytes. A key has less than 4 KiB, a PKCS #12 file with a chain less than 16 KiB.
FILE_LIMIT = 64 * 1024


@dataclass(frozen=True)
class Credentials:
    """A certificate and the private key that it certifies.

    :ivar private_key: PKCS #8, DER, not encrypted.
    """

    certificate: Certificate
    private_key: bytes = field(repr=False)


# What may be asked


def read_private_key(data: bytes | None, password: str | None = None) -> bytes:
    """Return the private key of a file of any supported format.

    :param password: opens an encrypted key; ignored where nothing is encrypted.
    :return: PKCS #8, DER, not encrypted.
    :raises KsefError: FileTooLarge, NotAPrivateKey, PrivateKeyMissing, KeyUnsupported, EncryptionUnsupported,
        FormatUnsupported, PasswordMissing, PasswordWrong; NotACertificate where one beside the key is damaged.
    """
    key, *_others = _private_keys(_blocks(data, password, errors.NotAPrivateKey), password)
    return _pkcs8(key)


def read_certificate(data: bytes | None, password: str | None = None, private_key: bytes | None = None) -> Certificate:
    """Return the certificate of a file of any supported format.

    :param password: opens an encrypted PKCS #12 file; a key beside the certificate stays unopened.
    :param private_key: PKCS #8, DER; of several certificates take the one for this key.
        Without it, or if none is for it: the first that is not an authority's.
    :raises KsefError: FileTooLarge, NotACertificate, CertificateMissing, CertificateKeyUnsupported,
        FormatUnsupported; for a PKCS #12 file also EncryptionUnsupported, PasswordMissing, PasswordWrong;
        NotAPrivateKey, KeyUnsupported for ``private_key``.
    """
    public_key = spki(_load_private_key(private_key).public_key()) if private_key else None
    return describe(_choose(_certificates(_blocks(data, password, errors.NotACertificate)), public_key))


def read_credentials(
    key_file: bytes | None, certificate_file: bytes | None, password: str | None = None
) -> Credentials:
    """Return the private key and certificate out of one file or two, whichever holds which.

    :param key_file: empty or None if the other file holds both.
    :param certificate_file: empty or None if the other file holds both.
    :param password: opens an encrypted key or PKCS #12 file; ignored where nothing is encrypted.
    :raises KsefError: KeyMismatch, or what `read_private_key` and `read_certificate` raise.
    """
    blocks = [
        *_blocks(key_file, password, errors.NotAPrivateKey),
        *_blocks(certificate_file, password, errors.NotACertificate),
    ]
    keys = _private_keys(blocks, password)
    candidates = _certificates(blocks)
    public_keys = {_public_key_of(candidate) for candidate in candidates}
    key = next((key for key in keys if spki(key.public_key()) in public_keys), keys[0])
    public_key = spki(key.public_key())
    certificate = describe(_choose(candidates, public_key))
    if certificate.public_key_fingerprint != sha256(public_key):
        raise errors.KeyMismatch()
    return Credentials(certificate, _pkcs8(key))


def public_key_fingerprint(private_key: bytes) -> str:
    """Name a key pair, to find the certificate that comes a day after its key.

    :param private_key: PKCS #8, DER, not encrypted.
    :return: SHA-256 of the public key (SubjectPublicKeyInfo, DER), 64 lower-case hex digits.
    :raises KsefError: NotAPrivateKey, KeyUnsupported.
    """
    return sha256(spki(_load_private_key(private_key).public_key()))


# From a file to its blocks

_PRIVATE_KEY = "private key"
_ENCRYPTED_KEY = "encrypted private key"
_ENCRYPTED_PEM = "encrypted private key in traditional PEM"
_CERTIFICATE = "certificate"
_PKCS12 = "PKCS #12"
_PKCS7 = "PKCS #7"
_PUBLIC_KEY = "public key"

_INTEGER, _BIT_STRING, _OCTET_STRING, _OID, _SEQUENCE = 2, 3, 4, 6, 16
# How each structure begins: the tags of its first elements.
_SHAPES = (
    ((_SEQUENCE, _SEQUENCE, _BIT_STRING), _CERTIFICATE),  # RFC 5280
    ((_SEQUENCE, _OCTET_STRING), _ENCRYPTED_KEY),  # RFC 5958, EncryptedPrivateKeyInfo
    ((_INTEGER, _SEQUENCE, _OCTET_STRING), _PRIVATE_KEY),  # RFC 5958, PrivateKeyInfo
    ((_INTEGER, _OCTET_STRING), _PRIVATE_KEY),  # RFC 5915, ECPrivateKey
    ((_INTEGER, _INTEGER, _INTEGER), _PRIVATE_KEY),  # RFC 8017, RSAPrivateKey
    ((_INTEGER, _SEQUENCE), _PKCS12),  # RFC 7292, PFX
    ((_OID,), _PKCS7),  # RFC 5652, ContentInfo
    ((_SEQUENCE, _BIT_STRING), _PUBLIC_KEY),  # RFC 5280, SubjectPublicKeyInfo
)
_LONGEST_SHAPE = max(len(shape) for shape, _kind in _SHAPES)

_PEM_LABELS = (b"PRIVATE KEY", b"CERTIFICATE", b"PKCS7", b"CMS")  # the ends of those that are read
_PEM_MARK = re.compile(rb"-----(BEGIN|END) ([A-Z0-9 ]+)-----")


@dataclass(frozen=True)
class _Block:
    """One structure of a file, as DER; an ``_ENCRYPTED_PEM`` as PEM, because its headers tell how to decrypt it."""

    kind: str
    content: bytes = field(repr=False)


def _blocks(data: bytes | None, password: str | None, unreadable: type[errors.KsefError]) -> list[_Block]:
    """Keys and certificates of a file, in its order; PKCS #12 and PKCS #7 unpacked, all else as it stands.

    :param unreadable: error for a file that does not say what it wants to be.
    """
    if data and len(data) > FILE_LIMIT:
        raise errors.FileTooLarge(about=unreadable.about, limit=f"{FILE_LIMIT // 1024} KiB")
    text = _ascii(data or b"")
    if not text.strip():
        return []
    marks = list(_PEM_MARK.finditer(text))
    is_pem = any(mark[1] == b"BEGIN" for mark in marks)
    blocks = _pem_blocks(text, marks) if is_pem else _der_blocks(data, text)
    if not blocks and (other := other_formats.named(text, unreadable.about)):
        raise other
    if not blocks and not is_pem:
        raise unreadable()
    return [inside for block in blocks for inside in _unpacked(block, password, unreadable)]


def _ascii(data: bytes) -> bytes:
    """Text of a file without byte-order mark and with plain line ends; any other bytes stay as they are."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode("ascii", "replace")
    return data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _base64(text: bytes) -> bytes:
    """Decoded text, empty if it is not Base64."""
    return attempt(base64.b64decode, b"".join(text.split()), None, True) or b""


def _der_blocks(data: bytes, text: bytes) -> list[_Block]:
    block = _der_block(data) or _der_block(_base64(text))
    return [block] if block else []


def _der_block(data: bytes) -> _Block | None:
    """The structure that ``data`` begin with, if it is one of ours."""
    found = attempt(_outline, data)
    if not found:
        return None
    tags, end = found
    for shape, kind in _SHAPES:
        if tags[: len(shape)] == shape:
            return _Block(kind, data[:end])
    return None


def _outline(data: bytes) -> tuple[tuple[int, ...], int]:
    """Universal tags of the first elements inside the sequence that ``data`` begin with, and the position of its end.

    :raises ValueError: not BER, cut off, nested without end, or no sequence
    """
    (tag, content), end = _element(data)
    if tag != _SEQUENCE:
        raise ValueError(tag)
    tags = []
    while content and len(tags) < _LONGEST_SHAPE:
        (tag, _content), length = _element(content)
        tags.append(tag)
        content = content[length:]
    return tuple(tags), end


def _element(data: bytes) -> tuple[tuple[int | None, bytes], int]:
    """Universal tag (None for others) and content of the first element, and the position of its end."""
    universal = 0
    class_, _method, tag, header, content, trailer = parser.parse(data)
    return (tag if class_ == universal else None, content), len(header) + len(content) + len(trailer)


def _pem_blocks(text: bytes, marks: list[re.Match]) -> list[_Block]:
    """PEM blocks that hold a key or a certificate; what stands around them is left out."""
    blocks = []
    for begin, end in zip(marks, [*marks[1:], None], strict=True):
        label = begin[2]
        if begin[1] != b"BEGIN" or not label.endswith(_PEM_LABELS):
            continue
        if label == b"OPENSSH PRIVATE KEY":
            raise other_formats.openssh_key()
        whole = end is not None and (end[1], end[2]) == (b"END", label)
        block = _pem_block(label, text[begin.end() : end.start()]) if whole else None
        if not block:
            raise (errors.NotAPrivateKey if label.endswith(b"PRIVATE KEY") else errors.NotACertificate)()
        blocks.append(block)
    return blocks


def _pem_block(label: bytes, body: bytes) -> _Block | None:
    """Block of one PEM body; of an encrypted traditional one a clean copy."""
    headers = [line.strip() for line in body.split(b"\n") if b":" in line]
    content = _base64(b"\n".join(line for line in body.split(b"\n") if b":" not in line))
    if not headers:
        return _der_block(content)
    if not content:
        return None
    lines = [b"-----BEGIN %s-----" % label, *headers, b"", base64.b64encode(content), b"-----END %s-----" % label, b""]
    return _Block(_ENCRYPTED_PEM, b"\n".join(lines))


def _unpacked(block: _Block, password: str | None, unreadable: type[errors.KsefError]) -> list[_Block]:
    """What is in a file that holds several things; any other block as it is."""
    if block.kind == _PUBLIC_KEY:
        raise other_formats.public_key()
    if block.kind == _PKCS12:
        key, certificate, chain = open_pkcs12(block.content, password)
        certificates = [each for each in [certificate, *chain] if each]
    elif block.kind == _PKCS7:
        key, certificates = None, attempt(load_der_pkcs7_certificates, block.content)
        if not certificates:
            raise unreadable()
    else:
        return [block]
    return [
        *[_Block(_PRIVATE_KEY, _pkcs8(each)) for each in [key] if each],
        *[_Block(_CERTIFICATE, each.public_bytes(Encoding.DER)) for each in certificates],
    ]


# From blocks to private keys

_OPEN_KEY = {_ENCRYPTED_KEY: open_key, _ENCRYPTED_PEM: open_pem_key}


def _private_keys(blocks: list[_Block], password: str | None) -> list[ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]:
    """At least one, all of them such that KSeF accepts them."""
    keys = []
    for block in blocks:
        if block.kind == _PRIVATE_KEY:
            keys.append(_load_private_key(block.content))
        elif block.kind in _OPEN_KEY:
            keys.append(_accepted(_OPEN_KEY[block.kind](block.content, password)))
    if not keys:
        raise errors.PrivateKeyMissing()
    return keys


def _load_private_key(der: bytes) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    key = attempt(load_der_private_key, der, None)
    if not key:
        raise other_formats.like_a_private_key(der) or errors.NotAPrivateKey()
    return _accepted(key)


def _accepted(key) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    key_type(key.public_key(), errors.KeyUnsupported)
    return key


def _pkcs8(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


# From blocks to a certificate


def _certificates(blocks: list[_Block]) -> list[x509.Certificate]:
    """At least one."""
    certificates = [_load_certificate(block.content) for block in blocks if block.kind == _CERTIFICATE]
    if not certificates:
        raise errors.CertificateMissing()
    return certificates


def _load_certificate(der: bytes) -> x509.Certificate:
    certificate = attempt(x509.load_der_x509_certificate, der)
    if not certificate:
        raise other_formats.like_a_certificate(der) or errors.NotACertificate()
    return certificate


def _choose(certificates: list[x509.Certificate], public_key: bytes | None) -> x509.Certificate:
    """The certificate for the public key; else the first that is not an authority's; else the first."""
    for certificate in certificates:
        if public_key and _public_key_of(certificate) == public_key:
            return certificate
    return next((each for each in certificates if not attempt(_is_authority, each)), certificates[0])


def _is_authority(certificate: x509.Certificate) -> bool:
    return any(each.value.ca for each in certificate.extensions if isinstance(each.value, x509.BasicConstraints))


def _public_key_of(certificate: x509.Certificate) -> bytes | None:
    """SubjectPublicKeyInfo, or None if this kind of key is unknown."""
    try:
        return attempt(lambda: spki(certificate.public_key()))
    except errors.KeyUnsupported:
        return None
