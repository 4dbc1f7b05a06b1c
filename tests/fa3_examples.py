"""The facts of the ministry's 26 example invoices for FA(3): what each shows, with names and numbers of our own."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D

from ..ksef.fa3 import facts as f


def day(text):
    return date.fromisoformat(f"2026-{text}")


VAT23 = f.Tax(1, "23%", D(23), frozenset({"K_19"}))
VAT8 = f.Tax(2, "8%", D(8), frozenset({"K_17"}))
VAT5 = f.Tax(3, "5%", D(5), frozenset({"K_15"}))
EXEMPT = f.Tax(4, "zw", D(0), frozenset({"K_10"}), legal_basis="art. 43 ust. 1 pkt 37 ustawy VAT")
INTRA_EU = f.Tax(5, "0% EU G", D(0), frozenset({"K_21"}))
EXPORT = f.Tax(6, "0% EX", D(0), frozenset({"K_22"}))
MARGIN = f.Tax(7, "margin", None, is_margin=True)

CONTACT = (f.Contact("biuro@example.pl", "221234567"),)
SELLER = f.Party("Sprzedawca", "PL5260250274", "PL", street="Prosta 1", city="00-001 Warszawa", contacts=CONTACT)
BUYER = f.Party("Nabywca", "PL5260001246", "PL", street="Krzywa 2", city="00-002 Kraków", contacts=CONTACT)
CUSTOMER = replace(BUYER, customer_number="K1")
NAMELESS = f.Party("", "PL5260001246", "")
FACTOR = f.ThirdParty(BUYER, "1")
CO_BUYER = f.ThirdParty(BUYER, "4", share=D(50))
REGISTER = (f.Register(krs="0000000001", regon="123456785", bdo="000000001"),)
ACCOUNT = f.BankAccount("73111111111111111111111111", bank="Bank", description="PLN")
FACTOR_ACCOUNT = replace(ACCOUNT, own_kind="2")
BY_TRANSFER = f.PaymentTerms(form="6")
SENT = "5260250274-20260215-8BEF280C8D35-4D"


def invoice(number, total, lines=(), sums=(), **facts):
    """Return facts with all that the examples have in common."""
    common = {
        "issue_date": day("02-15"),
        "today": day("12-31"),
        "currency": "PLN",
        "books_currency": "PLN",
        "exchange_rate": None,
        "vat": (),
        "seller": SELLER,
        "buyer": BUYER,
        "place_of_issue": "Warszawa",
        "footers": ("Kapitał zakładowy 5 000 zł",),
        "registers": REGISTER,
        "told_sums": tuple(f.Sum(suffix, *(D(amount) for amount in amounts)) for suffix, *amounts in sums),
    }
    return f.InvoiceFacts(number=number, total=D(total), lines=tuple(lines), **(common | facts))


def line(number, quantity=1, price=None, net=None, tax=VAT23, **facts):
    """Return a row; its net is that of quantity and price unless it is given."""
    facts = {"unit": "szt.", "unique_id": f"row{number}"} | facts
    net = D(quantity) * D(price) if net is None and price is not None else net
    return f.Line(
        number,
        "towar",
        quantity=quantity and D(quantity),
        price=price and D(price),
        net=net and D(net),
        taxes=(tax,) if tax else (),
        **facts,
    )


def ordered(number, price, vat, tax=VAT23, before=False):
    price = D(price)
    return f.OrderLine(
        number, "towar", "szt.", D(1), price, price, D(vat), tax, unique_id=f"row{number}", is_before=before
    )


def original(number="FV/1", issued="02-15", **facts):
    return f.Correction((f.Reference(1, number, day(issued), "accepted", SENT),), **facts)


def due(*days, **facts):
    instalments = tuple(f.Instalment(day(each)) for each in days)
    return f.PaymentTerms(instalments=instalments, **({"form": "6", "accounts": (ACCOUNT,)} | facts))


FLAT = ordered(1, "341666.67", "27333.33", VAT8)
EXTRAS = ordered(2, 5000, 1150)
HAULAGE = f.TransactionTerms(
    orders=(f.Agreement("Z/1", day("01-26")),),
    lots=("P/1",),
    delivery="CIP",
    transports=(
        f.Transport(
            "3",
            carrier=replace(BUYER, contacts=()),
            cargo="13",
            packaging="a",
            ship_from=f.Address("PL", "Prosta 1", "00-001 Warszawa"),
            ship_to=f.Address("PL", "Krzywa 2", "00-002 Kraków"),
        ),
    ),
)
HALF_YEAR = f.Correction(
    tuple(f.Reference(month, f"FV/{month}", date(2026, month, 15), "accepted", SENT) for month in range(1, 7)),
    "rabat",
    "2",
    period="pierwsze półrocze 2026",
)


def fridge(**facts):
    return line(1, 1, "1626.01", **facts)


def advance_correction(total, sums, reason, effect, total_before, issued, order_total, *rows):
    return invoice(
        "FK/5",
        total,
        sums=sums,
        kind="KOR_ZAL",
        issue_date=day(issued),
        supply_date=day("02-15"),
        third_parties=(CO_BUYER,),
        correction=original("FZ/1", reason=reason, effect=effect, total_before=D(total_before)),
        order=f.Order(D(order_total), rows),
    )


def in_euros(delivered, rates, vat_pln):
    """Examples 20 and 21: the same goods, delivered and converted on different days."""
    goods = ((10, 406), (20, 250), (15, 300))
    return invoice(
        "FV/1",
        "16678.80",
        [
            line(number, *each, supply_date=day(when), cn="8418 21 91", exchange_rate=D(rate))
            for number, (each, when, rate) in enumerate(zip(goods, delivered, rates, strict=True), 1)
        ],
        [("1", 13560, "3118.80", vat_pln)],
        currency="EUR",
        buyer=replace(CUSTOMER, gln="a"),
        payment_terms=due("03-15", accounts=(), factor_accounts=(FACTOR_ACCOUNT,)),
        terms=HAULAGE,
    )


def table(columns, rows, metadata=(), totals=""):
    """Return a table by its shape: types of the columns by their first letters, cells by row."""
    types = {"t": "txt", "d": "date", "i": "int", "n": "dec"}
    return f.Table(
        tuple(("kolumna", types[each]) for each in columns),
        tuple(tuple("-" * cells) for cells in rows),
        "opis",
        tuple(totals),
        metadata,
    )


def electricity(cell):
    tables = (
        table("tdiiiitii", (1, 9)),
        table("ttinni", (1, 6), metadata=(("akcyza", "0,10 zł"),), totals="------"),
        table("ttdiinnni", (1, 9) * 8, totals="-" * 9),
    )
    tables = tuple(
        replace(
            each,
            rows=tuple(tuple(cell for _ in row) if len(row) > 1 else row for row in each.rows),
        )
        for each in tables
    )
    return invoice(
        "FV/1",
        "53.63",
        [
            line(1, None, net="18.00", unit="", unique_id=""),
            line(2, None, net="25.60", unit="", unique_id=""),
        ],
        [("1", "43.60", "10.03")],
        issue_date=day("02-28"),
        supply_period=(day("01-01"), day("02-28")),
        buyer=CUSTOMER,
        remarks=(f.Remark("akcyza", "0,10 zł"),),
        settlement=f.Settlement((f.Charge(D(0), "odsetki"),), (f.Charge(D(0), "nadpłata"),), D("53.63")),
        payment_terms=due("03-15"),
        attachment=(f.DataBlock((("klucz", "wartość"),) * 8, tables=tables),),
    )


EXAMPLES = {
    1: invoice(
        "FV/1",
        2051,
        [fridge(), line(2, 1, "40.65"), line(3, 1, "0.95", tax=VAT5)],
        [("1", "1666.66", "383.33"), ("3", "0.95", "0.05")],
        buyer=CUSTOMER,
        supply_date=day("01-27"),
        is_for_receipt=True,
        remarks=(f.Remark("godziny dowozu", "17:00 - 20:00"),),
        payments=(f.Payment(D(2051), day("01-27"), "6"),),
        payment_terms=BY_TRANSFER,
        terms=f.TransactionTerms(orders=(f.Agreement("Z/1", day("01-26")),)),
    ),
    2: invoice(
        "FK/1",
        -200,
        [fridge(is_before=True), line(1, 1, "1463.41")],
        [("1", "-162.60", "-37.40")],
        kind="KOR",
        issue_date=day("03-15"),
        supply_date=day("01-27"),
        buyer=CUSTOMER,
        correction=original(reason="uszkodzenia", effect="3"),
    ),
    3: invoice(
        "FK/1",
        -200,
        [line(1, 1, "-162.60")],
        [("1", "-162.60", "-37.40")],
        kind="KOR",
        issue_date=day("03-15"),
        supply_date=day("01-27"),
        buyer=CUSTOMER,
        correction=original(reason="uszkodzenia", effect="3"),
    ),
    4: invoice(
        "FV/1",
        "64279.92",
        [
            line(1, 10, "1626.01", supply_date=day("01-03"), cn="8418 21 91"),
            line(2, 20, 1000, 18000, discount=D(100), supply_date=day("01-10"), cn="8418 40 20"),
            line(3, 15, 1200, supply_date=day("01-15"), cn="8422 11 00"),
        ],
        [("1", "52260.10", "12019.82")],
        buyer=CUSTOMER,
        third_parties=(FACTOR,),
        delivery_notes=("WZ/1",),
        settlement=f.Settlement(deductions=(f.Charge(D(1000), "nadwyżka"),), to_pay=D("63279.92")),
        payment_terms=due("03-15", accounts=(), factor_accounts=(FACTOR_ACCOUNT,)),
        terms=HAULAGE,
    ),
    5: invoice(
        "FK/1",
        0,
        kind="KOR",
        issue_date=day("04-01"),
        buyer=replace(CUSTOMER, buyer_key="0001"),
        correction=original(
            reason="nazwa nabywcy", effect="1", buyers_before=(replace(BUYER, name="Inny", buyer_key="0001"),)
        ),
    ),
    6: invoice(
        "FK/1",
        -50000,
        sums=[("1", "-40650.41", "-9349.59")],
        kind="KOR",
        issue_date=day("07-15"),
        buyer=CUSTOMER,
        correction=HALF_YEAR,
    ),
    7: invoice(
        "FK/1",
        -50000,
        [line(1, 1000, tax=None, cn="8418 21 91", unique_id="")],
        [("1", "-40650.41", "-9349.59")],
        kind="KOR",
        issue_date=day("07-15"),
        buyer=CUSTOMER,
        correction=HALF_YEAR,
    ),
    8: invoice(
        "FM/1",
        15000,
        [line(1, tax=MARGIN, gross_price=D(15000), gross=D(15000), gtu="GTU_07", unique_id="")],
        [("11", 15000)],
        issue_date=day("02-27"),
        supply_date=day("01-27"),
        buyer=CUSTOMER,
        annotations=f.Annotations(margin_scheme="3_1"),
        is_for_receipt=True,
        payments=(f.Payment(D(10000), day("01-27"), "1"),),
        payment_terms=f.PaymentTerms(
            (f.Instalment(count=30, unit="Dzień", event="Otrzymanie faktury"),), "6", accounts=(ACCOUNT,)
        ),
    ),
    9: invoice(
        "FV/1",
        2760,
        [line(1, 1, 2000), line(2, 1, 300, tax=EXEMPT)],
        [("1", 2000, 460), ("7", 300)],
        buyer=replace(CUSTOMER, is_local_government=True),
        third_parties=(f.ThirdParty(BUYER, "8"),),
        supply_period=(day("01-01"), day("01-01")),
        remarks=(f.Remark("odsetki", "netto 200, vat 46"),),
        payment_terms=due("03-15"),
    ),
    10: invoice(
        "FZ/1",
        20000,
        sums=[("1", "16260.16", "3739.84")],
        kind="ZAL",
        supply_date=day("02-15"),
        third_parties=(CO_BUYER,),
        remarks=(f.Remark("zadatek", "20000 zł"),),
        payments=(f.Payment(D(20000), day("02-15"), "6"),),
        payment_terms=BY_TRANSFER,
        order=f.Order(D(375150), (ordered(1, 300000, 69000), EXTRAS)),
    ),
    11: advance_correction(
        0,
        [("1", "-15993.6", "-3678.53"), ("2", "18214.94", "1457.19")],
        "stawka",
        "3",
        20000,
        "03-15",
        375150,
        ordered(1, 300000, 69000, before=True),
        FLAT,
        replace(EXTRAS, is_before=True),
        EXTRAS,
    ),
    12: advance_correction(
        10000,
        [("1", "133.28", "30.65"), ("2", "9107.47", "728.60")],
        "kwota",
        "1",
        20000,
        "03-17",
        375150,
        replace(FLAT, is_before=True),
        FLAT,
        replace(EXTRAS, is_before=True),
        EXTRAS,
    ),
    13: advance_correction(
        0,
        [],
        "zamówienie",
        "3",
        30000,
        "03-17",
        337635,
        replace(FLAT, is_before=True),
        ordered(1, 307500, 24600, VAT8),
        replace(EXTRAS, is_before=True),
        ordered(2, 4500, 1035),
    ),
    14: invoice(
        "FV/1",
        307635,
        [line(1, 1, 307500, tax=VAT8, gtu="GTU_10"), line(2, 1, 4500)],
        [("1", "4100.16", "943.04"), ("2", "280177.59", "22414.21")],
        kind="ROZ",
        issue_date=day("08-17"),
        supply_date=day("09-17"),
        third_parties=(CO_BUYER, f.ThirdParty(SELLER, "3")),
        remarks=(f.Remark("a", "1"), f.Remark("b", "2"), f.Remark("c", "3")),
        advances=original().originals,
        payment_terms=due("09-15", "10-15"),
    ),
    15: invoice(
        "FV/1",
        450,
        [line(1, None, tax=None, unit="", unique_id="")],
        [("1", "365.85", "84.15")],
        kind="UPR",
        buyer=NAMELESS,
        place_of_issue="",
        supply_date=day("01-03"),
    ),
    16: invoice(
        "FV/1",
        450,
        [line(1, None, unit="", unique_id="")],
        kind="UPR",
        buyer=NAMELESS,
        place_of_issue="",
        supply_date=day("01-03"),
    ),
    17: invoice(
        "FV/1",
        300000,
        [line(1, 1, 307500, tax=VAT8, gtu="GTU_10"), line(2, 1, 4500)],
        [("1", "3998.40", "919.63"), ("2", "273224.05", "21857.92")],
        kind="ROZ",
        issue_date=day("08-17"),
        supply_date=day("09-17"),
        third_parties=(CO_BUYER,),
        remarks=(f.Remark("do zapłaty", "300000 zł"),),
        advances=original().originals,
    ),
    18: invoice(
        "FK/1",
        7635,
        [
            line(number, 1, price, tax=tax, gtu=gtu, is_before=before)
            for number, price, tax, gtu in ((1, 307500, VAT8, "GTU_10"), (2, 4500, VAT23, ""))
            for before in (True, False)
        ],
        [("1", "101.76", "23.41"), ("2", "6953.54", "556.29")],
        kind="KOR_ROZ",
        issue_date=day("08-17"),
        supply_date=day("09-17"),
        third_parties=(CO_BUYER,),
        correction=original(issued="08-17", reason="kwota", effect="1", total_before=D(300000)),
        advances=original().originals,
    ),
    19: invoice(
        "FM/1",
        3000,
        [
            line(1, tax=MARGIN, gross_price=D(2000), gross=D(2000), unique_id=""),
            line(2, gross_price=D(1000), gross=D(1000), unique_id=""),
        ],
        [("1", 813, 187), ("11", 2000)],
        supply_date=day("01-27"),
        annotations=f.Annotations(margin_scheme="2"),
    ),
    20: in_euros(("02-20", "02-25", "02-26"), ("4.5005",) * 3, "14036.16"),
    21: in_euros(("02-05", "02-10", "02-20"), ("4.4080", "4.5005", "4.3250"), "13768.14"),
    22: invoice(
        "FV/1",
        4000,
        [line(1, 10, 400, tax=INTRA_EU, supply_date=day("01-03"))],
        [("6_2", 4000)],
        currency="EUR",
        buyer=f.Party("Käufer", "DE136695976", "DE", street="Weg 1", city="Berlin", contacts=CONTACT),
    ),
    23: invoice(
        "FV/1",
        8000,
        [line(1, 20, 400, tax=EXPORT, supply_date=day("01-03"))],
        [("6_3", 8000)],
        currency="USD",
        issue_date=day("06-15"),
        buyer=f.Party("Buyer", "999999999", "US", street="Street 1", city="Seattle", contacts=CONTACT),
    ),
    24: electricity("-"),
    25: electricity(""),
    26: invoice(
        "FA/1",
        "31.5",
        [line(1, 10, 3, tax=VAT5, unique_id="")],
        [("3", 30, "1.5")],
        issue_date=day("02-01"),
        seller=f.Party("Sprzedawca", "PL5260250274", "PL", city="Prosta 1, 00-001 Warszawa"),
        buyer=f.Party("Nabywca", "PL5260001246", "PL", city="Krzywa 2, 00-002 Kraków"),
        footers=(),
        registers=(),
        settlement=f.Settlement((f.Charge(D(5), "kaucja"),), to_pay=D("36.5")),
    ),
}
