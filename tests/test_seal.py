import base64
import os
from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from psycopg2 import IntegrityError

from odoo.exceptions import LockError, UserError
from odoo.tests import freeze_time, new_test_user
from odoo.tools import mute_logger

from odoo.addons.l10n_pl_edi.tools.ksef_api_service import KsefApiService

from ..devtools.scanning import digest_in, verify
from ..ksef.codes import links
from ..tools.master_key import ENVIRONMENT_VARIABLE
from .common import NIP, NOW, KsefOfflineCommon


@freeze_time(NOW)
class TestSeal(KsefOfflineCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        issued = cls.issued()
        cls.certificate = cls.upload(issued)
        cls.certificate_der = issued.certificate_der()

    def seal(self, **values):
        move = self.posted_invoice(**values)
        move.action_l10n_pl_ksef_issue_offline()
        return move, move.l10n_pl_ksef_document_id

    def xml_attachment(self, document):
        return self.env["ir.attachment"].search(
            [("res_model", "=", document._name), ("res_field", "=", "xml"), ("res_id", "=", document.id)]
        )

    def test_an_accountant_seals_the_exact_bytes(self):
        move, document = self.seal()
        xml = self.xml_attachment(document).raw
        self.assertEqual(document.sha256, links.digest(xml).hex())
        self.assertEqual(document.number, move.name)
        self.assertEqual(document.mode, "offline24")
        self.assertEqual(document.sealed_at, NOW.replace(tzinfo=None))
        self.assertEqual(document.kod_i, links.kod_i("test", NIP, NOW.date(), links.digest(xml)))
        self.assertIn(f"/certificate/Nip/{NIP}/{NIP}/{self.certificate.serial_number}/", document.kod_ii)
        self.assertTrue(verify(document.kod_ii, self.certificate_der))
        self.assertEqual(digest_in(document.kod_ii), links.digest(xml))

    def test_a_second_press_changes_nothing(self):
        move, document = self.seal()
        before = document.read()
        with freeze_time(NOW + timedelta(hours=1)):
            move.action_l10n_pl_ksef_issue_offline()
        self.assertEqual(move.l10n_pl_ksef_document_id, document)
        self.assertEqual(document.read(), before)
        self.assertEqual(self.env[document._name].search_count([("move_id", "=", move.id)]), 1)

    def test_a_second_worker_is_told_to_wait(self):
        move = self.posted_invoice()
        with (
            patch.object(type(move), "lock_for_update", side_effect=LockError("locked")),
            self.assertRaisesRegex(UserError, "right now"),
        ):
            move.action_l10n_pl_ksef_issue_offline()
        self.assertFalse(move.l10n_pl_ksef_document_id)

    def test_the_database_refuses_a_second_document(self):
        _move, document = self.seal()
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            document.sudo().copy()

    def test_sealed_means_sealed(self):
        move, document = self.seal()
        file = self.xml_attachment(document)
        system = new_test_user(self.env, "ksef_root", "base.group_system,account.group_account_manager")
        self.assertFalse(move.show_reset_to_draft_button)
        for what, attempt in (
            ("draft", lambda: move.button_draft()),
            ("cancel", lambda: move.button_cancel()),
            ("document, accountant", lambda: document.with_user(self.accountant).write({"kod_i": "x"})),
            ("document, administrator", lambda: document.with_user(system).write({"kod_i": "x"})),
            ("document, superuser", lambda: document.sudo().write({"kod_i": "x"})),
            ("delete document", lambda: document.sudo().unlink()),
            ("delete file", lambda: file.sudo().unlink()),
            ("delete file, administrator", lambda: file.with_user(system).unlink()),
            ("change file", lambda: file.sudo().write({"raw": b"<x/>"})),
            ("detach file", lambda: file.sudo().write({"res_field": False})),
            ("rename file", lambda: file.sudo().write({"name": "other.xml"})),
            ("delete certificate", lambda: self.certificate.with_user(self.manager).unlink()),
        ):
            with (
                self.subTest(what),
                mute_logger("odoo.sql_db"),
                self.assertRaises(UserError),
                self.env.cr.savepoint(),
            ):
                attempt()
                self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(move.state, "posted")
        self.assertEqual(links.digest(file.raw).hex(), document.sha256)

    def test_what_is_in_the_seal_does_not_change(self):
        """Else the next printout would say another thing than the file that KSeF gets."""
        move, document = self.seal()
        line = move.invoice_line_ids
        changes = (
            (move, {"narration": "Inne warunki"}),
            (move, {"invoice_date_due": NOW.date() + timedelta(days=30)}),
            (move, {"payment_reference": "inny tytuł"}),
            (line, {"name": "Stół"}),
        )
        for record, values in changes:
            with self.subTest(values), self.assertRaisesRegex(UserError, "sealed for KSeF"), self.env.cr.savepoint():
                record.with_user(self.accountant).write(values)
        self.reject(document, 430, "Błąd")
        for record, values in changes:
            record.with_user(self.accountant).write(values)
        self.assertEqual(line.name, "Stół")

    def test_moving_the_file_store_is_no_change(self):
        _move, document = self.seal()
        self.xml_attachment(document).sudo()._migrate()
        self.assertEqual(links.digest(document._xml_bytes()).hex(), document.sha256)

    def test_a_damaged_file_is_noticed(self):
        _move, document = self.seal()
        self.env.cr.execute(
            "UPDATE ir_attachment SET store_fname = NULL WHERE id = %s", [self.xml_attachment(document).id]
        )
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, document.sha256):
            document._xml_bytes()

    def test_odoo_never_renders_or_sends_it_again(self):
        move, document = self.seal()
        sealed = document._xml_bytes().decode()
        with freeze_time(NOW + timedelta(days=1)):
            self.assertEqual(move._l10n_pl_edi_render_xml(), sealed)

    def test_odoo_never_sends_it_online(self):
        move, _document = self.seal()
        unsealed = self.posted_invoice()
        send = self.env["account.move.send"]
        # As if both had been queued with KSeF ticked, and one was sealed before the queue came to it.
        sent = []
        with (
            patch.object(KsefApiService, "open_ksef_session", lambda service: None),
            patch.object(KsefApiService, "send_invoice", lambda service, xml: sent.append(xml) or {}),
            patch.object(type(self.company), "l10n_pl_edi_register", True),
        ):
            self.assertNotIn("pl_ksef", send._get_default_extra_edis(move))
            self.assertIn("pl_ksef", send._get_default_extra_edis(unsealed))
            send._call_web_service_before_invoice_pdf_render(
                {each: {"extra_edis": {"pl_ksef"}} for each in (move, unsealed)}
            )
        self.assertFalse(move.l10n_pl_edi_status)
        self.assertEqual(unsealed.l10n_pl_edi_status, "sent")
        self.assertEqual(len(sent), 1)
        self.assertIn(unsealed.name.encode(), sent[0])

    def test_what_cannot_be_issued_offline(self):
        draft = self.posted_invoice()
        draft.button_draft()
        sent = self.posted_invoice()
        sent.sudo().l10n_pl_edi_status = "sent"
        refund = self.posted_invoice(move_type="out_refund")
        tomorrow = self.posted_invoice(invoice_date=NOW.date() + timedelta(days=1))
        for what, move, words in (
            ("draft", draft, "only a posted customer invoice"),
            ("sent online", sent, "has neither been sent to KSeF nor marked"),
            ("credit note of no invoice", refund, "which invoice it corrects"),
            ("dated tomorrow", tomorrow, "in the future"),
        ):
            with self.subTest(what), self.assertRaisesRegex(UserError, words):
                move.action_l10n_pl_ksef_issue_offline()
            self.assertFalse(move.l10n_pl_ksef_document_id)

    def test_a_sealed_copy_is_an_unsealed_invoice(self):
        move, _document = self.seal()
        self.assertFalse(move.copy().l10n_pl_ksef_document_id)

    def test_which_certificate_signs(self):
        longer = self.upload(self.issued(not_after=datetime(2028, 6, 1, tzinfo=timezone.utc)), name="Longer")
        _move, document = self.seal()
        self.assertEqual(document.certificate_id, longer, "the usable one that ends last")
        self.upload(
            self.issued(not_after=datetime(2028, 12, 1, tzinfo=timezone.utc)), name="Of KSeF", environment="production"
        )
        _move, document = self.seal()
        self.assertEqual(document.certificate_id, longer, "environments never mix")
        with freeze_time("2028-07-01 10:00"), self.assertRaisesRegex(UserError, "no offline certificate"):
            self.seal(invoice_date="2028-07-01")

    def test_a_missing_master_key_is_told_and_leaves_nothing(self):
        move = self.posted_invoice()
        other_key = base64.urlsafe_b64encode(bytes(32)).decode()
        with (
            patch.dict(os.environ, {ENVIRONMENT_VARIABLE: other_key}),
            self.assertRaisesRegex(UserError, "locked"),
            self.env.cr.savepoint(),
        ):
            move.action_l10n_pl_ksef_issue_offline()
        self.assertFalse(move.l10n_pl_ksef_document_id)
        move.action_l10n_pl_ksef_issue_offline()
        self.assertTrue(move.l10n_pl_ksef_document_id, "putting the key back heals it")

    def test_an_old_pdf_is_set_aside(self):
        move = self.posted_invoice()
        old = self.env["ir.attachment"].create(
            {
                "name": "old.pdf",
                "raw": b"%PDF-1.4 without codes",
                "res_model": "account.move",
                "res_id": move.id,
                "res_field": "invoice_pdf_report_file",
            }
        )
        move.action_l10n_pl_ksef_issue_offline()
        self.assertFalse(move.invoice_pdf_report_id)
        self.assertFalse(old.res_field)
        self.assertEqual(old.res_id, move.id)
