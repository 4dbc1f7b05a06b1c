"""What the ministry's pages will say of the links of KOD I and KOD II, as far as it can be told from here.

Source of the rules: ``kody-qr.md`` of the ministry's API documentation. Its page of KOD II judges the certificate, the
signature and the permissions at the moment of scanning.
"""

import base64
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ..keys.certificates import Certificate
from ..sentences import Sentence, _
from . import contexts, links

# pylint: disable=prefer-env-translation  # there is no env here


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    :ivar right: None if it is not known from here.
    :ivar told: a few words, such as "the signature fits"; what they are true of is said by whoever shows them.
    """

    right: bool | None
    told: Sentence


def found(right: bool | None, good: str, bad: str, **values) -> Finding:
    """Return a ``Finding`` with one of two sentences; ``values`` fill their places."""
    return Finding(right, Sentence(good if right else bad, values))


def judge_kod_i(link: str, environment: str, sha256: bytes) -> list[Finding]:
    """Return what is to be said of a link of KOD I for a file (its digest, 32 bytes)."""
    host, *_path, digest = link.removeprefix("https://").split("/")
    right = host == links.HOSTS[environment] and _bytes(digest) == sha256
    return [found(right, _("KOD I leads to this very file"), _("KOD I leads to another file or to another KSeF"))]


def judge_kod_ii(link: str, environment: str, sha256: bytes, certificate: Certificate) -> list[Finding]:
    """Return what is to be said of a link of KOD II for a file (its digest, 32 bytes), signed by ``certificate``."""
    signed, _slash, signature = link.removeprefix("https://").rpartition("/")
    host, *_path, serial, digest = signed.split("/")
    is_ours = host == links.HOSTS[environment] and _bytes(digest) == sha256
    names_it = serial == certificate.serial and certificate.usage == "offline"
    return [
        found(is_ours, _("KOD II is of this very file"), _("KOD II is of another file or of another KSeF")),
        found(names_it, _("it names its offline certificate"), _("it names another certificate, or none for offline")),
        found(
            _is_signed(signed, _bytes(signature), certificate),
            _("the signature is this certificate's"),
            _("the signature is not this certificate's"),
        ),
        found(
            contexts.is_right(*links.context_of(link)),
            _("its KSeF context is written correctly"),
            _("its KSeF context does not exist"),
        ),
    ]


def _is_signed(text: str, signature: bytes, certificate: Certificate) -> bool:
    key = x509.load_der_x509_certificate(certificate.der).public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, text.encode(), links.PSS, hashes.SHA256())
        else:
            half = len(signature) // 2
            numbers = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
            key.verify(encode_dss_signature(*numbers), text.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _bytes(base64url: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(base64url + "=" * (-len(base64url) % 4))
    except ValueError:
        return b""
