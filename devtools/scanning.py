"""What a person with a scanner reads out of the links of KOD I and KOD II."""

import base64
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


def verify(url: str, certificate: bytes) -> bool:
    """Tell whether the link of a KOD II was signed with the key of ``certificate`` (DER)."""
    signed, _slash, signature = url.removeprefix("https://").rpartition("/")
    raw = _from_base64url(signature)
    key = x509.load_der_x509_certificate(certificate).public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(raw, signed.encode(), _PSS, hashes.SHA256())
        else:
            half = key.key_size // 8
            der = encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
            key.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def digest_in(url: str) -> bytes:
    """Return the invoice digest (32 bytes) that a link of KOD I or KOD II carries."""
    segments = urlsplit(url).path.split("/")
    return _from_base64url(segments[4 if segments[1] == "invoice" else 6])


def _from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
