"""Write the FA(3) file of an invoice from its facts, top down, in the order of the schema.

Source: the logical structure FA(3), http://crd.gov.pl/wzor/2025/06/25/13775/, and its information sheet.
"""

import textwrap
from datetime import datetime, timezone

from lxml import etree
from lxml.builder import ElementMaker

from .checks import without_refused
from .facts import MARGIN, NAME_LIMIT, OSS, InvoiceFacts, Remark
from .xml import NAMESPACE

TEXT_LIMIT = 256  # of the type TZnakowy
_SYSTEM = "Odoo"
_GOES_ON = "{} (cd.)"  # key of the remark with the rest of a text that is too long for its field


class _Elements(ElementMaker):
    """Makes elements of FA(3) of texts, elements and lists of them; None in place of an empty one."""

    def __call__(self, tag, *children, **attributes):
        filled = []
        for child in children:
            if type(child) is list:
                filled += [each for each in child if each is not None]
            elif child is not None and child != "":
                filled.append(child)
        return super().__call__(tag, *filled, **attributes) if filled else None


_e = _Elements(namespace=NAMESPACE, nsmap={None: NAMESPACE})


def write(facts: InvoiceFacts, generated_at: datetime) -> bytes:
    """Return the FA(3) file, UTF-8 with an XML declaration.

    :param facts: free of problems
    :param generated_at: with a timezone, told to the second
    """
    root = _e.Faktura(
        _e.Naglowek(
            _e.KodFormularza("FA", kodSystemowy="FA (3)", wersjaSchemy="1-0E"),
            _e.WariantFormularza("3"),
            _e.DataWytworzeniaFa(_moment(generated_at)),
            _e.SystemInfo(_SYSTEM),
        ),
        _seller(facts),
        _buyer(facts.buyer),
        [_third_party(each) for each in facts.third_parties],
        _authorized_party(facts.authorized_party),
        _invoice(facts),
        _e.Stopka(
            [_e.Informacje(_e.StopkaFaktury(_text(each))) for each in facts.footers],
            [_register(each) for each in facts.registers],
        ),
        _e.Zalacznik([_data_block(each) for each in facts.attachment]),
    )
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


# -- parties


def _seller(facts):
    party = facts.seller
    return _e.Podmiot1(
        _e.PrefiksPodatnika("PL" if facts.intra_eu_rates else None),  # art. 97 ust. 10
        _e.NrEORI(_text(party.eori)),
        _e.DaneIdentyfikacyjne(_e.NIP(party.nip), _e.Nazwa(_text(party.name))),
        *_addresses(party),
        _contacts(party),
        _e.StatusInfoPodatnika(party.taxpayer_status),
    )


def _buyer(party):
    return _e.Podmiot2(
        _e.NrEORI(_text(party.eori)),
        _e.DaneIdentyfikacyjne(_identity(party), _e.Nazwa(_text(party.name))),
        *_addresses(party),
        _contacts(party),
        _e.NrKlienta(_text(party.customer_number)),
        _e.IDNabywcy(_text(party.buyer_key)),
        _e.JST(_yes_or_no(party.is_local_government)),
        _e.GV(_yes_or_no(party.is_in_vat_group)),
    )


def _third_party(third):
    party = third.party
    return _e.Podmiot3(
        _e.IDNabywcy(_text(party.buyer_key)),
        _e.NrEORI(_text(party.eori)),
        _e.DaneIdentyfikacyjne(_identity(party), _e.Nazwa(_text(party.name))),
        *_addresses(party),
        _contacts(party),
        _e.Rola(third.role) if third.role else [_e.RolaInna("1"), _e.OpisRoli(_text(third.other_role))],
        _e.Udzial(_number(third.share)),
        _e.NrKlienta(_text(party.customer_number)),
    )


def _authorized_party(authorized):
    if not authorized:
        return None
    party = authorized.party
    return _e.PodmiotUpowazniony(
        _e.NrEORI(_text(party.eori)),
        _e.DaneIdentyfikacyjne(_e.NIP(party.nip), _e.Nazwa(_text(party.name))),
        *_addresses(party),
        [_e.DaneKontaktowe(_e.EmailPU(each.email), _e.TelefonPU(_text(each.phone))) for each in party.contacts],
        _e.RolaPU(authorized.role),
    )


def _identity(party):
    """The number under which he buys: NIP, EU VAT number, another tax ID, or none (art. 106e ust. 1 pkt 5 and 24)."""
    if party.internal_id:
        return _e.IDWew(party.internal_id)
    if party.nip:
        return _e.NIP(party.nip)
    if party.eu_number:
        prefix, number = party.eu_number
        return [_e.KodUE(prefix), _e.NrVatUE(number)]
    if party.other_number:
        return [_e.KodKraju(party.country), _e.NrID(party.other_number)]
    return _e.BrakID("1")


def _addresses(party):
    return _address("Adres", party.address), _address("AdresKoresp", party.correspondence)


def _address(tag, address):
    if not address:
        return None
    return _e(
        tag,
        _e.KodKraju(address.country),
        _e.AdresL1(_text(address.first_line)),
        _e.AdresL2(_text(address.second_line)),
        _e.GLN(_text(address.gln)),
    )


def _contacts(party):
    return [_e.DaneKontaktowe(_e.Email(_text(each.email)), _e.Telefon(_text(each.phone))) for each in party.contacts]


# -- the invoice


def _invoice(facts):
    supplied_later = facts.supply_date and facts.supply_date != facts.issue_date
    period = facts.supply_period
    is_advance = "ZAL" in facts.kind
    return _e.Fa(
        _e.KodWaluty(facts.currency),
        _e.P_1(_day(facts.issue_date)),
        _e.P_1M(_text(facts.place_of_issue)),
        _e.P_2(_text(facts.number)),
        [_e.WZ(_text(each)) for each in facts.delivery_notes],
        _e.OkresFa(_e.P_6_Od(_day(period[0])), _e.P_6_Do(_day(period[1])))
        if period
        else _e.P_6(_day(facts.supply_date) if supplied_later else None),
        [element for each in facts.sums for element in _sum(each)],
        _e.P_15(_money(facts.total)),
        _e.KursWalutyZ(_number(facts.exchange_rate) if is_advance else None),
        _annotations(facts),
        _e.RodzajFaktury(facts.kind),
        _correction(facts.correction) if facts.correction else None,
        [
            _e.ZaliczkaCzesciowa(
                _e.P_6Z(_day(each.date)), _e.P_15Z(_money(each.amount)), _e.KursWalutyZW(_number(each.exchange_rate))
            )
            for each in facts.partial_advances
        ],
        _e.FP(_flag(facts.is_for_receipt)),
        _e.TP(_flag(facts.is_between_related)),
        [
            _e.DodatkowyOpis(
                _e.NrWiersza(_whole(remark.line)), _e.Klucz(_cut(remark.key, TEXT_LIMIT)), _e.Wartosc(part)
            )
            for remark in _remarks(facts)
            for part in _wrapped(remark.value, TEXT_LIMIT)
        ],
        [_advance(each) for each in facts.advances],
        _e.ZwrotAkcyzy(_flag(facts.is_excise_return)),
        [_row(each, facts) for each in facts.lines],
        _settlement(facts.settlement) if facts.settlement else None,
        _payment(facts),
        _terms(facts.terms),
        _order(facts.order) if facts.order else None,
    )


def _sum(each):
    """Net and VAT by rate in the currency of the invoice, VAT in PLN too if that is another (art. 106e ust. 11)."""
    return (
        _e(f"P_13_{each.suffix}", _money(each.net)),
        _e(f"P_14_{each.suffix}", _money(each.vat)),
        _e(f"P_14_{each.suffix}W", _money(each.vat_pln)),
    )


def _annotations(facts):
    notes = facts.annotations
    return _e.Adnotacje(
        _e.P_16(_yes_or_no(notes.cash_method)),
        _e.P_17(_yes_or_no(notes.self_billing)),
        _e.P_18(_yes_or_no(facts.is_reverse_charge)),
        _e.P_18A(_yes_or_no(facts.is_split_payment)),
        _e.Zwolnienie(_exemption(facts.exemption)),
        _e.NoweSrodkiTransportu(_new_vehicles(notes)),
        _e.P_23(_yes_or_no(facts.is_simplified_triangle)),
        _e.PMarzy(
            [_e.P_PMarzy("1"), _e(f"P_PMarzy_{notes.margin_scheme}", "1")] if notes.margin_scheme else _e.P_PMarzyN("1")
        ),
    )


def _exemption(basis):
    return [_e.P_19("1"), _e(basis[0], _cut(basis[1], TEXT_LIMIT))] if basis else _e.P_19N("1")


def _new_vehicles(notes):
    if not notes.new_vehicles:
        return _e.P_22N("1")
    vehicles = [_vehicle(each) for each in notes.new_vehicles]
    return [_e.P_22("1"), _e.P_42_5(_yes_or_no(notes.needs_vehicle_notice)), *vehicles]


def _vehicle(vehicle):
    usage, identifier = _text(vehicle.usage), _text(vehicle.identifier)
    return _e.NowySrodekTransportu(
        _e.P_22A(_day(vehicle.first_use)),
        _e.P_NrWierszaNST(_whole(vehicle.line)),
        _e.P_22BMK(_text(vehicle.make)),
        _e.P_22BMD(_text(vehicle.model)),
        _e.P_22BK(_text(vehicle.colour)),
        _e.P_22BNR(_text(vehicle.registration)),
        _e.P_22BRP(_text(vehicle.year)),
        {
            "land": lambda: [
                _e.P_22B(usage),
                _e(f"P_22B{vehicle.identifier_kind}", identifier),
                _e.P_22BT(_text(vehicle.type)),
            ],
            "water": lambda: [_e.P_22C(usage), _e.P_22C1(identifier)],
            "air": lambda: [_e.P_22D(usage), _e.P_22D1(identifier)],
        }[vehicle.kind](),
    )


def _correction(correction):
    return [
        _e.PrzyczynaKorekty(_cut(correction.reason, TEXT_LIMIT)),
        _e.TypKorekty(correction.effect),
        *(
            _e.DaneFaKorygowanej(
                _e.DataWystFaKorygowanej(_day(original.issue_date)),
                _e.NrFaKorygowanej(_text(original.number)),
                [_e.NrKSeF("1"), _e.NrKSeFFaKorygowanej(original.ksef_number)]
                if original.ksef_number
                else _e.NrKSeFN("1"),
            )
            for original in correction.originals
        ),
        _e.OkresFaKorygowanej(_text(correction.period)),
        _e.NrFaKorygowany(_text(correction.right_number)),
        _seller_before(correction.seller_before) if correction.seller_before else None,
        *(
            _e.Podmiot2K(
                _e.DaneIdentyfikacyjne(_identity(buyer), _e.Nazwa(_text(buyer.name))),
                _address("Adres", buyer.address),
                _e.IDNabywcy(_text(buyer.buyer_key)),
            )
            for buyer in correction.buyers_before
        ),
        _e.P_15ZK(_money(correction.total_before)),
        _e.KursWalutyZK(_number(correction.exchange_rate_before)),
    ]


def _seller_before(party):
    return _e.Podmiot1K(
        _e.DaneIdentyfikacyjne(_e.NIP(party.nip), _e.Nazwa(_text(party.name))),
        _address("Adres", party.address),
    )


def _remarks(facts):
    """All remarks: the rest of texts that are too long for their fields, and the given."""
    if facts.exemption:
        yield from _rest(*facts.exemption, TEXT_LIMIT)
    if facts.correction:
        yield from _rest("PrzyczynaKorekty", facts.correction.reason, TEXT_LIMIT)
    for line in facts.lines:
        yield from _rest("P_7", line.name, NAME_LIMIT, line.number)
    for line in facts.order.lines if facts.order else ():
        yield from _rest("P_7Z", line.name, NAME_LIMIT, line.number)
    yield from facts.remarks


def _rest(field, text, limit, line=None):
    parts = _wrapped(text, limit)[1:]
    if parts:
        yield Remark(_GOES_ON.format(field), " ".join(parts), line)


def _advance(advance):
    return _e.FakturaZaliczkowa(
        _e.NrKSeFFaZaliczkowej(advance.ksef_number)
        if advance.ksef_number
        else [_e.NrKSeFZN("1"), _e.NrFaZaliczkowej(_text(advance.number))]
    )


def _row(line, facts):
    rate, percent = _rate(line.taxes[0] if line.taxes else None)
    procedure = line.procedure or ("TT_D" if line.taxes and line.tax.is_second_in_triangle else "")
    # A row that tells no amount has nothing to be converted.
    exchange_rate = line.exchange_rate or (facts.exchange_rate if line.net is not None else None)
    return _e.FaWiersz(
        _e.NrWierszaFa(_whole(line.number)),
        _e.UU_ID(_text(line.unique_id)),
        _e.P_6A(_day(line.supply_date)),
        _e.P_7(_cut(line.name, NAME_LIMIT)),
        _e.Indeks(_text(line.index)),
        _e.GTIN(_text(line.gtin)),
        _e.PKWiU(_text(line.pkwiu)),
        _e.CN(_text(line.cn)),
        _e.PKOB(_text(line.pkob)),
        _e.P_8A(_text(line.unit)),
        _e.P_8B(_number(line.quantity)),
        _e.P_9A(_price(line.price)),
        _e.P_9B(_price(line.gross_price)),
        _e.P_10(_price(line.discount or None)),
        _e.P_11(_money(line.net)),
        _e.P_11A(_money(line.gross)),
        _e.P_11Vat(_money(line.vat)),
        _e.P_12(rate),
        _e.P_12_XII(percent),
        _e.P_12_Zal_15(_flag(line.is_annex_15)),
        _e.KwotaAkcyzy(_money(line.excise)),
        _e.GTU(line.gtu),
        _e.Procedura(procedure),
        _e.KursWaluty(_number(exchange_rate)),
        _e.StanPrzed(_flag(line.is_before)),
    )


def _rate(tax):
    """Return the values of P_12 and P_12_XII: one of them, or none under a margin scheme."""
    if not tax or tax.rate == MARGIN:
        return None, None
    return (None, _number(tax.percent)) if tax.rate == OSS else (tax.rate, None)


def _settlement(settlement):
    return _e.Rozliczenie(
        [_e.Obciazenia(_e.Kwota(_money(each.amount)), _e.Powod(_text(each.reason))) for each in settlement.charges],
        _e.SumaObciazen(_total(settlement.charges)),
        [_e.Odliczenia(_e.Kwota(_money(each.amount)), _e.Powod(_text(each.reason))) for each in settlement.deductions],
        _e.SumaOdliczen(_total(settlement.deductions)),
        _e.DoZaplaty(_money(settlement.to_pay)),
        _e.DoRozliczenia(_money(settlement.to_settle)),
    )


def _total(charges):
    return _money(sum(each.amount for each in charges)) if charges else None


def _payment(facts):
    terms = facts.payment_terms
    discount = terms.discount_condition and terms.discount_size
    return _e.Platnosc(
        _paid(facts),
        [
            _e.TerminPlatnosci(
                _e.Termin(_day(each.due_date)),
                _e.TerminOpis(
                    _e.Ilosc(_whole(each.count)), _e.Jednostka(_text(each.unit)), _e.ZdarzeniePoczatkowe(each.event)
                ),
            )
            for each in terms.instalments
        ],
        _form(terms),
        [_account("RachunekBankowy", each) for each in terms.accounts],
        [_account("RachunekBankowyFaktora", each) for each in terms.factor_accounts],
        _e.Skonto(_e.WarunkiSkonta(_text(terms.discount_condition)), _e.WysokoscSkonta(_text(terms.discount_size)))
        if discount
        else None,
        _e.LinkDoPlatnosci(terms.link),
        _e.IPKSeF(terms.ksef_payment_id),
    )


def _paid(facts):
    """What was paid of this invoice by now, as far as the books know."""
    payments = facts.payments
    if not payments:
        return None
    paid = sum(payment.amount for payment in payments)
    if len(payments) == 1 and paid == facts.due:
        return [_e.Zaplacono("1"), _e.DataZaplaty(_day(payments[0].date))]
    return [
        _e.ZnacznikZaplatyCzesciowej("2" if paid == facts.due else "1"),
        *(
            _e.ZaplataCzesciowa(
                _e.KwotaZaplatyCzesciowej(_money(payment.amount)),
                _e.DataZaplatyCzesciowej(_day(payment.date)),
                _form(payment),
            )
            for payment in payments
        ),
    ]


def _form(payment):
    if payment.form:
        return _e.FormaPlatnosci(payment.form)
    return [_e.PlatnoscInna("1"), _e.OpisPlatnosci(_text(payment.other_form))] if payment.other_form else None


def _account(tag, account):
    return _e(
        tag,
        _e.NrRB("".join(account.number.split())),
        _e.SWIFT(account.swift),
        _e.RachunekWlasnyBanku(account.own_kind),
        _e.NazwaBanku(_text(account.bank)),
        _e.OpisRachunku(_text(account.description)),
    )


def _terms(terms):
    return _e.WarunkiTransakcji(
        [_e.Umowy(_e.DataUmowy(_day(each.made_on)), _e.NrUmowy(_text(each.number))) for each in terms.contracts],
        [
            _e.Zamowienia(_e.DataZamowienia(_day(each.made_on)), _e.NrZamowienia(_text(each.number)))
            for each in terms.orders
        ],
        [_e.NrPartiiTowaru(_text(each)) for each in terms.lots],
        _e.WarunkiDostawy(_text(terms.delivery)),
        _e.KursUmowny(_number(terms.contract_rate)),
        _e.WalutaUmowna(terms.contract_currency),
        [_transport(each) for each in terms.transports],
        _e.PodmiotPosredniczacy(_flag(terms.is_intermediary)),
    )


def _transport(transport):
    carrier = transport.carrier
    return _e.Transport(
        _e.RodzajTransportu(transport.kind)
        if transport.kind
        else [_e.TransportInny("1"), _e.OpisInnegoTransportu(_text(transport.other_kind))],
        _e.Przewoznik(
            _e.DaneIdentyfikacyjne(_identity(carrier), _e.Nazwa(_text(carrier.name))),
            _address("AdresPrzewoznika", carrier.address),
        )
        if carrier
        else None,
        _e.NrZleceniaTransportu(_text(transport.order_number)),
        _e.OpisLadunku(transport.cargo)
        if transport.cargo
        else [_e.LadunekInny("1"), _e.OpisInnegoLadunku(_text(transport.other_cargo))],
        _e.JednostkaOpakowania(_text(transport.packaging)),
        _e.DataGodzRozpTransportu(_moment(transport.starts_at)),
        _e.DataGodzZakTransportu(_moment(transport.ends_at)),
        _address("WysylkaZ", transport.ship_from),
        [_address("WysylkaPrzez", each) for each in transport.via],
        _address("WysylkaDo", transport.ship_to),
    )


def _order(order):
    return _e.Zamowienie(_e.WartoscZamowienia(_money(order.total)), [_order_row(line) for line in order.lines])


def _order_row(line):
    rate, percent = _rate(line.tax)
    return _e.ZamowienieWiersz(
        _e.NrWierszaZam(_whole(line.number)),
        _e.UU_IDZ(_text(line.unique_id)),
        _e.P_7Z(_cut(line.name, NAME_LIMIT)),
        _e.IndeksZ(_text(line.index)),
        _e.GTINZ(_text(line.gtin)),
        _e.PKWiUZ(_text(line.pkwiu)),
        _e.CNZ(_text(line.cn)),
        _e.PKOBZ(_text(line.pkob)),
        _e.P_8AZ(_text(line.unit)),
        _e.P_8BZ(_number(line.quantity)),
        _e.P_9AZ(_price(line.price)),
        _e.P_11NettoZ(_money(line.net)),
        _e.P_11VatZ(_money(line.vat)),
        _e.P_12Z(rate),
        _e.P_12Z_XII(percent),
        _e.P_12Z_Zal_15(_flag(line.is_annex_15)),
        _e.GTUZ(line.gtu),
        _e.ProceduraZ(line.procedure),
        _e.KwotaAkcyzyZ(_money(line.excise)),
        _e.StanPrzedZ(_flag(line.is_before)),
    )


# -- beside the invoice


def _register(register):
    return _e.Rejestry(
        _e.PelnaNazwa(_text(register.name)),
        _e.KRS(register.krs),
        _e.REGON(register.regon),
        _e.BDO(_text(register.bdo)),
    )


def _data_block(block):
    return _e.BlokDanych(
        _e.ZNaglowek(_text(block.heading)),
        [_e.MetaDane(_e.ZKlucz(_text(key)), _e.ZWartosc(_text(value))) for key, value in block.metadata],
        _e.Tekst([_e.Akapit(_text(each)) for each in block.paragraphs]),
        [_table(each) for each in block.tables],
    )


def _table(table):
    return _e.Tabela(
        [_e.TMetaDane(_e.TKlucz(_text(key)), _e.TWartosc(_text(value))) for key, value in table.metadata],
        _e.Opis(_text(table.caption)),
        _e.TNaglowek([_e.Kol(_cell("NKom", name), Typ=kind) for name, kind in table.columns]),
        [_e.Wiersz([_cell("WKom", each) for each in row]) for row in table.rows],
        _e.Suma([_cell("SKom", each) for each in table.totals]),
    )


def _cell(tag, text):
    """A cell of a table, which may be empty."""
    node = etree.Element(f"{{{NAMESPACE}}}{tag}", nsmap={None: NAMESPACE})
    node.text = _text(text)
    return node


# -- numbers and text as the schema takes them


def _text(text):
    # what can be printed is nothing that KSeF refuses
    return " ".join((text if text.isprintable() else without_refused(text)).split())


def _wrapped(text, limit):
    text = _text(text)
    return textwrap.wrap(text, limit, break_on_hyphens=False) if len(text) > limit else [text][: len(text)]


def _cut(text, limit):
    """The part of a text that its field can hold; ``_rest`` tells the rest."""
    return next(iter(_wrapped(text, limit)), "")


def _flag(fact):
    return "1" if fact else None


def _yes_or_no(fact):
    return "1" if fact else "2"


def _day(day):
    return day and day.isoformat()


def _moment(moment):
    return moment and moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _whole(number):
    return None if number is None else str(number)


def _money(amount):
    return None if amount is None else f"{amount + 0:.2f}"


def _number(value):
    """Up to six decimals, no zeros at the end."""
    if value is None:
        return None
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _price(value):
    """Two decimals at least, up to eight where they say something."""
    if value is None:
        return None
    whole, decimals = f"{value:.8f}".split(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
