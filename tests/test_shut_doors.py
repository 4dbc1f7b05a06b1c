"""Doors that somebody who looked for them found open, and state that could be forged."""

from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, freeze_time, new_test_user
from odoo.tools import mute_logger

from odoo.addons.l10n_pl_edi.tools.ksef_api_service import KsefApiService

from ..devtools.ksef_simulator import AnswerInstead
from ..devtools.scanning import digest_in
from ..ksef.codes import links
from .common import NOW
from .test_hand_over import DOMESTIC, FOREIGN, ODOO_SERVICE_LOG, OnlineCommon, PaperCommon
from .test_print import codes_of, pages_of, text_of

CONFIRMATION = "not an invoice"
SEAM_LOG = "odoo.addons.l10n_pl_ksef_offline.models.l10n_pl_edi"
COPIES_LOG = "odoo.addons.l10n_pl_ksef_offline.models.account_move.copies"


@freeze_time(NOW)
class TestShutDoors(PaperCommon, HttpCase):
    def setUp(self):
        super().setUp()
        self.env["ir.config_parameter"].set_param("report.url", self.base_url())

    def sent_online(self, move):
        move.sudo().l10n_pl_edi_status = "sent"
        move._l10n_pl_ksef_keep_online_file(move._l10n_pl_edi_render_xml().encode())

    def store_pdf(self, move):
        self.env["account.move.send"].with_user(self.accountant)._generate_and_send_invoices(
            move, sending_methods=[], extra_edis=[]
        )
        self.env.flush_all()

    def browse_as(self, buyer, url):
        new_test_user(self.env, "ksef_buyer", "base.group_portal", partner_id=buyer.id)
        self.env.flush_all()
        self.authenticate("ksef_buyer", "ksef_buyer")
        return self.url_open(url)

    # State over RPC

    def test_nobody_unseals_over_rpc(self):
        sealed = self.sealed(self.buyer(**DOMESTIC)).with_user(self.accountant)
        ordinary = self.posted_invoice(partner_id=self.buyer(**DOMESTIC).id).with_user(self.accountant)
        for move, values in (
            (sealed, {"l10n_pl_ksef_document_id": False}),
            (sealed, {"l10n_pl_edi_status": "accepted", "l10n_pl_edi_number": "1"}),
            (ordinary, {"l10n_pl_ksef_total_failure": True}),
            (ordinary, {"l10n_pl_ksef_maybe_sent": True}),
        ):
            with self.subTest(values), self.assertRaises(AccessError), self.env.cr.savepoint():
                move.write(values)
        with self.assertRaises(AccessError):
            self.draft_invoice(l10n_pl_ksef_total_failure=True)

    def test_total_failure_after_a_rejection(self):
        for code in (450, 440):
            move = self.sealed(self.buyer(**FOREIGN))
            document = move.l10n_pl_ksef_document_id
            self.reject(document, code, "błąd")
            announcement = self.env["l10n_pl_ksef.announcement"].create(
                {"kind": "total_failure", "start": NOW.replace(tzinfo=None), "title": "TVP"}
            )
            with self.subTest("during", code=code):
                self.assertEqual(document.maybe_in_ksef, code == 440, document.state)
            announcement.retracted = True
            document._announcements_changed("test")
            with self.subTest("afterwards", code=code):
                self.assertEqual(document.state, "rejected")
                self.assertTrue(move.activity_ids, "nobody is asked to fix it")

    def test_a_rejected_one_in_a_batch(self):
        move = self.posted_invoice(partner_id=self.buyer(**FOREIGN).id)
        move.sudo().l10n_pl_edi_status = "rejected"
        wizard = self.wizard(move + self.sealed(self.buyer(**FOREIGN)), "account.move.send.batch.wizard")
        self.assertNotIn("waits", wizard.alerts["l10n_pl_ksef_rejected_online"]["message"])
        wizard.action_send_and_print()
        self.run_job("_cron_account_move_send")
        self.assertNotIn("goes then", str(move.message_ids.mapped("body")))

    def test_no_mail_is_held_of_what_has_its_number(self):
        self.company.l10n_pl_edi_register = True
        move = self.posted_invoice(partner_id=self.buyer(**FOREIGN).id)
        self.give_number(move)
        move = move.with_user(self.accountant)
        send = self.env["account.move.send"].with_user(self.accountant)
        send._call_web_service_before_invoice_pdf_render(
            {move: send._get_default_sending_settings(move, sending_methods=["email"])}
        )
        self.assertFalse(move.sudo().l10n_pl_ksef_held_mail)

    # The portal user's other door to stored files

    def test_stored_pdf_while_the_number_is_awaited(self):
        buyer = self.buyer(**FOREIGN)
        move = self.posted_invoice(partner_id=buyer.id)
        self.sent_online(move)
        self.store_pdf(move)
        answer = self.browse_as(buyer, f"/web/content/account.move/{move.id}/invoice_pdf_report_file")
        self.assertNotEqual(answer.status_code, 200, answer.headers.get("Content-Disposition"))

    def test_fa3_file_while_the_number_is_awaited(self):
        buyer = self.buyer(**FOREIGN)
        move = self.posted_invoice(partner_id=buyer.id)
        self.sent_online(move)
        answer = self.browse_as(buyer, f"/web/content/account.move/{move.id}/l10n_pl_edi_attachment_file")
        self.assertNotEqual(answer.status_code, 200, answer.text[:60])

    def test_stored_pdf_of_yesterday(self):
        buyer = self.buyer(**FOREIGN)
        move = self.sealed(buyer)
        self.store_pdf(move)
        move.with_user(self.accountant).l10n_pl_ksef_buyer_class_by_hand = "domestic"
        answer = self.browse_as(buyer, f"/web/content/account.move/{move.id}/invoice_pdf_report_file")
        self.assertFalse(answer.status_code == 200 and CONFIRMATION not in answer.text, "the invoice itself")

    # Total failure while it waits

    def test_total_failure_while_waiting(self):
        move = self.sealed(self.buyer(**DOMESTIC))
        self.send(move)
        self.env["l10n_pl_ksef.announcement"].create(
            {"kind": "total_failure", "start": NOW.replace(tzinfo=None), "title": "TVP"}
        )
        self.assertEqual(move.l10n_pl_ksef_document_id.state, "not_required")
        (mail,) = self.send(move)
        self.assertEqual(move.l10n_pl_ksef_jpk_mark, "BFK")
        self.assertNotIn("you will receive the invoice through", mail["body"], mail["attachments"][0][0])

    # Mails

    def test_a_held_mail_ends_with_what_it_was_about(self):
        move = self.posted_invoice(partner_id=self.buyer(**FOREIGN).id)
        self.sent_online(move)
        self.wizard(move + self.sealed(self.buyer(**FOREIGN)), "account.move.send.batch.wizard").action_send_and_print()
        self.run_job("_cron_account_move_send")
        self.assertTrue(move.sudo().l10n_pl_ksef_held_mail)
        # KSeF rejects it; the accountant fixes it, and sends it to KSeF again, without a mail this time.
        move.sudo().l10n_pl_edi_status = "rejected"
        move = move.with_user(self.accountant)
        move.button_draft()
        move.partner_id = self.buyer(**DOMESTIC)
        move.partner_id.sudo().email = "inny@example.com"
        move.invoice_line_ids[0].price_unit = 10
        move.action_post()
        self.sent_online(move)
        self.give_number(move)
        mails = self.run_job()
        self.assertFalse(mails, [(m["email_to"], "1,107.00" in m["body"], move.amount_total) for m in mails])

    def test_a_mail_of_a_receipt_goes(self):
        receipt = self.posted_invoice(move_type="out_receipt", partner_id=self.buyer(**FOREIGN).id)
        self.sent_online(receipt)
        self.wizard(
            receipt + self.sealed(self.buyer(**FOREIGN)), "account.move.send.batch.wizard"
        ).action_send_and_print()
        self.run_job("_cron_account_move_send")
        self.assertTrue(receipt.sudo().l10n_pl_ksef_held_mail)
        self.give_number(receipt)
        self.assertEqual(len(self.run_job()), 1)

    def test_a_passing_trouble_delays_a_mail(self):
        move = self.posted_invoice(partner_id=self.buyer(**FOREIGN).id)
        self.sent_online(move)
        self.wizard(move + self.sealed(self.buyer(**FOREIGN)), "account.move.send.batch.wizard").action_send_and_print()
        self.run_job("_cron_account_move_send")
        self.give_number(move)
        with (
            patch.object(type(move), "_l10n_pl_ksef_links", side_effect=OSError("wkhtmltopdf was killed")),
            mute_logger(COPIES_LOG),
        ):
            self.run_job()
        mails = self.run_job()
        self.assertTrue(mails or move.activity_ids, "neither a mail nor anybody who is asked to send it")

    def test_the_words_are_those_of_the_paper(self):
        """The window was open while the invoice was issued offline, or got its number."""
        move = self.posted_invoice(partner_id=self.buyer(**DOMESTIC).id)
        for change, is_confirmation in (
            (move._l10n_pl_ksef_issue_offline, True),
            (lambda: self.give_number(move), False),
        ):
            with self.subTest(is_confirmation=is_confirmation):
                wizard = self.wizard(move)
                self.assertTrue(wizard.body and wizard.subject, "as the window shows them")
                change()
                with self.mock_mail_gateway():
                    wizard.action_send_and_print()
                (mail,) = self._mails
                self.assertEqual("Transaction_confirmation" in mail["attachments"][0][0], is_confirmation)
                self.assertEqual(CONFIRMATION in mail["body"], is_confirmation, mail["subject"])

    def test_the_composer_of_the_chatter(self):
        """With a template that brings the invoice along, as databases of earlier versions of Odoo have it."""
        move = self.posted_invoice(partner_id=self.buyer(**FOREIGN).id)
        self.sent_online(move)
        template = self.env.ref("account.email_template_edi_invoice")
        template.report_template_ids = self.env.ref("account.account_invoices")
        composer = (
            self.env["mail.compose.message"]
            .with_user(self.accountant)
            .with_context(
                default_model="account.move",
                default_res_ids=move.ids,
                default_template_id=template.id,
                default_composition_mode="comment",
            )
        )
        with self.mock_mail_gateway(), self.assertRaisesRegex(UserError, "Awaiting a KSeF number"):
            composer.create({})._action_send_mail()
            raise AssertionError([name for mail in self._mails for name, _content, _type in mail["attachments"]])

    # Codes

    def test_a_numbered_invoice_without_its_file(self):
        move = self.posted_invoice(partner_id=self.buyer(**FOREIGN).id)
        self.give_number(move)
        self.assertEqual(self.wizard(move).alerts["l10n_pl_ksef_no_code"]["level"], "warning")

    def test_neither_sent_nor_issued_is_said_in_the_send_window(self):
        self.company.l10n_pl_edi_register = True
        for kind, expected in ((DOMESTIC, True), (FOREIGN, False)):
            move = self.posted_invoice(partner_id=self.buyer(**kind).id)
            wizard = self.wizard(move)
            self.assertNotIn("l10n_pl_ksef_unissued", wizard.alerts or {}, "it goes to KSeF")
            wizard.extra_edi_checkboxes = {"pl_ksef": wizard.extra_edi_checkboxes["pl_ksef"] | {"checked": False}}
            self.assertEqual("l10n_pl_ksef_unissued" in (wizard.alerts or {}), expected)

    def test_rejected_is_said_in_the_send_window(self):
        move = self.sealed(self.buyer(**FOREIGN))
        self.reject(move.l10n_pl_ksef_document_id, 430, "Błąd")
        alerts = self.wizard(move).alerts
        self.assertEqual(alerts["l10n_pl_ksef_rejected"]["level"], "warning")
        self.assertEqual(sum("carries both" in alert["message"] for alert in alerts.values()), 1)

    def test_codes_that_were_downloaded_are_handed_over(self):
        move = self.sealed(self.buyer(**FOREIGN))
        action = move.with_user(self.accountant).action_l10n_pl_ksef_verification_codes()
        wizard = self.env[action["res_model"]].with_user(self.accountant).browse(action["res_id"])
        self.assertTrue([code.action_download_png() for code in wizard.code_ids])
        with self.assertRaisesRegex(UserError, "can no longer be withdrawn"):
            move.l10n_pl_ksef_document_id.with_user(self.accountant)._withdraw("a typing error")

    def test_no_xml_of_an_invoice_that_may_not_leave(self):
        move = self.sealed(self.buyer(**DOMESTIC)).with_user(self.accountant)
        self.assertEqual(move.get_extra_print_items(), [])
        self.assertFalse(move._get_invoice_legal_documents("ubl", allow_fallback=True))

    # Rights

    def test_the_wizard_of_another_company(self):
        move = self.sealed(self.buyer(**DOMESTIC))
        model = self.env["l10n_pl_ksef.in.ksef.already"]
        wizard = model.with_user(self.accountant).create(
            {"document_id": move.l10n_pl_ksef_document_id.id, "ksef_number": "5795955811-20261123-0100001AF629-AF"}
        )
        wizard.sudo().difference = "<table>prices and buyers</table>"
        other = self.env["res.company"].create({"name": "Inna", "country_id": self.env.ref("base.pl").id})
        stranger = self.new_user("stranger", "account.group_account_invoice", other)
        self.env.flush_all()
        self.env.invalidate_all()
        seen = model.with_user(stranger).search([])
        self.assertFalse(seen, seen and seen.read(["difference", "ksef_number", "document_id", "rejection_words"]))

    def test_no_link_to_what_may_not_be_opened(self):
        seller = self.new_user("seller", "base.group_user")
        for model in ("account.move", "account.move.line", "account.journal", "account.account"):
            self.env["ir.model.access"].create(
                {
                    "name": model,
                    "model_id": self.env["ir.model"]._get_id(model),
                    "group_id": self.env.ref("base.group_user").id,
                    "perm_read": True,
                }
            )
        move = self.sealed(self.buyer(**FOREIGN))
        self.env.flush_all()
        self.env.invalidate_all()
        action = move.with_user(seller).alerts["l10n_pl_ksef_sealed"].get("action")
        self.assertFalse(action and not self.env[action["res_model"]].with_user(seller).has_access("read"), action)


@freeze_time(NOW)
class TestShutDoorsOnline(OnlineCommon):
    def send_online(self, move, **values):
        with mute_logger(ODOO_SERVICE_LOG):
            self.assertEqual(self.send(move, **values), [], "the mail waits")

    def ask(self, move):
        """Ask KSeF, which is done by now."""
        for session in self.ksef.state.sessions.values():
            for invoice in session.invoices:
                invoice.polls_left = 0
        with mute_logger(ODOO_SERVICE_LOG):
            move.sudo().action_l10n_pl_edi_update_invoice_status()

    def test_a_held_mail_takes_no_secret_file(self):
        secret = self.env["ir.attachment"].create({"name": "payslip.txt", "raw": b"99999 PLN", "res_model": "ir.cron"})
        secret.res_id = self.env["ir.cron"].search([], limit=1).id
        with self.assertRaises(AccessError):
            secret.with_user(self.accountant).raw  # noqa: B018
        move = self.posted_invoice(partner_id=self.buyer(**FOREIGN).id)
        widget = [{"id": str(secret.id), "name": "x", "mimetype": "text/plain", "manual": True}]
        with self.assertRaises(AccessError):
            self.send_online(move, mail_attachments_widget=widget)

    def test_a_held_mail_takes_no_secret_report(self):
        move = self.posted_invoice(partner_id=self.buyer(**FOREIGN).id)
        view = self.env["ir.ui.view"].create(
            {
                "name": "payslip",
                "type": "qweb",
                "key": "l10n_pl_ksef_offline.payslip",
                "arch": "<t t-name='payslip'><p t-foreach='docs' t-as='o' t-out='o.value'/></t>",
            }
        )
        self.env["ir.model.data"].create(
            {"module": "l10n_pl_ksef_offline", "name": "payslip", "model": "ir.ui.view", "res_id": view.id}
        )
        name = "l10n_pl_ksef_offline.payslip"
        report = {"name": "Payslip", "model": "ir.config_parameter", "report_type": "qweb-html", "report_name": name}
        self.env["ir.actions.report"].create(report)
        widget = [{"id": "placeholder", "name": "x.pdf", "mimetype": "application/pdf", "dynamic_report": name}]
        with self.assertRaises(AccessError):
            self.send_online(move, mail_attachments_widget=widget)
        self.assertFalse(move.l10n_pl_edi_status, "nothing has gone to KSeF")

    def test_rejected_online(self):
        move = self.posted_invoice(partner_id=self.buyer(**DOMESTIC).id)
        self.send_online(move)
        kod_i = move._l10n_pl_ksef_online_kod_i()
        rejected = {"status": {"code": 430, "description": "wrong"}}
        with patch.object(KsefApiService, "get_invoice_status", lambda *args, **values: rejected):
            move.sudo().action_l10n_pl_edi_update_invoice_status()
        self.assertEqual(move.l10n_pl_edi_status, "rejected")
        with self.subTest("portal"):
            answer = self.url_open(f"{self.portal(move)}&report_type=pdf&download=true")
            is_pdf = answer.content.startswith(b"%PDF")
            self.assertFalse(is_pdf and codes_of(pages_of(answer.content, 150)) == [kod_i], "KOD I OFFLINE, rejected")
        with self.subTest("mail"):
            self.assertIn("not issued", self.wizard(move).alerts["l10n_pl_ksef_rejected_online"]["message"])
            with self.assertRaises(UserError):
                self.send(move)

    def test_a_lost_file_is_fetched(self):
        """Odoo has sent it, and was killed before it kept the file: KOD I needs its hash, the buyer his mail."""
        move = self.posted_invoice(partner_id=self.buyer(**FOREIGN).id)
        self.send_online(move)
        xml = move.sudo().l10n_pl_edi_attachment_id.raw
        move.sudo().l10n_pl_edi_attachment_id.unlink()
        self.assertTrue(move.sudo().l10n_pl_ksef_held_mail)
        self.ask(move)
        self.assertEqual(move.l10n_pl_edi_status, "accepted")
        ((_name, label, link),) = move._l10n_pl_ksef_links()
        self.assertEqual((label, digest_in(link)), (move.l10n_pl_edi_number, links.digest(xml)))

    def test_a_lost_file_is_fetched_before_printing(self):
        """Without the file no code is printed, of nothing least of all."""
        move = self.posted_invoice(partner_id=self.buyer(**FOREIGN).id)
        self.send_online(move)
        self.ask(move)
        xml = move.sudo().l10n_pl_edi_attachment_id.raw
        for is_away in (True, False):
            move.sudo().l10n_pl_edi_attachment_id.unlink()
            move._l10n_pl_ksef_set_pdf_aside()
            with self.subTest(is_away=is_away), mute_logger(SEAM_LOG):
                if is_away:
                    self.ksef.faults.plan(AnswerInstead(503), times=50)
                (mail,) = self.send(move)
                self.ksef.faults.clear()
                (content,) = [content for name, content, _type in mail["attachments"] if name.endswith(".pdf")]
                codes = codes_of(pages_of(content, 150))
                self.assertIn(move.l10n_pl_edi_number, text_of(content))
                if is_away:
                    self.assertEqual(codes, [])
                else:
                    self.assertEqual([digest_in(code) for code in codes], [links.digest(xml)])

    def test_a_mail_is_held_before_it_is_sent(self):
        """Odoo commits what it has sent; whoever dies then must not take the buyer's mail along."""
        move = self.posted_invoice(partner_id=self.buyer(**FOREIGN).id)
        held = []
        send_invoice = KsefApiService.send_invoice

        def send_and_look(service, xml):
            held.append(bool(move.sudo().l10n_pl_ksef_held_mail))
            return send_invoice(service, xml)

        with patch.object(KsefApiService, "send_invoice", send_and_look):
            self.send_online(move)
        self.assertEqual(held, [True])
        refused = self.posted_invoice(partner_id=self.buyer(**FOREIGN).id)
        self.ksef.faults.plan(AnswerInstead(503), "POST", "/sessions/online/*/invoices")
        with self.assertRaises(UserError), mute_logger(ODOO_SERVICE_LOG):
            self.send(refused)
        self.assertFalse(refused.sudo().l10n_pl_ksef_held_mail)

    def test_no_fallback_mail_in_an_outage(self):
        """As shops and subscriptions send."""
        self.ksef.stop()
        move = self.posted_invoice(partner_id=self.buyer(**DOMESTIC).id).with_user(self.accountant)
        with mute_logger(ODOO_SERVICE_LOG), self.mock_mail_gateway():
            move.with_context(force_report_rendering=True)._generate_and_send(allow_fallback_pdf=True)
        mails = [(mail["subject"], mail["attachments"][0][0]) for mail in self._mails if "Here is your" in mail["body"]]
        self.assertFalse(mails)
