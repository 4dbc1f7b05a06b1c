"""A database may have no Polish, or nothing else."""

from odoo.tests import Form, HttpCase

from .test_hand_over import DOMESTIC, FOREIGN, HandOverCommon
from .test_print import codes_of, pages_of, text_of
from .test_sending import KsefSendingCommon


class TestLanguages(HandOverCommon, KsefSendingCommon, HttpCase):
    def setUp(self):
        super().setUp()
        self.env["ir.config_parameter"].set_param("report.url", self.base_url())
        self.company.external_report_layout_id = self.env.ref("web.external_layout_standard")

    def leave_only(self, lang):
        """Make a language the only one of this database."""
        languages = self.env["res.lang"].with_context(active_test=False)
        languages._activate_lang(lang)
        self.env["res.partner"].with_context(active_test=False).search([]).lang = lang
        self.env["mail.template"].with_context(active_test=False).search([]).lang = False
        languages.search([("code", "!=", lang)]).active = False
        self.env = self.env(context={**self.env.context, "lang": lang})
        self.assertEqual([code for code, _name in self.env["res.lang"].get_installed()], [lang])

    def check_outage_day(self, lang):
        self.leave_only(lang)
        for facts in (DOMESTIC, FOREIGN):
            buyer = self.buyer(**facts, lang=lang)
            if facts == FOREIGN:
                buyer.write({"street": False, "city": False, "vat": False, "is_company": False})  # a country alone
            move = self.posted_invoice(partner_id=buyer.id)
            wizard = self.env["l10n_pl_ksef.issue.offline"].with_user(self.accountant)
            wizard = wizard.with_context(active_model="account.move", active_ids=move.ids)
            Form(wizard).save().action_issue()
            document = move.l10n_pl_ksef_document_id
            (mail,) = self.send(move)
            (content,) = [content for name, content, _type in mail["attachments"] if name.endswith(".pdf")]
            self.assertCountEqual(codes_of(pages_of(content, 150)), [document.kod_i, document.kod_ii])
            self.assertIn(move.name, text_of(content))
            xml = document._xml_bytes().decode()
            self.assertEqual("Niemcy" in xml, facts == FOREIGN, "the country's name is Polish in the file")
        self.run_worker()
        self.assertEqual(document.state, "accepted")
        self.assertTrue(document.upo_id)

    def test_english_alone(self):
        self.check_outage_day("en_US")

    def test_polish_alone(self):
        self.check_outage_day("pl_PL")
