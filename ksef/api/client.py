"""The client of KSeF's API 2.x: login, certificates, public keys, limits, and sessions that send invoices.

Source of the calls: the OpenAPI description of KSeF 2.x and ``uwierzytelnianie.md``, ``certyfikaty-KSeF.md``,
``limity/limity-api.md``, ``sesja-interaktywna.md``, ``sesja-wsadowa.md``,
``faktury/sesja-sprawdzenie-stanu-i-pobranie-upo.md`` and ``offline/`` of the ministry's API documentation. All moments
are aware and in UTC. Properties of an answer that this client does not know are ignored, as the ministry wants.
"""

import base64
import logging
import re
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from cryptography import x509
from lxml import etree

from ..errors import (
    AccessRefused,
    ContextForbidden,
    LoginCertificateRefused,
    LoginRefused,
    LoginUnfinished,
    NotLoggedIn,
    PublicKeyMissing,
    RequestRefused,
)
from ..keys.enrollment import SubjectData
from . import packages
from .transport import LONGEST_WAIT, TIMEOUT, Transport

_logger = logging.getLogger(__name__)

HOSTS = {
    "production": "https://api.ksef.mf.gov.pl/v2",
    "demo": "https://api-demo.ksef.mf.gov.pl/v2",
    "test": "https://api-test.ksef.mf.gov.pl/v2",
}
AUTH_NAMESPACE = "http://ksef.mf.gov.pl/auth/token/2.0"

PENDING, DONE = 100, 200  # codes of a login, of a request for a certificate and of a session
CLOSED, PROCESSING = 170, 150  # a session that still works on its invoices; 150 is a code of an invoice, too
DUPLICATE = 440  # of an invoice
UNKNOWN_PUBLIC_KEY = 21470
UNKNOWN_INVOICE = 21164
FORM_CODE = {"systemCode": "FA (3)", "schemaVersion": "1-0E", "value": "FA"}
MAX_CERTIFICATES_AT_ONCE = 10
_PAGE_SIZE = 50
_INVOICES_PAGE_SIZE = 1000

# Pauses between questions whether a login is done; its certificate's issuer may take its time. In seconds.
_LOGIN_PAUSES = (1, 1, 2, 2, 4, 5, 5, 10, 10, 10)
# A token that ends within this time is renewed first.
_TOKEN_MARGIN = timedelta(seconds=30)
_LOGIN_REFUSALS = {415: ContextForbidden, 460: LoginCertificateRefused}


@dataclass(frozen=True)
class Token:
    text: str = field(repr=False)
    valid_until: datetime


@dataclass(frozen=True)
class PublicKey:
    """A key that KSeF can decrypt with.

    :ivar str id: what a request names it by
    :ivar bytes certificate: DER
    :ivar usages: of "KsefTokenEncryption", "SymmetricKeyEncryption"
    """

    id: str
    certificate: bytes = field(repr=False)
    valid_from: datetime
    valid_to: datetime
    usages: frozenset

    def key(self):
        """Return the public key object of ``cryptography``."""
        return x509.load_der_x509_certificate(self.certificate).public_key()


@dataclass(frozen=True)
class CertificateLimits:
    """How many certificates the holder may still ask for and have."""

    can_request: bool
    enrollments_left: int
    enrollments: int
    certificates_left: int
    certificates: int


@dataclass(frozen=True)
class Enrollment:
    """A request for a certificate.

    :ivar int code: 100 under way, 200 issued, 400 refused, 500 and 550 ended by KSeF's own fault
    :ivar str reason: KSeF's sentence
    :ivar serial: of the certificate (16 upper-case hex digits), None until issued
    """

    code: int
    reason: str
    serial: str | None
    requested_at: datetime


@dataclass(frozen=True)
class Certificate:
    """A certificate that KSeF has issued. ``der``: bytes; ``type``: "Authentication" or "Offline"."""

    serial: str
    name: str
    type: str
    der: bytes = field(repr=False)


@dataclass(frozen=True)
class CertificateRecord:
    """What KSeF keeps about a certificate.

    :ivar str status: "Active", "Blocked", "Revoked", "Expired"
    :ivar holder: (type, value), type is "Nip", "Pesel" or "Fingerprint"
    """

    serial: str
    name: str
    type: str
    common_name: str
    status: str
    holder: tuple
    valid_from: datetime
    valid_to: datetime
    last_used_at: datetime | None
    requested_at: datetime


@dataclass(frozen=True)
class RateLimit:
    """How many requests KSeF takes within a sliding second, minute and hour, for a context and an IP address.

    None where a group has no such limit.
    """

    per_second: int | None
    per_minute: int | None
    per_hour: int | None


@dataclass(frozen=True)
class SessionLimits:
    """What fits into one session; sizes in MB."""

    max_invoices: int
    max_invoice_mb: int
    max_invoice_with_attachment_mb: int


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

    :ivar int code: 100 open, 170 closed (interactive), 150 at work (batch), 200 done; anything else is a failure of
        the whole session
    :ivar str reason: KSeF's sentence
    :ivar valid_until: None where KSeF does not say
    :ivar invoices: how many KSeF has received; ``accepted`` and ``rejected`` of them so far; None before it counts
    :ivar upo_references: of the pages of the session's UPO, () until there is one
    """

    code: int
    reason: str
    valid_until: datetime | None
    invoices: int | None
    accepted: int | None
    rejected: int | None
    upo_references: tuple

    @property
    def is_pending(self):
        return self.code in (PENDING, PROCESSING, CLOSED)


@dataclass(frozen=True)
class InvoiceStatus:
    """What KSeF says of one invoice of a session.

    :ivar reference: KSeF's, within the session
    :ivar number: of the invoice (P_2); None until KSeF has read it
    :ivar ksef_number: None unless accepted
    :ivar bytes sha256: of the invoice's bytes
    :ivar file_name: in the package of a batch, else None
    :ivar int code: 100 and 150 at work, 200 accepted, 440 ``DUPLICATE``, others: see the API's description
    :ivar tuple details: KSeF's further sentences
    :ivar dict extensions: of a duplicate: "originalSessionReferenceNumber", "originalKsefNumber"
    :ivar invoicing_mode: "Online" or "Offline", None if not said
    :ivar datetime invoicing_date: when KSeF received it
    :ivar acquisition_date: when it got its number, None unless accepted
    :ivar permanent_storage_date: when KSeF had stored it for good; comes later, None until then
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
        return self.code in (PENDING, PROCESSING)

    @property
    def is_accepted(self):
        return self.code == DONE


def build_auth_request(challenge, context_type, context_value):
    """Return the AuthTokenRequest (XML bytes) that is to be signed to log in; the signer is known by its certificate.

    :param str context_type: "Nip", "InternalId", "NipVatUe" or "PeppolId"
    """
    root = etree.Element(f"{{{AUTH_NAMESPACE}}}AuthTokenRequest", nsmap={None: AUTH_NAMESPACE})
    etree.SubElement(root, f"{{{AUTH_NAMESPACE}}}Challenge").text = challenge
    context = etree.SubElement(root, f"{{{AUTH_NAMESPACE}}}ContextIdentifier")
    etree.SubElement(context, f"{{{AUTH_NAMESPACE}}}{context_type}").text = context_value
    etree.SubElement(root, f"{{{AUTH_NAMESPACE}}}SubjectIdentifierType").text = "certificateSubject"
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


class Client:
    """Talks to one KSeF for one login; logs in by itself when a call needs it. For one thread.

    Every call raises ``NotLoggedIn``, ``LoginRefused`` or ``LoginUnfinished`` if the login fails, and what
    ``Transport.call`` raises: only ``LostAnswer`` leaves open what has happened at KSeF.
    """

    def __init__(
        self,
        base_url,
        sign_challenge,
        *,
        clock=lambda: datetime.now(timezone.utc),
        sleep=time.sleep,
        timeout=TIMEOUT,
        longest_wait=LONGEST_WAIT,
        before_request=None,
    ):
        """:param str base_url: of ``HOSTS``, or of another server that speaks the same API
        :param sign_challenge: callable that takes a challenge (str) and returns the AuthTokenRequest for it, signed
            with XAdES (bytes)
        :param before_request: callable that gets method and path before each request, see ``pacing.Pace.before``
        """
        self._transport = Transport(
            base_url, timeout=timeout, longest_wait=longest_wait, sleep=sleep, before=before_request
        )
        self._sign_challenge = sign_challenge
        self._clock = clock
        self._sleep = sleep
        self._access = None
        self._refresh = None
        self._public_keys = None

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        """Forget the tokens and end the connections."""
        self._access = self._refresh = None
        self._transport.close()

    # Login

    def log_in(self):
        """Log in anew: from a challenge to tokens."""
        # Nothing of a login matters when it happens twice, so each step counts as repeatable.
        challenge = self._transport.call("POST", "/auth/challenge", lambda body: body["challenge"], repeatable=True)
        reference, operation = self._transport.call(
            "POST",
            "/auth/xades-signature",
            lambda body: (body["referenceNumber"], _token(body["authenticationToken"])),
            data=self._sign_challenge(challenge),
            headers={"Content-Type": "application/xml"},
            repeatable=True,
        )
        self._await_login(reference, operation)
        self._access, self._refresh = self._transport.call(
            "POST",
            "/auth/token/redeem",
            lambda body: (_token(body["accessToken"]), _token(body["refreshToken"])),
            token=operation.text,
            repeatable=True,
        )
        _logger.info("Logged in to KSeF, login %s", reference)

    def log_out(self):
        """End the login at KSeF, so that its refresh token is worth nothing any more."""
        if self._refresh:
            self._transport.call("DELETE", "/auth/sessions/current", token=self._refresh.text, repeatable=True)
        self._access = self._refresh = None

    def _await_login(self, reference, operation):
        for pause in (*_LOGIN_PAUSES, None):
            code, reason = self._transport.call(
                "GET", f"/auth/{reference}", lambda body: _status(body["status"]), token=operation.text
            )
            if code == DONE:
                return
            if code != PENDING:
                raise _LOGIN_REFUSALS.get(code, LoginRefused)(code=code, codes=(code,), reason=reason, trace="")
            if pause:
                self._sleep(pause)
        raise LoginUnfinished(seconds=sum(_LOGIN_PAUSES))

    def _renew_access(self):
        """Get a new access token with the refresh token, or by a new login when that is of no use."""
        if self._refresh and not self._ends_soon(self._refresh):
            try:
                self._access = self._transport.call(
                    "POST",
                    "/auth/token/refresh",
                    lambda body: _token(body["accessToken"]),
                    token=self._refresh.text,
                    repeatable=True,
                )
                return
            except RequestRefused as refusal:
                _logger.info("KSeF does not renew the login: %s", refusal.code)
        self._refresh = None
        try:
            self.log_in()
        except AccessRefused:
            raise
        except RequestRefused as refusal:
            # Whatever the login was needed for has not been judged.
            raise LoginRefused(**refusal.values) from refusal

    def _ends_soon(self, token):
        return token.valid_until - _TOKEN_MARGIN <= self._clock()

    def _call(self, method, path, read=None, **content):
        """``Transport.call`` as the one who has logged in."""
        return self._logged_in(lambda token: self._transport.call(method, path, read, token=token, **content))

    def _download(self, path):
        """``Transport.download`` as the one who has logged in."""
        return self._logged_in(lambda token: self._transport.download(path, token=token))

    def _logged_in(self, call):
        if not self._access or self._ends_soon(self._access):
            self._renew_access()
        try:
            return call(self._access.text)
        except NotLoggedIn:
            # Ended early, or the clocks differ. Nothing was carried out.
            self._renew_access()
            return call(self._access.text)

    # Public keys

    def with_public_key(self, usage, call):
        """Return ``call(public_key)`` for a valid ``PublicKey``; once more with a fresh one if KSeF has replaced it.

        :param str usage: "SymmetricKeyEncryption" or "KsefTokenEncryption"
        :raises PublicKeyMissing: KSeF offers none that is valid now
        """
        try:
            return call(self._public_key(usage))
        except RequestRefused as refusal:
            if UNKNOWN_PUBLIC_KEY not in refusal.codes:
                raise
            self._public_keys = None
            return call(self._public_key(usage))

    def _public_key(self, usage):
        if self._public_keys is None:
            self._public_keys = self._transport.call(
                "GET", "/security/public-key-certificates", lambda body: [_public_key(item) for item in body]
            )
        now = self._clock()
        valid = [key for key in self._public_keys if usage in key.usages and key.valid_from <= now < key.valid_to]
        if not valid:
            raise PublicKeyMissing(usage=usage)
        return max(valid, key=lambda key: key.valid_to)

    # Limits

    def rate_limits(self):
        """Return the limits in force, {group (str, KSeF's name): ``RateLimit``}."""
        return self._call("GET", "/rate-limits", _rate_limits)

    def context_limits(self):
        """Return the ``SessionLimits`` of an interactive and of a batch session."""
        return self._call(
            "GET",
            "/limits/context",
            lambda body: (_session_limits(body["onlineSession"]), _session_limits(body["batchSession"])),
        )

    # Certificates

    def certificate_limits(self):
        """Return the ``CertificateLimits`` of the holder."""
        return self._call("GET", "/certificates/limits", _certificate_limits)

    def enrollment_data(self):
        """Return the ``SubjectData`` that a request for a certificate must have.

        :raises LoginMethodUnfit: the login was not by certificate or signature
        """
        return self._call("GET", "/certificates/enrollments/data", _subject_data)

    def enroll(self, name, certificate_type, csr, valid_from=None):
        """Ask for a certificate and return the reference number of the request (str).

        :param str name: 5 to 100 letters, digits, spaces, hyphens and underscores
        :param str certificate_type: "Authentication" or "Offline"
        :param bytes csr: PKCS#10, DER, see ``enrollment.build_csr``
        :param datetime valid_from: aware; at once if None
        :raises LoginMethodUnfit, CertificateLimitReached, RequestRefused: see there
        """
        request = {
            "certificateName": name,
            "certificateType": certificate_type,
            "csr": base64.b64encode(csr).decode(),
        }
        if valid_from:
            request["validFrom"] = valid_from.isoformat()
        return self._call("POST", "/certificates/enrollments", lambda body: body["referenceNumber"], json=request)

    def enrollment(self, reference):
        """Return the ``Enrollment`` of a reference number; KSeF keeps it for 30 days.

        :raises NoLongerAvailable, RequestRefused: see there
        """
        return self._call("GET", f"/certificates/enrollments/{reference}", _enrollment)

    def certificates(self, serials):
        """Return the issued certificates, [``Certificate``]; one that KSeF does not know is left out.

        :param serials: 16 upper-case hex digits each
        """
        found = []
        for start in range(0, len(serials), MAX_CERTIFICATES_AT_ONCE):
            found += self._call(
                "POST",
                "/certificates/retrieve",
                lambda body: [_certificate(item) for item in body["certificates"]],
                json={"certificateSerialNumbers": serials[start : start + MAX_CERTIFICATES_AT_ONCE]},
                repeatable=True,
            )
        return found

    def certificate_records(self, **criteria):
        """Yield the ``CertificateRecord`` of each certificate of the holder, the latest request first.

        :param criteria: ``certificateSerialNumber``, ``name`` (a part of it), ``type``, ``status``, ``expiresAfter``
            (ISO 8601), as KSeF names them
        """
        page, has_more = 0, True
        while has_more:
            records, has_more = self._call(
                "POST",
                "/certificates/query",
                lambda body: ([_certificate_record(item) for item in body["certificates"]], body["hasMore"]),
                params={"pageSize": _PAGE_SIZE, "pageOffset": page},
                json=criteria,
                repeatable=True,
            )
            yield from records
            page += 1

    def revoke_certificate(self, serial, reason="Unspecified"):
        """Revoke a certificate, for good.

        :param str reason: "Unspecified", "Superseded" or "KeyCompromise"
        :raises RequestRefused: 25008, there is no such certificate; 25009, it is not active any more
        """
        # Repeatable: the second time KSeF only says that the certificate is revoked.
        self._call("POST", f"/certificates/{serial}/revoke", json={"revocationReason": reason}, repeatable=True)

    # Sessions

    def open_interactive(self):
        """Open a session that takes invoices one by one, and return it (``InteractiveSession``).

        A session whose answer was lost is of no use and does no harm: KSeF cancels it when it ends empty.
        """
        key, iv = packages.new_key()

        def read(body):
            return InteractiveSession(body["referenceNumber"], key, iv, moment(body["validUntil"]))

        return self._open("/sessions/online", read, key, iv)

    def send(self, session, xml, *, offline=True, corrected_sha256=None):
        """Hand over one invoice and return KSeF's reference of it (str); what becomes of it is asked with ``invoice``.

        :param InteractiveSession session: open
        :param bytes xml: the invoice, sent as it is
        :param bool offline: whether it was issued in an offline mode
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
            "offlineMode": offline,
        }
        if corrected_sha256:
            request["hashOfCorrectedInvoice"] = packages.to_base64(corrected_sha256)
        path = f"/sessions/online/{session.reference}/invoices"
        return self._call("POST", path, lambda body: body["referenceNumber"], json=request)

    def close_interactive(self, reference):
        """Close a session, after which KSeF finishes it and makes its UPO.

        :raises SessionEnded: it is not open any more, perhaps since this call's first answer was lost
        """
        self._call("POST", f"/sessions/online/{reference}/close", repeatable=True)

    def open_batch(self, package, *, offline=True):
        """Open a session for a ``packages.Package`` and return it (``BatchSession``).

        KSeF waits 20 minutes for each part, and works on nothing before ``close_batch``. Whatever is lost until then
        can be done again with a new session: KSeF cancels one that is never closed.

        :param bool offline: whether all of its invoices were issued in an offline mode
        """
        batch_file = {
            "fileSize": package.size,
            "fileHash": packages.to_base64(package.sha256),
            "compressionType": package.compression,
            "fileParts": [
                {"ordinalNumber": part.ordinal, "fileSize": part.size, "fileHash": packages.to_base64(part.sha256)}
                for part in package.parts
            ],
        }

        def read(body):
            uploads = [_part_upload(item) for item in body["partUploadRequests"]]
            return BatchSession(body["referenceNumber"], tuple(sorted(uploads, key=lambda upload: upload.ordinal)))

        return self._open("/sessions/batch", read, package.key, package.iv, batchFile=batch_file, offlineMode=offline)

    def upload_part(self, upload, package):
        """Hand over a part of a package; may be done again.

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

    def session_invoices(self, reference, *, failed_only=False):
        """Yield the ``InvoiceStatus`` of each invoice that KSeF has received in a session, page after page."""
        path = f"/sessions/{reference}/invoices" + ("/failed" if failed_only else "")
        token = None

        def read(body):
            next_token = body.get("continuationToken")
            if next_token and next_token == token:
                raise ValueError("the same page again")  # reading on would never end
            return [_invoice_status(item) for item in body["invoices"]], next_token

        while True:
            statuses, token = self._call(
                "GET",
                path,
                read,
                params={"pageSize": _INVOICES_PAGE_SIZE},
                headers={"x-continuation-token": token} if token else {},
            )
            yield from statuses
            if not token:
                return

    def invoice(self, session_reference, reference):
        """Return the ``InvoiceStatus`` of one invoice."""
        return self._call("GET", f"/sessions/{session_reference}/invoices/{reference}", _invoice_status)

    def upo(self, session_reference, reference):
        """Return the official confirmation of receipt (UPO) of an accepted invoice: XML, signed by the ministry.

        :raises UpoMissing: there is none, or not yet
        """
        return self._download(f"/sessions/{session_reference}/invoices/{reference}/upo")

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
                "encryptedSymmetricKey": packages.to_base64(packages.wrap_key(key, public_key.key())),
                "initializationVector": packages.to_base64(iv),
                "publicKeyId": public_key.id,
            }
            body = {"formCode": FORM_CODE, "encryption": encryption} | request
            return self._call("POST", path, read, json=body, repeatable=True)

        return self.with_public_key("SymmetricKeyEncryption", call)


def _token(body):
    return Token(body["token"], moment(body["validUntil"]))


def _status(body):
    """Return code and sentence of a status."""
    sentences = [body["description"], ", ".join(body.get("details") or ())]
    return body["code"], ": ".join(sentence for sentence in sentences if sentence).rstrip(".")


def _public_key(body):
    return PublicKey(
        id=body["publicKeyId"],
        certificate=base64.b64decode(body["certificate"]),
        valid_from=moment(body["validFrom"]),
        valid_to=moment(body["validTo"]),
        usages=frozenset(body["usage"]),
    )


def _rate_limits(body):
    windows = "perSecond", "perMinute", "perHour"
    return {group: RateLimit(*map(limit.get, windows)) for group, limit in body.items() if isinstance(limit, dict)}


def _session_limits(body):
    return SessionLimits(body["maxInvoices"], body["maxInvoiceSizeInMB"], body["maxInvoiceWithAttachmentSizeInMB"])


def _certificate_limits(body):
    enrollment, certificate = body["enrollment"], body["certificate"]
    return CertificateLimits(
        body["canRequest"],
        enrollment["remaining"],
        enrollment["limit"],
        certificate["remaining"],
        certificate["limit"],
    )


def _subject_data(body):
    # The description of the API has one text, the documentation says that there may be a list.
    given_names = body.get("givenName") or ()
    return SubjectData(
        common_name=body["commonName"],
        country_name=body["countryName"],
        given_names=(given_names,) if isinstance(given_names, str) else tuple(given_names),
        surname=body.get("surname"),
        serial_number=body.get("serialNumber"),
        unique_identifier=body.get("uniqueIdentifier"),
        organization_name=body.get("organizationName"),
        organization_identifier=body.get("organizationIdentifier"),
    )


def _enrollment(body):
    code, reason = _status(body["status"])
    return Enrollment(code, reason, body.get("certificateSerialNumber"), moment(body["requestDate"]))


def _certificate(body):
    return Certificate(
        serial=body["certificateSerialNumber"],
        name=body["certificateName"],
        type=body["certificateType"],
        der=base64.b64decode(body["certificate"]),
    )


def _certificate_record(body):
    holder = body["subjectIdentifier"]
    return CertificateRecord(
        serial=body["certificateSerialNumber"],
        name=body["name"],
        type=body["type"],
        common_name=body["commonName"],
        status=body["status"],
        holder=(holder["type"], holder["value"]),
        valid_from=moment(body["validFrom"]),
        valid_to=moment(body["validTo"]),
        last_used_at=_moment_or_none(body.get("lastUseDate")),
        requested_at=moment(body["requestDate"]),
    )


def _part_upload(body):
    headers = {name: value for name, value in body["headers"].items() if value is not None}
    return PartUpload(body["ordinalNumber"], body["method"], body["url"], headers)


def _session_status(body):
    code, reason = _status(body["status"])
    upo = body.get("upo") or {"pages": ()}
    return SessionStatus(
        code=code,
        reason=reason,
        valid_until=_moment_or_none(body.get("validUntil")),
        invoices=body.get("invoiceCount"),
        accepted=body.get("successfulInvoiceCount"),
        rejected=body.get("failedInvoiceCount"),
        upo_references=tuple(page["referenceNumber"] for page in upo["pages"]),
    )


def _invoice_status(body):
    status = body["status"]
    return InvoiceStatus(
        reference=body["referenceNumber"],
        ordinal=body["ordinalNumber"],
        number=body.get("invoiceNumber"),
        ksef_number=body.get("ksefNumber"),
        sha256=base64.b64decode(body["invoiceHash"]),
        file_name=body.get("invoiceFileName"),
        code=status["code"],
        description=status["description"],
        details=tuple(status.get("details") or ()),
        extensions=dict(status.get("extensions") or {}),
        invoicing_mode=body.get("invoicingMode"),
        invoicing_date=moment(body["invoicingDate"]),
        acquisition_date=_moment_or_none(body.get("acquisitionDate")),
        permanent_storage_date=_moment_or_none(body.get("permanentStorageDate")),
    )


def _moment_or_none(text):
    return moment(text) if text else None


def moment(text):
    """Return the moment (aware, UTC) of a text in ISO 8601; KSeF writes fractions finer than microseconds."""
    microseconds = re.sub(r"\.(\d+)", lambda match: "." + match[1][:6].ljust(6, "0"), re.sub("[Zz]$", "+00:00", text))
    value = datetime.fromisoformat(microseconds)
    return value.replace(tzinfo=value.tzinfo or timezone.utc).astimezone(timezone.utc)
