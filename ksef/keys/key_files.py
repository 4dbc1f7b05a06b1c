"""Private keys and certificates: read them as KSeF hands them out, say what they are and whether they may sign.

KSeF's taxpayer application saves a ``.key`` (PEM, PKCS #8, encrypted with PBES2) and later a ``.crt`` (PEM); its API
gives Base64 of DER. What people make of the two is read as well: PKCS #12, DER, traditional PEM, both in one file,
the two files swapped. Every failure is one of the errors of this package, and none carries what was in a file.
"""

import base64
import hashlib
import re
import ssl
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
from cryptography.x509.oid import NameOID

from .. import errors
from . import ber

FILE_LIMIT = 64 * 1024
"""Bytes. A key has less than 4 KiB, a PKCS #12 file with a chain less than 16 KiB."""

ROUNDS_LIMIT = 2_000_000
"""Iterations when a key is derived from a password. KSeF uses 100 000; a huge count would only keep the server busy."""

RSA_SIZES = (2048, 3072, 4096)
"""Bits. KSeF certifies RSA-2048 and verifies longer ones (ministry's docs: certyfikaty-KSeF.md, kody-qr.md)."""

POLAND = ZoneInfo("Europe/Warsaw")


@dataclass(frozen=True)
class Certificate:
    """What a certificate says, in the words of KSeF.

    :ivar der: the certificate itself.
    :ivar subject: whole subject as one line (RFC 4514).
    :ivar common_name: name of the company or person, with KSeF's suffix such as " (offline)"; may be empty.
    :ivar identifier_type: "Nip", "Pesel", or None if the subject names neither.
    :ivar identifier: 10 digits of a NIP or 11 of a PESEL, or None.
    :ivar serial: as KSeF writes it and as links carry it: 16 upper-case hex digits, leading zeros kept; a longer
        serial number of another issuer has as many as it needs, an even count.
    :ivar key_type: "EC P-256", "RSA-2048", "RSA-3072" or "RSA-4096".
    :ivar not_before: first moment of validity, aware, UTC.
    :ivar not_after: last moment of validity, aware, UTC.
    :ivar fingerprint: SHA-256 of ``der``, 64 lower-case hex digits.
    :ivar public_key_fingerprint: SHA-256 of the public key, as `public_key_fingerprint` gives it for a private key.
    :ivar usage: "offline", "authentication" or "other".
    """

    der: bytes = field(repr=False)
    subject: str
    common_name: str
    identifier_type: str | None
    identifier: str | None
    serial: str
    key_type: str
    not_before: datetime
    not_after: datetime
    fingerprint: str
    public_key_fingerprint: str
    usage: str

    @property
    def pem(self) -> str:
        """The certificate as text, as KSeF's application saves it."""
        return ssl.DER_cert_to_PEM_cert(self.der)


@dataclass(frozen=True)
class Credentials:
    """A certificate and the private key that it certifies.

    :ivar private_key: PKCS #8, DER, not encrypted.
    """

    certificate: Certificate
    private_key: bytes = field(repr=False)


# What may be asked


def read_private_key(data: bytes | None, password: str | None = None) -> bytes:
    """Private key of a file of any supported format.

    :param password: opens an encrypted key; ignored where nothing is encrypted.
    :return: PKCS #8, DER, not encrypted.
    :raise KsefError: FileTooLarge, NotAPrivateKey, PrivateKeyMissing, KeyUnsupported, EncryptionUnsupported,
        PasswordMissing, PasswordWrong; NotACertificate where a certificate beside the key is damaged.
    """
    key, *_others = _private_keys(_blocks(data, password, errors.NotAPrivateKey), password)
    return _pkcs8(key)


def read_certificate(data: bytes | None, password: str | None = None, private_key: bytes | None = None) -> Certificate:
    """Certificate of a file of any supported format.

    :param password: opens an encrypted PKCS #12 file; a key beside the certificate stays unopened.
    :param private_key: PKCS #8, DER; of several certificates take the one for this key.
        Without it, or if none is for it: the first that is not an authority's.
    :raise KsefError: FileTooLarge, NotACertificate, CertificateMissing, CertificateKeyUnsupported; for a PKCS #12
        file also EncryptionUnsupported, PasswordMissing, PasswordWrong; NotAPrivateKey, KeyUnsupported for
        ``private_key``.
    """
    public_key = _spki(_load_private_key(private_key).public_key()) if private_key else None
    return _describe(_choose(_certificates(_blocks(data, password, errors.NotACertificate)), public_key))


def read_credentials(
    key_file: bytes | None, certificate_file: bytes | None, password: str | None = None
) -> Credentials:
    """Private key and certificate out of one file or two, whichever holds which.

    :param key_file: empty or None if the other file holds both.
    :param certificate_file: empty or None if the other file holds both.
    :param password: opens an encrypted key or PKCS #12 file; ignored where nothing is encrypted.
    :raise KsefError: KeyMismatch, or what `read_private_key` and `read_certificate` raise.
    """
    blocks = [
        *_blocks(key_file, password, errors.NotAPrivateKey),
        *_blocks(certificate_file, password, errors.NotACertificate),
    ]
    keys = _private_keys(blocks, password)
    candidates = _certificates(blocks)
    public_keys = {_public_key_of(candidate) for candidate in candidates}
    key = next((key for key in keys if _spki(key.public_key()) in public_keys), keys[0])
    public_key = _spki(key.public_key())
    certificate = _describe(_choose(candidates, public_key))
    if certificate.public_key_fingerprint != _sha256(public_key):
        raise errors.KeyMismatch()
    return Credentials(certificate, _pkcs8(key))


def public_key_fingerprint(private_key: bytes) -> str:
    """Name of a key pair, to find the certificate that comes a day after its key.

    :param private_key: PKCS #8, DER, not encrypted.
    :return: SHA-256 of the public key (SubjectPublicKeyInfo, DER), 64 lower-case hex digits.
    :raise KsefError: NotAPrivateKey, KeyUnsupported.
    """
    return _sha256(_spki(_load_private_key(private_key).public_key()))


def belong_together(private_key: bytes, certificate: Certificate) -> bool:
    """Whether the certificate is for this private key (PKCS #8, DER).

    :raise KsefError: NotAPrivateKey, KeyUnsupported.
    """
    return public_key_fingerprint(private_key) == certificate.public_key_fingerprint


def check_usable(certificate: Certificate, now: datetime) -> None:
    """Refuse a certificate that must not sign offline invoices now.

    :param now: aware.
    :raise KsefError: NotOfflineCertificate, CertificateExpired, CertificateNotYetValid.
    """
    if certificate.usage != "offline":
        raise errors.NotOfflineCertificate()
    if now > certificate.not_after:
        raise errors.CertificateExpired(date=_date_in_poland(certificate.not_after))
    if now < certificate.not_before:
        raise errors.CertificateNotYetValid(date=_date_in_poland(certificate.not_before))


# From a file to its blocks

_PRIVATE_KEY = "private key"
_ENCRYPTED_KEY = "encrypted private key"
_ENCRYPTED_PEM = "encrypted private key in traditional PEM"
_CERTIFICATE = "certificate"
_PKCS12 = "PKCS #12"

_SHAPES = (
    ((ber.SEQUENCE, ber.SEQUENCE, ber.BIT_STRING), _CERTIFICATE),  # RFC 5280
    ((ber.SEQUENCE, ber.OCTET_STRING), _ENCRYPTED_KEY),  # RFC 5958, EncryptedPrivateKeyInfo
    ((ber.INTEGER, ber.SEQUENCE, ber.OCTET_STRING), _PRIVATE_KEY),  # RFC 5958, PrivateKeyInfo
    ((ber.INTEGER, ber.OCTET_STRING), _PRIVATE_KEY),  # RFC 5915, ECPrivateKey
    ((ber.INTEGER, ber.INTEGER, ber.INTEGER), _PRIVATE_KEY),  # RFC 8017, RSAPrivateKey
    ((ber.INTEGER, ber.SEQUENCE), _PKCS12),  # RFC 7292, PFX
)
"""How each structure begins: the tags of its first elements."""

_PEM_MARK = re.compile(rb"-----(BEGIN|END) ([A-Z0-9 ]+)-----")
_SCRYPT = bytes.fromhex("2b06010401da47040b")


@dataclass(frozen=True)
class _Block:
    """One structure of a file, as DER; an ``_ENCRYPTED_PEM`` as PEM, because its headers tell how to decrypt it."""

    kind: str
    content: bytes = field(repr=False)


def _blocks(data: bytes | None, password: str | None, unreadable: type[errors.KsefError]) -> list[_Block]:
    """Keys and certificates of a file, in its order; PKCS #12 opened, all else as it stands.

    :param unreadable: error for a file that does not say what it wants to be.
    """
    if data and len(data) > FILE_LIMIT:
        raise errors.FileTooLarge(about=unreadable.about, limit=f"{FILE_LIMIT // 1024} KiB")
    text = _ascii(data or b"")
    if not text.strip():
        return []
    marks = list(_PEM_MARK.finditer(text))
    if any(mark[1] == b"BEGIN" for mark in marks):
        return _pem_blocks(text, marks)
    block = _der_block(data) or _der_block(_base64(text))
    if not block:
        raise unreadable()
    return _open_pkcs12(block.content, password) if block.kind == _PKCS12 else [block]


def _ascii(data: bytes) -> bytes:
    """Text of a file without byte-order mark and with plain line ends; any other bytes stay as they are."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode("ascii", "replace")
    return data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _base64(text: bytes) -> bytes:
    """Decoded text, empty if it is not Base64."""
    return _attempt(base64.b64decode, b"".join(text.split()), None, True) or b""


def _der_block(data: bytes) -> _Block | None:
    """The structure that ``data`` begin with, if it is one of ours."""
    try:
        root, end = ber.read(data)
    except ber.BerError:
        return None
    tags = tuple(child.tag for child in root.children) if root.tag == ber.SEQUENCE else ()
    for shape, kind in _SHAPES:
        if tags[: len(shape)] == shape:
            return _Block(kind, data[:end])
    return None


def _pem_blocks(text: bytes, marks: list[re.Match]) -> list[_Block]:
    """PEM blocks that hold a key or a certificate; what stands around them is left out."""
    blocks = []
    for begin, end in zip(marks, [*marks[1:], None], strict=True):
        label = begin[2]
        if begin[1] != b"BEGIN" or not label.endswith((b"PRIVATE KEY", b"CERTIFICATE")):
            continue
        whole = end is not None and (end[1], end[2]) == (b"END", label)
        block = _pem_block(label, text[begin.end() : end.start()]) if whole else None
        if not block:
            raise (errors.NotACertificate if label.endswith(b"CERTIFICATE") else errors.NotAPrivateKey)()
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


def _open_pkcs12(data: bytes, password: str | None) -> list[_Block]:
    _refuse_costly(data)
    secrets = [_utf8(password), None] if password else [None]
    secrets = [secret for secret in secrets if not secret or b"\0" not in secret]  # cryptography would print it
    opened = next(filter(None, (_attempt(load_key_and_certificates, data, secret) for secret in secrets)), None)
    if not opened:
        raise errors.PasswordWrong() if password else errors.PasswordMissing()
    key, certificate, chain = opened
    return [
        *[_Block(_PRIVATE_KEY, _pkcs8(each)) for each in [key] if each],
        *[_Block(_CERTIFICATE, each.public_bytes(Encoding.DER)) for each in [certificate, *chain] if each],
    ]


# From blocks to private keys


def _private_keys(blocks: list[_Block], password: str | None) -> list[ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]:
    """At least one, all of them such that KSeF accepts them."""
    keys = []
    for block in blocks:
        if block.kind == _PRIVATE_KEY:
            keys.append(_load_private_key(block.content))
        elif block.kind in (_ENCRYPTED_KEY, _ENCRYPTED_PEM):
            keys.append(_decrypt_private_key(block, password))
    if not keys:
        raise errors.PrivateKeyMissing()
    return keys


def _load_private_key(der: bytes) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    key = _attempt(load_der_private_key, der, None)
    if not key:
        raise errors.NotAPrivateKey()
    _key_type(key.public_key(), errors.KeyUnsupported)
    return key


def _decrypt_private_key(block: _Block, password: str | None) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    if not password:
        raise errors.PasswordMissing()
    load = load_pem_private_key if block.kind == _ENCRYPTED_PEM else load_der_private_key
    if block.kind == _ENCRYPTED_KEY:
        _refuse_costly(block.content)
    key = _attempt(load, block.content, _utf8(password))
    if not key:
        raise errors.PasswordWrong()
    _key_type(key.public_key(), errors.KeyUnsupported)
    return key


def _refuse_costly(der: bytes) -> None:
    """Refuse what would keep the processor or the memory busy for long before it fails or opens."""
    if _SCRYPT in der or _rounds(ber.read(der)[0]) > ROUNDS_LIMIT:
        raise errors.EncryptionUnsupported()


def _rounds(element: ber.Element) -> int:
    """Highest iteration count inside: the number after a salt, in PBKDF2, PKCS #12 and all else in use."""
    own = [
        count.integer
        for salt, count in zip(element.children, element.children[1:], strict=False)
        if (salt.tag, count.tag) == (ber.OCTET_STRING, ber.INTEGER)
    ]
    return max([*own, *map(_rounds, element.children)], default=0)


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
    certificate = _attempt(x509.load_der_x509_certificate, der)
    if not certificate:
        raise errors.NotACertificate()
    return certificate


def _choose(certificates: list[x509.Certificate], public_key: bytes | None) -> x509.Certificate:
    """The certificate for the public key; else the first that is not an authority's; else the first."""
    for certificate in certificates:
        if public_key and _public_key_of(certificate) == public_key:
            return certificate
    return next((each for each in certificates if not _attempt(_is_authority, each)), certificates[0])


def _is_authority(certificate: x509.Certificate) -> bool:
    return any(each.value.ca for each in certificate.extensions if isinstance(each.value, x509.BasicConstraints))


def _public_key_of(certificate: x509.Certificate) -> bytes | None:
    """SubjectPublicKeyInfo, or None if this kind of key is unknown."""
    try:
        return _attempt(lambda: _spki(certificate.public_key()))
    except errors.KeyUnsupported:
        return None


def _describe(certificate: x509.Certificate) -> Certificate:
    described = _attempt(_description, certificate, unsupported=errors.CertificateKeyUnsupported)
    if not described:
        raise errors.NotACertificate()
    return described


def _description(certificate: x509.Certificate) -> Certificate:
    der = certificate.public_bytes(Encoding.DER)
    identifier_type, identifier = _identifier(certificate.subject)
    return Certificate(
        der=der,
        subject=certificate.subject.rfc4514_string(_ATTRIBUTE_NAMES),
        common_name=_printable(next(iter(_attribute(certificate.subject, NameOID.COMMON_NAME)), "")),
        identifier_type=identifier_type,
        identifier=identifier,
        serial=_serial(certificate.serial_number),
        key_type=_key_type(certificate.public_key(), errors.CertificateKeyUnsupported),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=_sha256(der),
        public_key_fingerprint=_sha256(_spki(certificate.public_key())),
        usage=_usage(certificate),
    )


_ATTRIBUTE_NAMES = {
    NameOID.SURNAME: "surname",
    NameOID.GIVEN_NAME: "givenName",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
}
"""Names that RFC 4514 leaves as numbers."""

_IDENTIFIERS = (
    (NameOID.ORGANIZATION_IDENTIFIER, re.compile(r"(?:VATPL-)?([0-9]{10})"), "Nip"),
    (NameOID.SERIAL_NUMBER, re.compile(r"TINPL-([0-9]{10})"), "Nip"),
    (NameOID.SERIAL_NUMBER, re.compile(r"PNOPL-([0-9]{11})"), "Pesel"),
)
"""Where a subject names its NIP or PESEL (ministry's docs: certyfikaty-KSeF.md; ETSI EN 319 412-1)."""


def _identifier(subject: x509.Name) -> tuple[str, str] | tuple[None, None]:
    for oid, pattern, identifier_type in _IDENTIFIERS:
        for value in _attribute(subject, oid):
            if match := pattern.fullmatch(value):
                return identifier_type, match[1]
    return None, None


def _attribute(subject: x509.Name, oid: x509.ObjectIdentifier) -> list[str]:
    return [each.value for each in subject.get_attributes_for_oid(oid) if isinstance(each.value, str)]


def _printable(text: str) -> str:
    return "".join(filter(str.isprintable, text))


def _serial(number: int) -> str:
    if number < 0:
        raise ValueError("RFC 5280 wants a positive serial number")
    digits = f"{number:X}"
    return digits.zfill(max(16, len(digits) + len(digits) % 2))


def _usage(certificate: x509.Certificate) -> str:
    """Purpose by keyUsage: each certificate of KSeF has exactly one (ministry's docs: certyfikaty-KSeF.md)."""
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.KeyUsage):
            purpose = extension.value.digital_signature, extension.value.content_commitment
            return {(False, True): "offline", (True, False): "authentication"}.get(purpose, "other")
    return "other"


def _date_in_poland(moment: datetime) -> date:
    """Date of a moment, as a clock in Poland shows it."""
    last = datetime.max.replace(tzinfo=timezone.utc) - timedelta(days=1)  # later ones have no local time in Python
    return min(moment, last).astimezone(POLAND).date()


# What both need


def _key_type(public_key, unsupported: type[errors.KeyUnsupported]) -> str:
    """Name of a kind of key that KSeF accepts."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        if isinstance(public_key.curve, ec.SECP256R1):
            return "EC P-256"
        raise unsupported(found=f"EC {public_key.curve.name}")
    if isinstance(public_key, rsa.RSAPublicKey):
        if public_key.key_size in RSA_SIZES:
            return f"RSA-{public_key.key_size}"
        raise unsupported(found=f"RSA-{public_key.key_size}")
    raise unsupported(found=type(public_key).__name__.removesuffix("PublicKey"))


def _spki(public_key) -> bytes:
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _utf8(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,  # a type of text in a name that X.520 does not know
    OverflowError,
    InternalError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises at bytes that it cannot read."""


def _attempt(read, *arguments, unsupported: type[errors.KeyUnsupported] = errors.KeyUnsupported):
    """``read(*arguments)``, or None where that is not possible with these data.

    The cause is dropped on purpose: it may quote what was in a file.

    :param unsupported: error for an algorithm that cryptography does not know; None to pass over it.
    """
    known = True
    try:
        return read(*arguments)
    except _UNREADABLE:
        return None
    except UnsupportedAlgorithm:
        known = False
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of cryptography's Rust code; it cannot be imported
            raise
    if unsupported and not known:
        raise unsupported(found="unknown")  # outside of the handler, so that the cause is not kept
    return None
