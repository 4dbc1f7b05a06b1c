"""Certificates and their keys: what they say in the words of KSeF, and whether they may sign offline invoices.

Source of the rules: ``certyfikaty-KSeF.md`` and ``kody-qr.md`` of the ministry's API documentation.
"""

import hashlib
import re
import ssl
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from .. import errors
from ..poland import day_of
from .attempts import attempt

# Where a subject names its NIP or PESEL (ministry's docs: certyfikaty-KSeF.md; ETSI EN 319 412-1).
RSA_SIZES = (2048, 3072, 4096)  # bits; KSeF certifies RSA-2048 and verifies longer ones


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
    :ivar public_key_fingerprint: SHA-256 of the public key, as `key_files.public_key_fingerprint` gives it for a
        private key.
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


def check_usable(certificate: Certificate, now: datetime) -> None:
    """Refuse a certificate that must not sign offline invoices now.

    :param now: aware.
    :raises KsefError: NotOfflineCertificate, CertificateExpired, CertificateNotYetValid.
    """
    if certificate.usage != "offline":
        raise errors.NotOfflineCertificate()
    if now > certificate.not_after:
        raise errors.CertificateExpired(date=day_of(certificate.not_after))
    if now < certificate.not_before:
        raise errors.CertificateNotYetValid(date=day_of(certificate.not_before))


def describe(certificate: x509.Certificate) -> Certificate:
    """Return what a certificate says.

    :raises KsefError: NotACertificate, CertificateKeyUnsupported.
    """
    described = attempt(_description, certificate, unsupported=errors.CertificateKeyUnsupported, told=_EXPLICIT_CURVE)
    if not described:
        raise errors.NotACertificate()
    return described


# What cryptography says of such a curve; it has no type of its own for it.
_EXPLICIT_CURVE = {
    re.compile(r"explicit parameters"): lambda: errors.CertificateKeyUnsupported(found="EC with explicit parameters")
}


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
        key_type=key_type(certificate.public_key(), errors.CertificateKeyUnsupported),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=sha256(der),
        public_key_fingerprint=sha256(spki(certificate.public_key())),
        usage=_usage(certificate),
    )


# Names that RFC 4514 leaves as numbers.
_ATTRIBUTE_NAMES = {
    NameOID.SURNAME: "surname",
    NameOID.GIVEN_NAME: "givenName",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
}

# An attribute of a qualified seal may hold several identifiers in a row, such as that of the court's register.
_IDENTIFIERS = (
    (NameOID.ORGANIZATION_IDENTIFIER, re.compile(r"\bVATPL-([0-9]{10})(?![0-9])"), "Nip"),
    (NameOID.ORGANIZATION_IDENTIFIER, re.compile(r"^([0-9]{10})$"), "Nip"),
    (NameOID.SERIAL_NUMBER, re.compile(r"\bTINPL-([0-9]{10})(?![0-9])"), "Nip"),
    (NameOID.SERIAL_NUMBER, re.compile(r"\bPNOPL-([0-9]{11})(?![0-9])"), "Pesel"),
)


def _identifier(subject: x509.Name) -> tuple[str, str] | tuple[None, None]:
    for oid, pattern, identifier_type in _IDENTIFIERS:
        for value in _attribute(subject, oid):
            if match := pattern.search(value):
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


def key_type(public_key, unsupported: type[errors.KeyUnsupported]) -> str:
    """Name a kind of key that KSeF accepts.

    :param public_key: of cryptography.
    :raises KsefError: ``unsupported``, for any other kind.
    """
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        if isinstance(public_key.curve, ec.SECP256R1):
            return "EC P-256"
        raise unsupported(found=f"EC {public_key.curve.name}")
    if isinstance(public_key, rsa.RSAPublicKey):
        if public_key.key_size in RSA_SIZES:
            return f"RSA-{public_key.key_size}"
        raise unsupported(found=f"RSA-{public_key.key_size}")
    raise unsupported(found=type(public_key).__name__.removesuffix("PublicKey"))


def spki(public_key) -> bytes:
    """Return a public key of cryptography as SubjectPublicKeyInfo, DER."""
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def sha256(data: bytes) -> str:
    """Return the SHA-256 of ``data`` as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()
