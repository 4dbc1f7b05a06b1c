"""What Odoo sends online is the file of this addon, after its checks; a company that wants Odoo's own gets that."""

from odoo.exceptions import UserError
from odoo.tests import freeze_time
from odoo.tools import mute_logger

from ..devtools.ksef_simulator.invoices import decrypt
from ..ksef.codes import links
from ..models.account_move.checks import AccountMove as Checks
from .common import NIP, NOW
from .test_hand_over import DOMESTIC, ODOO_SERVICE_LOG, OnlineCommon
from .test_status_within_seconds import JOBS_LOG


@freeze_time(NOW)
class TestOnlineFile(OnlineCommon):
    def received(self):
        """Return the files that KSeF has, [bytes]."""
        return [
            decrypt(invoice.encrypted, session)
            for session in self.ksef.state.sessions.values()
            for invoice in session.invoices
        ]

    def invoice(self, **values):
        return self.posted_invoice(partner_id=self.buyer(**DOMESTIC).id, **values)

    def nameless(self):
        move = self.invoice()
        move.invoice_line_ids.name = "\u00a0\n"
        return move

    def send_online(self, move):
        with mute_logger(ODOO_SERVICE_LOG):
            return self.send(move)

    def send_many(self, moves):
        wizard = self.wizard(moves, "account.move.send.batch.wizard")
        with self.mock_mail_gateway(), mute_logger(ODOO_SERVICE_LOG):
            wizard.action_send_and_print()
            self.env.ref("account.ir_cron_account_move_send").with_user(
                self.env.ref("base.user_root")
            ).method_direct_trigger()

    def test_one_file(self):
        """What KSeF has is what would be sealed, what is kept, and what KOD I is the hash of."""
        self.env["l10n_pl_ksef.certificate"].sudo().search([]).write({"state": "removed"})
        move = self.invoice()
        self.send_online(move)
        (received,) = self.received()
        self.assertEqual(received, move._l10n_pl_ksef_sealable_xml())
        self.assertEqual(received, move.sudo().l10n_pl_edi_attachment_id.raw)
        kod_i = links.kod_i("test", NIP, move.invoice_date, links.digest(received))
        self.assertEqual(move._l10n_pl_ksef_online_kod_i(), kod_i)

    def test_with_a_problem_it_is_not_sent(self):
        move = self.nameless()
        alerts = self.wizard(move).alerts
        (told,) = [alert for key, alert in alerts.items() if key.startswith("l10n_pl_ksef_problem")]
        self.assertEqual(told["level"], "danger")
        self.assertIn("Line 1 has no description", told["message"])
        with self.assertRaisesRegex(UserError, "Line 1 has no description"):
            self.send_online(move)
        self.assertEqual((self.received(), move.l10n_pl_ksef_standing), ([], "to_issue"))

    def test_one_of_several(self):
        """One with a problem and one that crashes stop no other; each is told on its own."""
        good, bad, crashing = self.invoice(), self.nameless(), self.invoice()
        facts = Checks._l10n_pl_ksef_sealable_xml

        def sealable_xml(move):
            return 1 / 0 if move == crashing else facts(move)

        alerts = self.wizard(good + bad, "account.move.send.batch.wizard").alerts
        self.assertIn("Invoices concerned: 1", str(alerts["l10n_pl_ksef_problems"]))
        self.patch(Checks, "_l10n_pl_ksef_sealable_xml", sealable_xml)
        with mute_logger(JOBS_LOG):
            self.send_many(good + bad + crashing)
        self.assertEqual(len(self.received()), 1)
        self.assertEqual(
            [move.l10n_pl_ksef_standing for move in good + bad + crashing], ["sent_online", "to_issue", "to_issue"]
        )
        self.assertIn("Line 1 has no description", str(bad.sending_data or bad.message_ids.mapped("body")))
        self.assertNotIn("division", str(crashing.message_ids.mapped("body")))

    def test_switched_off(self):
        """A company that wants it gets Odoo's own file, whatever the rules say."""
        self.company.l10n_pl_ksef_own_file = False
        move = self.invoice()
        self.send_online(move)
        (received,) = self.received()
        self.assertEqual(received, move.sudo().l10n_pl_edi_attachment_id.raw)
        self.assertNotEqual(received, move._l10n_pl_ksef_sealable_xml())
        self.assertFalse([key for key in self.wizard(self.nameless()).alerts if "problem" in key])
