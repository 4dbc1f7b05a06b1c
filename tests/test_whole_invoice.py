"""What the printed invoice says, the file says: each in the field that FA(3) has for it."""

from datetime import date

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form, freeze_time

from .common import NOW
from .test_invoices import WholeInvoice


@freeze_time(NOW)
class TestWholeInvoice(WholeInvoice):
    def test_order_delivery_and_the_buyers_number(self):
        self.firm.ref = "K-0017"
        move = self.invoice(
            partner_id=self.firm.id,
            ref="ZAM/2026/11/7",
            invoice_origin="S00012, S00013",
            invoice_incoterm_id=self.env.ref("account.incoterm_EXW").id,
            incoterm_location="Łódź, magazyn 3",
        )
        self.check(
            move,
            {
                "Fa/WarunkiTransakcji/Zamowienia/NrZamowienia": ["ZAM/2026/11/7", "S00012", "S00013"],
                "Fa/WarunkiTransakcji/WarunkiDostawy": "EXW Łódź, magazyn 3",
                "Podmiot2/NrKlienta": "K-0017",
            },
        )

    def test_products(self):
        product = self.env["product.product"].create(
            {"name": "Śruba M6", "default_code": "SR-M6", "barcode": "5901234123457", "type": "consu"}
        )
        other = self.env["product.product"].create({"name": "Bez kodu", "barcode": "wewnętrzny 1"})
        move = self.invoice(self.line(product_id=product.id), self.line(product_id=other.id))
        self.check(move, {"Fa/FaWiersz/Indeks": "SR-M6", "Fa/FaWiersz/GTIN": "5901234123457"})

    def test_notes_titles_and_narration(self):
        def text(kind, name, sequence):
            return Command.create({"display_type": kind, "name": name, "sequence": sequence})

        move = self.invoice(
            text("line_section", "Etap I", 1),
            self.line(name="Projekt", sequence=2),
            text("line_note", "Do uzgodnienia z inwestorem", 3),
            text("line_section", "Etap II", 4),
            text("line_note", "Cały etap w maju", 5),
            self.line(name="Budowa", sequence=6),
            narration="<p>Dziękujemy<br/>za współpracę</p>",
            payment_reference="FV 7/2026 za projekt",
        )
        self.assertEqual(
            self.remarks(self.file(move)),
            [
                ("1", "Sekcja", "Etap I"),
                ("1", "Uwaga", "Do uzgodnienia z inwestorem"),
                (None, "Uwaga", "Cały etap w maju"),
                ("2", "Sekcja", "Etap II"),
                (None, "Uwagi", "Dziękujemy za współpracę"),
                (None, "Tytuł przelewu", "FV 7/2026 za projekt"),
            ],
        )

    def test_a_long_text_goes_on(self):
        words = " ".join(f"słowo{number}" for number in range(100))
        parts = [value for _row, key, value in self.remarks(self.file(self.invoice(narration=words))) if key == "Uwagi"]
        self.assertGreater(len(parts), 1)
        self.assertEqual(" ".join(parts), words)

    def test_instalments(self):
        terms = self.env["account.payment.term"].create(
            {
                "name": "30 % w 7 dni, 70 % w 45 dni",
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": 70, "nb_days": 45}),
                    Command.create({"value": "percent", "value_amount": 30, "nb_days": 7}),
                ],
            }
        )
        path = "Fa/Platnosc/TerminPlatnosci"
        self.check(
            self.invoice(self.line(price=1000), invoice_payment_term_id=terms.id),
            {
                f"{path}/Termin": ["2026-11-30", "2027-01-07"],
                f"{path}/TerminOpis/Ilosc": ["7", "45"],
                f"{path}/TerminOpis/ZdarzeniePoczatkowe": [
                    "Data wystawienia faktury; rata 369.00 PLN",
                    "Data wystawienia faktury; rata 861.00 PLN",
                ],
            },
        )

    def test_instalments_of_one_day_are_one(self):
        parts = ((30, 7), (30, 7), (40, 45))
        terms = self.env["account.payment.term"].create(
            {
                "name": "30 % i 30 % w 7 dni, 40 % w 45 dni",
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": size, "nb_days": days}) for size, days in parts
                ],
            }
        )
        path = "Fa/Platnosc/TerminPlatnosci"
        self.check(
            self.invoice(self.line(price=1000), invoice_payment_term_id=terms.id),
            {f"{path}/Termin": ["2026-11-30", "2027-01-07"], f"{path}/TerminOpis/Ilosc": ["7", "45"]},
        )

    def test_discount_for_early_payment(self):
        terms = self.env["account.payment.term"].create(
            {
                "name": "30 dni, 2 % w 7 dni",
                "early_discount": True,
                "discount_percentage": 2.5,
                "discount_days": 7,
                "line_ids": [Command.create({"value": "percent", "value_amount": 100, "nb_days": 30})],
            }
        )
        self.check(
            self.invoice(invoice_payment_term_id=terms.id),
            {
                "Fa/Platnosc/Skonto/WarunkiSkonta": "Zapłata w ciągu 7 dni od daty wystawienia, do 2026-11-30",
                "Fa/Platnosc/Skonto/WysokoscSkonta": "2,5 %",
            },
        )

    def test_deposits_are_settled_beside_the_invoice(self):
        deposit = self.line(tax=None, quantity=10, price=0.5, name="Kaucja za butelki zwrotne")
        root = self.check(
            self.invoice(self.line(price=100), deposit),
            {
                "Fa/P_13_1": "100.00",
                "Fa/P_15": "123.00",
                "Fa/FaWiersz/P_7": "Towar",
                "Fa/Rozliczenie/Obciazenia/Kwota": "5.00",
                "Fa/Rozliczenie/Obciazenia/Powod": "Kaucja za butelki zwrotne",
                "Fa/Rozliczenie/SumaObciazen": "5.00",
                "Fa/Rozliczenie/DoZaplaty": "128.00",
            },
        )
        self.assertFalse(self.told(root, "Fa/Rozliczenie/Odliczenia"))
        returned = self.line(tax=None, quantity=-4, price=0.5, name="Zwrot KAUCJI")
        self.check(
            self.invoice(self.line(price=100), returned),
            {
                "Fa/P_15": "123.00",
                "Fa/Rozliczenie/Odliczenia/Kwota": "2.00",
                "Fa/Rozliczenie/DoZaplaty": "121.00",
            },
        )
        with self.assertRaisesRegex(UserError, "Line 1 has no tax"):
            self.file(self.invoice(self.line(tax=None, name="Butelki")))

    def test_a_section_that_is_printed_as_one_line(self):
        section = Command.create(
            {"display_type": "line_section", "name": "Zestaw", "sequence": 1, "collapse_composition": True}
        )
        move = self.invoice(
            section,
            self.line(name="Stół", price=300, sequence=2),
            self.line(name="Krzesło", price=50.5, quantity=4, sequence=3),
            self.line("kraj_8", name="Transport", price=80, sequence=4),
        )
        self.check(
            move,
            {
                "Fa/FaWiersz/P_7": ["Zestaw", "Zestaw"],
                "Fa/FaWiersz/P_11": ["502.00", "80.00"],
                "Fa/FaWiersz/P_12": ["23", "8"],
                "Fa/P_13_1": "502.00",
                "Fa/DodatkowyOpis/Klucz": [],
            },
        )

    def test_registers_and_footer(self):
        self.company.report_footer = "<p>KRS 0000123456, REGON: 123456785</p><p>BDO 000123456</p>"
        self.check(
            self.invoice(),
            {
                "Stopka/Rejestry/KRS": "0000123456",
                "Stopka/Rejestry/REGON": "123456785",
                "Stopka/Rejestry/BDO": "000123456",
                "Stopka/Informacje/StopkaFaktury": "KRS 0000123456, REGON: 123456785 BDO 000123456",
            },
        )

    def test_contact_of_the_invoice(self):
        office = self.env["res.partner"].create(
            {
                "name": "Dział faktur",
                "type": "invoice",
                "parent_id": self.firm.id,
                "street": "Skrytka 5",
                "city": "Kraków",
                "zip": "30-001",
                "country_id": self.pl.id,
                "email": "faktury@example.com",
                "phone": "+48 12 345 67 89",
            }
        )
        self.check(
            self.invoice(partner_id=office.id),
            {
                "Podmiot2/DaneIdentyfikacyjne/NIP": "5260250274",
                "Podmiot2/Adres/AdresL1": "Testowa 1",
                "Podmiot2/AdresKoresp/AdresL1": "Skrytka 5",
                "Podmiot2/AdresKoresp/AdresL2": "30-001 Kraków",
                "Podmiot2/DaneKontaktowe/Email": "faktury@example.com",
            },
        )

    def test_who_gets_the_goods(self):
        school = self.env["res.partner"].create(
            {
                "name": "Szkoła Podstawowa nr 7",
                "type": "delivery",
                "parent_id": self.firm.id,
                "street": "Szkolna 7",
                "city": "Miasto",
                "country_id": self.pl.id,
            }
        )
        other = self.new_partner("Odbiorca Inny S.A.", self.pl, vat="PL7740001454")
        for marks, shipping, expected in (
            ({}, school, {"JST": "2", "GV": "2", "role": "2"}),
            ({"l10n_pl_ksef_local_government": True}, school, {"JST": "1", "GV": "2", "role": "8"}),
            ({"l10n_pl_ksef_vat_group": True}, school, {"JST": "2", "GV": "1", "role": "10"}),
            ({}, other, {"JST": "2", "GV": "2", "role": "2"}),
        ):
            self.firm.write({"l10n_pl_ksef_local_government": False, "l10n_pl_ksef_vat_group": False} | marks)
            with self.subTest(expected, to=shipping.name):
                root = self.check(
                    self.invoice(partner_id=self.firm.id, partner_shipping_id=shipping.id),
                    {
                        "Podmiot2/JST": expected["JST"],
                        "Podmiot2/GV": expected["GV"],
                        "Podmiot3/Rola": expected["role"],
                        "Podmiot3/DaneIdentyfikacyjne/Nazwa": shipping.name,
                        "Podmiot3/DaneIdentyfikacyjne/NIP": ["7740001454"] if shipping == other else [],
                    },
                )
                self.assertEqual(len(self.told(root, "Podmiot3/Adres/AdresL1")), 1)
        self.assertFalse(self.told(self.file(self.invoice(partner_id=other.id)), "Podmiot3"))

    def test_other_parties(self):
        """Entered on the invoice by an accountant, until it is issued."""
        factor = self.new_partner("Faktor S.A.", self.pl, vat="PL7740001454")
        owner = self.new_partner("Wspólnik", self.pl, vat="PL1132191233")
        move = self.draft_invoice(partner_id=self.firm.id)
        with Form(move.with_user(self.accountant)) as form:
            for partner, role in ((factor, "1"), (owner, "4")):
                with form.l10n_pl_ksef_third_party_ids.new() as party:
                    party.partner_id, party.role = partner, role
                    if role == "4":
                        party.share = 33.5
        move.l10n_pl_ksef_third_party_ids[0].share = 10  # left from another role
        move.l10n_pl_ksef_third_party_ids[0].write({"role": "other", "other_role": "Poręczyciel"})
        move.action_post()
        self.check(
            move,
            {
                "Podmiot3/RolaInna": "1",
                "Podmiot3/OpisRoli": "Poręczyciel",
                "Podmiot3/Rola": "4",
                "Podmiot3/Udzial": "33.5",
            },
        )
        parties = move.l10n_pl_ksef_third_party_ids.with_user(self.accountant)
        elsewhere = parties.create({"move_id": self.draft_invoice().id, "partner_id": factor.id})
        for change in (
            lambda: parties[0].write({"role": "2"}),
            lambda: parties[0].unlink(),
            lambda: elsewhere.write({"move_id": move.id}),
            lambda: parties.create({"move_id": move.id, "partner_id": factor.id}),
            lambda: move.with_user(self.accountant).write({"l10n_pl_ksef_third_party_ids": [Command.clear()]}),
        ):
            with self.assertRaisesRegex(UserError, "can no longer be changed"), self.env.cr.savepoint():
                change()

    def test_marks(self):
        self.firm.l10n_pl_ksef_related = True
        words = "<b>Metoda</b>&nbsp;kasowa"
        move = self.invoice(partner_id=self.firm.id, l10n_pl_ksef_for_receipt=True, narration=words)
        self.check(move, {"Fa/TP": "1", "Fa/FP": "1", "Fa/Adnotacje/P_16": "1"})
        plain = self.invoice()
        self.check(plain, {"Fa/TP": [], "Fa/FP": [], "Fa/Adnotacje/P_16": "2"})

    def test_bank_account(self):
        bank = self.env["res.bank"].create({"name": "Bank Łódzki", "bic": "BREXPLPW"})
        account = self.env["res.partner.bank"].create(
            {
                "acc_number": "PL61 1090 1014 0000 0712 1981 2874",
                "bank_id": bank.id,
                "partner_id": self.company.partner_id.id,
                "allow_out_payment": True,
            }
        )
        self.check(
            self.invoice(partner_bank_id=account.id, invoice_date_due=date(2026, 12, 7)),
            {
                "Fa/Platnosc/TerminPlatnosci/Termin": "2026-12-07",
                "Fa/Platnosc/FormaPlatnosci": "6",
                "Fa/Platnosc/RachunekBankowy/NrRB": "PL61109010140000071219812874",
                "Fa/Platnosc/RachunekBankowy/SWIFT": "BREXPLPW",
                "Fa/Platnosc/RachunekBankowy/NazwaBanku": "Bank Łódzki",
            },
        )

    def test_what_is_asked_before(self):
        """Whatever has to be looked at, or does not go into the file, is said before; it keeps nothing from going."""
        commune = self.new_partner("Gmina Miejska Łódź", self.pl, vat="PL7251801126")
        self.company.email = "x" * 300
        move = self.invoice(self.line(price=20_000), partner_id=commune.id)
        issuing = self.env["l10n_pl_ksef.issue.offline"].with_user(self.accountant)
        notices = issuing.create({"move_ids": move.ids, "mode": "offline24"}).notices
        for words in ("unit of local government", "15 000 PLN", "left out of the file"):
            self.assertIn(words, notices)
            self.assertIn(words, str(move.with_user(self.accountant)._l10n_pl_ksef_notice_alerts()))
        self.assertFalse(self.told(self.file(move), "Podmiot1/DaneKontaktowe/Email"))
        commune.l10n_pl_ksef_local_government = True
        self.company.email = "biuro@example.com"
        for quiet in (
            self.invoice(partner_id=commune.id),
            self.invoice(self.line(price=20_000), narration="Mechanizm podzielonej płatności"),
            self.invoice(partner_id=self.new_partner("Gminor Sp. z o.o.", self.pl, vat="PL5260250274").id),
        ):
            self.assertFalse(quiet._l10n_pl_ksef_notices())
