"""How an invoice stands with KSeF, and how it stands beside Odoo's own Offline24."""

from odoo.exceptions import UserError, ValidationError
from odoo.tests import HttpCase, freeze_time
from odoo.tools import SQL

from ..ksef.law import papers
from ..models.account_move import standing
from .common import NOW
from .test_hand_over import DOMESTIC, FOREIGN, PaperCommon
from .test_print import codes_of, pages_of, text_of


class StandingCommon(PaperCommon):
    def told(self, move, **values):
        """Let Odoo, or a module of Odoo, write what KSeF has told; a status that only a module knows, too."""
        self.env.flush_all()
        for name, value in values.items():
            column = SQL.identifier(name)
            self.env.cr.execute(SQL("UPDATE account_move SET %s = %s WHERE id = %s", column, value, move.id))
        move.invalidate_recordset()
        move.modified(values)
        return move


@freeze_time(NOW)
class TestStanding(StandingCommon, HttpCase):
    def setUp(self):
        super().setUp()
        self.env["ir.config_parameter"].set_param("report.url", self.base_url())
        self.foreign = self.buyer(**FOREIGN)

    def invoice(self, **values):
        return self.posted_invoice(partner_id=self.foreign.id, **values)

    def in_total_failure(self):
        notice = {"kind": "total_failure", "start": NOW.replace(tzinfo=None), "title": "TVP"}
        announcement = self.env["l10n_pl_ksef.announcement"].create(notice)
        move = self.invoice()
        move._l10n_pl_ksef_issue_offline()
        announcement.action_retract()
        return move

    def outside(self):
        move = self.invoice()
        move.l10n_pl_ksef_outside = True
        return move

    def accepted(self):
        move = self.sealed(self.foreign)
        self.give_number(move)
        return move

    def bill(self):
        purchase = {"move_type": "in_invoice", "partner_id": self.foreign.id, "invoice_date": NOW.date()}
        move = self.env["account.move"].create(purchase)
        return self.told(move, l10n_pl_edi_status="fetched", l10n_pl_edi_number="5795955811-20261123-000000000001-01")

    def test_every_standing(self):
        number = "5795955811-20261123-00000000000F-0F"
        made = {
            "draft": (self.draft_invoice(), "not_concerned"),
            "a bill fetched from KSeF": (self.bill(), "not_concerned"),
            "posted": (self.invoice(), "to_issue"),
            "sealed": (self.sealed(self.foreign), "sealed"),
            "issued in total failure": (self.in_total_failure(), "total_failure"),
            "outside": (self.outside(), "outside"),
            "Odoo waits": (self.told(self.invoice(), l10n_pl_edi_status="offline_pending"), "prepared_by_odoo"),
            "Odoo failed": (self.told(self.invoice(), l10n_pl_edi_status="offline_failed"), "prepared_by_odoo"),
            "Odoo need not": (
                self.told(self.invoice(), l10n_pl_edi_status="offline_no_submission"),
                "prepared_by_odoo",
            ),
            "sent": (self.told(self.invoice(), l10n_pl_edi_status="sent"), "sent_online"),
            "sent, and feared lost": (
                self.told(self.invoice(), l10n_pl_edi_status="sent", l10n_pl_ksef_maybe_sent=True),
                "sent_online",
            ),
            "accepted without a number": (self.told(self.invoice(), l10n_pl_edi_status="accepted"), "sent_online"),
            "lost": (self.told(self.invoice(), l10n_pl_ksef_maybe_sent=True), "maybe_sent"),
            "rejected": (self.told(self.invoice(), l10n_pl_edi_status="rejected"), "rejected_online"),
            "accepted": (
                self.told(self.invoice(), l10n_pl_edi_status="accepted", l10n_pl_edi_number=number),
                "numbered",
            ),
            "accepted after sealing": (self.accepted(), "numbered"),
        }
        moves = self.env["account.move"].union(*(move for move, _wanted in made.values())).with_user(self.accountant)
        for case, (move, wanted) in made.items():
            with self.subTest(case):
                self.assertEqual(move.with_user(self.accountant).l10n_pl_ksef_standing, wanted)
        for value, _label in standing.STANDINGS:
            with self.subTest("search", value=value):
                found = moves.search([("id", "in", moves.ids), ("l10n_pl_ksef_standing", "=", value)])
                self.assertEqual(found, moves.filtered(lambda move, value=value: move.l10n_pl_ksef_standing == value))
        issued = moves.search([("id", "in", moves.ids), ("l10n_pl_ksef_standing", "in", list(standing.ISSUED))])
        self.assertEqual(issued, moves.filtered(lambda move: move._l10n_pl_ksef_is_issued()))
        others = moves.search([("id", "in", moves.ids), ("l10n_pl_ksef_standing", "not in", list(standing.ISSUED))])
        self.assertEqual(others, moves - issued)

    def test_who_may_go_back_to_draft(self):
        """Whatever button or call it comes from: what KSeF or a buyer may hold stays posted."""
        number = "5795955811-20261123-00000000000F-0F"
        kept = {
            "was issued offline": self.sealed(self.foreign),
            "total failure": self.in_total_failure(),
            "Offline24": self.told(self.invoice(), l10n_pl_edi_status="offline_failed"),
            "which has not given the number": self.told(self.invoice(), l10n_pl_edi_status="sent"),
            "Press Ask KSeF": self.told(self.invoice(), l10n_pl_ksef_maybe_sent=True),
            "has accepted it": self.told(self.invoice(), l10n_pl_edi_status="accepted", l10n_pl_edi_number=number),
        }
        for words, move in kept.items():
            move = move.with_user(self.accountant)
            self.assertFalse(move.show_reset_to_draft_button)
            for act in (move.button_draft, move.button_cancel, lambda move=move: move.write({"state": "draft"})):
                with self.subTest(words), self.assertRaisesRegex((UserError, ValidationError), words):
                    with self.env.cr.savepoint():
                        act()
                        self.env.flush_all()
        self.assertEqual({move.l10n_pl_ksef_standing for move in kept.values()}, standing.NOT_TO_RESET)
        for move in (self.invoice(), self.outside(), self.told(self.invoice(), l10n_pl_edi_status="rejected")):
            move.with_user(self.accountant).button_draft()
            self.assertEqual(move.state, "draft")

    def test_the_sets_know_every_standing(self):
        values = {value for value, _label in standing.STANDINGS}
        for names in (standing.ISSUED, standing.NOT_TO_RESET, standing.NOT_TO_SEND_ONLINE, standing.REFERENCE_STATES):
            self.assertLessEqual(set(names), values)


@freeze_time(NOW)
class TestBesideOffline24(StandingCommon, HttpCase):
    """Odoo's own Offline24 (``l10n_pl_edi_qr_code``), told by the status that it writes.

    They run in a database without it and, by ``./dev offline24``, in one where an addon with its names is installed.
    """

    def setUp(self):
        super().setUp()
        self.env["ir.config_parameter"].set_param("report.url", self.base_url())

    def prepared(self, facts=DOMESTIC):
        move = self.posted_invoice(partner_id=self.buyer(**facts).id)
        if not self.module_is_here():
            return self.told(move, l10n_pl_edi_status="offline_pending")
        move.action_l10n_pl_edi_prepare_offline()
        return move

    def module_is_here(self):
        return "l10n_pl_edi_offline_certificate" in self.env["res.company"]._fields

    def test_it_is_not_issued_here_as_well(self):
        move = self.prepared().with_user(self.accountant)
        with self.assertRaisesRegex(UserError, "prepared by Odoo's Offline24.*cancel that preparation"):
            move.action_l10n_pl_ksef_issue_offline()
        self.assertFalse(move.l10n_pl_ksef_document_id)
        self.assertNotIn("pl_ksef", self.env["account.move.send"]._get_default_extra_edis(move))
        alerts = str(self.wizard(move).alerts)
        self.assertNotIn("goes to KSeF now", alerts)
        self.assertNotIn("Neither sent to KSeF nor issued", alerts)

    def test_what_the_buyer_may_get(self):
        for facts, kind in (
            (DOMESTIC, papers.Paper.TRANSACTION_CONFIRMATION),
            (FOREIGN, papers.Paper.INVOICE),
        ):
            with self.subTest(facts["vat"]):
                move = self.prepared(facts)
                is_confirmation = kind == papers.Paper.TRANSACTION_CONFIRMATION
                (mail,) = self.send(move)
                ((_name, content, _type),) = mail["attachments"]
                self.assertEqual("not an invoice" in text_of(content), is_confirmation)
                downloaded = self.url_open(f"{self.portal(move)}&report_type=pdf&download=true").content
                self.assertEqual("not an invoice" in text_of(downloaded), is_confirmation)
                self.assertEqual(bool(move._get_invoice_legal_documents("ubl")), False)

    def test_it_stays_as_it_was_prepared(self):
        move = self.prepared().with_user(self.accountant)
        self.assertFalse(move.show_reset_to_draft_button)
        with self.assertRaisesRegex((UserError, ValidationError), "Offline24"):
            move.button_draft()
            self.env.flush_all()
        with self.assertRaisesRegex(UserError, "can no longer be changed"), self.env.cr.savepoint():
            move.ref = "ZAM/2"

    def test_what_is_sealed_here_is_not_prepared_by_odoo(self):
        move = self.sealed(self.buyer(**DOMESTIC))
        with self.assertRaisesRegex(UserError, "must not prepare it once more"):
            move.action_l10n_pl_edi_prepare_offline()
        with self.assertRaisesRegex(UserError, "must not prepare it once more"):
            move.sudo().write({"l10n_pl_edi_status": "offline_pending"})
        self.assertFalse(move.l10n_pl_edi_status)

    def test_never_two_codes(self):
        """Odoo's codes on what it has prepared, ours on what was issued here."""
        hidden = "#ksef_certificate_code { display: none; }"
        reports = self.env["ir.actions.report"].with_context(force_report_rendering=True)
        for move, is_ours in ((self.prepared(FOREIGN), False), (self.sealed(self.buyer(**FOREIGN)), True)):
            page = self.url_open(f"{self.portal(move)}&report_type=html").text
            with self.subTest(is_ours=is_ours):
                self.assertEqual(hidden in page, is_ours)
                self.assertEqual("l10n_pl_ksef_verification_codes" in page, is_ours)
            content, _kind = reports._render("account.account_invoices", move.ids)
            codes = codes_of(pages_of(content, 150))
            document = move.l10n_pl_ksef_document_id
            theirs = ["https://example.com/kod-i", "https://example.com/kod-ii"] if self.module_is_here() else []
            with self.subTest("printed", is_ours=is_ours):
                self.assertCountEqual(codes, [document.kod_i, document.kod_ii] if is_ours else theirs)

    def test_each_sends_its_own(self):
        if not self.module_is_here():
            self.skipTest("needs the addon with the names of Offline24: ./dev offline24")
        theirs, ours = self.prepared(), self.sealed(self.buyer(**DOMESTIC))
        failed = self.told(self.prepared(), l10n_pl_edi_status="offline_failed")
        found = self.env["account.move"]._cron_l10n_pl_edi_send_offline()
        self.assertEqual(found & (theirs + ours + failed), theirs + failed)
        action = self.env.ref("l10n_pl_edi_qr_code.action_prepare_offline")
        with self.assertRaisesRegex(UserError, "must not prepare it once more"):
            action.with_context(active_model="account.move", active_ids=ours.ids, active_id=ours.id).run()

    def test_settings_tell_the_two_certificates_apart(self):
        settings = self.env["res.config.settings"].create({})
        self.assertEqual(settings.l10n_pl_ksef_beside_offline24, self.module_is_here())
        view = settings.get_view(self.env.ref("base_setup.res_config_settings_view_form").id)["arch"]
        self.assertIn("for Odoo's own Offline24 alone", view)
