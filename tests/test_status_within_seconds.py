"""Odoo sends an invoice online and asks for its status at once: what was sent is never taken for lost."""

import json
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import freeze_time
from odoo.tools import mute_logger

from odoo.addons.l10n_pl_edi.models import account_move_send
from odoo.addons.l10n_pl_edi.tools.ksef_api_service import KsefApiService

from ..devtools.ksef_simulator import AnswerInstead, LoseAnswer
from .common import NOW
from .test_hand_over import DOMESTIC, FOREIGN, ODOO_SERVICE_LOG, OnlineCommon
from .test_print import codes_of, pages_of

ODOOS = account_move_send.AccountMoveSend
SEAM_LOG = "odoo.addons.l10n_pl_ksef_offline.models.l10n_pl_edi"
JOBS_LOG = "odoo.addons.l10n_pl_ksef_offline.tools.jobs"


class StatusWithinSecondsCommon:
    """Odoo asks for the status right after sending, in every build."""

    def setUp(self):
        super().setUp()
        if not hasattr(ODOOS, "_l10n_pl_edi_try_status_fetch_from_ksef"):
            self.wait_as_since_july_2026()

    def wait_as_since_july_2026(self):
        """Let this earlier Odoo ask for the status right after sending, and call it an error if KSeF needs longer."""
        send = ODOOS._call_web_service_before_invoice_pdf_render

        def send_and_ask(self, invoices_data):
            send(self, invoices_data)
            self._l10n_pl_edi_try_status_fetch_from_ksef(invoices_data)

        def ask(self, invoices_data):
            for move in self.env["account.move"].union(*invoices_data):
                for _time in range(5):
                    if move.l10n_pl_edi_ref and not move.l10n_pl_edi_number:
                        move.action_l10n_pl_edi_update_invoice_status()
                if move.l10n_pl_edi_status == "sent":
                    error = {"error_title": "Warning: KSeF status check failed", "errors": ["was sent"]}
                    invoices_data[move]["error"] = error

        self.startPatcher(patch.object(ODOOS, "_call_web_service_before_invoice_pdf_render", send_and_ask))
        self.startPatcher(patch.object(ODOOS, "_l10n_pl_edi_try_status_fetch_from_ksef", ask, create=True))

    def let_ksef_finish(self):
        for session in self.ksef.state.sessions.values():
            for invoice in session.invoices:
                invoice.polls_left = 0


@freeze_time(NOW)
class TestStatusWithinSeconds(StatusWithinSecondsCommon, OnlineCommon):
    def sent(self, facts=DOMESTIC):
        move = self.posted_invoice(partner_id=self.buyer(**facts).id)
        with mute_logger(ODOO_SERVICE_LOG):
            return move, self.send(move)

    def files(self, move):
        field = "l10n_pl_edi_attachment_file"
        found = [("res_model", "=", "account.move"), ("res_id", "=", move.id), ("res_field", "=", field)]
        return self.env["ir.attachment"].sudo().search(found)

    def ask(self, move):
        with mute_logger(ODOO_SERVICE_LOG):
            move.sudo().action_l10n_pl_edi_update_invoice_status()

    def test_ksef_needs_longer(self):
        for facts in (DOMESTIC, FOREIGN):
            with self.subTest(facts["vat"]):
                move, mails = self.sent(facts)
                self.assertEqual((mails, move.l10n_pl_edi_status), ([], "sent"))
                self.assertFalse(move.l10n_pl_ksef_maybe_sent)
                self.assertEqual(len(self.files(move)), 1)
                alerts = self.wizard(move).alerts
                self.assertNotIn("may have received", str(alerts))
                self.assertIn("waits for it", str(alerts))
                self.assertEqual(self.run_job(), [], "no number yet")
                self.let_ksef_finish()
                self.ask(move)
                (mail,) = self.run_job()
                self.assertIn(move.l10n_pl_edi_number, mail["attachments"][0][0])
                self.assertEqual(self.run_job(), [], "one mail")

    def test_ksef_answers_in_time(self):
        self.ksef.state.settings.invoice_polls = 2
        move, (mail,) = self.sent()
        self.assertEqual(move.l10n_pl_edi_status, "accepted")
        ((name, content, _type),) = [each for each in mail["attachments"] if each[0].endswith(".pdf")]
        self.assertIn(move.l10n_pl_edi_number, name)
        self.assertEqual(codes_of(pages_of(content, 150)), [move._l10n_pl_ksef_online_kod_i()])
        self.assertEqual(len(self.files(move)), 1)
        self.assertEqual(self.run_job(), [], "one mail")
        self.assertNotIn("waits until", str(move.message_ids.mapped("body")))

    def test_ksef_rejects_at_once(self):
        self.ksef.state.settings.invoice_polls = 0
        rejected = {"status": {"code": 450, "description": "błąd"}}
        with patch.object(KsefApiService, "get_invoice_status", lambda *args, **values: rejected):
            with self.assertRaisesRegex(UserError, "(?s)has rejected invoice.*450.*reset it to draft"):
                self.sent()
        move = self.env["account.move"].search([("l10n_pl_edi_ref", "!=", False)], limit=1, order="id desc")
        self.assertEqual((move.l10n_pl_edi_status, move.l10n_pl_ksef_maybe_sent), ("rejected", False))
        self.assertFalse(move.sudo().l10n_pl_ksef_held_mail)
        self.assertEqual(self.run_job(), [])

    def test_the_question_fails(self):
        for trouble in (ValueError("boom"), UserError("locked")):

            def fail(*_args, trouble=trouble, **_values):
                raise trouble

            with (
                self.subTest(trouble),
                patch.object(type(self.env["account.move"]), "action_l10n_pl_edi_update_invoice_status", fail),
                mute_logger(JOBS_LOG),
            ):
                move, mails = self.sent()
                self.assertEqual((mails, move.l10n_pl_edi_status), ([], "sent"))
                self.assertFalse(move.l10n_pl_ksef_maybe_sent)
                self.assertTrue(move.sudo().l10n_pl_ksef_held_mail)

    def test_lost_and_found(self):
        """The answer to the sending was lost: the mail goes once KSeF has said that it has the invoice, once."""
        self.ksef.faults.plan(LoseAnswer(), "POST", "/sessions/online/*/invoices")
        with self.assertRaisesRegex(UserError, "may have received"):
            self.sent()
        move = self.env["account.move"].search([("l10n_pl_ksef_maybe_sent", "=", True)])
        self.assertEqual(len(self.files(move)), 1)
        move.with_user(self.accountant).action_l10n_pl_ksef_ask_online()
        self.assertEqual((move.l10n_pl_edi_status, move.l10n_pl_ksef_maybe_sent), ("sent", False))
        self.let_ksef_finish()
        self.ask(move)
        self.assertEqual(len(self.run_job()), 1)
        self.assertEqual(self.run_job(), [])

    def test_lost_and_not_found(self):
        self.ksef.faults.plan(AnswerInstead(503), "POST", "/sessions/online/*/invoices")
        with self.assertRaisesRegex(UserError, "may have received"):
            self.sent()
        move = self.env["account.move"].search([("l10n_pl_ksef_maybe_sent", "=", True)])
        move.with_user(self.accountant).action_l10n_pl_ksef_ask_online()
        self.assertEqual((move.l10n_pl_edi_status, move.l10n_pl_ksef_maybe_sent), (False, False))
        self.assertFalse(self.files(move) or move.sudo().l10n_pl_ksef_held_mail)

    def test_nothing_goes_back_from_accepted(self):
        self.ksef.state.settings.invoice_polls = 0
        move, _mails = self.sent()
        names = ["l10n_pl_edi_status", "l10n_pl_edi_number", "l10n_pl_edi_ref", "l10n_pl_edi_session_id"]
        (before,) = move.sudo().read(names)
        for code in (100, 150, 430, 500, 999):
            answer = {"status": {"code": code, "description": "?"}}
            with self.subTest(code), patch.object(KsefApiService, "get_invoice_status", lambda *a, r=answer, **v: r):
                self.ask(move)
                self.assertEqual(move.sudo().read(names), [before])
        move.sudo().write({"l10n_pl_edi_status": "sent", "ref": "ZAM/1"})
        self.assertEqual((move.sudo().read(names), move.ref), ([before], "ZAM/1"))
        self.assertEqual(self.run_job(), [])

    def test_too_many_requests(self):
        """HTTP 429 is no outage, and what was sent has not been received."""
        move = self.posted_invoice(partner_id=self.buyer(**DOMESTIC).id)
        words = {"status": {"code": 429, "description": "Too Many Requests", "details": ["za 30 sekund"]}}
        busy = AnswerInstead(429, json.dumps(words).encode(), "application/json", {"Retry-After": "30"})
        self.ksef.faults.plan(busy, "POST", "/sessions/online/*/invoices")
        with self.assertRaisesRegex(UserError, "takes no more requests for now.*Send it again") as told:
            with mute_logger(ODOO_SERVICE_LOG):
                self.send(move)
        self.assertNotIn("Issue offline", str(told.exception.args))
        self.assertEqual((move.l10n_pl_ksef_standing, self.files(move).ids), ("to_issue", []))
        with mute_logger(ODOO_SERVICE_LOG):
            self.send(move)
        self.assertEqual(move.l10n_pl_ksef_standing, "sent_online")
