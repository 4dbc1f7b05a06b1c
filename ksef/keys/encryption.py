"""Open what a password protects: whether it may be tried, which spellings of the password, and what a failure means.

Whoever has the right password is never told that it is wrong: that is said only where the encryption is one that
cryptography surely reads, or where cryptography itself says so.
"""

import re
import unicodedata

from asn1crypto.algos import EncryptionAlgorithm
from asn1crypto.keys import EncryptedPrivateKeyInfo
from asn1crypto.pkcs12 import Pfx, SafeContents
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from .. import errors
from .attempts import attempt
from .other_formats import EXPLICIT_CURVE

# Iterations when a key is derived from a password. KSeF uses 100 000; a huge count would only keep the server busy.
ROUNDS_LIMIT = 2_000_000
# Blocks of 128 bytes that scrypt goes through, N * r * p: 64 MiB. OpenSSL's own files need a quarter of it.
SCRYPT_LIMIT = 2**19

_SCRYPT = "1.3.6.1.4.1.11591.4.11"
_CONVERT_KEY = "openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.key -out new.key"
_CONVERT_PKCS12 = "openssl pkcs12 -in old.p12 -aes256 -out new.pem"

# What every cryptography reads; of others a failure does not tell whether the password is to blame.
_SURE_CIPHERS = {"aes128_cbc", "aes192_cbc", "aes256_cbc", "tripledes_3key"}
_SURE_DERIVATIONS = {"sha1", "sha224", "sha256", "sha384", "sha512", "scrypt"}
_SURE_IN_PEM = {"AES-128-CBC", "AES-256-CBC", "DES-EDE3-CBC"}
# Ciphers without a name in asn1crypto, by how their OIDs begin.
_NAMES = {
    "1.2.392.200011.61.1.1.1": "Camellia",
    "1.2.410.200046.1.1": "ARIA",
    "1.2.410.200004.1": "SEED",
    "1.2.156.10197.1.104": "SM4",
    "1.2.840.113533.7.66": "CAST5",
    "1.3.6.1.4.1.3029.1": "Blowfish",
}
# What cryptography says; which of its errors these are differs from version to version.
_TOLD = {
    re.compile(r"(?i)(incorrect|invalid) password"): errors.PasswordWrong,
    **EXPLICIT_CURVE,
}
# Encodings of a password that OpenSSL was given on a Polish Windows, or on an old system.
_OLD_ENCODINGS = ("cp1250", "cp852", "iso8859-2")


def open_key(der: bytes, password: str | None):
    """Return the private key object of an EncryptedPrivateKeyInfo.

    :raises KsefError: PasswordMissing, PasswordWrong, EncryptionUnsupported, FormatUnsupported, KeyUnsupported
    """
    algorithm = attempt(lambda: EncryptedPrivateKeyInfo.load(der)["encryption_algorithm"])
    name = attempt(_name, algorithm) or "?"
    _refuse_costly(lambda: _rounds(algorithm), name, _CONVERT_KEY)
    return _open(load_der_private_key, der, password, attempt(_is_sure, algorithm), name, _CONVERT_KEY)


def open_pem_key(pem: bytes, password: str | None):
    """Return the private key object of a traditional PEM, whose header DEK-Info tells the encryption.

    :raises KsefError: as ``open_key``
    """
    name = match[1].decode() if (match := re.search(rb"(?m)^DEK-Info: *([A-Za-z0-9-]+)", pem)) else "?"
    return _open(load_pem_private_key, pem, password, name.upper() in _SURE_IN_PEM, name, _CONVERT_KEY)


def open_pkcs12(der: bytes, password: str | None):
    """Return (private key object or None, certificate or None, other certificates) of a PKCS #12 file.

    :raises KsefError: as ``open_key``
    """
    pfx = attempt(Pfx.load, der)
    algorithms = attempt(_encryptions_of, pfx) or []
    names = [attempt(_name, each) or "?" for each in algorithms] or ["PKCS #12"]
    name = ", ".join(dict.fromkeys(names))
    _refuse_costly(lambda: _pkcs12_rounds(pfx), name, _CONVERT_PKCS12)
    opened = attempt(load_key_and_certificates, der, None)  # not encrypted, whatever was typed
    if opened:
        return opened
    # Without a MAC nothing tells a wrong password, and some versions of cryptography read no such file.
    try:
        has_mac = bool(pfx["mac_data"].native)
        return _open(load_key_and_certificates, der, password, False, name, _CONVERT_PKCS12)
    except errors.PasswordWrong:
        if has_mac:
            raise
    raise errors.EncryptionUnsupported(found=f"{name}, no MAC", command=_CONVERT_PKCS12)


def _open(load, data, password, is_sure, name, command):
    if not password:
        raise errors.PasswordMissing()
    said_wrong = True
    for secret in _spellings(password):
        try:
            opened = attempt(load, data, secret, unsupported=errors.KeyUnsupported if is_sure else None, told=_TOLD)
        except errors.PasswordWrong:
            continue
        if opened:
            return opened
        said_wrong = False
    if is_sure or said_wrong:
        raise errors.PasswordWrong()
    raise errors.EncryptionUnsupported(found=name, command=command)


def _spellings(password: str) -> list[bytes]:
    """The bytes that a password may have been when the file was made: as typed first.

    Macs decompose letters, people paste blanks, and what is no ASCII depends on the system.
    """
    texts = dict.fromkeys([password, password.strip()])
    forms = [unicodedata.normalize(form, text) for text in texts for form in ("NFC", "NFD", "NFKC")]
    tries = [(text, "utf-8") for text in (*texts, *forms)]
    tries += [(unicodedata.normalize("NFC", text), encoding) for text in texts for encoding in _OLD_ENCODINGS]
    spellings = [attempt(text.encode, encoding) for text, encoding in tries]  # None where it has no such letters
    # No NUL: of PKCS #12 passwords, which are C strings, cryptography would print it.
    return [spelling for spelling in dict.fromkeys(spellings) if spelling and b"\0" not in spelling]


# What an encryption is, and what it costs


def _name(algorithm: EncryptionAlgorithm) -> str:
    """Name an encryption, such as "aes256_cbc, sha256" or "Camellia"."""
    if algorithm["algorithm"].native != "pbes2":
        return algorithm["algorithm"].native
    cipher = algorithm["parameters"]["encryption_scheme"]["algorithm"]
    named = next((name for start, name in _NAMES.items() if cipher.dotted.startswith(start)), cipher.native)
    return f"{named}, {_derivation(algorithm)}"


def _derivation(algorithm: EncryptionAlgorithm) -> str:
    function = algorithm["parameters"]["key_derivation_func"]
    if function["algorithm"].dotted == _SCRYPT:
        return "scrypt"
    return function["parameters"]["prf"]["algorithm"].native


def _is_sure(algorithm: EncryptionAlgorithm) -> bool:
    if algorithm["algorithm"].native != "pbes2":
        return algorithm["algorithm"].native == "pkcs12_sha1_tripledes_3key"
    cipher = algorithm["parameters"]["encryption_scheme"]["algorithm"].native
    return cipher in _SURE_CIPHERS and _derivation(algorithm) in _SURE_DERIVATIONS


def _refuse_costly(rounds, name: str, command: str) -> None:
    """Refuse what would keep the processor or the memory busy for long before it fails or opens.

    :param rounds: counts them; an encryption that it cannot judge is refused, too
    """
    count = attempt(rounds)
    if count is None or count > ROUNDS_LIMIT:
        raise errors.EncryptionUnsupported(found=name, command=command)


def _rounds(algorithm: EncryptionAlgorithm) -> int:
    """Iterations that derive the key of an encryption; of scrypt as many as cost the same share of the limit."""
    if algorithm["algorithm"].native == "pbes2" and _derivation(algorithm) == "scrypt":
        parameters = algorithm["parameters"]["key_derivation_func"]["parameters"].native  # RFC 7914, section 7
        _salt, cost, block_size, parallel, *_length = parameters.values()
        return cost * block_size * parallel * ROUNDS_LIMIT // SCRYPT_LIMIT
    return algorithm.kdf_iterations


def _pkcs12_rounds(pfx: Pfx) -> int:
    """Highest iteration count in a PKCS #12 file: of its MAC, and of each part that is encrypted.

    :raises ValueError: a part or a MAC of another kind than those of RFC 7292, such as PBMAC1
    """
    counts = [0]
    if pfx["mac_data"].native:
        if "." in (name := pfx["mac_data"]["mac"]["digest_algorithm"]["algorithm"].native):  # the OID of an unknown one
            raise ValueError(name)
        counts.append(pfx["mac_data"]["iterations"].native)
    return max([*counts, *map(_rounds, _encryptions_of(pfx))])


def _encryptions_of(pfx: Pfx) -> list[EncryptionAlgorithm]:
    encryptions, bags = [], []
    for part in pfx.authenticated_safe:
        if part["content_type"].native == "encrypted_data":
            encryptions.append(part["content"]["encrypted_content_info"]["content_encryption_algorithm"])
        elif part["content_type"].native == "data":
            bags.extend(SafeContents.load(part["content"].native))
        else:
            raise ValueError(part["content_type"].native)
    while bags:
        inside = bags.pop()["bag_value"]
        if isinstance(inside, EncryptedPrivateKeyInfo):
            encryptions.append(inside["encryption_algorithm"])
        elif isinstance(inside, SafeContents):
            bags.extend(inside)
    return encryptions
