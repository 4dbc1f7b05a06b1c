"""Credit notes, debit notes and their reversals, as Polish accountants know them: one story in file and on paper."""

from lxml.html import fromstring

from odoo.exceptions import UserError
from odoo.tests import Form, freeze_time

from .common import NOW
from .test_invoices import TODAY, WholeInvoice


@freeze_time(NOW)
class TestCorrections(WholeInvoice):
    def accepted(self, *lines, **values):
        move = self.invoice(*lines, **values)
        self.accept(move)
        return move

    def reversed(self, move, **values):
        """The reversal as a draft, made as an accountant."""
        made = move.with_user(self.accountant)._reverse_moves([{"invoice_date": TODAY, "ref": "Korekta"}])
        made.write(values)
        return made

    def posted(self, move):
        move.action_post()
        return move

    def test_a_lowered_price_is_no_return(self):
        """Proposed from the data, and to be changed by an accountant until it is issued."""
        rows = ("Fa/FaWiersz/P_8B", "Fa/FaWiersz/P_9A", "Fa/FaWiersz/P_11", "Fa/P_15")
        cases = (
            ("returned", {"quantity": 2}, None, "return", ("-2", "100.00", "-200.00", "-246.00")),
            ("price", {"quantity": 1, "price_unit": 30}, None, "price", ("1", "-30.00", "-30.00", "-36.90")),
            ("discount", {"quantity": 3, "discount": 90}, None, "price", ("3", "-10.00", "-30.00", "-36.90")),
            ("another thing", {"quantity": 1, "name": "Rabat"}, None, "price", ("1", "-100.00", "-100.00", "-123.00")),
            ("by hand", {"quantity": 1, "price_unit": 30}, "return", "return", ("-1", "30.00", "-30.00", "-36.90")),
            ("by hand, too", {"quantity": 3}, "price", "price", ("3", "-100.00", "-300.00", "-369.00")),
        )
        for case, changes, by_hand, form, told in cases:
            with self.subTest(case):
                note = self.reversed(self.accepted(self.line(quantity=3)))
                note.invoice_line_ids[0].write(changes)
                self.posted(note)
                if by_hand:
                    with Form(note) as screen:
                        screen.l10n_pl_ksef_correction_form_by_hand = by_hand
                self.assertEqual(note.l10n_pl_ksef_correction_form, form)
                self.assertTrue(note.l10n_pl_ksef_correction_form_reason)
                self.check(note, dict(zip(rows, told, strict=True)))
                with self.assertRaisesRegex(UserError, "can no longer be changed"), self.env.cr.savepoint():
                    note.l10n_pl_ksef_correction_form_by_hand = "price" if form == "return" else "return"

    def test_the_form_is_shown_while_the_credit_note_is_typed(self):
        note = self.reversed(self.accepted(self.line(quantity=3)))
        with Form(note) as screen:
            self.assertEqual(screen.l10n_pl_ksef_correction_form, "return")
            with screen.invoice_line_ids.edit(0) as row:
                row.price_unit = 30
            self.assertEqual(screen.l10n_pl_ksef_correction_form, "price")
            screen.l10n_pl_ksef_correction_form_by_hand = "states"
            self.assertEqual(screen.l10n_pl_ksef_correction_form, "states")

    def test_rows_before_and_after(self):
        """As earlier corrections left them; only where each row is on the invoice."""
        invoice = self.accepted(self.line(quantity=3, discount=10), self.line("kraj_8", name="Usługa"))
        rows = ("NrWierszaFa", "P_7", "P_8B", "P_9A", "P_10", "P_11", "StanPrzed")
        steps = (
            (
                {"quantity": 1},
                [
                    ("1", "Towar", "3", "100.00", "10.00", "270.00", "1"),
                    ("1", "Towar", "2", "100.00", "10.00", "180.00", None),
                ],
                "-110.70",
            ),
            (
                {"quantity": 2, "price_unit": 15, "discount": 0},
                [
                    ("1", "Towar", "2", "100.00", "10.00", "180.00", "1"),
                    ("1", "Towar", "2", "75.00", None, "150.00", None),
                ],
                "-36.90",
            ),
            (
                {"quantity": 2, "price_unit": 75, "discount": 0},
                [
                    ("1", "Towar", "2", "75.00", None, "150.00", "1"),
                    ("1", "Towar", "0", "75.00", None, "0.00", None),
                ],
                "-184.50",
            ),
        )
        for changes, told, total in steps:
            note = self.reversed(invoice)
            note.invoice_line_ids[1].unlink()
            note.invoice_line_ids[0].write(changes)
            note.l10n_pl_ksef_correction_form_by_hand = "states"
            root = self.check(self.posted(note), {"Fa/P_15": total})
            self.assertEqual(
                [tuple(row.findtext(f"{{*}}{name}") for name in rows) for row in root.iter("{*}FaWiersz")], told
            )
        other = self.reversed(invoice)
        other.invoice_line_ids[0].name = "Rabat"
        other.l10n_pl_ksef_correction_form_by_hand = "states"
        self.assertEqual(other.l10n_pl_ksef_correction_form, "price")
        self.assertIn("cannot be told", other.l10n_pl_ksef_correction_form_reason)

    def test_an_increase_is_a_correction(self):
        """The reversal of a credit note, and a debit note where that module is there, name the first invoice."""
        invoice = self.accepted(self.line(quantity=3))
        note = self.posted(self.reversed(invoice))
        self.accept(note)
        increases = [self.posted(self.reversed(note))]
        if "debit_origin_id" in invoice._fields:
            debit = invoice.with_user(self.accountant).copy({"debit_origin_id": invoice.id, "invoice_date": TODAY})
            increases.append(self.posted(debit))
        for move in increases:
            self.check(
                move,
                {
                    "Fa/RodzajFaktury": "KOR",
                    "Fa/DaneFaKorygowanej/NrFaKorygowanej": invoice.name,
                    "Fa/DaneFaKorygowanej/NrKSeFFaKorygowanej": invoice.l10n_pl_edi_number,
                    "Fa/FaWiersz/P_8B": "3",
                    "Fa/P_15": "369.00",
                    "Fa/WarunkiTransakcji/Zamowienia/NrZamowienia": [],
                },
            )

    def test_day_of_supply_of_the_original(self):
        cases = (
            ("another day", "2026-11-12", None, ["2026-11-12"]),
            ("the day of issue", "2026-11-16", None, []),
            ("corrected itself", "2026-11-12", "2026-11-13", ["2026-11-13"]),
        )
        for case, supplied, told, expected in cases:
            with self.subTest(case):
                invoice = self.accepted(invoice_date="2026-11-16", delivery_date=supplied)
                note = self.reversed(invoice, **({"delivery_date": told} if told else {}))
                self.check(self.posted(note), {"Fa/P_6": expected})

    def test_rate_of_the_original(self):
        euro = self.currencies["EUR"]
        euro.rate_ids.unlink()
        for day, rate in (("2026-11-01", 4.2531), ("2026-11-20", 4.4)):
            euro.rate_ids.create(
                {"name": day, "inverse_company_rate": rate, "currency_id": euro.id, "company_id": self.company.id}
            )
        note = self.posted(
            self.reversed(self.accepted(self.line(price=1000), currency="EUR", invoice_date="2026-11-09"))
        )
        said = [text for text, _action in note._l10n_pl_ksef_notices()]
        self.assertTrue([text for text in said if "4.2531" in text and "4.4" in text], said)
        self.check(note, {"Fa/P_14_1": "-230.00", "Fa/P_14_1W": "-978.21", "Fa/FaWiersz/KursWaluty": "4.2531"})
        same_day = self.posted(self.reversed(self.accepted(currency="EUR")))
        self.assertFalse([text for text, _action in same_day._l10n_pl_ksef_notices() if "art. 31b" in text])

    def test_buyer_of_the_correction(self):
        invoice = self.accepted(partner_id=self.firm.id)
        other = self.new_partner("Ktoś Inny Sp. z o.o.", self.pl, vat="PL7740001454")
        renamed = self.new_partner("Odbiorca S.A.", self.pl, vat="5260250274", street="Nowa 2")
        with self.assertRaisesRegex(UserError, "another tax ID"), self.env.cr.savepoint():
            self.file(self.posted(self.reversed(invoice, partner_id=other.id)))
        self.check(
            self.posted(self.reversed(invoice, partner_id=renamed.id)),
            {
                "Podmiot2/DaneIdentyfikacyjne/Nazwa": "Odbiorca S.A.",
                "Fa/Podmiot2K/DaneIdentyfikacyjne/Nazwa": "Odbiorca Sp. z o.o.",
                "Fa/Podmiot2K/DaneIdentyfikacyjne/NIP": "5260250274",
                "Fa/Podmiot2K/Adres/AdresL1": "Testowa 1",
                "Podmiot2/IDNabywcy": "0001",
                "Fa/Podmiot2K/IDNabywcy": "0001",
            },
        )

    def test_paper(self):
        """Its title, and what it corrects, in the buyer's language."""
        self.env["res.lang"]._activate_lang("pl_PL")
        invoice = self.accepted(partner_id=self.firm.id)
        note = self.posted(self.reversed(invoice))
        report = self.env["ir.actions.report"]
        for lang, title in (("pl_PL", "Faktura korygująca"), ("en_US", "Corrective invoice")):
            self.firm.lang = lang
            for move in (note, self.posted(self.reversed(note))):
                paper = fromstring(report._render_qweb_html("account.account_invoices", move.ids)[0])
                self.assertEqual(paper.findtext(".//h2").split(), title.split())
                words = paper.get_element_by_id("l10n_pl_ksef_original").text_content()
                self.assertIn(invoice.name, words)
                self.assertIn(invoice.l10n_pl_edi_number, words)
            plain = report._render_qweb_html("account.account_invoices", invoice.ids)[0].decode()
            self.assertNotIn(title, plain)
