"""Checks an AuthTokenRequest and its one enveloped XAdES signature.

Sources: XMLDSig (W3C), XAdES (ETSI EN 319 132-1), and ``auth/podpis-xades.md`` of the ministry's API documentation.
"""

import base64
import binascii
import copy
import hashlib
import re
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from .messages import Refusal

AUTH_NAMESPACES = ("http://ksef.mf.gov.pl/auth/token/2.0", "http://ksef.mf.gov.pl/auth/token/2.1")
DS = "{http://www.w3.org/2000/09/xmldsig#}"
XADES = "{http://uri.etsi.org/01903/v1.3.2#}"
_SIGNED_PROPERTIES_TYPE = "http://uri.etsi.org/01903#SignedProperties"
_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_MAX_SIZE = 100_000

# Keyword arguments of lxml's canonicalization
_CANONICALIZATIONS = {
    # Differs from 1.0 in attributes xml:id and xml:base alone, which no request of a login has.
    "http://www.w3.org/2006/12/xml-c14n11": {"exclusive": False, "with_comments": False},
    "http://www.w3.org/2006/12/xml-c14n11#WithComments": {"exclusive": False, "with_comments": True},
    "http://www.w3.org/2001/10/xml-exc-c14n#": {"exclusive": True, "with_comments": False},
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments": {"exclusive": True, "with_comments": True},
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315": {"exclusive": False, "with_comments": False},
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments": {"exclusive": False, "with_comments": True},
}
# XMLDSig: what is left as nodes after the last transform is canonicalized this way.
_DEFAULT_CANONICALIZATION = _CANONICALIZATIONS["http://www.w3.org/TR/2001/REC-xml-c14n-20010315"]
_DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256": hashlib.sha256,
    "http://www.w3.org/2001/04/xmldsig-more#sha384": hashlib.sha384,
    "http://www.w3.org/2001/04/xmlenc#sha512": hashlib.sha512,
}
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_SIGNATURES = {
    f"{_MORE}{kind}-{name}": (kind, algorithm)
    for kind in ("rsa", "ecdsa")
    for name, algorithm in (("sha256", hashes.SHA256()), ("sha384", hashes.SHA384()), ("sha512", hashes.SHA512()))
}
_CONTEXTS = {
    "Nip": r"[1-9](\d[1-9]|[1-9]\d)\d{7}",
    "InternalId": r"[1-9](\d[1-9]|[1-9]\d)\d{7}-\d{5}",
    "NipVatUe": r"[1-9](\d[1-9]|[1-9]\d)\d{7}-[A-Z]{2}[A-Z0-9+*]{2,12}",
    "PeppolId": r"P[A-Z]{2}\d{6}",
}


@dataclass(frozen=True)
class SignedRequest:
    """A login that is asked for. ``context``: (type, value); ``by``: "certificateSubject" or "...Fingerprint"."""

    challenge: str
    context: tuple
    by: str
    certificate: x509.Certificate


def read_signed_request(data):
    """Return the ``SignedRequest`` of an XML document (bytes) whose signature holds.

    :raises Refusal: with the code for what is wrong
    """
    root = _parse(data)
    signatures = list(root.iter(f"{DS}Signature"))
    if not signatures:
        raise Refusal(9102)
    if len(signatures) > 1:
        raise Refusal(9103)
    if signatures[0].getparent() is not root:
        raise Refusal(9105, "Podpis nie jest otaczany przez dokument.")
    certificate = _verify(root, signatures[0])
    return _read(root, certificate)


def _parse(data):
    if len(data) > _MAX_SIZE:
        raise Refusal(21001)
    try:
        data.decode()
    except UnicodeDecodeError:
        raise Refusal(21217) from None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Refusal(21001) from None
    if root.getroottree().docinfo.doctype:
        raise Refusal(9101, "DTD nie jest dozwolone.")
    if etree.QName(root).localname != "AuthTokenRequest" or etree.QName(root).namespace not in AUTH_NAMESPACES:
        raise Refusal(9101)
    return root


def _verify(root, signature):
    """Return the certificate (x509) of a signature that holds and covers the whole document."""
    signed_info = _one(signature, f"{DS}SignedInfo")
    certificate = _certificate(signature)
    document, properties, others = _references(signed_info)
    for reference in others:
        _check_digest(reference, _canonical(_referenced(root, reference), _transforms(reference)))
    _check_digest(document, _document_nodes(root, signature, document))
    signed_properties = _signed_properties(root, signature, properties)
    _check_digest(properties, _canonical(signed_properties, _transforms(properties)))
    _check_certificate_digest(signed_properties, certificate)
    canonicalization = _algorithm(_one(signed_info, f"{DS}CanonicalizationMethod"), _CANONICALIZATIONS)
    kind, algorithm = _algorithm(_one(signed_info, f"{DS}SignatureMethod"), _SIGNATURES)
    value = _decode(_one(signature, f"{DS}SignatureValue"))
    payload = etree.tostring(signed_info, method="c14n", **canonicalization)
    _check_signature(certificate.public_key(), kind, algorithm, value, payload)
    return certificate


def _certificate(signature):
    der = _decode(_one(signature, f"{DS}KeyInfo/{DS}X509Data/{DS}X509Certificate"))
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        raise Refusal(21115) from None


def _references(signed_info):
    """Return the references: to the document, to the signed properties, and a list of further ones."""
    references = signed_info.findall(f"{DS}Reference")
    documents = [reference for reference in references if reference.get("URI") == ""]
    properties = [reference for reference in references if reference.get("Type") == _SIGNED_PROPERTIES_TYPE]
    if not len(documents) == 1 == len(properties):
        raise Refusal(9105, "Podpis musi obejmować cały dokument i SignedProperties.")
    others = [reference for reference in references if reference not in (documents[0], properties[0])]
    return documents[0], properties[0], others


def _referenced(root, reference):
    """Return the one element of the document that a further reference names, such as the certificate's ``KeyInfo``."""
    wanted = reference.get("URI") or ""
    found = [element for element in root.iter() if wanted[:1] == "#" and element.get("Id") == wanted[1:]]
    if len(found) != 1:
        raise Refusal(9105, f"Nie można odnaleźć referencji {wanted}.")
    return found[0]


def _transforms(reference):
    return [transform.get("Algorithm") for transform in reference.findall(f"{DS}Transforms/{DS}Transform")]


def _document_nodes(root, signature, reference):
    """Return the octets of the document without its signature."""
    transforms = _transforms(reference)
    if _ENVELOPED not in transforms:
        raise Refusal(9105, "Brak transformaty enveloped-signature.")
    bare = copy.deepcopy(root)
    _detach(bare[root.index(signature)])
    return _canonical(bare, [transform for transform in transforms if transform != _ENVELOPED])


def _detach(element):
    parent, previous = element.getparent(), element.getprevious()
    if element.tail:
        if previous is None:
            parent.text = (parent.text or "") + element.tail
        else:
            previous.tail = (previous.tail or "") + element.tail
    parent.remove(element)


def _signed_properties(root, signature, reference):
    wanted = reference.get("URI", "").removeprefix("#")
    found = [element for element in root.iter() if element.get("Id") == wanted]
    properties = signature.find(f"{DS}Object/{XADES}QualifyingProperties/{XADES}SignedProperties")
    # Exactly one element of that name: else another one might be signed than is read.
    if len(found) != 1 or found[0] is not properties:
        raise Refusal(9105, "SignedProperties nie są podpisane.")
    return properties


def _canonical(element, transforms):
    unknown = set(transforms) - _CANONICALIZATIONS.keys()
    if unknown or len(transforms) > 1:
        raise Refusal(9105, f"Niedozwolone transformaty: {', '.join(transforms)}.")
    how = _CANONICALIZATIONS[transforms[0]] if transforms else _DEFAULT_CANONICALIZATION
    return etree.tostring(element, method="c14n", **how)


def _check_digest(reference, octets):
    digest = _algorithm(_one(reference, f"{DS}DigestMethod"), _DIGESTS)
    if digest(octets).digest() != _decode(_one(reference, f"{DS}DigestValue")):
        raise Refusal(9105, f"Niezgodny skrót referencji {reference.get('URI') or 'dokumentu'}.")


def _check_certificate_digest(signed_properties, certificate):
    for name in ("SigningCertificate", "SigningCertificateV2"):
        path = f"{XADES}SignedSignatureProperties/{XADES}{name}/{XADES}Cert/{XADES}CertDigest"
        found = signed_properties.find(path)
        if found is not None:
            digest = _algorithm(_one(found, f"{DS}DigestMethod"), _DIGESTS)
            if digest(certificate.public_bytes(Encoding.DER)).digest() == _decode(_one(found, f"{DS}DigestValue")):
                return
    raise Refusal(9105, "SigningCertificate nie zgadza się z certyfikatem podpisu.")


def _check_signature(public_key, kind, algorithm, value, payload):
    try:
        if kind == "rsa" and isinstance(public_key, rsa.RSAPublicKey):
            public_key.verify(value, payload, padding.PKCS1v15(), algorithm)
        elif kind == "ecdsa" and isinstance(public_key, ec.EllipticCurvePublicKey):
            public_key.verify(_dss(value, public_key), payload, ec.ECDSA(algorithm))
        else:
            raise Refusal(21406, "Algorytm podpisu nie pasuje do klucza certyfikatu.")
    except InvalidSignature:
        raise Refusal(9105) from None


def _dss(value, public_key):
    """Return the DER form of an XMLDSig signature, which is the two numbers one after the other."""
    size = (public_key.key_size + 7) // 8
    if len(value) != 2 * size:
        raise Refusal(9105, "Podpis ECDSA musi mieć postać r || s.")
    return encode_dss_signature(int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big"))


def _read(root, certificate):
    namespace = f"{{{etree.QName(root).namespace}}}"
    names = [etree.QName(child).localname for child in root if child.tag != f"{DS}Signature"]
    expected = ["Challenge", "ContextIdentifier", "SubjectIdentifierType"]
    if names not in (expected, [*expected, "AuthorizationPolicy"]):
        raise Refusal(21401, f"Elementy dokumentu: {', '.join(names)}.")
    contexts = list(root.find(f"{namespace}ContextIdentifier"))
    if len(contexts) != 1 or etree.QName(contexts[0]).localname not in _CONTEXTS:
        raise Refusal(21401, "ContextIdentifier musi zawierać jeden identyfikator.")
    context = etree.QName(contexts[0]).localname, contexts[0].text or ""
    if not re.fullmatch(_CONTEXTS[context[0]], context[1]):
        raise Refusal(21117, f"{context[0]}: {context[1]}")
    by = root.findtext(f"{namespace}SubjectIdentifierType")
    if by not in ("certificateSubject", "certificateFingerprint"):
        raise Refusal(21401, "SubjectIdentifierType")
    return SignedRequest(root.findtext(f"{namespace}Challenge") or "", context, by, certificate)


def _one(parent, path):
    found = parent.findall(path)
    if len(found) != 1:
        name = path.rpartition("}")[2]
        raise Refusal(9105, f"Podpis nie jest zgodny z XAdES: {name}.")
    return found[0]


def _algorithm(element, known):
    algorithm = element.get("Algorithm")
    if algorithm not in known:
        raise Refusal(9105, f"Niedozwolony algorytm {algorithm}.")
    return known[algorithm]


def _decode(element):
    try:
        return base64.b64decode("".join((element.text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(9105, "Niepoprawny zapis Base64.") from None
