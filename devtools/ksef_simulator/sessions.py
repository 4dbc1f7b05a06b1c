"""/sessions: interactive sessions, and how far KSeF is with a session of either kind."""

import base64
import binascii
import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from .invoices import DESCRIPTIONS, work_on
from .messages import Answer, Denial, Refusal, json_answer, moment, parse_moment
from .routing import Routes
from .state import SentInvoice, Session
from .storage import signed_url

routes = Routes()

_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
FORM_CODE = {"systemCode": "FA (3)", "schemaVersion": "1-0E", "value": "FA"}
_SESSION_DESCRIPTIONS = {
    "online": {
        100: "Sesja interaktywna otwarta",
        170: "Sesja interaktywna zamknięta",
        200: "Sesja interaktywna przetworzona pomyślnie",
        415: "Błąd odszyfrowania dostarczonego klucza",
        440: "Sesja anulowana",
        445: "Błąd weryfikacji, brak poprawnych faktur",
    },
    "batch": {
        100: "Sesja wsadowa rozpoczęta",
        150: "Trwa przetwarzanie",
        200: "Sesja wsadowa przetworzona pomyślnie",
        405: "Błąd weryfikacji poprawności dostarczonych elementów paczki",
        415: "Błąd odszyfrowania dostarczonego klucza",
        420: "Przekroczony limit faktur w sesji",
        430: "Błąd dekompresji pierwotnego archiwum",
        435: "Błąd odszyfrowania zaszyfrowanych części archiwum",
        440: "Sesja anulowana",
        445: "Błąd weryfikacji, brak poprawnych faktur",
        500: "Nieznany błąd (500)",
    },
}
MAY_READ = ("InvoiceWrite", "Introspection")


@routes.add("POST", "/sessions/online", group="onlineSession")
def open_online(state, request):
    require_permission(state, request, "InvoiceWrite")
    body = request.json(("formCode", "encryption"))
    now = state.now()
    session = new_session(state, request, "online", body)
    session.valid_until = now + state.settings.session_life
    answer = {"referenceNumber": session.reference, "validUntil": moment(session.valid_until)}
    return json_answer(answer, 201)


@routes.add("POST", "/sessions/online/{reference}/invoices", group="invoiceSend")
def send(state, request):
    require_permission(state, request, "InvoiceWrite")
    session = find_session(state, request, "online")
    if session.reference in state.unavailable_sessions:
        raise Refusal(21184)
    code = session_code(state, session)
    if code != 100:
        raise Refusal(21180, f"Status sesji {code} uniemożliwia wysyłkę faktur.")
    limit = state.settings.session_invoice_limit
    if len(session.invoices) >= limit:
        sentence = f"Sesja o numerze referencyjnym {session.reference} osiągnęła dozwolony limit liczby faktur {limit}."
        raise Refusal(21155, sentence)
    invoice = _read_sent(state, session, request)
    session.invoices.append(invoice)
    session.updated = state.now()
    if not invoice.polls_left:
        work_on(state, [invoice])
    return json_answer({"referenceNumber": invoice.reference}, 202)


@routes.add("POST", "/sessions/online/{reference}/close", group="onlineSessionClose")
def close_online(state, request):
    require_permission(state, request, "InvoiceWrite")
    session = find_session(state, request, "online")
    code = session_code(state, session)
    if code != 100:
        raise Refusal(21180, f"Status sesji {code} uniemożliwia jej zamknięcie.")
    session.closed = session.updated = state.now()
    return Answer(204)


@routes.add("GET", "/sessions", group="sessionList")
def list_sessions(state, request):
    require_permission(state, request, *MAY_READ, "EnforcementOperations")
    kind = request.query.get("sessionType", "")
    if kind not in ("Online", "Batch"):
        raise Refusal(21405, "sessionType: Online albo Batch.")
    found = [
        session
        for session in sorted(state.sessions.values(), key=lambda session: session.opened, reverse=True)
        if session.context == request.login.context
        and session.kind == kind.lower()
        and request.query.get("referenceNumber", session.reference) == session.reference
        and request.query.get("statuses", _common_status(state, session)) == _common_status(state, session)
        and _is_within(session.opened, request, "dateCreated")
    ]
    page, more = _page(request, found, kind)
    return json_answer({"sessions": [_session_item(state, session) for session in page]} | more)


def _common_status(state, session):
    code = session_code(state, session)
    return {100: "InProgress", 150: "InProgress", 170: "InProgress", 200: "Succeeded", 440: "Cancelled"}.get(
        code, "Failed"
    )


def _is_within(when, request, name):
    first, last = (request.query.get(f"{name}{end}") for end in ("From", "To"))
    return (not first or parse_moment(first, name) <= when) and (not last or when <= parse_moment(last, name))


def _session_item(state, session):
    code = session_code(state, session)
    item = {
        "referenceNumber": session.reference,
        "status": {"code": code, "description": _SESSION_DESCRIPTIONS[session.kind][code]},
        "dateCreated": moment(session.opened),
        "dateUpdated": moment(session.updated),
        "totalInvoiceCount": len(session.invoices),
        "successfulInvoiceCount": len(session.accepted()),
        "failedInvoiceCount": sum(invoice.is_rejected for invoice in session.invoices),
    }
    return item | ({"validUntil": moment(session.valid_until)} if session.valid_until else {})


@routes.add("GET", "/sessions/{reference}", group="sessionMisc")
def status(state, request):
    require_permission(state, request, *MAY_READ)
    session = find_session(state, request)
    work_on(state, session.invoices)
    code = session_code(state, session)
    details = session.details
    if code == 440:
        details = ["Nie przesłano faktur" if session.kind == "online" else "Przekroczono czas wysyłki"]
    answer = {
        "status": {"code": code, "description": _SESSION_DESCRIPTIONS[session.kind][code]},
        "dateCreated": moment(session.opened),
        "dateUpdated": moment(session.updated),
    }
    if details:
        answer["status"]["details"] = details
    if session.valid_until:
        answer["validUntil"] = moment(session.valid_until)
    if session.invoices:
        answer["invoiceCount"] = len(session.invoices)
        answer["successfulInvoiceCount"] = len(session.accepted())
        answer["failedInvoiceCount"] = sum(invoice.is_rejected for invoice in session.invoices)
    if reference := upo_reference(state, session):
        url, until = _download(state, request, f"/{session.reference}/session-upo/{reference}")
        page = {"referenceNumber": reference, "downloadUrl": url, "downloadUrlExpirationDate": until}
        answer["upo"] = {"pages": [page]}
    return json_answer(answer)


@routes.add("GET", "/sessions/{reference}/invoices", group="sessionInvoiceList")
def invoices(state, request):
    return _listed(state, request, lambda invoice: True)


@routes.add("GET", "/sessions/{reference}/invoices/failed", group="sessionInvoiceList")
def failed_invoices(state, request):
    return _listed(state, request, lambda invoice: invoice.is_rejected)


@routes.add("GET", "/sessions/{reference}/invoices/{invoice}", group="invoiceStatus")
def invoice_status(state, request):
    require_permission(state, request, *MAY_READ)
    session = find_session(state, request)
    invoice = find_invoice(session, request.params["invoice"])
    work_on(state, [invoice])
    return json_answer(_invoice_answer(state, request, invoice))


# For sessions of either kind


def new_session(state, request, kind, body):
    """Open a session from what is the same in a request for either kind."""
    if body["formCode"] != FORM_CODE:
        raise Refusal(21405, f"formCode: tu obsługiwany jest tylko {FORM_CODE}.")
    key, iv = _read_encryption(state, body["encryption"])
    reference = state.reference({"online": "SO", "batch": "SB"}[kind])
    session = Session(reference, kind, request.login.context, request.login, key, iv, state.now(), state.now())
    if key is None:
        session.code = 415
    state.sessions[reference] = session
    return session


def find_session(state, request, kind=None):
    """Return the session of the path, which belongs to the context of the login."""
    reference = request.params["reference"]
    session = state.sessions.get(reference)
    if not session or session.context != request.login.context or kind not in (None, session.kind):
        raise Refusal(21173, f"Sesja o numerze referencyjnym {reference} nie została znaleziona.")
    return session


def find_invoice(session, reference):
    for invoice in session.invoices:
        if invoice.reference == reference:
            return invoice
    raise Refusal(21405, f"Faktura o numerze referencyjnym {reference} nie została znaleziona w sesji.")


def session_code(state, session):
    """Return the code of a session's status now."""
    if session.code:
        return session.code
    if not session.closed and state.now() < session.valid_until:
        return 100
    if not session.invoices and (session.kind == "online" or not session.closed):
        return 440
    if any(invoice.is_pending for invoice in session.invoices):
        return 170 if session.kind == "online" else 150
    return 200 if session.accepted() else 445


def upo_reference(state, session):
    """Return the reference of the UPO of a session, None as long as the session is not done."""
    if session_code(state, session) != 200:
        return None
    session.upo_reference = session.upo_reference or state.reference("EU")
    return session.upo_reference


def require_permission(state, request, *permissions):
    present = state.permissions_of(request.login.context, request.login.identity)
    if not present.intersection(permissions):
        raise Denial(
            403,
            "Brak wymaganych uprawnień do wykonania operacji w bieżącym kontekście.",
            reasonCode="missing-permissions",
            security={"requiredAnyOfPermissions": list(permissions), "presentPermissions": sorted(present)},
        )


def read_sha256(text, name):
    """Return the bytes of a SHA-256 in standard Base64 with padding."""
    raw = _read_base64(text, name)
    if len(raw) != 32 or len(text) != 44:
        raise Refusal(21405, f"{name} musi mieć 44 znaki.")
    return raw


def _read_encryption(state, encryption):
    """Return AES key (None if it cannot be decrypted) and initialization vector."""
    required, optional = {"encryptedSymmetricKey", "initializationVector"}, {"publicKeyId"}
    if not isinstance(encryption, dict) or not required <= encryption.keys() <= required | optional:
        raise Refusal(21405, "encryption")
    iv = _read_base64(encryption["initializationVector"], "initializationVector")
    if len(iv) != 16:
        raise Refusal(21405, "initializationVector musi mieć 16 bajtów.")
    wrapped = _read_base64(encryption["encryptedSymmetricKey"], "encryptedSymmetricKey")
    wanted = encryption.get("publicKeyId")
    keys = [
        key
        for key in state.service_keys()
        if key.usage == "SymmetricKeyEncryption" and key.valid(state.now()) and wanted in (None, key.public_key_id())
    ]
    if not keys:
        raise Refusal(21470, f"Klucz o identyfikatorze {wanted} nie jest wspierany.")
    try:
        key = keys[-1].private_key.decrypt(wrapped, _OAEP)
    except ValueError:
        return None, iv
    return (key if len(key) == 32 else None), iv


def _read_sent(state, session, request):
    body = request.json(
        (
            "invoiceHash",
            "invoiceSize",
            "encryptedInvoiceHash",
            "encryptedInvoiceSize",
            "encryptedInvoiceContent",
        ),
        ("offlineMode", "hashOfCorrectedInvoice"),
    )
    sha256 = read_sha256(body["invoiceHash"], "invoiceHash")
    for name in ("invoiceSize", "encryptedInvoiceSize"):
        if type(body[name]) is not int or body[name] < 1:
            raise Refusal(21405, f"{name} musi być dodatnią liczbą całkowitą.")
    offline = body.get("offlineMode", False)
    if not isinstance(offline, bool):
        raise Refusal(21405, "offlineMode musi mieć wartość true lub false.")
    content = _read_base64(body["encryptedInvoiceContent"], "encryptedInvoiceContent")
    if len(content) != body["encryptedInvoiceSize"]:
        raise Refusal(21402, "Długość treści nie zgadza się z rozmiarem pliku.")
    if hashlib.sha256(content).digest() != read_sha256(body["encryptedInvoiceHash"], "encryptedInvoiceHash"):
        raise Refusal(21403, "Skrót treści nie zgadza się ze skrótem pliku.")
    corrects = None
    if body.get("hashOfCorrectedInvoice") is not None:
        corrects = read_sha256(body["hashOfCorrectedInvoice"], "hashOfCorrectedInvoice")
        _check_correction(state, corrects, offline)
    return SentInvoice(
        reference=state.reference("EE"),
        session=session,
        ordinal=len(session.invoices) + 1,
        sha256=sha256,
        received=state.now(),
        offline=offline,
        polls_left=state.settings.invoice_polls,
        encrypted=content,
        declared_size=body["invoiceSize"],
        corrects=corrects,
    )


def _check_correction(state, corrects, offline):
    """Refuse a technical correction that comes too late; of an invoice that KSeF never saw, it is taken."""
    if not offline:
        raise Refusal(21405, "HashOfCorrectedInvoice can only be provided for offline invoices")
    if accepted := state.invoices.get(corrects):
        if accepted.sha256 == corrects:
            raise Refusal(21167, "Nie można wysłać korekty technicznej do prawidłowo przetworzonej faktury.")
        raise Refusal(21166, "Faktura posiada już przetworzoną prawidłowo korektę techniczną.")


def _read_base64(text, name):
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, binascii.Error, ValueError):
        raise Refusal(21405, f"{name} nie jest poprawnym zapisem Base64.") from None


def _listed(state, request, wanted):
    require_permission(state, request, *MAY_READ)
    session = find_session(state, request)
    work_on(state, session.invoices)
    found = [invoice for invoice in session.invoices if wanted(invoice)]
    page, more = _page(request, found, session.reference)
    return json_answer({"invoices": [_invoice_answer(state, request, invoice) for invoice in page]} | more)


def _page(request, found, what):
    """Return the part of a list that a request asks for, and what the answer says of the rest (dict).

    :param str what: the list that the continuation token is good for
    """
    size = request.query.get("pageSize", "10")
    if not size.isdigit() or not 10 <= int(size) <= 1000:
        raise Refusal(21405, "pageSize: od 10 do 1000.")
    start = _read_continuation(what, request.headers.get("x-continuation-token"))
    end = start + int(size)
    token = base64.b64encode(f"{what} {end}".encode()).decode()
    return found[start:end], {"continuationToken": token} if end < len(found) else {}


def _read_continuation(what, token):
    if token is None:
        return 0
    try:
        reference, _blank, start = base64.b64decode(token, validate=True).decode().partition(" ")
    except ValueError:
        raise Refusal(21418) from None
    if reference != what or not start.isdigit():
        raise Refusal(21418)
    return int(start)


def _invoice_answer(state, request, invoice):
    status = {"code": invoice.code, "description": DESCRIPTIONS[invoice.code]}
    if invoice.details:
        status["details"] = invoice.details
    if invoice.extensions:
        status["extensions"] = invoice.extensions
    answer = {
        "ordinalNumber": invoice.ordinal,
        "invoiceNumber": invoice.number,
        "referenceNumber": invoice.reference,
        "invoiceHash": base64.b64encode(invoice.sha256).decode(),
        "invoiceFileName": invoice.file_name,
        "invoicingDate": moment(invoice.received),
        "invoicingMode": invoice.mode,
        "status": status,
    }
    if invoice.code == 200:
        answer["ksefNumber"] = invoice.ksef_number
        answer["acquisitionDate"] = moment(invoice.acquired)
        path = f"/{invoice.session.reference}/invoice-upo/{invoice.reference}"
        answer["upoDownloadUrl"], answer["upoDownloadUrlExpirationDate"] = _download(state, request, path)
        stored = invoice.acquired + state.settings.storage_delay
        if stored <= state.now():
            answer["permanentStorageDate"] = moment(stored)
    return {name: value for name, value in answer.items() if value is not None}


def _download(state, request, path):
    """Return an address to read a file at, and how long it is good."""
    until = state.now() + state.settings.download_life
    return signed_url(state, request, path, until, "r"), moment(until)
