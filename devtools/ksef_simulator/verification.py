"""The pages behind the links of KOD I and KOD II, which say in words what is right and what is wrong.

Source of the rules: ``kody-qr.md`` of the ministry's API documentation.
"""

import base64
import binascii
import html
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from .messages import html_answer
from .routing import Routes

routes = Routes()

_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
_CONTEXT_TYPES = ("Nip", "InternalId", "NipVatUe", "PeppolId")
_NIP, _SERIAL, _HASH, _DATE = r"\d{10}", r"[0-9A-F]{16}", r"[A-Za-z0-9_-]{43}", r"\d{2}-\d{2}-\d{4}"
_SIGNATURE = r"[A-Za-z0-9_-]+"


@dataclass(frozen=True)
class Finding:
    """One thing that the page has looked at."""

    right: bool
    sentence: str


@routes.add("GET", "/invoice/{nip}/{date}/{hash}", token=(), group=None)
def invoice_page(state, request):
    return _page("Weryfikacja faktury", judge_invoice_link(state, request.path))


@routes.add("GET", "/certificate/{context_type}/{context}/{nip}/{serial}/{hash}/{signature}", token=(), group=None)
def certificate_page(state, request):
    return _page("Weryfikacja certyfikatu wystawcy", judge_certificate_link(state, request.path))


def judge_invoice_link(state, path):
    """Return what is to be said of the path of a KOD I, [``Finding``]."""
    _empty, _word, nip, date, sha256 = path.split("/")
    if not _shaped((_NIP, nip), (_DATE, date), (_HASH, sha256)):
        return [Finding(False, "The link is damaged: NIP, dd-MM-yyyy and the hash in base64url are expected.")]
    invoice = state.invoices.get(_from_base64url(sha256))
    if not invoice:
        return [Finding(False, "There is no invoice with this hash in KSeF.")]
    return [
        Finding(True, "KSeF has the invoice."),
        Finding(invoice.seller_nip == nip, "The seller's NIP is the invoice's."),
        Finding(f"{invoice.issue_date:%d-%m-%Y}" == date, "The date is the invoice's date of issue (P_1)."),
    ]


def judge_certificate_link(state, path):
    """Return what is to be said of the path of a KOD II, [``Finding``]."""
    _empty, _word, context_type, context, nip, serial, sha256, signature = path.split("/")
    shapes = (_NIP, nip), (_SERIAL, serial), (_HASH, sha256), (_SIGNATURE, signature)
    if context_type not in _CONTEXT_TYPES or not _shaped(*shapes):
        return [Finding(False, "The link is damaged: a part has not the form that KSeF prescribes.")]
    record = state.certificates.get(serial)
    if not record:
        return [Finding(False, "KSeF has issued no certificate with this serial number.")]
    signed = f"{state.settings.qr_host}{path.rpartition('/')[0]}".encode()
    status = record.status(state.now())
    permissions = state.permissions_of((context_type, context), record.identity)
    return [
        Finding(record.type == "Offline", f"The certificate is of the type Offline (it is {record.type})."),
        Finding(status == "Active", f"The certificate is active (it is {status})."),
        Finding(_holds(record.certificate.public_key(), signed, signature), "The issuer's signature holds."),
        Finding("InvoiceWrite" in permissions, "The holder may issue invoices in the context."),
        Finding(may_sell(state, (context_type, context), nip), "The context may issue invoices of this seller."),
    ]


def may_sell(state, context, nip):
    """Tell whether a context is the seller's own, or issues invoices for it (self-billing)."""
    return context[1].startswith(nip) or nip in state.sellers.get(context, ())


def _holds(public_key, signed, signature):
    try:
        raw = _from_base64url(signature)
        if isinstance(public_key, rsa.RSAPublicKey):
            public_key.verify(raw, signed, _PSS, hashes.SHA256())
        else:
            public_key.verify(_der(raw), signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _der(raw):
    """Return a signature in DER, which may be given so or as the two numbers one after the other (P1363)."""
    if len(raw) != 64:
        return raw
    return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


def _shaped(*pairs):
    return all(re.fullmatch(pattern, text) for pattern, text in pairs)


def _from_base64url(text):
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return b""


def _page(title, findings):
    lines = "".join(
        f"<li class='{'right' if finding.right else 'wrong'}'>{'Tak' if finding.right else 'Nie'}: "
        f"{html.escape(finding.sentence)}</li>"
        for finding in findings
    )
    return html_answer(f"<h1>{title}</h1><ul>{lines}</ul>")
