import os
from datetime import timedelta
from unittest.mock import patch

from lxml import etree

from odoo import Command
from odoo.tests import freeze_time, new_test_user

from odoo.addons.l10n_pl_edi.tools.ksef_api_service import KsefApiService

from ..devtools.ksef_simulator import AnswerInstead
from ..models.announcement import LATARNIA_VARIABLE
from ..models.submission import THRESHOLD_PARAMETER
from .browsing import BrowserCommon
from .common import NOW
from .test_hand_over import DOMESTIC, FOREIGN, HandOverCommon
from .test_print import codes_of, pages_of
from .test_sending import KsefSendingCommon


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
        url = self.ksef.url
        self.startPatcher(patch.object(KsefApiService, "_get_api_url", lambda service: url))
        with self.company._l10n_pl_ksef_client("test") as client:
            client.log_in()
            self.company.sudo().write(
                {"l10n_pl_edi_access_token": client._access.text, "l10n_pl_edi_refresh_token": client._refresh.text}
            )

    def poll_latarnia(self):
        self.env["l10n_pl_ksef.announcement"]._poll()
        self.env.invalidate_all()

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
    """One day of an accountant in the web client: KSeF is away, fails, comes back, and rejects an invoice."""

    def test_ksef_is_away(self):
        move = self.draft_invoice(partner_id=self.buyer(**FOREIGN).id)
        self.ksef.faults.plan(AnswerInstead(), times=None)
        with self.mock_mail_gateway():
            self.on_invoice(move, "issueWhatCannotBeSent")
        document = move.l10n_pl_ksef_document_id
        self.assertEqual((document.state, document.mode), ("waiting", "offline24"))
        codes = [document.kod_i, document.kod_ii]
        self.assertCountEqual(codes_of(pages_of(self.downloaded(), 150)), codes)
        (mail,) = [mail for mail in self._mails if "nabywca@example.com" in str(mail["email_to"])]
        ((_name, content, _type),) = mail["attachments"]
        self.assertCountEqual(codes_of(pages_of(content, 150)), codes)

    def test_a_failure_is_announced_and_ends(self):
        waiting = self.sealed(self.buyer(**DOMESTIC))
        self.ksef.announce("FAILURE", "FAILURE_START", self.now, event_id=1)
        self.poll_latarnia()
        move = self.posted_invoice(partner_id=self.buyer(**DOMESTIC).id)
        self.on_invoice(move, "issueInEmergency")
        self.on_invoice(waiting, "changeTheMode")
        documents = (move + waiting).l10n_pl_ksef_document_id
        self.assertEqual(documents.mapped("mode"), ["emergency", "emergency"])
        start = self.now
        self.pass_time(3600)
        self.ksef.announce("FAILURE", "FAILURE_END", start, self.now, event_id=1)
        self.poll_latarnia()
        self.assertEqual([str(day) for day in documents.mapped("deadline")], ["2026-12-02", "2026-12-02"])
        self.run_worker(1)
        self.on_invoice(move, "seeTheNumber", number=move.l10n_pl_edi_number)
        self.assertEqual(codes_of(pages_of(self.downloaded(), 150)), [move.l10n_pl_ksef_document_id.kod_i])

    def test_an_invoice_is_rejected(self):
        move = self.sealed(self.buyer(**DOMESTIC))
        first = move.l10n_pl_ksef_document_id
        self.ksef.state.outcomes[bytes.fromhex(first.sha256)] = 430
        self.run_worker()
        self.company.street = "ul. Zielona 9"
        self.pass_time(60)
        self.on_invoice(move, "correctTechnically", street="Zielona")
        second = move.l10n_pl_ksef_document_id
        self.assertEqual(second.corrects_id, first)
        self.run_worker(1)
        self.assertEqual(second.state, "accepted", second.rejection_words)
        self.on_invoice(move, "seeTheNumber", number=move.l10n_pl_edi_number)
        self.assertEqual(codes_of(pages_of(self.downloaded(), 150)), [second.kod_i])

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
        self.assertTrue(document.handed_over_at)
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
class TestBrowserOffice(OutageDayCommon):
    def test_settings(self):
        """An administrator sees every setting in both languages, and saves while KSeF is away."""
        admin = new_test_user(
            self.env,
            "ksef_admin",
            "base.group_system,account.group_account_manager",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
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
        rejected.l10n_pl_ksef_document_id.sudo()._reject(430, "Błąd weryfikacji pliku faktury")
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
