"""Make a rendered FA(3) file say what is true of the invoice.

The file comes from Odoo's own template, several builds of which render amounts, rates, lines, buyers and references
wrongly. Each function below sets right one part of the file from ``InvoiceFacts``; where the file was right already,
it says the same afterwards. What is not named here stays as it was rendered.

Source of the fields: the logical structure FA(3), http://crd.gov.pl/wzor/2025/06/25/13775/, and its information sheet.
"""

import re
import textwrap

from lxml import etree

from .checks import without_refused
from .facts import EXEMPT, NAME_LIMIT, OSS, InvoiceFacts
from .xml import NAMESPACE, parse

_TEXT_LIMIT = 256  # of the type TZnakowy
_PHONE_LIMIT = 16
_MAIL_LIMIT = 255
_ACCOUNT_LENGTHS = range(10, 35)
_SWIFT = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")
# How the legal basis of an exemption names a directive, or an act, in Polish or English.
_DIRECTIVE = re.compile(r"dyrektyw|directive|2006/112", re.IGNORECASE)
_ACT = re.compile(r"\b(art(\b|icle|yku)|ust(\b|aw)|act\b|rozporz|§)", re.IGNORECASE)
# keys of DodatkowyOpis
_NAME_GOES_ON = "P_7 (cd.)"
_ROUNDING = "Zaokrąglenie"
_SPLIT_PAYMENT = "mechanizm podzielonej płatności"
# Order of the elements as the schema has it.
FA = (
    "KodWaluty P_1 P_1M P_2 WZ P_6 OkresFa P_13_1 P_14_1 P_14_1W P_13_2 P_14_2 P_14_2W P_13_3 P_14_3 P_14_3W P_13_4 "
    "P_14_4 P_14_4W P_13_5 P_14_5 P_13_6_1 P_13_6_2 P_13_6_3 P_13_7 P_13_8 P_13_9 P_13_10 P_13_11 P_15 KursWalutyZ "
    "Adnotacje RodzajFaktury PrzyczynaKorekty TypKorekty DaneFaKorygowanej OkresFaKorygowanej NrFaKorygowany "
    "Podmiot1K Podmiot2K P_15ZK KursWalutyZK ZaliczkaCzesciowa FP TP DodatkowyOpis FakturaZaliczkowa ZwrotAkcyzy "
    "FaWiersz Rozliczenie Platnosc WarunkiTransakcji Zamowienie"
).split()
SELLER = "PrefiksPodatnika NrEORI DaneIdentyfikacyjne Adres AdresKoresp DaneKontaktowe StatusInfoPodatnika".split()
BUYER = "NrEORI DaneIdentyfikacyjne Adres AdresKoresp DaneKontaktowe NrKlienta IDNabywcy JST GV".split()
NOTES = "P_16 P_17 P_18 P_18A Zwolnienie NoweSrodkiTransportu P_23 PMarzy".split()
PAYMENT = (
    "Zaplacono DataZaplaty ZnacznikZaplatyCzesciowej ZaplataCzesciowa TerminPlatnosci FormaPlatnosci PlatnoscInna "
    "OpisPlatnosci RachunekBankowy RachunekBankowyFaktora Skonto LinkDoPlatnosci IPKSeF"
).split()
ROW = (
    "NrWierszaFa UU_ID P_6A P_7 Indeks GTIN PKWiU CN PKOB P_8A P_8B P_9A P_9B P_10 P_11 P_11A P_11Vat P_12 P_12_XII "
    "P_12_Zal_15 KwotaAkcyzy GTU Procedura KursWaluty StanPrzed"
).split()
_SUM_FIELDS = [name for name in FA if name.startswith(("P_13_", "P_14_"))]


def fix(xml: bytes, facts: InvoiceFacts) -> bytes:
    """Return the file with all parts set right.

    :param xml: a rendered FA(3) file
    :param facts: free of problems
    :raises InvoiceUnreadable: not XML
    """
    root = parse(without_refused(xml.decode()).encode())
    for step in _STEPS:
        step(root, facts)
    _drop_empty(root)
    _tidy(root)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=False)


# -- parties


def _seller(root, facts):
    seller = facts.seller
    party = _child(root, "Podmiot1")
    if facts.intra_eu_rates:
        _put(party, SELLER, "PrefiksPodatnika", "PL")  # art. 97 ust. 10
    _put(party, SELLER, "DaneIdentyfikacyjne", [("NIP", seller.nip), ("Nazwa", seller.name)])
    _put(party, SELLER, "Adres", _address(seller))


def _buyer(root, facts):
    """The number under which he bought: NIP, EU VAT number, another tax ID, or none (art. 106e ust. 1 pkt 5 and 24)."""
    buyer = facts.buyer
    if buyer.nip:
        identity = [("NIP", buyer.nip)]
    elif buyer.eu_number:
        identity = [("KodUE", buyer.eu_number[0]), ("NrVatUE", buyer.eu_number[1])]
    elif buyer.other_number:
        identity = [("KodKraju", buyer.country), ("NrID", buyer.other_number)]
    else:
        identity = [("BrakID", "1")]
    party = _child(root, "Podmiot2")
    _put(party, BUYER, "DaneIdentyfikacyjne", [*identity, ("Nazwa", buyer.name)])
    _put(party, BUYER, "Adres", _address(buyer))


def _address(party):
    first, second = (party.street, party.city) if party.street else (party.city or party.country_name, None)
    return [("KodKraju", party.country), ("AdresL1", first), ("AdresL2", second)]


def _contacts(root, facts):
    """Optional, so whatever the schema does not take is left out."""
    for contact in root.iter(_tag("DaneKontaktowe")):
        for phone in contact.findall(_tag("Telefon")):
            text = _line(phone.text)
            phone.text = text if len(text) <= _PHONE_LIMIT else "".join(each for each in text if each in "+0123456789")
            if len(phone.text) > _PHONE_LIMIT:
                contact.remove(phone)
        for email in contact.findall(_tag("Email")):
            if "@" not in _line(email.text)[1:-1] or len(_line(email.text)) > _MAIL_LIMIT:
                contact.remove(email)


# -- the invoice as a whole


def _heading(root, facts):
    fa = _child(root, "Fa")
    _put(fa, FA, "KodWaluty", facts.currency)
    _put(fa, FA, "P_1", facts.issue_date.isoformat())
    _put(fa, FA, "P_2", facts.number)
    if not fa.findall(_tag("OkresFa")):
        supplied_later = facts.supply_date and facts.supply_date != facts.issue_date
        _put(fa, FA, "P_6", facts.supply_date.isoformat() if supplied_later else None)


def _sums(root, facts):
    """Net and VAT by rate in the currency of the invoice, VAT in PLN too if that is another (art. 106e ust. 11)."""
    fa = _child(root, "Fa")
    for name in _SUM_FIELDS:
        _put(fa, FA, name, None)
    for each in facts.sums:
        for field, amount in (("P_13_{}", each.net), ("P_14_{}", each.vat), ("P_14_{}W", each.vat_pln)):
            if amount is not None:
                _put(fa, FA, field.format(each.suffix), _money(amount))
    _put(fa, FA, "P_15", _money(facts.total))
    advance = "ZAL" in fa.findtext(_tag("RodzajFaktury"), "")
    _put(fa, FA, "KursWalutyZ", _number(facts.exchange_rate) if advance and facts.exchange_rate else None)


def _notes(root, facts):
    notes = _child(_child(root, "Fa"), "Adnotacje")
    if {"oo", "np II"} & facts.rates:
        _put(notes, NOTES, "P_18", "1")
    # Odoo does not know the goods of annex 15: the words, which the law wants on the invoice, tell.
    if facts.says(_SPLIT_PAYMENT):
        _put(notes, NOTES, "P_18A", "1")
    bases = dict.fromkeys(_line(tax.legal_basis) for tax in facts.taxes if tax.rate == EXEMPT)
    if bases:
        basis = "; ".join(bases)
        _put(notes, NOTES, "Zwolnienie", [("P_19", "1"), (_basis_field(basis), basis)])
    else:
        _put(notes, NOTES, "Zwolnienie", [("P_19N", "1")])


def _basis_field(basis):
    """P_19A names the act, P_19B the directive, P_19C anything else."""
    if _DIRECTIVE.search(basis):
        return "P_19B"
    return "P_19A" if _ACT.search(basis) else "P_19C"


def _correction(root, facts):
    fa = _child(root, "Fa")
    if not facts.is_correction:
        return
    reason = fa.find(_tag("PrzyczynaKorekty"))
    if reason is not None:
        reason.text = _line(reason.text)[:_TEXT_LIMIT]
    _put(fa, FA, "TypKorekty", facts.correction.effect)
    original = facts.originals[0]
    in_ksef = [("NrKSeF", "1"), ("NrKSeFFaKorygowanej", original.ksef_number)]
    _put(
        fa,
        FA,
        "DaneFaKorygowanej",
        [
            ("DataWystFaKorygowanej", original.issue_date.isoformat()),
            ("NrFaKorygowanej", original.number),
            *(in_ksef if original.ksef_number else [("NrKSeFN", "1")]),
        ],
    )


def _advances(root, facts):
    contents = [
        [("NrKSeFFaZaliczkowej", advance.ksef_number)]
        if advance.ksef_number
        else [("NrKSeFZN", "1"), ("NrFaZaliczkowej", advance.number)]
        for advance in facts.advances
    ]
    _put(_child(root, "Fa"), FA, "FakturaZaliczkowa", *contents)


# -- lines


def _lines(root, facts):
    """One row for each line; what a row has beside our fields stays."""
    fa = _child(root, "Fa")
    if len(fa.findall(_tag("FaWiersz"))) != len(facts.lines):
        _put(fa, FA, "FaWiersz", *[[] for _line in facts.lines])
    for row, line in zip(fa.findall(_tag("FaWiersz")), facts.lines, strict=True):
        for name, text in _row(line, facts):
            _put(row, ROW, name, text)


def _row(line, facts):
    foreign = line.tax.rate == OSS
    return (
        ("NrWierszaFa", str(line.number)),
        ("P_7", _wrapped(line.name, NAME_LIMIT)[0]),
        ("P_8A", _line(line.unit)[:_TEXT_LIMIT]),
        ("P_8B", _number(line.quantity)),
        ("P_9A", _price(line.price)),
        ("P_10", _price(line.discount) if line.discount else None),
        ("P_11", _money(line.net)),
        ("P_12", None if foreign else line.tax.rate),
        ("P_12_XII", _number(line.tax.percent) if foreign else None),
        ("GTU", line.gtu or None),
        ("Procedura", "TT_D" if line.tax.is_second_in_triangle else None),
        ("KursWaluty", _number(facts.exchange_rate) if facts.exchange_rate else None),
    )


def _remarks(root, facts):
    """What has no field of its own: the end of a long name, and the rounding of the total."""
    fa = _child(root, "Fa")
    for node in fa.findall(_tag("DodatkowyOpis")):
        if node.findtext(_tag("Klucz")) in (_NAME_GOES_ON, _ROUNDING):
            fa.remove(node)
    for line in facts.lines:
        for part in _wrapped(" ".join(_wrapped(line.name, NAME_LIMIT)[1:]), _TEXT_LIMIT):
            remark = [("NrWiersza", str(line.number)), ("Klucz", _NAME_GOES_ON), ("Wartosc", part)]
            _add(fa, FA, "DodatkowyOpis", remark)
    if facts.rounding:
        remark = [("Klucz", _ROUNDING), ("Wartosc", f"{_money(facts.rounding)} {facts.currency}")]
        _add(fa, FA, "DodatkowyOpis", remark)


# -- payment


def _payments(root, facts):
    """What was paid of this invoice by now, as far as the books know; the terms stay as rendered."""
    fa = _child(root, "Fa")
    if fa.find(_tag("Platnosc")) is None:
        return
    node = _child(fa, "Platnosc")
    _accounts(node)
    if facts.has_deviating_due_date:
        for terms in node.iter(_tag("TerminOpis")):
            terms.getparent().remove(terms)
    for name in ("Zaplacono", "DataZaplaty", "ZnacznikZaplatyCzesciowej", "ZaplataCzesciowa"):
        _put(node, PAYMENT, name, None)
    paid = sum(payment.amount for payment in facts.payments)
    if not facts.payments:
        return
    if len(facts.payments) == 1 and paid == facts.total:
        _put(node, PAYMENT, "Zaplacono", "1")
        _put(node, PAYMENT, "DataZaplaty", facts.payments[0].date.isoformat())
    else:
        parts = [
            [
                ("KwotaZaplatyCzesciowej", _money(payment.amount)),
                ("DataZaplatyCzesciowej", payment.date.isoformat()),
                ("FormaPlatnosci", payment.form),
            ]
            for payment in facts.payments
        ]
        _put(node, PAYMENT, "ZnacznikZaplatyCzesciowej", "2" if paid == facts.total else "1")
        _put(node, PAYMENT, "ZaplataCzesciowa", *parts)


def _accounts(payment):
    """Optional, so whatever the schema does not take is left out."""
    for account in payment.findall(_tag("RachunekBankowy")):
        if len(_line(account.findtext(_tag("NrRB")))) not in _ACCOUNT_LENGTHS:
            payment.remove(account)
            continue
        for name in account.findall(_tag("NazwaBanku")):
            name.text = _line(name.text)[:_TEXT_LIMIT]
        for swift in account.findall(_tag("SWIFT")):
            if not _SWIFT.fullmatch(_line(swift.text)):
                account.remove(swift)


# -- numbers and text as the schema takes them


def _money(amount):
    return f"{amount:.2f}"


def _number(value):
    """Up to six decimals, no zeros at the end."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _price(value):
    """Two decimals at least, up to eight where they say something."""
    whole, decimals = f"{value:.8f}".split(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _wrapped(text, limit):
    return textwrap.wrap(_line(text), limit, break_on_hyphens=False)


def _line(text):
    return " ".join(without_refused(text or "").split())


# -- the tree


def _tag(name):
    return f"{{{NAMESPACE}}}{name}"


def _child(parent, name):
    """Return the child of that name, made at the end if it is not there."""
    node = parent.find(_tag(name))
    return etree.SubElement(parent, _tag(name)) if node is None else node


def _put(parent, order, name, *contents):
    """Replace all children of that name by one for each content; see ``_add``."""
    for node in parent.findall(_tag(name)):
        parent.remove(node)
    _add(parent, order, name, *contents)


def _add(parent, order, name, *contents):
    """Add a child for each content, at the place that the schema has for that name.

    :param order: names of the possible children, in the order of the schema
    :param contents: text, list of (name, text), or None for no element
    """
    place = sum(order.index(etree.QName(node).localname) <= order.index(name) for node in parent)
    for offset, content in enumerate(content for content in contents if content is not None):
        node = etree.Element(_tag(name))
        parent.insert(place + offset, node)
        if isinstance(content, str):
            node.text = _line(content)
        else:
            for child, text in content:
                if text is not None:
                    etree.SubElement(node, _tag(child)).text = _line(text)


def _drop_empty(root):
    """An optional field that the template rendered without a value breaks the schema."""
    for node in reversed(list(root.iter(etree.Element))):
        if not len(node) and not (node.text or "").strip() and node.getparent() is not None:
            node.getparent().remove(node)


def _tidy(root):
    """Each element on a line of its own."""
    for node in root.iter(etree.Element):
        if len(node):
            node.text = None
        node.tail = None
    etree.indent(root)


_STEPS = (
    _seller,
    _buyer,
    _contacts,
    _heading,
    _sums,
    _notes,
    _correction,
    _advances,
    _lines,
    _remarks,
    _payments,
)
