"""A certificate authority for demos and tests: it issues what KSeF issues, in the files that KSeF gives.

Nothing here trusts or checks anything, and no moment is read from a clock: who issues names all dates.
"""

import base64
import os
import textwrap
from dataclasses import dataclass, field
from datetime import datetime, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

_USAGES = {
    "offline": ("offline", {"content_commitment"}),
    "authentication": ("uwierzytelnienie", {"digital_signature"}),
    "other": (None, {"content_commitment", "digital_signature"}),
}
"""Suffix of the common name and key usage; "other" is what qualified certificates look like, KSeF issues none."""

_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)

_NEW_KEYS = {
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
}


@dataclass(frozen=True)
class Issued:
    """A key pair with its certificate, and the files that hold them.

    :ivar private_key: private key object of cryptography.
    :ivar certificate: x509.Certificate.
    :ivar chain: certificates of the authority.
    """

    private_key: object = field(repr=False)
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    def key_file(self, password: str) -> bytes:
        """The ``.key``, as the taxpayer application saves it."""
        return pem("ENCRYPTED PRIVATE KEY", encrypt_pkcs8(self.private_key_der(), password))

    def certificate_file(self) -> bytes:
        """The ``.crt``, as the taxpayer application saves it."""
        return self.certificate.public_bytes(Encoding.PEM)

    def private_key_der(self) -> bytes:
        """PKCS #8, DER, not encrypted."""
        return self.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def certificate_der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def pkcs12(self, password: str) -> bytes:
        """A ``.p12`` with key, certificate and chain; not encrypted if the password is empty."""
        encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        return pkcs12.serialize_key_and_certificates(
            b"KSeF", self.private_key, self.certificate, self.chain, encryption
        )


class Authority:
    """Issues certificates under its own self-signed one."""

    def __init__(
        self,
        name: str = "Centrum Certyfikacji KSeF DEMO",
        *,
        not_before: datetime = datetime(2025, 1, 1, tzinfo=timezone.utc),
        not_after: datetime = datetime(2055, 1, 1, tzinfo=timezone.utc),
    ):
        self._key = _NEW_KEYS["ec"]()
        self._name = x509.Name([_attribute(NameOID.COMMON_NAME, name), _attribute(NameOID.COUNTRY_NAME, "PL")])
        self.certificate = self._sign(
            self._name, self._key, not_before, not_after, _random_serial(), key_usage({"key_cert_sign"}), ca=True
        )

    def issue(
        self,
        *,
        common_name: str,
        not_before: datetime,
        not_after: datetime,
        nip: str | None = None,
        pesel: str | None = None,
        tin: str | None = None,
        usage: str = "offline",
        key=None,
        serial: int | None = None,
        self_signed: bool = False,
    ) -> Issued:
        """Certify a key like KSeF does.

        :param common_name: name of the company or person, without KSeF's suffix.
        :param not_before: aware; seconds are the finest unit of a certificate.
        :param not_after: aware.
        :param nip: 10 digits: the certificate of a company.
        :param pesel: 11 digits: the certificate of a person known by PESEL.
        :param tin: 10 digits: the certificate of a person known by NIP.
        :param usage: "offline", "authentication", or "other" for one that KSeF does not issue.
        :param key: "ec" (also None), "rsa", or a private key object.
        :param serial: default: 8 random bytes.
        :param self_signed: signed with its own key, as KSeF's test environment lets anybody log in.
        """
        suffix, purposes = _USAGES[usage]
        private_key = _NEW_KEYS[key or "ec"]() if key is None or isinstance(key, str) else key
        certificate = self._sign(
            _subject(common_name, suffix, nip, _person_number(pesel, tin)),
            private_key,
            not_before,
            not_after,
            _random_serial() if serial is None else serial,
            key_usage(purposes),
            ca=False,
            self_signed=self_signed,
        )
        return Issued(private_key, certificate, (self.certificate,))

    def _sign(
        self, subject, private_key, not_before, not_after, serial, key_usage, *, ca, self_signed=False
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if self_signed else self._name)
            .public_key(private_key.public_key())
            .serial_number(serial)
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .add_extension(key_usage, critical=True)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(private_key if self_signed else self._key, hashes.SHA256())
        )


def encrypt_pkcs8(der: bytes, password: str, rounds: int = 100_000) -> bytes:
    """EncryptedPrivateKeyInfo (RFC 5958) with the very algorithms that the taxpayer application uses.

    PBES2 (RFC 8018): PBKDF2 with HMAC-SHA256 and a salt of 16 bytes, AES-256-CBC. cryptography writes the same,
    but takes a number of rounds of its own.

    :param der: PKCS #8, DER, not encrypted.
    """
    salt, iv = os.urandom(16), os.urandom(16)
    key = PBKDF2HMAC(hashes.SHA256(), length=32, salt=salt, iterations=rounds).derive(password.encode())
    padder = PKCS7(128).padder()
    cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    encrypted = cipher.update(padder.update(der) + padder.finalize()) + cipher.finalize()
    derivation = _sequence(_oid(_PBKDF2), _sequence(_octets(salt), _integer(rounds), _sequence(_oid(_HMAC_SHA256))))
    encryption = _sequence(_oid(_AES_256_CBC), _octets(iv))
    return _sequence(_sequence(_oid(_PBES2), _sequence(derivation, encryption)), _octets(encrypted))


def pem(label: str, der: bytes) -> bytes:
    """PEM (RFC 7468)."""
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def _subject(common_name: str, suffix: str | None, nip: str | None, person_number: str | None) -> x509.Name:
    attributes = [_attribute(NameOID.COMMON_NAME, f"{common_name} ({suffix})" if suffix else common_name)]
    if nip:
        attributes.append(_attribute(NameOID.ORGANIZATION_NAME, common_name))
        attributes.append(_attribute(NameOID.ORGANIZATION_IDENTIFIER, f"VATPL-{nip}"))
    if person_number:
        *given_names, surname = common_name.split()
        attributes += [_attribute(NameOID.GIVEN_NAME, name) for name in given_names]
        attributes.append(_attribute(NameOID.SURNAME, surname))
        attributes.append(_attribute(NameOID.SERIAL_NUMBER, person_number))
    return x509.Name([*attributes, _attribute(NameOID.COUNTRY_NAME, "PL")])


def _person_number(pesel: str | None, tin: str | None) -> str | None:
    if pesel:
        return f"PNOPL-{pesel}"
    return f"TINPL-{tin}" if tin else None


def _attribute(oid: x509.ObjectIdentifier, value: str) -> x509.NameAttribute:
    return x509.NameAttribute(oid, value)


def key_usage(wanted: set[str]) -> x509.KeyUsage:
    """The extension with the wanted purposes alone, named as cryptography names them."""
    return x509.KeyUsage(**{name: name in wanted for name in _KEY_USAGES})


def _random_serial() -> int:
    """8 bytes, the first bit clear, because DER numbers have a sign; not zero."""
    return (int.from_bytes(os.urandom(8), "big") >> 1) or 1


# As much DER as an encrypted key needs

_PBES2 = "2a864886f70d01050d"
_PBKDF2 = "2a864886f70d01050c"
_HMAC_SHA256 = "2a864886f70d0209"
_AES_256_CBC = "60864801650304012a"


def _sequence(*elements: bytes) -> bytes:
    return _element(0x30, b"".join(elements))


def _oid(digits: str) -> bytes:
    return _element(0x06, bytes.fromhex(digits))


def _octets(content: bytes) -> bytes:
    return _element(0x04, content)


def _integer(number: int) -> bytes:
    return _element(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _element(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content
