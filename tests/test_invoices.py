"""A corpus of the invoices that accountants make: each is posted through Odoo, and sealed or refused."""

from collections import defaultdict
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from unittest.mock import patch

from lxml import etree

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import freeze_time
from odoo.tools import file_open

from ..ksef.codes import numbers
from ..ksef.fa3 import checks, writer
from ..ksef.fa3.xml import NAMESPACE
from .common import NOW, KsefOfflineCommon

TODAY = NOW.date()
LONG_NAME = "Wyjątkowo długa nazwa towaru lub usługi, która nie chce się skończyć " * 15
BASIS = "<p>art. 43 ust. 1 pkt 29 ustawy o VAT</p>"
# the endings of P_13_x by P_12, written down again from the information sheet
BOX = {
    "23": "1",
    "8": "2",
    "5": "3",
    None: "5",
    "0 KR": "6_1",
    "0 WDT": "6_2",
    "0 EX": "6_3",
    "zw": "7",
    "np I": "8",
    "np II": "9",
    "oo": "10",
}


def ksef_number(move):
    """Return the KSeF number that an invoice of the tests has: one for each, with its check digits."""
    digits = f"5795955811-20261120-{move.id:012X}"
    return f"{digits}-{numbers.checksum(digits)}"


@freeze_time(NOW)
class InvoiceCorpus(KsefOfflineCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upload(cls.issued())
        with file_open("l10n_pl_edi/data/fa3_schema.xsd", "rb") as file:
            cls.schema = file.read()
        cls.currencies = {
            name: cls.setup_other_currency(name, rates=[("2026-11-20", 1 / rate)])
            for name, rate in (("EUR", 4.2315), ("USD", 3.6402), ("HUF", 0.010873), ("JPY", 0.0241), ("BHD", 9.61))
        }
        cls.currencies["CZK"] = cls.env["res.currency"].with_context(active_test=False).search([("name", "=", "CZK")])
        cls.currencies["CZK"].active = True
        cls.currencies["CZK"].rate_ids.unlink()
        cls.pl, cls.de, cls.gb, cls.gr = (cls.env.ref(f"base.{code}") for code in ("pl", "de", "uk", "gr"))
        cls.firm = cls.new_partner("Odbiorca Sp. z o.o.", cls.pl, vat="PL 526-025-02-74")
        cls.german = cls.new_partner("Müller & Söhne GmbH", cls.de, vat="DE136695976")
        cls.british = cls.new_partner("Smith Ltd", cls.gb, vat="GB980780684")
        cls.exempt = cls.chart_tax("kraj_zw")
        cls.exempt.invoice_legal_notes = BASIS

    @classmethod
    def new_partner(cls, name, country, **values):
        # as numbers stand that were imported, or entered before the country
        return (
            cls.env["res.partner"]
            .with_context(no_vat_validation=True)
            .create(
                {"name": name, "is_company": True, "street": "Testowa 1", "city": "Miasto", "zip": "00-001"}
                | {"country_id": country.id}
                | values
            )
        )

    @classmethod
    def chart_tax(cls, name):
        tax = cls.env.ref(f"account.{cls.company.id}_vs_{name}")
        tax.active = True
        return tax

    @classmethod
    def new_tax(cls, name, amount, **values):
        return cls.env["account.tax"].create(
            {"name": name, "amount": amount, "type_tax_use": "sale", "company_id": cls.company.id} | values
        )

    @classmethod
    def gross(cls, name):
        """The tax of the chart, included in the price."""
        return cls.chart_tax(name).copy({"name": f"{name} included", "price_include_override": "tax_included"})

    def line(self, tax="kraj_23", quantity=1, price=100.0, name="Towar", **values):
        taxes = self.chart_tax(tax) if isinstance(tax, str) else tax
        return Command.create(
            {
                "name": name,
                "quantity": quantity,
                "price_unit": price,
                "tax_ids": [Command.set(taxes.ids if taxes else [])],
            }
            | values
        )

    def invoice(self, *lines, currency=None, **values):
        if currency:
            values["currency_id"] = self.currencies[currency].id
        return self.posted_invoice(invoice_line_ids=list(lines) or [self.line()], **values)

    def accept(self, invoice, state="accepted"):
        """As if KSeF had answered so about an invoice that Odoo has sent."""
        number = state == "accepted" and ksef_number(invoice)
        invoice.sudo().write({"l10n_pl_edi_status": state, "l10n_pl_edi_number": number})

    def credit_note(self, invoice, state="accepted", **changes):
        self.accept(invoice, state)
        refund = invoice._reverse_moves([{"invoice_date": TODAY, "ref": "Zwrot towaru"}])
        if changes:
            refund.invoice_line_ids[0].write(changes)
        refund.action_post()
        return refund

    def seal(self, move):
        move.action_l10n_pl_ksef_issue_offline()
        return move.l10n_pl_ksef_document_id._xml_bytes()

    @contextmanager
    def kind(self, name, *advances):
        """As if there were the sales orders from which Odoo tells advances and settlements."""
        moves = type(self.env["account.move"])
        with (
            patch.object(moves, "_l10n_pl_edi_get_ksef_invoice_type", lambda move: name),
            patch.object(moves, "_l10n_pl_edi_get_related_invoices", lambda move: [each.name for each in advances]),
        ):
            yield


class WholeInvoice(InvoiceCorpus):
    """Issues as an accountant and looks into the file."""

    def file(self, move):
        """Issue an invoice as an accountant, and return the root of its file."""
        move.with_user(self.accountant).action_l10n_pl_ksef_issue_offline()
        return etree.fromstring(move.l10n_pl_ksef_document_id._xml_bytes())

    def told(self, root, path):
        return [node.text for node in root.findall("/".join(f"{{*}}{step}" for step in path.split("/")))]

    def check(self, move, expected):
        """Compare the texts of elements with those expected, {path: text or list of them}."""
        root = self.file(move)
        for path, value in expected.items():
            with self.subTest(path):
                self.assertEqual(self.told(root, path), value if isinstance(value, list) else [value])
        return root

    def remarks(self, root):
        names = ("NrWiersza", "Klucz", "Wartosc")
        return [tuple(each.findtext(f"{{*}}{name}") for name in names) for each in root.iter("{*}DodatkowyOpis")]


@freeze_time(NOW)
class TestSealedInvoices(InvoiceCorpus):
    def check(self, kind, move, **expected):
        """Seal and compare with the schema, with the books, and with what is expected of this kind."""
        with self.subTest(kind):
            xml = self.seal(move)
            self.assertFalse(checks.byte_problems(xml))
            self.assertFalse([str(each) for each in checks.schema_problems(xml, self.schema)])
            root = etree.fromstring(xml)
            self.assert_books(root, move)
            for field, value in expected.items():
                told = [node.text for node in root.iter(f"{{{NAMESPACE}}}{field}")]
                self.assertEqual(told, value if isinstance(value, list) else [value], field)
            return root

    def assert_books(self, root, move):
        """Sum up the books and the file, each on its own, and compare."""
        fa = root.find(f"{{{NAMESPACE}}}Fa")
        told = {etree.QName(node).localname: node.text for node in fa}
        amounts = {name: Decimal(text) for name, text in told.items() if name.startswith(("P_13_", "P_14_"))}
        sign = -1 if move.move_type == "out_refund" else 1
        products = move.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        tax_lines = move.line_ids.filtered("tax_line_id")

        def same(told_amount, amount):
            self.assertAlmostEqual(float(told_amount), amount, 2)

        self.assertEqual(told["P_1"], move.invoice_date.isoformat())
        self.assertEqual(told["P_2"], move.name)
        self.assertEqual(told["KodWaluty"], move.currency_id.name)
        due = root.findtext(f".//{{{NAMESPACE}}}DoZaplaty") or told["P_15"]
        same(due, sign * move.amount_total)
        same(sum(v for k, v in amounts.items() if k.startswith("P_13")), -sum(products.mapped("amount_currency")))
        same(sum(v for k, v in amounts.items() if k.startswith("P_14") and not k.endswith("W")), sign * move.amount_tax)
        if move.currency_id.name == "PLN":
            self.assertFalse([name for name in amounts if name.endswith("W")])
        elif "P_13_5" not in amounts:
            same(sum(v for k, v in amounts.items() if k.endswith("W")), -sum(tax_lines.mapped("balance")))
        rows = fa.findall(f"{{{NAMESPACE}}}FaWiersz")
        self.assertEqual(len(rows), len(products))
        by_box = defaultdict(Decimal)
        for row, line in zip(rows, products, strict=True):
            field = {etree.QName(node).localname: node.text for node in row}
            by_box[f"P_13_{BOX[field.get('P_12')]}"] += Decimal(field["P_11"])
            self.assertAlmostEqual(float(field["P_11"]), sign * line.price_subtotal, delta=0.011)
            quantity, price, discount = (Decimal(field.get(name, "0")) for name in ("P_8B", "P_9A", "P_10"))
            # Rounded, and perhaps a grosz that the books have moved between lines
            self.assertAlmostEqual(quantity * (price - discount), Decimal(field["P_11"]), delta=Decimal("0.015"))
            if line.tax_ids.amount:
                self.assertEqual(float(field.get("P_12") or field["P_12_XII"]), line.tax_ids.amount)
            if move.currency_id.name != "PLN":
                in_zloty = Decimal(field["KursWaluty"]) * Decimal(field["P_11"])
                self.assertAlmostEqual(float(in_zloty), -line.balance, delta=0.03)
        self.assertEqual(by_box, {k: v for k, v in amounts.items() if k.startswith("P_13")})

    def test_rates(self):
        line = self.line
        self.check("23 %", self.invoice(), P_12="23", P_13_1="100.00", P_14_1="23.00", P_15="123.00", BrakID="1")
        self.check("23 % on services", self.invoice(line("kraj_usl_23")), P_12="23")
        self.check("8 %", self.invoice(line("kraj_8")), P_12="8", P_13_2="100.00", P_14_2="8.00")
        self.check("5 %", self.invoice(line("kraj_5")), P_12="5", P_13_3="100.00", P_14_3="5.00", P_19N="1")
        self.check("0 % at home", self.invoice(line("kraj_0")), P_12="0 KR", P_13_6_1="100.00")
        self.check("0 % for travellers", self.invoice(line("zwrot_podróżnych_0")), P_12="0 KR", P_13_6_1="100.00")
        rates = ("kraj_23", "kraj_8", "kraj_5", "kraj_0", "kraj_23")
        several = self.invoice(*(line(rate, price=33.33) for rate in rates))
        self.check("several rates", several, P_12=["23", "8", "5", "0 KR", "23"], P_13_1="66.66", P_14_1="15.33")
        own = self.new_tax("My 23 %", 23.0)
        self.check("a tax without grids", self.invoice(line(own)), P_12="23", P_14_1="23.00")
        group = self.new_tax("Group", 0, amount_type="group", children_tax_ids=[Command.set(own.ids)])
        with self.subTest("a group of taxes"):
            root = etree.fromstring(self.seal(self.invoice(line(group))))
            self.assertEqual(root.findtext(f".//{{{NAMESPACE}}}P_12"), "23")
        account = self.company_data["default_account_tax_sale"].copy({"reconcile": True})
        on_payment = {"tax_exigibility": "on_payment", "cash_basis_transition_account_id": account.id}
        cash = self.new_tax("Cash 23 %", 23.0, **on_payment)
        self.check("cash method", self.invoice(line(cash)), P_16="1", P_12="23", P_13_1="100.00", P_14_1="23.00")

    def test_exemptions(self):
        exempt = self.invoice(self.line("kraj_zw"))
        basis = "art. 43 ust. 1 pkt 29 ustawy o VAT"
        self.check("exempt by the act", exempt, P_12="zw", P_13_7="100.00", P_19="1", P_19A=basis, P_19N=[])
        self.exempt.invoice_legal_notes = "<p>art. 135 dyrektywy 2006/112/WE</p>"
        by_directive = self.invoice(self.line("kraj_zw"), self.line())
        self.check("exempt by the directive", by_directive, P_12=["zw", "23"], P_19B="art. 135 dyrektywy 2006/112/WE")
        for words, field in (
            ("Article 43(1)(29) of the VAT Act", "P_19A"),
            ("Art 43 ust 1 pkt 29", "P_19A"),
            ("artykuł 43 ustęp 1 punkt 29 ustawy", "P_19A"),
            ("§ 3 ust. 1 pkt 1 rozporządzenia", "P_19A"),
            ("Article 135 of Directive 2006/112/EC", "P_19B"),
            ("Dyrektywa Rady, art. 132", "P_19B"),
            ("Porozumienie o siedzibie", "P_19C"),
        ):
            self.exempt.invoice_legal_notes = words
            self.check(words, self.invoice(self.line("kraj_zw")), **{field: words})
        self.exempt.invoice_legal_notes = False
        position = self.env["account.fiscal.position"].create({"name": "NATO", "note": "<p>Umowa międzynarodowa</p>"})
        other = self.invoice(self.line("kraj_zw"), fiscal_position_id=position.id)
        self.check("exempt otherwise", other, P_19C="Umowa międzynarodowa")

    def test_abroad(self):
        line, german = self.line, {"partner_id": self.german.id}
        wdt = self.invoice(line("unia"), **german)
        self.check(
            "to the EU, PLN", wdt, P_12="0 WDT", P_13_6_2="100.00", KodUE="DE", NrVatUE="136695976", NIP="5795955811"
        )
        wdt = self.invoice(line("unia", 3, 99.99), currency="EUR", **german)
        self.check("to the EU, EUR", wdt, P_15="299.97", KursWaluty="4.2315", KursWalutyZ=[], PrefiksPodatnika="PL")
        service = self.invoice(line("dostu"), currency="EUR", **german)
        self.check("EU service", service, P_12="np II", P_13_9="100.00", P_13_8=[], P_18="1")
        greek = self.new_partner("Ελλάς ΑΕ", self.gr, vat="EL094259216")
        self.check("to Greece", self.invoice(line("unia"), partner_id=greek.id), KodUE="EL", NrVatUE="094259216")
        both = self.invoice(line("unia"), line("dostu"), **german)
        unrated = self.invoice(line("unia"), currency="CZK", **german)
        with self.subTest("to the EU, no exchange rate, no VAT to work out with it"):
            self.assertNotIn(b"Kurs", self.seal(unrated))
        self.check("goods and services", both, P_13_6_2="100.00", P_13_9="100.00", P_12=["0 WDT", "np II"])
        triangular = self.invoice(line("unia_triangular"), **german)
        self.check("triangular", triangular, P_23="1", P_12="np I", P_13_8="100.00", Procedura="TT_D", P_13_6_2=[])
        british = {"partner_id": self.british.id}
        self.check("export", self.invoice(line("eksp_tow"), currency="USD", **british), P_12="0 EX", P_13_6_3="100.00")
        service = self.invoice(line("ekspu"), currency="USD", **british)
        self.check("service outside the EU", service, P_12="np I", P_13_8="100.00", KodKraju=["PL", "GB", "GB"])
        steel = self.invoice(line("stal"), partner_id=self.firm.id)
        self.check("domestic reverse charge", steel, P_12="oo", P_13_10="100.00", P_18="1")
        oss_tag = self.env["account.account.tag"].create({"name": "OSS", "applicability": "taxes"})
        repartition = [Command.create({"repartition_type": kind, "tag_ids": oss_tag.ids}) for kind in ("base", "tax")]
        oss = self.new_tax("19% DE", 19.0, invoice_repartition_line_ids=repartition)
        consumer = self.new_partner("Erika Mustermann", self.de, is_company=False)
        self.check(
            "OSS",
            self.invoice(line(oss), partner_id=consumer.id),
            P_12=[],
            P_12_XII="19",
            P_13_5="100.00",
            P_14_5="19.00",
        )

    def test_prices(self):
        line = self.line
        tenth = self.invoice(line(quantity=2, price=450.0, discount=10.0))
        self.check("discount", tenth, P_9A="450.00", P_10="45.00", P_11="810.00")
        odd = self.invoice(line(quantity=3, price=9.99, discount=7.5))
        self.check("odd discount", odd, P_9A="9.99", P_10="0.74925", P_11="27.72")
        self.check("all for nothing", self.invoice(line(discount=100.0)), P_10="100.00", P_11="0.00", P_15="0.00")
        self.check("surcharge", self.invoice(line(discount=-10.0)), P_11="110.00", P_15="135.30")
        self.check("free of charge", self.invoice(line(), line(price=0.0)), P_9A=["100.00", "0.00"], P_15="123.00")
        self.check("discount line", self.invoice(line(), line(price=-20.0)), P_11=["100.00", "-20.00"], P_15="98.40")
        self.check("taken back", self.invoice(line(), line(quantity=-1, price=20.0)), P_8B=["1", "-1"], P_15="98.40")
        self.check("part of a piece", self.invoice(line(quantity=0.33, price=99.99)), P_8B="0.33", P_11="33.00")
        gross = self.gross("kraj_23")
        self.check("gross price", self.invoice(line(gross, 2, 123.0)), P_9A="100.00", P_11="200.00", P_15="246.00")
        self.check("odd gross price", self.invoice(line(gross, 3, 9.99)), P_11="24.37", P_15="29.97")
        discounted = self.invoice(line(gross, 2, 123.0, discount=10.0))
        self.check("gross price, discount", discounted, P_9A="100.00", P_10="10.00", P_11="180.00")
        mixed = self.invoice(*(line(gross, 1, 0.99) for _number in range(7)), line("kraj_8", price=0.33))
        self.check("many gross prices", mixed)
        with self.subTest("gross price, rounded globally"):
            self.company.tax_calculation_rounding_method = "round_globally"
            self.check("rounded globally", self.invoice(*(line(gross, 1, 0.99) for _number in range(7))))
            self.check("rounded globally, net", self.invoice(*(line(price=0.07) for _number in range(7))))
            moved = self.invoice(line(quantity=8, price=67.21, discount=10.0))
            self.check("a grosz is in P_11 alone", moved, P_9A="67.21", P_10="6.721")
            part = self.invoice(line(quantity=0.33, price=3.33))
            self.check("part of a piece, rounded globally", part, P_9A="3.33")
        self.env.ref("product.decimal_price").digits = 6
        self.check(
            "price of six decimals", self.invoice(line(quantity=1000, price=0.012345)), P_9A="0.012345", P_11="12.35"
        )

    def test_currencies(self):
        line = self.line
        euro = self.invoice(line(), currency="EUR", partner_id=self.firm.id)
        self.check("euro", euro, P_13_1="100.00", P_14_1="23.00", P_14_1W="97.32", P_15="123.00", KursWaluty="4.2315")
        rates = self.invoice(line("kraj_5"), line("kraj_8"), line(), currency="USD")
        self.check("several rates", rates, P_14_1W="83.72", P_14_2W="29.12", P_14_3W="18.20", KursWaluty=["3.6402"] * 3)
        self.check("small unit", self.invoice(line(price=12345.0), currency="HUF"), KursWaluty="0.010873")
        yen = self.invoice(line(quantity=3, price=3333), currency="JPY")
        self.check("no decimals", yen, P_9A="3333.00", P_11="9999.00", P_14_1="2300.00", P_15="12299.00")
        gross = self.invoice(line(self.gross("kraj_8"), 3, 9.99, discount=5.0), currency="EUR")
        self.check("gross price", gross, P_15="28.47")

    def test_texts(self):
        line, note = self.line, {"display_type": "line_note", "name": "Dziękujemy"}
        section = {"display_type": "line_section", "name": "Meble"}
        told = self.invoice(Command.create(section), line(), Command.create(note), line())
        self.check("notes and sections", told, NrWierszaFa=["1", "2"])
        root = self.check("long name", self.invoice(line(), line(name=LONG_NAME)))
        parts = [root.findall(f".//{{{NAMESPACE}}}P_7")[1], *root.iter(f"{{{NAMESPACE}}}Wartosc")]
        self.assertEqual(" ".join(part.text for part in parts), LONG_NAME.strip())
        dirty = self.invoice(line(name="Krzesło\x0b <dębowe> & \x92stół\ufdd0\n\nraz"))
        self.check("characters", dirty, P_7="Krzesło <dębowe> & stół raz")
        odd = self.new_partner("Zażółć\x7f „Gęślą”  Jaźń", self.pl, vat="/", phone="(+48) 42 123 45 67 w. 89")
        self.check(
            "odd buyer", self.invoice(partner_id=odd.id), Nazwa=[self.company.name, "Zażółć „Gęślą” Jaźń"], Email=[]
        )
        split = self.invoice(line(price=20000.0), partner_id=self.firm.id, narration="Mechanizm podzielonej płatności")
        self.check("split payment", split, P_18A="1", NIP=["5795955811", "5260250274"])
        self.check("no split payment", self.invoice(line(price=20000.0), partner_id=self.firm.id), P_18A="2")
        for words in (
            "MECHANIZM&nbsp;PODZIELONEJ&nbsp;PŁATNOŚCI",
            "mechanizm<br/>podzielonej<br/>płatności",
            "<p>Mechanizm <b>podzielonej</b> płat<i>ności</i></p>",
            "<p>mechanizm</p><p>podzielonej płatności</p>",
            "mechanizm ​podzielonej  \n płatności",
        ):
            with self.subTest(words):
                move = self.invoice(line(price=20000.0), partner_id=self.firm.id, narration=words)
                self.check(words, move, P_18A="1")
        delivered = self.invoice(delivery_date=TODAY - timedelta(days=3))
        self.check("delivered before", delivered, P_6="2026-11-20")
        self.check("delivered today", self.invoice(delivery_date=TODAY), P_6=[])
        bank = self.env["res.partner.bank"].create(
            {
                "acc_number": "PL61 1090 1014 0000 0712 1981 2874",
                "partner_id": self.company.partner_id.id,
                "allow_out_payment": True,
            }
        )
        self.check("account without bank", self.invoice(partner_bank_id=bank.id), NazwaBanku=[])
        for values, left in (
            ({"acc_number": "123456"}, {"NrRB": []}),
            ({"acc_number": "PL27 1140 2004 0000 3002 0135 5387"}, {"NazwaBanku": "B" * 256}),
        ):
            odd_bank = self.env["res.bank"].create({"name": "B" * 300})
            account = {"partner_id": self.company.partner_id.id, "allow_out_payment": True, "bank_id": odd_bank.id}

            bank = self.env["res.partner.bank"].create(account | values)
            self.check("odd account", self.invoice(partner_bank_id=bank.id), **left)
        self.firm.email = f"{'x' * 290}@example.com"
        self.check("long e-mail", self.invoice(partner_id=self.firm.id), RodzajFaktury="VAT")
        terms = self.env.ref("account.account_payment_term_30days")
        typed = self.invoice(invoice_payment_term_id=terms.id)
        self.check("due by the terms", typed, Termin="2026-12-23", Ilosc="30")
        typed = self.draft_invoice(invoice_line_ids=[self.line()], invoice_payment_term_id=terms.id)
        typed.action_post()
        typed.invoice_date_due = "2026-12-01"
        self.assertEqual(typed.invoice_payment_term_id, terms)
        self.check("due date typed", typed, Termin="2026-12-01", Ilosc=[])
        self.company.phone = "+48 42 123 45 67"
        self.company.email = False
        self.check("phone without email", self.invoice(), Telefon="+48 42 123 45 67")

    def test_roundings_and_payments(self):
        rounding = self.env["account.cash.rounding"].create(
            {
                "name": "Pełne złote",
                "rounding": 1.0,
                "strategy": "add_invoice_line",
                "profit_account_id": self.company_data["default_account_revenue"].id,
                "loss_account_id": self.company_data["default_account_expense"].id,
            }
        )
        rounded = self.invoice(self.line(price=99.0), invoice_cash_rounding_id=rounding.id)
        sums = {"P_13_1": "99.00", "P_14_1": "22.77", "P_15": "121.77"}
        self.check("cash rounding", rounded, Kwota="0.23", Powod="Zaokrąglenie", DoZaplaty="122.00", **sums)
        paid, partly = self.invoice(), self.invoice()
        for move, amounts in ((paid, [123.0]), (partly, [23.0])):
            for amount in amounts:
                self.env["account.payment.register"].with_context(
                    active_model="account.move", active_ids=move.ids
                ).create({"amount": amount})._create_payments()
        self.check("paid", paid, Zaplacono="1", DataZaplaty="2026-11-23")
        self.check("partly paid", partly, ZnacznikZaplatyCzesciowej="1", KwotaZaplatyCzesciowej="23.00")

    def test_corrections(self):
        whole = self.credit_note(self.invoice(self.line(quantity=2, discount=10.0)))
        self.check(
            "all taken back",
            whole,
            RodzajFaktury="KOR",
            NrKSeF="1",
            NrKSeFFaKorygowanej=whole.reversed_entry_id.l10n_pl_edi_number,
            NrKSeFN=[],
            P_8B="-2",
            P_10="10.00",
            P_15="-221.40",
            TypKorekty="2",
        )
        part = self.credit_note(self.invoice(self.line(quantity=3)), quantity=1)
        self.check("one of three taken back", part, P_8B="-1", P_13_1="-100.00", P_14_1="-23.00")
        euro = self.invoice(self.line("kraj_8"), self.line(), currency="EUR")
        self.check("euro", self.credit_note(euro), P_15="-231.00", P_14_1W="-97.32")
        gross = self.invoice(self.line(self.gross("kraj_23"), 3, 9.99))
        self.check("gross price", self.credit_note(gross), P_15="-29.97")
        without_number = {"NrKSeF": [], "NrKSeFFaKorygowanej": [], "NrKSeFN": "1"}
        outside = self.invoice()
        outside.with_user(self.accountant).l10n_pl_ksef_outside = True
        self.assertEqual(outside.l10n_pl_ksef_jpk_mark, "BFK")
        self.check("of one issued outside KSeF", self.credit_note(outside, False), **without_number)
        failure = self.env["l10n_pl_ksef.announcement"].create(
            {"kind": "total_failure", "start": NOW.replace(tzinfo=None), "title": "TVP"}
        )
        in_failure = self.invoice()
        in_failure.with_user(self.accountant).action_l10n_pl_ksef_issue_offline()
        failure.action_retract()
        self.check("of one issued in total failure", self.credit_note(in_failure, False), **without_number)

    def test_advances(self):
        advance = self.invoice(self.line(price=30.0, name="Zaliczka"), currency="EUR")
        with self.kind("ZAL"):
            self.check("advance", advance, RodzajFaktury="ZAL", KursWalutyZ="4.2315", P_15="36.90")
        self.accept(advance)
        rest = self.invoice(self.line(), self.line(price=-30.0, name="Zaliczka"), currency="EUR")
        with self.kind("ROZ", advance):
            self.check(
                "settlement",
                rest,
                RodzajFaktury="ROZ",
                NrKSeFFaZaliczkowej=ksef_number(advance),
                NrKSeFZN=[],
                P_15="86.10",
            )
        outside = self.invoice(self.line(price=30.0, name="Zaliczka"))
        outside.with_user(self.accountant).l10n_pl_ksef_outside = True
        rest = self.invoice(self.line(), self.line(price=-30.0, name="Zaliczka"))
        with self.kind("ROZ", outside):
            self.check("advance outside KSeF", rest, NrKSeFFaZaliczkowej=[], NrKSeFZN="1", NrFaZaliczkowej=outside.name)


@freeze_time(NOW)
class TestRefusedInvoices(InvoiceCorpus):
    def test_each_reason(self):
        line, partner = self.line, self.new_partner
        none = self.env["account.tax"]
        nowhere = self.env["res.country"]
        homeless = {"street": False, "city": False}
        for kind, words, lines, values in (
            ("no country", "has no country", [], {"partner_id": partner("X", nowhere, is_company=False).id}),
            (
                "no address",
                "without an address",
                [],
                {"partner_id": partner("X", self.de, **homeless).id},
            ),
            ("Polish firm without NIP", "company without a NIP", [], {"partner_id": partner("X", self.pl).id}),
            ("wrong NIP", "not a valid NIP", [], {"partner_id": partner("X", self.pl, vat="PL5260250275").id}),
            ("short NIP", "not a valid NIP", [], {"partner_id": partner("X", self.pl, vat="526025027").id}),
            ("long name", "more than 512", [], {"partner_id": partner("X" * 513, self.pl, vat="5260250274").id}),
            ("no tax", "Line 2 has no tax", [line(), line(none)], {}),
            ("two taxes", "several taxes", [line(self.chart_tax("kraj_23") + self.chart_tax("kraj_8"))], {}),
            ("unknown rate", "no rate for the tax VAT 12", [line(self.new_tax("VAT 12", 12.0))], {}),
            ("0 % without grid", "why it is 0", [line(self.new_tax("Zero", 0.0))], {}),
            ("a fixed fee", "no rate for", [line(self.new_tax("Fee", 1.0, amount_type="fixed"))], {}),
            ("exempt without reason", "without its legal basis", [line("kraj_zw_gold")], {}),
            ("0 % EU to a Polish firm", "rate 0 WDT", [line("unia")], {"partner_id": self.firm.id}),
            ("0 % EU to a Briton", "rate 0 WDT", [line("unia")], {"partner_id": self.british.id}),
            ("EU service to a consumer", "rate np II", [line("dostu")], {}),
            ("reverse charge to a consumer", "reverse charge", [line("stal")], {}),
            ("tomorrow", "in the future", [], {"invoice_date": TODAY + timedelta(days=1)}),
            ("no exchange rate", "no exchange rate of CZK", [line()], {"currency": "CZK"}),
            ("no name", "Line 1 has no description", [line(name="")], {}),
            ("a blank", "Line 1 has no description", [line(name=" ")], {}),
            ("breaks", "Line 2 has no description", [line(), line(name="\n \t\n")], {}),
            ("no-break space", "Line 1 has no description", [line(name="\u00a0")], {}),
            ("nothing to see", "Line 1 has no description", [line(name="\u200b\ufeff\u2060")], {}),
            ("a PESEL", "is a PESEL", [], {"partner_id": partner("X", self.pl, vat="44051401359").id}),
            (
                "0 % EU to a German tax number",
                "valid VAT number",
                [line("unia")],
                {"partner_id": partner("X", self.de, vat="1234567890").id},
            ),
            (
                "0 % EU to a wrong VAT number",
                "valid VAT number",
                [line("unia")],
                {"partner_id": partner("X", self.de, vat="DE136695977").id},
            ),
            (
                "0 % EU to Northern Ireland, wrong",
                "valid VAT number",
                [line("unia")],
                {"partner_id": partner("X", self.gb, vat="XI123456789").id},
            ),
            ("three decimals", "more than two decimals", [line(quantity=3, price=1.111)], {"currency": "BHD"}),
        ):
            with self.subTest(kind):
                self.assert_refused(self.invoice(*lines, **values), words)

    def test_of_the_company(self):
        move = self.invoice()
        for field, value, words in (
            ("vat", "PL5795955812", "has no valid NIP"),
            ("vat", False, "has no valid NIP"),
            ("country_id", False, "address of"),
            ("country_id", self.env.ref("base.de").id, "seat outside Poland"),
        ):
            with self.subTest(field, value=value):
                kept = self.company[field].id if field == "country_id" else self.company[field]
                self.company.with_context(no_vat_validation=True)[field] = value
                self.assert_refused(move, words)
                self.company[field] = kept
        self.company.write({"street": False, "city": False})
        self.assert_refused(move, "address of")

    def test_self_billing(self):
        """Odoo's file of a bill would name the company, which is the buyer, as the seller."""
        self.company.l10n_pl_edi_register = True
        journal = self.company_data["default_journal_purchase"]
        journal.is_self_billing = True
        bill = self.invoice(move_type="in_invoice", journal_id=journal.id, partner_id=self.firm.id)
        self.assert_refused(bill, "is a self-billed invoice")
        self.assertIn("seller", bill.alerts["l10n_pl_ksef_self_billed"]["message"])
        for move, is_applicable in ((bill, False), (self.invoice(), True)):
            edi = self.env["account.move.send"]._get_all_extra_edis()["pl_ksef"]
            self.assertEqual(bool(edi["is_applicable"](move)), is_applicable)

        rounding = self.env["account.cash.rounding"].create(
            {"name": "W podatku", "rounding": 1.0, "strategy": "biggest_tax"}
        )
        self.assert_refused(self.invoice(self.line(price=99.0), invoice_cash_rounding_id=rounding.id), "is not what")

    def test_issued_outside(self):
        outside, sealed = self.invoice(), self.invoice()
        outside.with_user(self.accountant).l10n_pl_ksef_outside = True
        self.assert_refused(outside, "cannot be issued offline")
        self.company.l10n_pl_edi_register = True
        edi = self.env["account.move.send"]._get_all_extra_edis()["pl_ksef"]
        self.assertFalse(edi["is_applicable"](outside))
        self.seal(sealed)
        with self.assertRaisesRegex(ValidationError, "on its way to KSeF"), self.env.cr.savepoint():
            sealed.with_user(self.accountant).l10n_pl_ksef_outside = True

    def test_corrections_wait_for_the_number(self):
        for state, words in (("sent", "still working on"), ("rejected", "KSeF rejected"), (False, "send that invoice")):
            with self.subTest(state):
                self.assert_refused(self.credit_note(self.invoice(), state), words)
        original = self.invoice()
        self.seal(original)
        self.assert_refused(self.credit_note(original, False), "issued offline and has no KSeF number yet")
        self.assert_refused(self.invoice(move_type="out_refund"), "which invoice it corrects")

    def test_all_at_once_each_with_what_to_open(self):
        stranger = self.new_partner("Obcy", self.env["res.country"])
        tax = self.new_tax("VAT 12", 12.0)
        move = self.invoice(self.line(tax), self.line(self.env["account.tax"]), partner_id=stranger.id)
        self.company.street = self.company.city = False
        self.assert_refused(move, "(?s)address of.*has no country.*Line 2 has no tax.*no rate for the tax VAT 12")
        opened = [
            (alert["action"]["res_model"], alert["action"]["res_id"]) if "action" in alert else None
            for key, alert in move.alerts.items()
            if key.startswith("l10n_pl_ksef_problem")
        ]
        self.assertEqual(
            opened, [("res.company", self.company.id), ("res.partner", stranger.id), None, ("account.tax", tax.id)]
        )

    def test_a_file_that_contradicts_the_books(self):
        """Whatever is written one day: a field that is wrong is noticed."""
        for what, old, new, words in (
            ("the schema", "<RodzajFaktury>VAT", "<RodzajFaktury>XYZ", "Fa/RodzajFaktury"),
            ("the amount", "<P_15>123.00", "<P_15>124.00", "P_15 of the XML would say 124.00"),
            ("the rate", "<P_12>23", "<P_12>22", "FaWiersz/P_12"),
            ("the number", "<P_8B>1<", "<P_8B>2<", "FaWiersz/P_8B"),
        ):
            write = writer.write

            def spoilt(facts, generated_at, write=write, old=old, new=new):
                return write(facts, generated_at).replace(old.encode(), new.encode())

            with self.subTest(what), patch.object(writer, "write", spoilt):
                self.assert_refused(self.invoice(), words)

    def assert_refused(self, move, words):
        with self.assertRaisesRegex(UserError, words):
            self.seal(move)
        self.assertFalse(move.l10n_pl_ksef_document_id)
