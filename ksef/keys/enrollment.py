"""Requests for a KSeF certificate: the data that KSeF prescribes, and the PKCS#10 file made of exactly these.

Source of the rules: ``certyfikaty-KSeF.md`` of the ministry's API documentation, whose table names the attributes.
KSeF refuses a request whose subject differs in anything from what it has prescribed.
"""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from ..errors import HolderUnfit


@dataclass(frozen=True)
class SubjectData:
    """What KSeF knows of the holder from the certificate of the login; what it does not know is None.

    :ivar given_names: KSeF's documentation allows several
    """

    common_name: str
    country_name: str
    given_names: tuple = ()
    surname: str | None = None
    serial_number: str | None = None
    unique_identifier: str | None = None
    organization_name: str | None = None
    organization_identifier: str | None = None

    def attributes(self) -> list[tuple[x509.ObjectIdentifier, str]]:
        """Return the attributes that there are, [(OID, value)], in the order of KSeF's own example."""
        attributes = [
            (NameOID.COMMON_NAME, self.common_name),
            *((NameOID.GIVEN_NAME, name) for name in self.given_names),
            (NameOID.SURNAME, self.surname),
            (NameOID.ORGANIZATION_NAME, self.organization_name),
            (NameOID.ORGANIZATION_IDENTIFIER, self.organization_identifier),
            (NameOID.COUNTRY_NAME, self.country_name),
            (NameOID.SERIAL_NUMBER, self.serial_number),
            (NameOID.X500_UNIQUE_IDENTIFIER, self.unique_identifier),
        ]
        return [(oid, value) for oid, value in attributes if value]


def new_private_key(kind: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    """Return a new private key object of ``cryptography``; ``kind``: "ec" (P-256) or "rsa" (2048 bits)."""
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def build_csr(subject_data: SubjectData, private_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    """Return a request for a certificate (PKCS#10, DER bytes), signed with SHA-256.

    Text is UTF8String; country and serial number are PrintableString, as X.520 wants and KSeF's example shows.

    :param subject_data: as KSeF has prescribed it
    :param private_key: EC P-256 (ECDSA) or RSA-2048 (PKCS#1 v1.5) of ``cryptography``
    :raises HolderUnfit: a text that is none, or has letters that its attribute cannot have
    """
    # Unchecked: the library counts the 64 characters of a common name in bytes, which Polish letters exceed.
    try:
        subject = x509.Name(
            [x509.NameAttribute(oid, value, _validate=False) for oid, value in subject_data.attributes()]
        )
        request = x509.CertificateSigningRequestBuilder(subject_name=subject).sign(private_key, hashes.SHA256())
    except (TypeError, ValueError) as error:
        raise HolderUnfit(problem=str(error)) from error
    return request.public_bytes(serialization.Encoding.DER)
