"""What is sealed, and printed again, stays as it was sealed, whatever door the change comes through."""

from contextlib import suppress

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form, freeze_time, new_test_user

from .common import NOW
from .test_hand_over import FOREIGN, PaperCommon


@freeze_time(NOW)
class TestSealedStays(PaperCommon):
    def test_what_is_sealed_stays(self):
        move = self.sealed(self.buyer(**FOREIGN)).with_user(self.accountant)
        lines = self.env["account.move.line"].with_user(self.accountant)
        line = move.invoice_line_ids
        for what, change in {
            "number": lambda: move.write({"name": "INV/2026/99999"}),
            "origin": lambda: move.write({"invoice_origin": "S0001"}),
            "shipping": lambda: move.write({"partner_shipping_id": self.consumer.id}),
            "rate": lambda: move.write({"invoice_currency_rate": 2.0}),
            "quantity": lambda: line.write({"quantity": 5}),
            "price": lambda: line.write({"price_unit": 1.0}),
            "discount": lambda: line.write({"discount": 50}),
            "note": lambda: lines.create({"move_id": move.id, "display_type": "line_note", "name": "Extra"}),
            "product line": lambda: lines.create({"move_id": move.id, "name": "Extra", "price_unit": 10}),
        }.items():
            with self.subTest(what), self.assertRaises(UserError), self.env.cr.savepoint():
                change()
                self.env.flush_all()

    def test_the_number_by_resequencing(self):
        move = self.sealed(self.buyer(**FOREIGN))
        company = {"company_id": self.company.id, "company_ids": [Command.set(self.company.ids)]}
        user = new_test_user(self.env, "chief", "account.group_account_manager", **company)
        wizard = (
            self.env["account.resequence.wizard"]
            .with_user(user)
            .with_context(active_ids=move.ids, active_model="account.move")
            .create({"first_name": "INV/2026/00777"})
        )
        with suppress(UserError):
            wizard.resequence()
        self.assertEqual(move.name, move.l10n_pl_ksef_document_id.number)

    def test_the_bank_account_by_the_payment_method(self):
        banks = self.env["res.partner.bank"].create(
            [
                {"acc_number": number, "partner_id": self.company.partner_id.id, "allow_out_payment": True}
                for number in ("PL61109010140000071219812874", "PL27114020040000300201355387")
            ]
        )
        journal = self.company_data["default_journal_bank"]
        journal.bank_account_id = banks[1]
        move = self.sealed(self.buyer(**FOREIGN)).with_user(self.accountant)
        with Form(move) as form:
            form.preferred_payment_method_line_id = journal.inbound_payment_method_line_ids[:1]
        account = move.partner_bank_id.acc_number.replace(" ", "")
        self.assertIn(account, move.l10n_pl_ksef_document_id._xml_bytes().decode())

    def test_changed_before_the_same_file_is_sent_again(self):
        move = self.sealed(self.buyer(**FOREIGN)).with_user(self.accountant)
        document = move.l10n_pl_ksef_document_id.with_user(self.accountant)
        self.reject(document, 410, "brak uprawnień")
        with self.assertRaises(UserError):
            move.invoice_line_ids.name = "Inny towar"
        document.action_send_again()
        self.assertEqual(document.state, "waiting")
        self.assertIn(move.invoice_line_ids.name, document._xml_bytes().decode())

    def test_changed_before_its_number_is_taken_over(self):
        move = self.sealed(self.buyer(**FOREIGN)).with_user(self.accountant)
        document = move.l10n_pl_ksef_document_id.with_user(self.accountant)
        self.reject(document, 440, "duplikat")
        with self.assertRaises(UserError):
            move.invoice_line_ids.name = "Inny towar"
        document._take_over("5795955811-20261123-0100001AF629-AF", document._xml_bytes())
        self.assertIn(move.invoice_line_ids.name, document._xml_bytes().decode())

    def test_the_first_file_is_in_ksef(self):
        move = self.sealed(self.buyer(**FOREIGN))
        self.send(move)
        first = move.l10n_pl_ksef_document_id
        self.reject(first, 450, "x")
        move.partner_id.sudo().street = "Inna 5"
        second = first.with_user(self.accountant)._correct()
        self.reject(second, 21167, "KSeF has accepted the first")
        second.with_user(self.accountant)._take_over("5795955811-20261123-0100001AF629-AF", first._xml_bytes())
        ((_name, _label, link),) = move._l10n_pl_ksef_links()
        self.assertEqual(link, first.kod_i, "the code that was given leads to it")
        self.assertNotIn("do not lead to it", move.message_ids[0].body)
