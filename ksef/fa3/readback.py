"""Compare a finished FA(3) file with the books, by reading it back: nothing here knows how it was made.

Each element without children is a leaf, told under its path such as "Fa/FaWiersz[2]/P_11". Every leaf of the file is
compared with what the facts say of it, and every fact with its leaf.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation

from lxml import etree

from ..errors import KsefError
from . import rules as problems
from .checks import without_refused
from .facts import MARGIN, OSS, InvoiceFacts
from .xml import in_namespace, parse

_UNCOMPARED = "Naglowek/"  # kind of the file, and when it was made
_GOES_ON = " (cd.)"  # key of a remark with the rest of the text of a field
_DECIMALS = {
    **dict.fromkeys(("P_9A", "P_9B", "P_10", "P_9AZ"), 8),
    **dict.fromkeys(("P_8B", "P_8BZ", "P_12_XII", "P_12Z_XII", "Udzial", "KursWaluty", "KursWalutyZ"), 6),
    **dict.fromkeys(("KursWalutyZK", "KursWalutyZW", "KursUmowny"), 6),
}
_PARTY = {
    "NrEORI": "eori",
    "NrKlienta": "customer_number",
    "IDNabywcy": "buyer_key",
    "StatusInfoPodatnika": "taxpayer_status",
    "DaneIdentyfikacyjne/Nazwa": "name",
}
_ADDRESS = {"KodKraju": "country", "AdresL1": "first_line", "AdresL2": "second_line", "GLN": "gln"}
_THINGS = {
    "UU_ID{}": "unique_id",
    "P_7{}": "name",
    "Indeks{}": "index",
    "GTIN{}": "gtin",
    "PKWiU{}": "pkwiu",
    "CN{}": "cn",
    "PKOB{}": "pkob",
    "P_8A{}": "unit",
    "P_8B{}": "quantity",
    "P_9A{}": "price",
    "P_12{}_Zal_15": "is_annex_15",
    "KwotaAkcyzy{}": "excise",
    "GTU{}": "gtu",
    "StanPrzed{}": "is_before",
}
_ROW = {field.format(""): name for field, name in _THINGS.items()} | {
    "NrWierszaFa": "number",
    "P_6A": "supply_date",
    "P_9B": "gross_price",
    "P_11": "net",
    "P_11A": "gross",
    "P_11Vat": "vat",
}
_ORDER_ROW = {field.format("Z"): name for field, name in _THINGS.items()} | {
    "NrWierszaZam": "number",
    "P_11NettoZ": "net",
    "P_11VatZ": "vat",
    "ProceduraZ": "procedure",
}
_VEHICLE = {
    "P_22A": "first_use",
    "P_NrWierszaNST": "line",
    "P_22BMK": "make",
    "P_22BMD": "model",
    "P_22BK": "colour",
    "P_22BNR": "registration",
    "P_22BRP": "year",
    "P_22BT": "type",
}
_VEHICLE_KINDS = {"land": "P_22B", "water": "P_22C", "air": "P_22D"}
_ACCOUNT = {"SWIFT": "swift", "RachunekWlasnyBanku": "own_kind", "NazwaBanku": "bank", "OpisRachunku": "description"}
_TRANSPORT = {
    "RodzajTransportu": "kind",
    "OpisInnegoTransportu": "other_kind",
    "NrZleceniaTransportu": "order_number",
    "OpisLadunku": "cargo",
    "OpisInnegoLadunku": "other_cargo",
    "JednostkaOpakowania": "packaging",
    "DataGodzRozpTransportu": "starts_at",
    "DataGodzZakTransportu": "ends_at",
}


def contradictions(xml: bytes, facts: InvoiceFacts) -> list[KsefError]:
    """Return what the file says otherwise than the invoice, a list of ``FileContradictsBooks``.

    :param xml: a file that the FA(3) schema takes
    :param facts: free of problems
    :raises InvoiceUnreadable: not XML
    """
    root = parse(xml)
    told, rests = dict(_leaves(root)), _rests(root)
    books = {path: value for path, value in _books(facts) if value is not None and value != "" and value is not False}
    found = []
    for path in {**books, **told}:
        value, text = books.get(path), told.get(path)
        if isinstance(value, str) and text is not None:
            text = _with_rest(path, text, value, rests)
        if not _agree(path, text, value):
            found.append((path, text, value))
    found += [(f"DodatkowyOpis {field}", " ".join(texts), None) for (field, _row), texts in rests.items() if texts]
    return [
        problems.FileContradictsBooks(field=path, file=text or "-", books="-" if value is None else value)
        for path, text, value in found
    ]


# -- the file


def _leaves(root) -> Iterator[tuple[str, str]]:
    """Yield path and text of each leaf; remarks are told apart."""
    pending = [("", root)]
    while pending:
        path, parent = pending.pop()
        seen = defaultdict(int)
        for node in parent:
            name = etree.QName(node).localname
            seen[name] += 1
            own = _nth(path + name, seen[name])
            if own.startswith(_UNCOMPARED) or name == "DodatkowyOpis":
                continue
            if len(node):
                pending.append((own + "/", node))
            else:
                yield own, node.text or ""
            yield from ((f"{own}/@{key}", text) for key, text in node.attrib.items())
    for number, (line, key, text) in enumerate(_remarks(root), 1):
        path = _nth("Fa/DodatkowyOpis", number)
        yield f"{path}/Klucz", key
        yield f"{path}/Wartosc", text
        if line:
            yield f"{path}/NrWiersza", line


def _remarks(root):
    """Return row, key and text of the remarks that are no rest of a field; parts of one text are put together."""
    joined = []
    for line, key, text in _told_remarks(root):
        if key.endswith(_GOES_ON):
            continue
        if joined and joined[-1][:2] == [line, key]:
            joined[-1][2] += " " + text
        else:
            joined.append([line, key, text])
    return joined


def _told_remarks(root):
    for node in root.iterfind(in_namespace("Fa/DodatkowyOpis")):
        yield [node.findtext(in_namespace(name), "") for name in ("NrWiersza", "Klucz", "Wartosc")]


def _rests(root):
    """Return the rests of long texts by field and row."""
    rests = defaultdict(list)
    for line, key, text in _told_remarks(root):
        if key.endswith(_GOES_ON):
            rests[key.removesuffix(_GOES_ON), line].append(text)
    return rests


def _with_rest(path, text, whole, rests):
    field = path.rpartition("/")[2]
    keys = [key for key in rests if key[0] == field and rests[key]]
    for key in keys:
        # rows before and after a correction have the same number, and tell their rests one after the other
        while rests[key] and len(_packed(text)) < len(_packed(whole)) and _goes_on(text, rests[key][0], whole):
            text += " " + rests[key].pop(0)
    return text


def _goes_on(text, rest, whole):
    return _packed(whole).startswith(_packed(text + rest))


def _packed(text):
    return "".join(without_refused(text).split())


def _agree(path, text, value):
    if text is None or value is None:
        return not text and value is None
    if value is True:
        return text == "1"
    if isinstance(value, Decimal):
        try:
            return Decimal(text) == round(value, _DECIMALS.get(path.rpartition("/")[2], 2))
        except InvalidOperation:
            return False
    if isinstance(value, datetime):
        return text == value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return text == value.isoformat()
    return _packed(text) == _packed(str(value))


# -- the facts


def _nth(path, number):
    return path if number == 1 else f"{path}[{number}]"


def _each(path, records):
    return ((_nth(path, number) + "/", record) for number, record in enumerate(records, 1))


def _fields(path, record, names):
    for field, name in names.items():
        yield path + field, getattr(record, name)


def _yes(fact):
    return "1" if fact else "2"


def _books(facts):
    """Yield path and value of all that the facts say; what is empty is not told."""
    yield from _parties(facts)
    yield from _heading(facts)
    yield from _annotations(facts)
    yield from _correction(facts)
    yield from _rows(facts)
    yield from _payment(facts)
    yield from _terms(facts)
    yield from _foot(facts)
    yield from _attachment(facts)


def _parties(facts):
    yield "Podmiot1/PrefiksPodatnika", "PL" if facts.intra_eu_rates else None
    yield from _party("Podmiot1/", facts.seller)
    yield from _party("Podmiot2/", facts.buyer)
    yield "Podmiot2/JST", _yes(facts.buyer.is_local_government)
    yield "Podmiot2/GV", _yes(facts.buyer.is_in_vat_group)
    for path, third in _each("Podmiot3", facts.third_parties):
        yield from _party(path, third.party)
        yield path + "Rola", third.role
        yield path + "RolaInna", bool(third.other_role and not third.role)
        yield path + "OpisRoli", third.other_role if not third.role else None
        yield path + "Udzial", third.share
    if facts.authorized_party:
        yield from _party("PodmiotUpowazniony/", facts.authorized_party.party, "PU")
        yield "PodmiotUpowazniony/RolaPU", facts.authorized_party.role


def _party(path, party, suffix=""):
    yield from _identity(path, party)
    yield from _fields(path, party, _PARTY)
    yield from _address(path + "Adres/", party.address)
    yield from _address(path + "AdresKoresp/", party.correspondence)
    for place, contact in _each(path + "DaneKontaktowe", party.contacts):
        yield f"{place}Email{suffix}", contact.email
        yield f"{place}Telefon{suffix}", contact.phone


def _identity(path, party):
    path += "DaneIdentyfikacyjne/"
    if party.internal_id:
        yield path + "IDWew", party.internal_id
    elif party.nip:
        yield path + "NIP", party.nip
    elif party.eu_number:
        yield path + "KodUE", party.eu_number[0]
        yield path + "NrVatUE", party.eu_number[1]
    elif party.other_number:
        yield path + "KodKraju", party.country
        yield path + "NrID", party.other_number
    else:
        yield path + "BrakID", True


def _address(path, address):
    return _fields(path, address, _ADDRESS) if address else ()


def _heading(facts):
    yield "Fa/KodWaluty", facts.currency
    yield "Fa/P_1", facts.issue_date
    yield "Fa/P_1M", facts.place_of_issue
    yield "Fa/P_2", facts.number
    for number, note in enumerate(facts.delivery_notes, 1):
        yield _nth("Fa/WZ", number), note
    if facts.supply_period:
        yield "Fa/OkresFa/P_6_Od", facts.supply_period[0]
        yield "Fa/OkresFa/P_6_Do", facts.supply_period[1]
    elif facts.supply_date != facts.issue_date:
        yield "Fa/P_6", facts.supply_date
    for each in facts.sums:
        yield f"Fa/P_13_{each.suffix}", each.net
        yield f"Fa/P_14_{each.suffix}", each.vat
        yield f"Fa/P_14_{each.suffix}W", each.vat_pln
    yield "Fa/P_15", facts.total
    yield "Fa/KursWalutyZ", facts.exchange_rate if "ZAL" in facts.kind else None
    yield "Fa/RodzajFaktury", facts.kind
    yield "Fa/FP", facts.is_for_receipt
    yield "Fa/TP", facts.is_between_related
    yield "Fa/ZwrotAkcyzy", facts.is_excise_return
    remarks = []
    for remark in facts.remarks:
        if remarks and remarks[-1][:2] == (remark.line, remark.key):
            remarks[-1] = (remark.line, remark.key, f"{remarks[-1][2]} {remark.value}")
        else:
            remarks.append((remark.line, remark.key, remark.value))
    for path, (line, key, value) in _each("Fa/DodatkowyOpis", remarks):
        yield path + "NrWiersza", line
        yield path + "Klucz", key
        yield path + "Wartosc", value


def _annotations(facts):
    notes, path = facts.annotations, "Fa/Adnotacje/"
    yield path + "P_16", _yes(notes.cash_method)
    yield path + "P_17", _yes(notes.self_billing)
    yield path + "P_18", _yes(facts.is_reverse_charge)
    yield path + "P_18A", _yes(facts.is_split_payment)
    yield path + "P_23", _yes(facts.is_simplified_triangle)
    yield path + "Zwolnienie/" + ("P_19" if facts.exemption else "P_19N"), True
    if facts.exemption:
        yield path + "Zwolnienie/" + facts.exemption[0], facts.exemption[1]
    yield path + "NoweSrodkiTransportu/" + ("P_22" if notes.new_vehicles else "P_22N"), True
    yield path + "NoweSrodkiTransportu/P_42_5", _yes(notes.needs_vehicle_notice) if notes.new_vehicles else None
    for place, vehicle in _each(path + "NoweSrodkiTransportu/NowySrodekTransportu", notes.new_vehicles):
        yield from _fields(place, vehicle, _VEHICLE)
        field = _VEHICLE_KINDS[vehicle.kind]
        yield place + field, vehicle.usage
        yield place + field + (vehicle.identifier_kind if vehicle.kind == "land" else "1"), vehicle.identifier
    yield path + "PMarzy/" + ("P_PMarzy" if notes.margin_scheme else "P_PMarzyN"), True
    yield f"{path}PMarzy/P_PMarzy_{notes.margin_scheme}", bool(notes.margin_scheme)


def _correction(facts):
    correction = facts.correction
    if correction:
        yield "Fa/PrzyczynaKorekty", correction.reason
        yield "Fa/TypKorekty", correction.effect
        yield "Fa/OkresFaKorygowanej", correction.period
        yield "Fa/NrFaKorygowany", correction.right_number
        yield "Fa/P_15ZK", correction.total_before
        yield "Fa/KursWalutyZK", correction.exchange_rate_before
        if correction.seller_before:
            yield from _former("Fa/Podmiot1K/", correction.seller_before)
        for path, buyer in _each("Fa/Podmiot2K", correction.buyers_before):
            yield from _former(path, buyer)
            yield path + "IDNabywcy", buyer.buyer_key
    for path, original in _each("Fa/DaneFaKorygowanej", facts.originals):
        yield path + "DataWystFaKorygowanej", original.issue_date
        yield path + "NrFaKorygowanej", original.number
        yield path + ("NrKSeF" if original.ksef_number else "NrKSeFN"), True
        yield path + "NrKSeFFaKorygowanej", original.ksef_number
    for path, advance in _each("Fa/ZaliczkaCzesciowa", facts.partial_advances):
        yield path + "P_6Z", advance.date
        yield path + "P_15Z", advance.amount
        yield path + "KursWalutyZW", advance.exchange_rate
    for path, advance in _each("Fa/FakturaZaliczkowa", facts.advances):
        yield path + "NrKSeFFaZaliczkowej", advance.ksef_number
        yield path + "NrKSeFZN", not advance.ksef_number
        yield path + "NrFaZaliczkowej", None if advance.ksef_number else advance.number


def _former(path, party):
    yield from _identity(path, party)
    yield path + "DaneIdentyfikacyjne/Nazwa", party.name
    yield from _address(path + "Adres/", party.address)


def _rows(facts):
    for path, line in _each("Fa/FaWiersz", facts.lines):
        tax = line.taxes[0] if line.taxes else None
        yield from _fields(path, line, _ROW)
        yield from _rate(path + "P_12", tax)
        yield path + "P_10", line.discount or None
        yield path + "Procedura", line.procedure or ("TT_D" if tax and tax.is_second_in_triangle else None)
        yield path + "KursWaluty", line.exchange_rate or (None if line.net is None else facts.exchange_rate)
    if facts.order:
        yield "Fa/Zamowienie/WartoscZamowienia", facts.order.total
        for path, line in _each("Fa/Zamowienie/ZamowienieWiersz", facts.order.lines):
            yield from _fields(path, line, _ORDER_ROW)
            yield from _rate(path + "P_12Z", line.tax)


def _rate(path, tax):
    if tax and tax.rate != MARGIN:
        yield path if tax.rate != OSS else f"{path}_XII", tax.percent if tax.rate == OSS else tax.rate


def _payment(facts):
    if facts.settlement:
        for path, field, charges in (
            ("Fa/Rozliczenie/Obciazenia", "Fa/Rozliczenie/SumaObciazen", facts.settlement.charges),
            ("Fa/Rozliczenie/Odliczenia", "Fa/Rozliczenie/SumaOdliczen", facts.settlement.deductions),
        ):
            yield field, sum((charge.amount for charge in charges), Decimal()) if charges else None
            for place, charge in _each(path, charges):
                yield place + "Kwota", charge.amount
                yield place + "Powod", charge.reason
        yield "Fa/Rozliczenie/DoZaplaty", facts.settlement.to_pay
        yield "Fa/Rozliczenie/DoRozliczenia", facts.settlement.to_settle
    path, terms = "Fa/Platnosc/", facts.payment_terms
    yield from _paid(path, facts)
    for place, instalment in _each(path + "TerminPlatnosci", terms.instalments):
        yield place + "Termin", instalment.due_date
        yield place + "TerminOpis/Ilosc", instalment.count
        yield place + "TerminOpis/Jednostka", instalment.unit
        yield place + "TerminOpis/ZdarzeniePoczatkowe", instalment.event
    yield from _form(path, terms)
    for name, accounts in (("RachunekBankowy", terms.accounts), ("RachunekBankowyFaktora", terms.factor_accounts)):
        for place, account in _each(path + name, accounts):
            yield place + "NrRB", account.number
            yield from _fields(place, account, _ACCOUNT)
    yield path + "Skonto/WarunkiSkonta", terms.discount_condition
    yield path + "Skonto/WysokoscSkonta", terms.discount_size
    yield path + "LinkDoPlatnosci", terms.link
    yield path + "IPKSeF", terms.ksef_payment_id


def _paid(path, facts):
    paid = sum(payment.amount for payment in facts.payments)
    if len(facts.payments) == 1 and paid == facts.due:
        yield path + "Zaplacono", True
        yield path + "DataZaplaty", facts.payments[0].date
    elif facts.payments:
        yield path + "ZnacznikZaplatyCzesciowej", "2" if paid == facts.due else "1"
        for place, payment in _each(path + "ZaplataCzesciowa", facts.payments):
            yield place + "KwotaZaplatyCzesciowej", payment.amount
            yield place + "DataZaplatyCzesciowej", payment.date
            yield from _form(place, payment)


def _form(path, payment):
    yield path + "FormaPlatnosci", payment.form
    yield path + "PlatnoscInna", bool(payment.other_form and not payment.form)
    yield path + "OpisPlatnosci", None if payment.form else payment.other_form


def _terms(facts):
    path, terms = "Fa/WarunkiTransakcji/", facts.terms
    for place, contract in _each(path + "Umowy", terms.contracts):
        yield place + "DataUmowy", contract.made_on
        yield place + "NrUmowy", contract.number
    for place, order in _each(path + "Zamowienia", terms.orders):
        yield place + "DataZamowienia", order.made_on
        yield place + "NrZamowienia", order.number
    for number, lot in enumerate(terms.lots, 1):
        yield _nth(path + "NrPartiiTowaru", number), lot
    yield path + "WarunkiDostawy", terms.delivery
    yield path + "KursUmowny", terms.contract_rate
    yield path + "WalutaUmowna", terms.contract_currency
    yield path + "PodmiotPosredniczacy", terms.is_intermediary
    for place, transport in _each(path + "Transport", terms.transports):
        yield from _fields(place, transport, _TRANSPORT)
        yield place + "TransportInny", not transport.kind
        yield place + "LadunekInny", not transport.cargo
        if transport.carrier:
            yield from _identity(place + "Przewoznik/", transport.carrier)
            yield place + "Przewoznik/DaneIdentyfikacyjne/Nazwa", transport.carrier.name
            yield from _address(place + "Przewoznik/AdresPrzewoznika/", transport.carrier.address)
        yield from _address(place + "WysylkaZ/", transport.ship_from)
        yield from _address(place + "WysylkaDo/", transport.ship_to)
        for via, address in _each(place + "WysylkaPrzez", transport.via):
            yield from _address(via, address)


def _foot(facts):
    for path, text in _each("Stopka/Informacje", facts.footers):
        yield path + "StopkaFaktury", text
    for path, register in _each("Stopka/Rejestry", facts.registers):
        names = {"PelnaNazwa": "name", "KRS": "krs", "REGON": "regon", "BDO": "bdo"}
        yield from _fields(path, register, names)


def _attachment(facts):
    for path, block in _each("Zalacznik/BlokDanych", facts.attachment):
        yield path + "ZNaglowek", block.heading
        yield from _pairs(path + "MetaDane", ("ZKlucz", "ZWartosc"), block.metadata)
        yield from _cells(path + "Tekst/Akapit", block.paragraphs)
        for place, table in _each(path + "Tabela", block.tables):
            yield from _pairs(place + "TMetaDane", ("TKlucz", "TWartosc"), table.metadata)
            yield place + "Opis", table.caption
            for column, (name, kind) in _each(place + "TNaglowek/Kol", table.columns):
                yield column + "NKom", name
                yield column + "@Typ", kind
            for row, texts in _each(place + "Wiersz", table.rows):
                yield from _cells(row + "WKom", texts)
            yield from _cells(place + "Suma/SKom", table.totals)


def _pairs(path, names, pairs):
    for place, pair in _each(path, pairs):
        yield from zip((place + name for name in names), pair, strict=True)


def _cells(path, texts):
    for number, text in enumerate(texts, 1):
        yield _nth(path, number), text
