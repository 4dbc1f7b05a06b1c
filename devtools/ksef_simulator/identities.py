"""Who a certificate stands for, by the rules of ``auth/podpis-xades.md`` of the ministry's API documentation."""

import re

from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

_PERSON_NUMBERS = (("Pesel", r"(PNOPL|PESEL).*?(\d{11})"), ("Nip", r"(TINPL|NIP).*?(\d{10})"))
_ORGANIZATION_NUMBER = r"(VATPL).*?(\d{10})"
_PERSON_ATTRIBUTES = (NameOID.GIVEN_NAME, NameOID.SURNAME)


def identity_of(certificate, by):
    """Return (type, value) of the holder of a certificate (x509); type: "Nip", "Pesel", "Fingerprint".

    :param str by: "certificateSubject" or "certificateFingerprint"
    """
    fingerprint = "Fingerprint", certificate.fingerprint(hashes.SHA256()).hex().upper()
    if by == "certificateFingerprint":
        return fingerprint
    for kind, pattern in _PERSON_NUMBERS:
        if found := re.search(pattern, attribute(certificate, NameOID.SERIAL_NUMBER)):
            return kind, found[2]
    if found := re.search(_ORGANIZATION_NUMBER, attribute(certificate, NameOID.ORGANIZATION_IDENTIFIER)):
        return "Nip", found[2]
    return fingerprint


def is_seal(certificate):
    """Tell whether a certificate is an organization's, not a person's."""
    return bool(attribute(certificate, NameOID.ORGANIZATION_IDENTIFIER)) and not any(
        attribute(certificate, oid) for oid in _PERSON_ATTRIBUTES
    )


def attribute(certificate, oid):
    """Return the first value of an attribute of the subject, or an empty str."""
    values = certificate.subject.get_attributes_for_oid(oid)
    return values[0].value if values else ""
