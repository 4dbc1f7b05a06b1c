"""Sessions with KSeF, which take invoices one by one or as a package, and what became of them.

Source: ``sesja-interaktywna.md``, ``sesja-wsadowa.md``, ``faktury/sesja-sprawdzenie-stanu-i-pobranie-upo.md`` and
``offline/`` of the ministry's API documentation. All moments are aware and in UTC.
"""

import base64
import json
import logging
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ..codes.numbers import is_number
from ..errors import PublicKeyMissing, RequestRefused
from . import packages
from .login import Login
from .transport import UNREADABLE, Code
from .types import code_of, moment, moment_or_none, sentence_of

_logger = logging.getLogger(__name__)

FORM_CODE = {"systemCode": "FA (3)", "schemaVersion": "1-0E", "value": "FA"}
_PAGE_SIZE = 1000  # the most that KSeF gives
_FEW_WORDS = 500  # characters
_SYMMETRIC_KEYS = "SymmetricKeyEncryption"


class SessionCode(IntEnum):
    """Of the status of a session. Others are failures of the whole session."""

    OPEN = 100
    AT_WORK = 150  # batch
    CLOSED = 170  # interactive
    DONE = 200
    CANCELLED = 440
    NONE_ACCEPTED = 445


class InvoiceCode(IntEnum):
    """Of the status of an invoice that KSeF is not done with, or has accepted; for others see ``rejections``."""

    RECEIVED = 100
    AT_WORK = 150
    ACCEPTED = 200


@dataclass(frozen=True)
class PublicKey:
    """A key that KSeF can decrypt with. ``id``: what a request names it by; ``key``: of ``cryptography``."""

    id: str
    key: RSAPublicKey = field(repr=False)
    valid_from: datetime
    valid_to: datetime


@dataclass(frozen=True)
class InteractiveSession:
    """An open session; plain data, from which another process can go on.

    :ivar bytes key: AES-256; a secret
    :ivar bytes iv: initialization vector
    :ivar datetime valid_until: when KSeF closes it by itself
    """

    reference: str
    key: bytes = field(repr=False)
    iv: bytes = field(repr=False)
    valid_until: datetime


@dataclass(frozen=True)
class PartUpload:
    """Where KSeF wants a part of a package; plain data. Whoever knows ``url`` may write there."""

    ordinal: int
    method: str
    url: str = field(repr=False)
    headers: dict = field(repr=False)


@dataclass(frozen=True)
class BatchSession:
    """A session that waits for the parts of its package. ``uploads``: of ``PartUpload``, by ordinal."""

    reference: str
    uploads: tuple


@dataclass(frozen=True)
class SessionStatus:
    """How far KSeF is with a session.

    :ivar int code: see ``SessionCode``
    :ivar str reason: KSeF's sentence
    :ivar invoices: how many KSeF has received; ``accepted`` and ``rejected`` of them so far; None before it counts
    :ivar upo_references: of the pages of the session's UPO, () until there is one
    """

    code: int
    reason: str
    invoices: int | None
    accepted: int | None
    rejected: int | None
    upo_references: tuple

    @property
    def is_pending(self):
        return self.code in (SessionCode.OPEN, SessionCode.AT_WORK, SessionCode.CLOSED)


@dataclass(frozen=True)
class InvoiceStatus:
    """What KSeF says of one invoice of a session.

    :ivar reference: KSeF's, within the session
    :ivar number: of the invoice (P_2); None until KSeF has read it
    :ivar ksef_number: None unless accepted
    :ivar bytes sha256: of the invoice's bytes
    :ivar file_name: in the package of a batch, else None
    :ivar int code: see ``InvoiceCode`` and ``rejections``
    :ivar tuple details: KSeF's further sentences
    :ivar dict extensions: of a duplicate: "originalSessionReferenceNumber", "originalKsefNumber"
    :ivar invoicing_mode: "Online" or "Offline", None if not said
    :ivar datetime invoicing_date: when KSeF received it
    :ivar acquisition_date: when it got its number, None unless accepted
    :ivar permanent_storage_date: when KSeF had stored it permanently; comes later, None until then
    """

    reference: str
    ordinal: int
    number: str | None
    ksef_number: str | None
    sha256: bytes
    file_name: str | None
    code: int
    description: str
    details: tuple
    extensions: dict
    invoicing_mode: str | None
    invoicing_date: datetime
    acquisition_date: datetime | None
    permanent_storage_date: datetime | None

    @property
    def is_pending(self):
        return self.code in (InvoiceCode.RECEIVED, InvoiceCode.AT_WORK)

    @property
    def is_accepted(self):
        return self.code == InvoiceCode.ACCEPTED

    @property
    def has_number(self):
        """Whether it is accepted with a KSeF number whose check digits are right."""
        return self.is_accepted and is_number(self.ksef_number)


@dataclass(frozen=True)
class UnreadableStatus:
    """What KSeF says of one invoice of a session, if it is not what KSeF describes.

    :ivar sha256: of the invoice's bytes; None if not even that can be read
    :ivar str words: KSeF's answer about it, shortened
    """

    sha256: bytes | None
    words: str


class Sessions(Login):
    """The calls about sessions and the invoices in them."""

    # Those that KSeF has told, None if it was not asked yet.
    _public_keys = None

    def open_interactive(self):
        """Open a session that takes invoices one by one, and return it (``InteractiveSession``).

        A session whose answer was lost is of no use and does no harm: KSeF cancels it when it ends empty.
        """
        key, iv = packages.new_key()

        def read(body):
            return InteractiveSession(body["referenceNumber"], key, iv, moment(body["validUntil"]))

        return self._open("/sessions/online", read, key, iv)

    def send(self, session, xml, *, corrected_sha256=None):
        """Send one invoice, as issued offline, and return KSeF's reference of it (str).

        :param InteractiveSession session: open
        :param bytes xml: the invoice, sent as it is
        :param bytes corrected_sha256: SHA-256 of the rejected offline invoice, if this is its technical correction
        :raises LostAnswer: look for its hash in ``session_invoices`` before sending it again
        :raises SessionEnded, SessionUnavailable, CorrectionRefused, RequestRefused: it has not been received
        """
        encrypted = packages.encrypt(xml, session.key, session.iv)
        request = {
            "invoiceHash": packages.base64_sha256(xml),
            "invoiceSize": len(xml),
            "encryptedInvoiceHash": packages.base64_sha256(encrypted),
            "encryptedInvoiceSize": len(encrypted),
            "encryptedInvoiceContent": packages.to_base64(encrypted),
            "offlineMode": True,
        }
        if corrected_sha256:
            request["hashOfCorrectedInvoice"] = packages.to_base64(corrected_sha256)
        path = f"/sessions/online/{session.reference}/invoices"
        return self._call("POST", path, lambda body: body["referenceNumber"], json=request)

    def taken_warnings(self):
        """Return what KSeF has warned of since the last call of this (str, one in a line)."""
        warnings, self._transport.warnings = self._transport.warnings, []
        return "\n".join(dict.fromkeys(warnings))

    def close_interactive(self, reference):
        """Close a session, after which KSeF finishes it and makes its UPO.

        :raises SessionEnded: it is not open any more, perhaps since this call's first answer was lost
        """
        self._call("POST", f"/sessions/online/{reference}/close", repeatable=True)

    def open_batch(self, package):
        """Open a session for a ``packages.Package`` and return it (``BatchSession``).

        KSeF waits 20 minutes for each part, and works on nothing before ``close_batch``. Whatever is lost until then
        can be done again with a new session: KSeF cancels one that is never closed.
        """
        batch_file = {
            "fileSize": package.size,
            "fileHash": packages.to_base64(package.sha256),
            "compressionType": packages.COMPRESSION,
            "fileParts": [
                {"ordinalNumber": part.ordinal, "fileSize": part.size, "fileHash": packages.to_base64(part.sha256)}
                for part in package.parts
            ],
        }

        def read(body):
            uploads = [_part_upload(item) for item in body["partUploadRequests"]]
            return BatchSession(body["referenceNumber"], tuple(sorted(uploads, key=lambda upload: upload.ordinal)))

        return self._open("/sessions/batch", read, package.key, package.iv, batchFile=batch_file, offlineMode=True)

    def upload_part(self, upload, package):
        """Put a part of a package into the storage; may be done again.

        :param PartUpload upload: of ``BatchSession.uploads``
        :raises UploadRefused: too late, or not what was announced
        """
        self._transport.upload(upload.method, upload.url, upload.headers, lambda: package.open_part(upload.ordinal))

    def close_batch(self, reference):
        """Tell that all parts are there, after which KSeF works on the package.

        :raises SessionEnded: it is not open any more, perhaps since this call's first answer was lost
        :raises RequestRefused: a part is missing (21205) or not of the size announced (21157)
        """
        self._call("POST", f"/sessions/batch/{reference}/close", repeatable=True)

    def session(self, reference):
        """Return the ``SessionStatus`` of a session of either kind."""
        return self._call("GET", f"/sessions/{reference}", _session_status)

    def sessions_since(self, since):
        """Yield the references (str) of the sessions that have accepted invoices; those with packages come first.

        :param datetime since: aware; when the first of them was opened
        """
        for kind in ("Batch", "Online"):
            query = {"sessionType": kind, "dateCreatedFrom": since.isoformat(), "pageSize": _PAGE_SIZE}
            for reference, accepted in self._pages("/sessions", "sessions", _session_item, query):
                if accepted:
                    yield reference

    def session_invoices(self, reference):
        """Yield what KSeF says of each invoice that it has received in a session, page after page.

        One that cannot be read spoils no other: it comes as ``UnreadableStatus``, the others as ``InvoiceStatus``.
        """
        yield from self._pages(
            f"/sessions/{reference}/invoices", "invoices", _readable_status, {"pageSize": _PAGE_SIZE}
        )

    def _pages(self, path, name, read_item, query):
        """Yield ``read_item`` of each item that KSeF lists under ``name``, page after page."""
        token = None

        def read(body):
            next_token = body.get("continuationToken")
            if next_token and next_token == token:
                raise ValueError("the same page again")  # reading on would never end
            return [read_item(item) for item in body[name]], next_token

        while True:
            items, token = self._call(
                "GET", path, read, params=query, headers={"x-continuation-token": token} if token else {}
            )
            yield from items
            if not token:
                return

    def session_upo(self, session_reference, reference):
        """Return a page of the UPO of a whole session (XML bytes), see ``SessionStatus.upo_references``."""
        return self._download(f"/sessions/{session_reference}/upo/{reference}")

    def accepted_invoice(self, ksef_number):
        """Return the invoice (XML bytes) that KSeF has under a number; only its seller and buyer may ask.

        :raises RequestRefused: 21164, there is none; 21165, it cannot be had yet
        """
        return self._download(f"/invoices/ksef/{ksef_number}")

    def _open(self, path, read, key, iv, **request):
        def call(public_key):
            encryption = {
                "encryptedSymmetricKey": packages.to_base64(packages.wrap_key(key, public_key.key)),
                "initializationVector": packages.to_base64(iv),
                "publicKeyId": public_key.id,
            }
            body = {"formCode": FORM_CODE, "encryption": encryption} | request
            return self._call("POST", path, read, json=body, repeatable=True)

        return self._with_public_key(call)

    def _with_public_key(self, call):
        """Return ``call(public_key)`` for a valid ``PublicKey``; once more with a fresh one if KSeF has replaced it.

        :raises PublicKeyMissing: KSeF offers none that is valid now
        """
        try:
            return call(self._public_key())
        except RequestRefused as refusal:
            if Code.UNKNOWN_PUBLIC_KEY not in refusal.codes:
                raise
            self._public_keys = None
            return call(self._public_key())

    def _public_key(self):
        if self._public_keys is None:
            self._public_keys = self._transport.call("GET", "/security/public-key-certificates", _public_keys)
        now = self._clock()
        valid = [key for key in self._public_keys if key.valid_from <= now < key.valid_to]
        if not valid:
            raise PublicKeyMissing(usage=_SYMMETRIC_KEYS)
        return max(valid, key=lambda key: key.valid_to)


def _public_keys(body):
    """Return those that symmetric keys are encrypted with; one whose certificate cannot be read is left out."""
    keys = []
    for item in body:
        if _SYMMETRIC_KEYS not in item["usage"]:
            continue
        valid_from, valid_to = moment(item["validFrom"]), moment(item["validTo"])
        try:
            key = x509.load_der_x509_certificate(base64.b64decode(item["certificate"])).public_key()
        except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
            _logger.warning("KSeF's public key %s cannot be read: %s", item["publicKeyId"], error)
            continue
        if isinstance(key, RSAPublicKey):
            keys.append(PublicKey(item["publicKeyId"], key, valid_from, valid_to))
    return keys


def _part_upload(body):
    if not urlsplit(body["url"]).hostname:
        raise ValueError("no address")
    headers = {name: value for name, value in body["headers"].items() if value is not None}
    return PartUpload(body["ordinalNumber"], body["method"], body["url"], headers)


def _session_status(body):
    status = body["status"]
    upo = body.get("upo") or {"pages": ()}
    return SessionStatus(
        code=code_of(status),
        reason=sentence_of(status),
        invoices=body.get("invoiceCount"),
        accepted=body.get("successfulInvoiceCount"),
        rejected=body.get("failedInvoiceCount"),
        upo_references=tuple(page["referenceNumber"] for page in upo["pages"]),
    )


def _session_item(body):
    return body["referenceNumber"], body["successfulInvoiceCount"]


def _readable_status(body):
    try:
        return _invoice_status(body)
    except UNREADABLE:
        words = json.dumps(body, ensure_ascii=False)[:_FEW_WORDS]
        _logger.warning("KSeF's answer about an invoice cannot be read: %s", words)
    try:
        return UnreadableStatus(base64.b64decode(body["invoiceHash"]), words)
    except UNREADABLE:
        return UnreadableStatus(None, words)


def _invoice_status(body):
    status = body["status"]
    return InvoiceStatus(
        reference=body["referenceNumber"],
        ordinal=body["ordinalNumber"],
        number=body.get("invoiceNumber"),
        ksef_number=body.get("ksefNumber"),
        sha256=base64.b64decode(body["invoiceHash"]),
        file_name=body.get("invoiceFileName"),
        code=code_of(status),
        description=status["description"],
        details=tuple(status.get("details") or ()),
        extensions=dict(status.get("extensions") or {}),
        invoicing_mode=body.get("invoicingMode"),
        invoicing_date=moment(body["invoicingDate"]),
        acquisition_date=moment_or_none(body.get("acquisitionDate")),
        permanent_storage_date=moment_or_none(body.get("permanentStorageDate")),
    )
