"""The official confirmation of receipt (UPO), of one invoice or of all of a session.

Its elements are those of the ministry's examples for version 4-3; the ministry's signature is left out.
"""

import base64
import hashlib

from lxml import etree

from .invoices import WARSAW
from .messages import Answer

_NAMESPACE = "http://upo.schematy.mf.gov.pl/KSeF/v4-3"


def build_upo(session, invoices, whole_session=False):
    """Return the document (bytes) that confirms accepted invoices."""
    root = etree.Element(f"{{{_NAMESPACE}}}Potwierdzenie", nsmap={None: _NAMESPACE})
    _add(root, "NazwaPodmiotuPrzyjmujacego", "Ministerstwo Finansów - symulator")
    _add(root, "NumerReferencyjnySesji", session.reference)
    login = _add(root, "Uwierzytelnienie")
    _add(_add(login, "IdKontekstu"), *session.context)
    # The simulator does not keep what was signed to log in: another hash of the login stands here.
    _add(login, "SkrotDokumentuUwierzytelniajacego", _base64_sha256(session.login.reference.encode()))
    if whole_session:
        description = _add(root, "OpisPotwierdzenia")
        names = "Strona", "LiczbaStron", "ZakresDokumentowOd", "ZakresDokumentowDo", "CalkowitaLiczbaDokumentow"
        for name, value in zip(names, (1, 1, 1, len(invoices), len(invoices)), strict=True):
            _add(description, name, value)
    _add(root, "NazwaStrukturyLogicznej", "Schemat_FA(3)_v1-0E.xsd")
    _add(root, "KodFormularza", "FA (3)")
    for invoice in invoices:
        document = _add(root, "Dokument")
        _add(document, "NipSprzedawcy", invoice.seller_nip)
        _add(document, "NumerKSeFDokumentu", invoice.ksef_number)
        _add(document, "NumerFaktury", invoice.number)
        _add(document, "DataWystawieniaFaktury", invoice.issue_date)
        _add(document, "DataPrzeslaniaDokumentu", _moment(invoice.received))
        _add(document, "DataNadaniaNumeruKSeF", _moment(invoice.acquired))
        _add(document, "SkrotDokumentu", base64.b64encode(invoice.sha256).decode())
        _add(document, "TrybWysylki", invoice.mode)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def upo_answer(session, invoices, whole_session=False):
    xml = build_upo(session, invoices, whole_session)
    return Answer(200, xml, "application/xml", {"x-ms-meta-hash": _base64_sha256(xml)})


def _add(parent, name, value=None):
    element = etree.SubElement(parent, f"{{{_NAMESPACE}}}{name}")
    element.text = None if value is None else str(value)
    return element


def _moment(value):
    return value.astimezone(WARSAW).isoformat(timespec="milliseconds")


def _base64_sha256(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
