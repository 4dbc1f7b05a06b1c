"""Files that hold something else than a key or a certificate that can be used: named, with what to do about them."""

import re

from cryptography import x509

from .. import errors
from ..sentences import Sentence, _
from .attempts import attempt

# pylint: disable=prefer-env-translation  # there is no env here

_UPLOAD_KEY = _("Upload the .key file with the private key that belongs to the certificate.")
_UPLOAD_CERTIFICATE = _("Upload the .crt file that KSeF issued for it.")
_CONVERT = _("Convert a copy of it on your own computer and upload that: %(command)s")

_OPENSSH_KEY = (
    "private_key",
    _("a private key in the format of OpenSSH"),
    Sentence(_CONVERT, {"command": "ssh-keygen -p -m PKCS8 -f copy.key"}),
)
_PUBLIC_KEY = ("private_key", _("a public key"), Sentence(_UPLOAD_KEY))
_REQUEST = ("certificate", _("a request for a certificate, not the certificate itself"), Sentence(_UPLOAD_CERTIFICATE))
_REVOCATIONS = ("certificate", _("a list of revoked certificates"), Sentence(_UPLOAD_CERTIFICATE))
_PGP = (None, _("a file of PGP"), Sentence(_("KSeF works with other keys: upload the .key and the .crt of KSeF.")))
_PUTTY = (
    "private_key",
    _("a private key in the format of PuTTY"),
    Sentence(_CONVERT, {"command": "puttygen old.ppk -O private-openssh-new -o copy; ssh-keygen -p -m PKCS8 -f copy"}),
)
_JAVA = (
    None,
    _("a keystore of Java"),
    Sentence(
        _CONVERT,
        {"command": "keytool -importkeystore -srckeystore old.jks -destkeystore new.p12 -deststoretype PKCS12"},
    ),
)
_ZIP = (None, _("a ZIP archive"), Sentence(_("Unpack it, and upload the files that are in it.")))
_CURVE = (
    "private_key",
    _("a key that spells out the parameters of its curve"),
    Sentence(_CONVERT, {"command": "openssl pkey -in old.key -ec_param_enc named_curve -aes-256-cbc -out new.key"}),
)

_BEGINNINGS = tuple(
    (re.compile(pattern, re.DOTALL), other)
    for pattern, other in (
        (rb"-----BEGIN (RSA |EC )?PUBLIC KEY-----|^---- BEGIN SSH2 PUBLIC KEY", _PUBLIC_KEY),
        (rb"^\s*(ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp[0-9]+) AAAA", _PUBLIC_KEY),
        (rb"-----BEGIN (NEW )?CERTIFICATE REQUEST-----", _REQUEST),
        (rb"-----BEGIN X509 CRL-----", _REVOCATIONS),
        (rb"-----BEGIN PGP |^[\x95\x99][\x00-\x1f].\x04", _PGP),
        (rb"^PuTTY-User-Key-File-", _PUTTY),
        (rb"^(\xfe\xed\xfe\xed|\xce\xce\xce\xce)", _JAVA),
        (rb"^PK\x03\x04", _ZIP),
    )
)

_PRIME_FIELD = bytes.fromhex("06072a8648ce3d0101")  # part of a curve that is spelled out (RFC 3279, section 2.3.5)
# What cryptography says of such a curve once it has decrypted it; it has no type of its own for it.
EXPLICIT_CURVE = {re.compile(r"^ECDSA keys with explicit parameters"): lambda: _error(_CURVE)}


def named(data: bytes, about: str) -> errors.FormatUnsupported | None:
    """Return the error that names a file, or None if it is nothing that is known here.

    :param about: the input that the file was given for, if the format does not tell.
    """
    return next((_error(other, about) for pattern, other in _BEGINNINGS if pattern.search(data)), None)


def openssh_key() -> errors.FormatUnsupported:
    return _error(_OPENSSH_KEY)


def public_key() -> errors.FormatUnsupported:
    return _error(_PUBLIC_KEY)


def like_a_private_key(der: bytes) -> errors.FormatUnsupported | None:
    """Return the error that names a key that is no good because of how it tells its curve, or None."""
    return _error(_CURVE) if _PRIME_FIELD in der else None


def like_a_certificate(der: bytes) -> errors.FormatUnsupported | None:
    """Return the error that names what is built as a certificate and is none, or None."""
    if attempt(x509.load_der_x509_csr, der):
        return _error(_REQUEST)
    # an empty list counts as false
    return None if attempt(x509.load_der_x509_crl, der) is None else _error(_REVOCATIONS)


def _error(other, about=None):
    of, found, advice = other
    return errors.FormatUnsupported(about=of or about, found=Sentence(found), advice=advice)
