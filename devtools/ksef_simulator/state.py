"""What the simulator remembers: plain objects, changed only under the lock of ``State``."""

import base64
import hashlib
import itertools
import json
import secrets
import threading
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..authority import Authority
from .issuing import KsefAuthority


@dataclass
class Settings:
    """How the simulator behaves; may be changed while it runs.

    :ivar bool self_signed_allowed: as TEST does; else only certificates of KSeF's and the trusted authorities log in
    :ivar bool rate_limits_enforced: whether too many requests get 429
    :ivar int login_polls: how often a login says "under way" before it says how it went
    :ivar int enrollment_polls: the same for a request for a certificate
    :ivar int invoice_polls: the same for an invoice, which is asked for by itself or with its session
    :ivar str qr_host: the host in the links that KOD II signs
    :ivar schema: the schema of FA(3), which invoices must fit: a path, or bytes; None: only the header and the few
        values that KSeF works with are looked at
    :ivar schema_folder: where the files are that the schema imports, by the last part of their addresses; None:
        beside the schema
    :ivar bool attachments_allowed: whether the seller has announced invoices with attachments
    :ivar timedelta storage_delay: from an invoice's number to its permanent storage
    """

    self_signed_allowed: bool = True
    rate_limits_enforced: bool = True
    login_polls: int = 1
    enrollment_polls: int = 1
    invoice_polls: int = 1
    qr_host: str = "qr-test.ksef.mf.gov.pl"
    challenge_life: timedelta = timedelta(minutes=10)
    operation_token_life: timedelta = timedelta(minutes=45)
    access_token_life: timedelta = timedelta(minutes=15)
    refresh_token_life: timedelta = timedelta(days=7)
    login_kept: timedelta = timedelta(days=7)
    enrollment_kept: timedelta = timedelta(days=30)
    certificate_life: timedelta = timedelta(days=730)
    download_life: timedelta = timedelta(days=3)
    session_life: timedelta = timedelta(hours=12)
    part_upload_life: timedelta = timedelta(minutes=20)
    session_invoice_limit: int = 10_000
    storage_delay: timedelta = timedelta(seconds=2)
    schema: object = None
    schema_folder: object = None
    attachments_allowed: bool = False
    # Enrollments and active certificates, by the kind of identifier that the holder is known by.
    certificate_limits: dict = field(
        default_factory=lambda: {"Nip": (300, 100), "Pesel": (12, 6), "Fingerprint": (12, 6)}
    )


@dataclass
class Login:
    """A login. ``context`` and ``identity`` are (type, value); ``certificate`` is None for a login by token."""

    reference: str
    context: tuple
    identity: tuple
    method: str
    certificate: x509.Certificate | None
    code: int
    details: list
    started: datetime
    polls_left: int
    redeemed: bool = False
    refreshed: datetime | None = None
    refresh_valid_until: datetime | None = None


@dataclass(frozen=True)
class TokenRecord:
    """``kind``: "operation", "access" or "refresh"."""

    kind: str
    login: Login
    valid_until: datetime


@dataclass
class KsefCertificate:
    """A certificate that KSeF has issued. ``ended``: "Blocked" or "Revoked", None while neither."""

    serial: str
    name: str
    type: str
    identity: tuple
    certificate: x509.Certificate
    requested: datetime
    ended: str | None = None
    last_used: datetime | None = None

    def status(self, now):
        if self.ended:
            return self.ended
        return "Expired" if now >= self.certificate.not_valid_after_utc else "Active"


@dataclass
class Enrollment:
    """A request for a certificate; ``serial`` is set when it is issued."""

    reference: str
    identity: tuple
    name: str
    type: str
    csr: x509.CertificateSigningRequest
    valid_from: datetime | None
    requested: datetime
    polls_left: int
    code: int = 100
    details: list = field(default_factory=list)
    serial: str | None = None


@dataclass
class ServiceKey:
    """A key of KSeF's own that clients encrypt with."""

    private_key: object = field(repr=False)
    certificate: x509.Certificate
    usage: str

    def certificate_id(self):
        return _base64_sha256(self.certificate.public_bytes(Encoding.DER))

    def public_key_id(self):
        public_key = self.certificate.public_key()
        return _base64_sha256(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def valid(self, now):
        return self.certificate.not_valid_before_utc <= now < self.certificate.not_valid_after_utc


@dataclass
class BatchPart:
    """An encrypted part of a package, as announced. ``content``: what was put into the storage."""

    size: int
    sha256: bytes
    content: bytes | None = field(default=None, repr=False)


@dataclass
class BatchFile:
    """A package, as announced. ``parts``: {ordinal: ``BatchPart``}."""

    size: int
    sha256: bytes
    compression: str
    parts: dict


@dataclass(eq=False)
class Session:
    """A session. ``kind``: "online" or "batch"; ``code`` is set where the whole session has failed.

    :ivar key: AES-256, None if KSeF could not decrypt it
    """

    reference: str
    kind: str
    context: tuple
    login: Login
    key: bytes | None = field(repr=False)
    iv: bytes = field(repr=False)
    opened: datetime
    updated: datetime
    valid_until: datetime | None = None
    closed: datetime | None = None
    code: int | None = None
    details: list = field(default_factory=list)
    invoices: list = field(default_factory=list, repr=False)
    upo_reference: str | None = None
    offline: bool = False
    batch_file: BatchFile | None = None

    def accepted(self):
        return [invoice for invoice in self.invoices if invoice.code == 200]


@dataclass(eq=False)
class SentInvoice:
    """An invoice of a session. What it says of itself is set when KSeF has read it.

    :ivar bytes sha256: of its bytes, as declared
    :ivar datetime received: which P_1 is compared with
    :ivar corrects: SHA-256 of the invoice that this is the technical correction of
    :ivar mode: "Online" or "Offline"
    """

    reference: str
    session: Session
    ordinal: int
    sha256: bytes
    received: datetime
    offline: bool
    polls_left: int
    xml: bytes | None = field(default=None, repr=False)
    encrypted: bytes | None = field(default=None, repr=False)
    declared_size: int | None = None
    corrects: bytes | None = None
    file_name: str | None = None
    code: int = 150
    details: list = field(default_factory=list)
    extensions: dict = field(default_factory=dict)
    seller_nip: str | None = None
    issue_date: date | None = None
    number: str | None = None
    kind: str | None = None
    mode: str | None = None
    ksef_number: str | None = None
    acquired: datetime | None = None

    @property
    def is_pending(self):
        return self.code == 150

    @property
    def is_rejected(self):
        return self.code not in (150, 200)

    @property
    def identity(self):
        """What no two invoices may have in common."""
        return self.seller_nip, self.kind, self.number


class State:
    """Everything that outlives a restart of the server.

    :ivar authority: KSeF's own, which issues certificates
    :ivar trusted: certificates of other authorities whose certificates may log in
    :ivar permissions: {(context, identity): set of permissions}; the holder of a NIP has all in its own context
    :ivar sellers: {context: NIPs in whose name it issues invoices besides its own}
    :ivar ksef_tokens: {token: (context, identity)}
    :ivar sessions: {reference: ``Session``}
    :ivar unavailable_sessions: references of sessions that are answered with 21184
    :ivar outcomes: {SHA-256 of an invoice: code that its next processing ends with}, for 500 and 550
    :ivar breakers: SHA-256 of the files that break the unpacking of any package which holds them
    :ivar next_outcomes: codes that the next invoices end with, whichever they are
    :ivar invoices: {SHA-256: accepted ``SentInvoice``}; that of a rejected invoice leads to its technical correction
    :ivar numbers: {``SentInvoice.identity``: the one accepted}
    :ivar announcements: messages of Latarnia, see ``latarnia``
    """

    def __init__(self, clock=None, settings=None):
        """:param clock: callable that returns the moment (aware)"""
        self.lock = threading.RLock()
        self.clock = clock or (lambda: datetime.now(timezone.utc))
        self.settings = settings or Settings()
        self.authority = KsefAuthority()
        self.trusted = []
        self.challenges = {}
        self.logins = {}
        self.tokens = {}
        self.permissions = {}
        self.sellers = {}
        self.ksef_tokens = {}
        self.certificates = {}
        self.enrollments = {}
        self.sessions = {}
        self.unavailable_sessions = set()
        self.outcomes = {}
        self.breakers = set()
        self.next_outcomes = []
        self.invoices = {}
        self.numbers = {}
        self.announcements = []
        self.storage_key = secrets.token_bytes(32)
        self._service_keys = []
        self._reference_counter = itertools.count(secrets.randbelow(1 << 32))

    def now(self):
        return self.clock()

    # Set up by scripts and tests

    def grant(self, context, identity, permissions=("InvoiceRead", "InvoiceWrite")):
        """Let an identity act in a context."""
        with self.lock:
            self.permissions.setdefault((context, identity), set()).update(permissions)

    def register(self, certificate, name, certificate_type, identity):
        """Take a certificate (x509) into KSeF's register as if KSeF had issued it, and return its record."""
        serial = f"{certificate.serial_number:016X}"
        record = KsefCertificate(serial, name, certificate_type, identity, certificate, self.now())
        with self.lock:
            self.certificates[serial] = record
        return record

    def rotate_service_keys(self, keep_old=False):
        """Make new keys to encrypt with; the old ones are gone at once, or stay valid beside them."""
        issuer = Authority("Ministerstwo Finansów")
        day, year = timedelta(days=1), timedelta(days=365)
        made = []
        for usage in ("KsefTokenEncryption", "SymmetricKeyEncryption"):
            issued = issuer.issue(
                common_name=usage, not_before=self.now() - day, not_after=self.now() + year, usage="other", key="rsa"
            )
            made.append(ServiceKey(issued.private_key, issued.certificate, usage))
        with self.lock:
            self._service_keys = [*(self._service_keys if keep_old else ()), *made]

    # Used by the endpoints

    def service_keys(self):
        """Return the ``ServiceKey`` objects, made when they are first asked for."""
        with self.lock:
            if not self._service_keys:
                self.rotate_service_keys()
            return self._service_keys

    def reference(self, kind):
        """Return a new reference number, 36 characters; ``kind``: two letters, "CR", "AU", "EH", "SO", "EE"..."""
        number = f"{next(self._reference_counter):010X}"
        text = f"{self.now():%Y%m%d}-{kind}-{number[-10:]}-{secrets.token_hex(5).upper()}"
        return f"{text}-{crc8(text)}"

    def new_token(self, kind, login, life):
        """Return a new token as KSeF hands it out: {token, validUntil (datetime)}."""
        valid_until = self.now() + life
        header = _base64url(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        claims = _base64url(json.dumps({"token-type": kind, "exp": int(valid_until.timestamp())}).encode())
        text = f"{header}.{claims}.{_base64url(secrets.token_bytes(32))}"
        self.tokens[text] = TokenRecord(kind, login, valid_until)
        return text, valid_until

    def permissions_of(self, context, identity):
        """Return what an identity may do in a context (set of str)."""
        if context[0] == "Nip" and context == identity:
            return {"Owner", "InvoiceRead", "InvoiceWrite", "CredentialsManage", "Introspection"}
        return self.permissions.get((context, identity), set())


def crc8(text):
    crc = 0
    for byte in text.encode():
        crc ^= byte
        for _bit in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return f"{crc:02X}"


def _base64_sha256(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
