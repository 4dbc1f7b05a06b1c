"""What KSeF does with one invoice: open it, judge it, give it a number.

Sources: ``faktury/weryfikacja-faktury.md``, ``faktury/numer-ksef.md`` and ``offline/`` of the ministry's API
documentation; the logical structure FA(3).
"""

import functools
import hashlib
import re
import secrets
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from lxml import etree

from .state import crc8
from .verification import may_sell

FA3 = "http://crd.gov.pl/wzor/2025/06/25/13775/"
WARSAW = ZoneInfo("Europe/Warsaw")
DESCRIPTIONS = {
    100: "Faktura przyjęta do dalszego przetwarzania",
    150: "Trwa przetwarzanie",
    200: "Sukces",
    405: "Przetwarzanie anulowane z powodu błędu sesji",
    410: "Nieprawidłowy zakres uprawnień",
    415: "Brak możliwości wysyłania faktury z załącznikiem",
    430: "Błąd weryfikacji pliku faktury",
    435: "Błąd odszyfrowania pliku",
    440: "Duplikat faktury",
    450: "Błąd weryfikacji semantyki dokumentu faktury",
    500: "Nieznany błąd (500)",
    550: "Operacja została anulowana przez system",
}
_FINAL_DETAILS = {550: "Przetwarzanie zostało przerwane z przyczyn wewnętrznych systemu. Spróbuj ponownie"}
_PARSER = {"resolve_entities": False, "no_network": True, "load_dtd": False}


class Rejection(Exception):
    """The invoice gets no number."""

    def __init__(self, code, *details, **extensions):
        super().__init__(code, *details)
        self.code = code
        self.details = list(details)
        self.extensions = extensions


def work_on(state, invoices):
    """Go on with invoices when someone asks for them: one poll less to wait, or the judgement."""
    for invoice in invoices:
        if invoice.polls_left:
            invoice.polls_left -= 1
        elif invoice.is_pending:
            _judge(state, invoice)


def decrypt(data, session):
    """Return the plain bytes.

    :raises ValueError: the key or the padding is wrong
    """
    decryptor = Cipher(algorithms.AES(session.key), modes.CBC(session.iv)).decryptor()
    unpadder = PKCS7(algorithms.AES.block_size).unpadder()
    return unpadder.update(decryptor.update(data) + decryptor.finalize()) + unpadder.finalize()


def _judge(state, invoice):
    try:
        next_outcome = state.next_outcomes.pop(0) if state.next_outcomes else None
        if outcome := state.outcomes.pop(invoice.sha256, next_outcome):
            raise Rejection(outcome, *filter(None, [_FINAL_DETAILS.get(outcome)]))
        _read(state, invoice)
        _check(state, invoice)
    except Rejection as rejection:
        invoice.code, invoice.details, invoice.extensions = rejection.code, rejection.details, rejection.extensions
        return
    invoice.acquired = state.now()
    invoice.ksef_number = _new_number(invoice.seller_nip, invoice.acquired)
    invoice.code = 200
    state.numbers[invoice.identity] = invoice
    state.invoices[invoice.sha256] = invoice
    if invoice.corrects:
        # KOD I of the rejected invoice leads to the one that took its place.
        state.invoices[invoice.corrects] = invoice


def _read(state, invoice):
    """Open the file and fill in what it says of itself."""
    if invoice.xml is None:
        invoice.xml = _open(invoice)
    limit = 1 << 20
    try:
        text = invoice.xml.decode()
    except UnicodeDecodeError:
        raise Rejection(450, "Nieprawidłowe kodowanie znaków.") from None
    if text.startswith("\ufeff"):
        raise Rejection(450, "Dokument zawiera znacznik BOM.")
    try:
        root = etree.fromstring(invoice.xml, etree.XMLParser(**_PARSER))
    except etree.XMLSyntaxError:
        raise Rejection(450, "Nieprawidłowy XML") from None
    tree = root.getroottree()
    if tree.docinfo.doctype or tree.xpath("//processing-instruction()"):
        raise Rejection(450, "Dokument zawiera DTD lub instrukcję przetwarzania.")
    _check_header(root)
    has_attachment = root.find(f"{{{FA3}}}Zalacznik") is not None
    if len(invoice.xml) > limit * (3 if has_attachment else 1):
        raise Rejection(430, "Przekroczono dopuszczalny rozmiar pliku faktury.")
    _check_schema(state.settings, root)
    in_batch_or_correction = invoice.session.kind == "batch" or invoice.corrects
    if has_attachment and not (state.settings.attachments_allowed and in_batch_or_correction):
        raise Rejection(415)
    invoice.seller_nip = _text(root, "Podmiot1/DaneIdentyfikacyjne/NIP", r"[1-9](\d[1-9]|[1-9]\d)\d{7}")
    invoice.number = _text(root, "Fa/P_2", r".{1,256}")
    invoice.kind = _text(root, "Fa/RodzajFaktury", r"VAT|KOR|ZAL|ROZ|UPR|KOR_ZAL|KOR_ROZ")
    try:
        invoice.issue_date = date.fromisoformat(_text(root, "Fa/P_1", r"\d{4}-\d\d-\d\d"))
    except ValueError:
        raise Rejection(450, "P_1 nie jest datą.") from None


def _open(invoice):
    try:
        xml = decrypt(invoice.encrypted, invoice.session)
    except ValueError:
        raise Rejection(435) from None
    if len(xml) != invoice.declared_size:
        sentence = "Rozmiar przesłanego pliku faktury nie zgadza się z zadeklarowaną wartością"
        raise Rejection(430, f"{sentence}: {invoice.declared_size}.")
    if hashlib.sha256(xml).digest() != invoice.sha256:
        raise Rejection(430, "Skrót przesłanego pliku faktury nie zgadza się z zadeklarowaną wartością.")
    return xml


def _check_header(root):
    form = root.find(f"{{{FA3}}}Naglowek/{{{FA3}}}KodFormularza")
    if root.tag != f"{{{FA3}}}Faktura" or form is None:
        raise Rejection(450, f"Dokument nie jest fakturą FA (3): {root.tag}.")
    found = form.get("kodSystemowy"), form.get("wersjaSchemy"), form.text
    if found != ("FA (3)", "1-0E", "FA"):
        raise Rejection(450, f"KodFormularza: {found}.")
    if root.findtext(f"{{{FA3}}}Naglowek/{{{FA3}}}WariantFormularza") != "3":
        raise Rejection(450, "WariantFormularza musi mieć wartość 3.")


def _check_schema(settings, root):
    if settings.schema is None:
        return
    schema = _load_schema(settings.schema, settings.schema_folder)
    if not schema.validate(root):
        raise Rejection(450, *[error.message for error in schema.error_log][:5])


@functools.lru_cache(maxsize=2)
def _load_schema(schema, folder):
    parser = etree.XMLParser(**_PARSER)
    parser.resolvers.add(_InFolder(Path(folder or Path(schema).parent)))
    if isinstance(schema, bytes):
        return etree.XMLSchema(etree.fromstring(schema, parser))
    return etree.XMLSchema(etree.parse(str(schema), parser))


class _InFolder(etree.Resolver):
    """Reads what a schema imports from a folder, never from the network."""

    def __init__(self, folder):
        self._folder = folder

    def resolve(self, url, public_id, context):
        file = self._folder / url.rpartition("/")[2]
        return self.resolve_filename(str(file), context) if file.exists() else None


def _check(state, invoice):
    session, received = invoice.session, invoice.received
    if not may_sell(state, session.context, invoice.seller_nip):
        raise Rejection(410, "Podmiot nie ma uprawnień do wystawienia faktury w imieniu sprzedawcy.")
    today = received.astimezone(WARSAW).date()
    if invoice.issue_date > today:
        raise Rejection(450, "Data wystawienia faktury (P_1) nie może być późniejsza niż data przyjęcia dokumentu.")
    invoice.mode = "Offline" if invoice.offline or invoice.issue_date < today else "Online"
    if first := state.numbers.get(invoice.identity):
        raise Rejection(
            440,
            f"Duplikat faktury. Faktura o numerze KSeF: {first.ksef_number} została już prawidłowo przesłana do "
            f"systemu w sesji: {first.session.reference}",
            originalSessionReferenceNumber=first.session.reference,
            originalKsefNumber=first.ksef_number,
        )


def _text(root, path, pattern):
    text = root.findtext("/".join(f"{{{FA3}}}{step}" for step in path.split("/"))) or ""
    if not re.fullmatch(pattern, text):
        raise Rejection(450, f"Niepoprawna wartość {path}: {text}")
    return text


def _new_number(nip, moment):
    text = f"{nip}-{moment.astimezone(WARSAW):%Y%m%d}-{secrets.token_hex(6).upper()}"
    return f"{text}-{crc8(text)}"
