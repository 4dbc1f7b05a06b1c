"""KSeF's own certificate authority, which certifies the key of a request for a certificate."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from ..authority import Authority, key_usage

SUFFIXES = {"Authentication": " (uwierzytelnienie)", "Offline": " (offline)"}


@dataclass(frozen=True)
class _PublicHalf:
    """What an authority needs to see of a key."""

    key: object

    def public_key(self):
        return self.key


class KsefAuthority(Authority):
    def certify(self, request, certificate_type, serial, not_before, not_after):
        """Return the certificate (x509) for a request (x509), its common name with the suffix of its type."""
        usage = {"Authentication": "digital_signature", "Offline": "content_commitment"}[certificate_type]
        subject = x509.Name(
            [
                # Unchecked: the library counts the 64 characters of a common name in bytes.
                x509.NameAttribute(
                    attribute.oid,
                    attribute.value + (SUFFIXES[certificate_type] if attribute.oid == NameOID.COMMON_NAME else ""),
                    _validate=False,
                )
                for attribute in request.subject
            ]
        )
        return self._sign(
            subject, _PublicHalf(request.public_key()), not_before, not_after, serial, key_usage({usage}), ca=False
        )

    def has_issued(self, certificate):
        return is_issued_by(certificate, self.certificate)


def is_issued_by(certificate, issuer):
    """Tell whether a certificate (x509) was signed with the key of the certificate ``issuer``."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
