"""KOD I and KOD II: the links behind the two verification codes.

Source of the rules: ``kody-qr.md`` of the ministry's API documentation; § 9 of the regulation on the use of KSeF
(Dz.U. 2025 poz. 1815). KOD I finds the invoice in KSeF, KOD II proves who issued it; both carry the SHA-256 of the
invoice's exact bytes.
"""

import base64
import hashlib
from collections.abc import Callable
from datetime import date

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

HOSTS = {
    "production": "qr.ksef.mf.gov.pl",
    "demo": "qr-demo.ksef.mf.gov.pl",
    "test": "qr-test.ksef.mf.gov.pl",
}
# Printed under the codes in this very form, in every language.
LABEL_OFFLINE = "OFFLINE"
LABEL_CERTIFICATE = "CERTYFIKAT"

PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
_EC_COORDINATE_BYTES = 32  # P-256


def kod_i(environment: str, seller_nip: str, issue_date: date, sha256: bytes) -> str:
    """Return the link (str) of KOD I.

    :param environment: a key of ``HOSTS``
    :param seller_nip: ten digits, the seller's even in self-billing
    :param issue_date: P_1 of the invoice
    :param sha256: digest of the invoice's bytes, 32 bytes
    """
    return f"https://{HOSTS[environment]}/invoice/{seller_nip}/{issue_date:%d-%m-%Y}/{_base64url(sha256)}"


def kod_ii(
    environment: str,
    context: tuple[str, str],
    seller_nip: str,
    serial: str,
    sha256: bytes,
    sign: Callable[[bytes], bytes],
) -> str:
    """Return the link (str) of KOD II, whose last segment is a signature of all the others.

    :param context: the KSeF context of the issuer, (type, value): type is "Nip", "InternalId", "NipVatUe", "PeppolId"
    :param serial: serial number of the offline certificate, 16 upper-case hex digits
    :param sign: callable that takes the text to sign (bytes) and returns the raw signature (bytes), see ``sign``
    Other parameters as for ``kod_i``.
    """
    context_type, context_value = context
    # Without scheme and trailing slash: this very text is signed, host included.
    signed = "/".join(
        [HOSTS[environment], "certificate", context_type, context_value, seller_nip, serial, _base64url(sha256)]
    )
    return f"https://{signed}/{_base64url(sign(signed.encode()))}"


def context_of(url: str) -> tuple[str, str]:
    """Return the context, (type, value), in a link of KOD II; a wrong value may hold anything, even slashes."""
    context_type, _slash, rest = url.partition("/certificate/")[2].partition("/")
    return context_type, rest.rsplit("/", 4)[0]


def sign(private_key: bytes, payload: bytes) -> bytes:
    """Return the raw signature (bytes) of ``payload`` as KOD II wants it.

    ECDSA on P-256 with SHA-256 in IEEE P1363 form (64 bytes), or RSASSA-PSS with SHA-256, MGF1-SHA-256 and a salt of
    32 bytes (256 bytes for RSA-2048).

    :param private_key: PKCS#8 DER, not encrypted
    :param payload: the text to sign; it is hashed here, once
    """
    key = serialization.load_der_private_key(private_key, password=None)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(payload, PSS, hashes.SHA256())
    return b"".join(
        number.to_bytes(_EC_COORDINATE_BYTES, "big")
        for number in decode_dss_signature(key.sign(payload, ec.ECDSA(hashes.SHA256())))
    )


def digest(xml: bytes) -> bytes:
    """Return the SHA-256 (32 bytes) of an invoice's bytes."""
    return hashlib.sha256(xml).digest()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
