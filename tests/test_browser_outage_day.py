import os
from datetime import timedelta
from unittest.mock import patch

from lxml import etree

from odoo import Command
from odoo.tests import freeze_time, new_test_user
from odoo.tools import mute_logger

from ..devtools.ksef_simulator import AnswerInstead
from ..models.announcement import LATARNIA_VARIABLE
from ..models.submission import THRESHOLD_PARAMETER
from .browsing import BrowserCommon
from .common import NOW
from .test_hand_over import DOMESTIC, FOREIGN, ODOO_SERVICE_LOG, HandOverCommon
from .test_print import codes_of, pages_of
from .test_sending import KsefSendingCommon
from .test_status_within_seconds import StatusWithinSecondsCommon


class OutageDayCommon(HandOverCommon, KsefSendingCommon, BrowserCommon):
    """An accountant who works in Polish, and Odoo's own way to KSeF led to the simulator."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.external_report_layout_id = cls.env.ref("web.external_layout_standard")
        cls.accountant.write(
            {
                "lang": "pl_PL",
                "tz": "Europe/Warsaw",
                "email": "ksiegowa@example.com",
                "group_ids": [Command.link(cls.env.ref("base.group_partner_manager").id)],
            }
        )

    def setUp(self):
        super().setUp()
        self.env["ir.config_parameter"].set_param("report.url", self.base_url())
        self.startPatcher(patch.dict(os.environ, {LATARNIA_VARIABLE: self.ksef.latarnia_url}))
        self.lead_odoo_to_simulator(invoice_polls=1)

    def poll_latarnia(self):
        self.env["l10n_pl_ksef.announcement"]._poll()
        self.env.invalidate_all()

    def mailed_pdf(self):
        (mail,) = [mail for mail in self._mails if "nabywca@example.com" in str(mail["email_to"])]
        return self.pdf_of(mail)

    def pdf_of(self, mail):
        (content,) = [content for name, content, _type in mail["attachments"] if name.endswith(".pdf")]
        return content

    def assert_codes(self, pdf, *links):
        self.assertCountEqual(codes_of(pages_of(pdf, 150)), links)

    def on_invoice(self, move, story, **facts):
        """Let the accountant open an invoice and live a story of outage_day.js."""
        facts["buttons"] = {
            name: self.env.ref(f"l10n_pl_ksef_offline.action_{name}").id
            for name in ("issue_offline", "change_mode", "technical_correction")
        }
        self.browse(
            f"/odoo/action-account.action_move_out_invoice_type/{move.id}",
            "outage_day.js",
            login=self.accountant.login,
            ready=".o_form_view .o_form_sheet",
            story=story,
            **facts,
        )


@freeze_time(NOW)
class TestBrowserOutageDay(OutageDayCommon):
    def test_from_the_first_failed_send_to_the_last_number(self):
        """KSeF is away, fails officially, comes back, takes one invoice and rejects the other until it is fixed."""
        abroad = self.draft_invoice(partner_id=self.buyer(**FOREIGN).id)
        self.ksef.faults.plan(AnswerInstead(), "POST", "/sessions/*", times=None)
        with self.mock_mail_gateway():
            self.on_invoice(abroad, "issueWhatCannotBeSent")
            mailed = self.mailed_pdf()
        first = abroad.l10n_pl_ksef_document_id
        self.assertEqual((first.state, first.mode), ("waiting", "offline24"))
        self.assert_codes(self.downloaded(), first.kod_i, first.kod_ii)
        self.assert_codes(mailed, first.kod_i, first.kod_ii)

        start = self.pass_hour()
        self.ksef.announce("FAILURE", "FAILURE_START", start, event_id=1)
        self.poll_latarnia()
        self.assertFalse(first.deadline, "it runs from the end of the failure")
        domestic = self.posted_invoice(partner_id=self.buyer(**DOMESTIC).id)
        self.on_invoice(domestic, "issueInEmergency")
        self.on_invoice(abroad, "changeTheMode")
        second = domestic.l10n_pl_ksef_document_id
        self.assertEqual((first + second).mapped("mode"), ["emergency", "emergency"])

        self.ksef.announce("FAILURE", "FAILURE_END", start, self.pass_hour(), event_id=1)
        self.poll_latarnia()
        self.assertEqual([str(day) for day in (first + second).mapped("deadline")], ["2026-12-02", "2026-12-02"])
        self.ksef.faults.clear()
        self.ksef.state.outcomes[bytes.fromhex(second.sha256)] = 430
        self.run_worker(1)
        with self.mock_mail_gateway():
            self.on_invoice(abroad, "seeTheNumber", number=abroad.l10n_pl_edi_number)
            self.on_invoice(abroad, "sendTheNumberedCopy")
            mailed = self.mailed_pdf()
        self.assert_codes(self.downloaded(), first.kod_i)
        self.assert_codes(mailed, first.kod_i)

        self.company.street = "ul. Zielona 9"
        self.on_invoice(domestic, "correctTechnically", street="Zielona")
        third = domestic.l10n_pl_ksef_document_id
        self.assertEqual(third.corrects_id, second)
        self.run_worker(1)
        self.assertEqual(third.state, "accepted", third.rejection_words)
        self.on_invoice(domestic, "seeTheNumber", number=domestic.l10n_pl_edi_number)
        self.assert_codes(self.downloaded(), third.kod_i)
        self.assertFalse((first + second + third)._unfinished())

    def pass_hour(self):
        self.pass_time(3600)
        return self.now

    def test_many_at_once(self):
        buyer = self.buyer(**FOREIGN)
        moves = self.env["account.move"].concat(*(self.posted_invoice(partner_id=buyer.id) for _ in range(3)))
        refused = moves[1]
        refused.sudo().l10n_pl_edi_status = "sent"
        action = self.env.ref("l10n_pl_ksef_offline.action_issue_offline").with_context(lang="pl_PL")
        self.browse(
            "/odoo/action-account.action_move_out_invoice_type",
            "many_at_once.js",
            login=self.accountant.login,
            ready=".o_data_row",
            action=action.name,
            numbers=moves.mapped("name"),
            refused=refused.name,
        )
        self.assertEqual(moves.filtered("l10n_pl_ksef_document_id"), moves - refused)


@freeze_time(NOW)
class TestBrowserBuyer(OutageDayCommon):
    def test_portal(self):
        """A buyer with a Polish NIP, before the number and after."""
        buyer = self.buyer(**DOMESTIC, lang="pl_PL")
        user = new_test_user(self.env, "ksef_nabywca", "base.group_portal", partner_id=buyer.id, lang="pl_PL")
        move = self.sealed(buyer)
        document = move.l10n_pl_ksef_document_id
        self.see_on_portal(user, move, ["OFFLINE", "CERTYFIKAT"], [document.kod_i, document.kod_ii])
        self.assertTrue(document.given_at)
        self.run_worker(1)
        self.see_on_portal(user, move, [document.ksef_number], [document.kod_i])

    def see_on_portal(self, user, move, labels, codes):
        self.browse(
            f"/my/invoices/{move.id}",
            "portal.js",
            login=user.login,
            ready="#invoice_html",
            labels=labels,
            links=codes,
            confirmation=len(codes) == 2,
        )
        self.assertCountEqual(codes_of(pages_of(self.downloaded(), 150)), codes)


@freeze_time(NOW)
class TestBrowserOrdinaryDay(StatusWithinSecondsCommon, OutageDayCommon):
    def test_ksef_needs_longer_than_odoo_waits(self):
        """An ordinary online invoice: one mail, one code, and nothing that contradicts another thing."""
        self.ksef.state.settings.invoice_polls = 50
        move = self.draft_invoice(partner_id=self.buyer(**DOMESTIC).id)
        with self.mock_mail_gateway(), mute_logger(ODOO_SERVICE_LOG):
            self.on_invoice(move, "sendOnline")
            self.assertFalse(self._mails, "the buyer may have it with its number only")
        self.assertEqual(move.l10n_pl_ksef_standing, "sent_online")
        self.let_ksef_finish()
        # Check Sending, which reloads the page
        move.with_user(self.accountant).action_l10n_pl_edi_update_invoice_status()
        self.assertEqual(move.l10n_pl_ksef_standing, "numbered")
        self.on_invoice(move, "printWithTheNumber")
        (mail,) = self.run_job()
        for pdf in (self.pdf_of(mail), self.downloaded()):
            self.assert_codes(pdf, move._l10n_pl_ksef_online_kod_i())
        self.assertEqual(self.run_job(), [], "one mail")


@freeze_time(NOW)
class TestBrowserOffice(OutageDayCommon):
    def test_settings(self):
        """An administrator sees every setting in both languages, and saves while KSeF is away."""
        admin = self.new_user("ksef_admin", "base.group_system,account.group_account_manager")
        view = self.env.ref("l10n_pl_ksef_offline.res_config_settings_view_form")
        ids = etree.fromstring(view.arch).xpath("//setting/@id")
        self.company.tax_exigibility = True  # or Odoo warns of the chart's taxes
        self.ksef.stop()
        for lang, threshold in (("en_US", 7), ("pl_PL", 8)):
            with self.subTest(lang):
                admin.lang = lang
                self.browse(
                    "/odoo/action-account.action_account_config",
                    "settings.js",
                    login=admin.login,
                    ready="#l10n_pl_ksef_vault",
                    ids=ids,
                    threshold=threshold,
                )
                parameter = self.env["ir.config_parameter"].get_param(THRESHOLD_PARAMETER)
                self.assertEqual(int(parameter), threshold)

    def test_documents(self):
        """Filters, groups, pivot and graph of the documents, and the way to them from the dashboard."""
        late, rejected = self.sealed(self.buyer(**FOREIGN)), self.sealed(self.buyer(**DOMESTIC), "unavailability")
        self.reject(rejected.l10n_pl_ksef_document_id, 430, "Błąd weryfikacji pliku faktury")
        self.pass_time(86400)
        due = self.posted_invoice(partner_id=late.partner_id.id, invoice_date=NOW.date() + timedelta(days=1))
        due._l10n_pl_ksef_issue_offline()
        self.pass_time(86400)
        pl = {"lang": "pl_PL"}
        view = self.env["l10n_pl_ksef.document"].with_context(**pl).get_view(view_type="search")["arch"]
        names = {each.get("name"): each.get("string") for each in etree.fromstring(view).iter("filter")}
        everything = (late + rejected + due).mapped("name")
        self.browse(
            "/odoo/action-account.open_account_journal_dashboard_kanban",
            "documents.js",
            login=self.accountant.login,
            ready="a[name=action_l10n_pl_ksef_unfinished]",
            everything=everything,
            filters=[
                (names["late"], (late + rejected).mapped("name")),
                (names["due_today"], [due.name]),
                (names["rejected"], [rejected.name]),
            ],
            mode=names["group_mode"],
        )
