from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, freeze_time

from ..ksef.law.buyers import BuyerClass
from ..models.res_partner import BUYER_CLASSES
from ..wizards import issue_offline
from .common import NOW, KsefOfflineCommon


class TestIssuing(KsefOfflineCommon):
    """The wizard with which accountants issue offline: modes, kinds of buyers, many invoices at once."""

    def setUp(self):
        super().setUp()
        self.upload(self.issued())

    def announce(self, kind, **values):
        return (
            self.env["l10n_pl_ksef.announcement"]
            .with_user(self.accountant)
            .create({"kind": kind, "start": NOW.replace(tzinfo=None), "number": "K/2026/AWR/01"} | values)
        )

    def wizard(self, moves, **values):
        context = {"active_model": "account.move", "active_ids": moves.ids}
        form = Form(self.env["l10n_pl_ksef.issue.offline"].with_user(self.accountant).with_context(**context))
        for name, value in values.items():
            form[name] = value
        return form.save()

    def test_the_mode_follows_the_announcements(self):
        for kind, mode, deadline in (
            (None, "offline24", "2026-11-24"),
            ("maintenance", "unavailability", "2026-11-25"),
            ("failure", "emergency", False),
        ):
            with self.subTest(mode), self.env.cr.savepoint() as savepoint:
                if kind:
                    end = {"end": "2026-11-24 05:00:00"} if kind == "maintenance" else {}
                    self.announce(kind, **end)
                move = self.posted_invoice()
                wizard = self.wizard(move)
                self.assertEqual(wizard.mode, mode)
                wizard.action_issue()
                document = move.l10n_pl_ksef_document_id
                self.assertEqual((document.mode, str(document.deadline or "") or False), (mode, deadline))
                self.assertTrue(document.deadline_reasons)
                self.assertIn("K/2026/AWR/01" if kind else "No failure", document.mode_reason)
                savepoint.rollback()

    def test_another_mode_needs_a_reason(self):
        move = self.posted_invoice()
        wizard = self.wizard(move, mode="emergency", reason="BIP 7/2026")
        wizard.reason = " "
        with self.assertRaisesRegex(UserError, "Say why"):
            wizard.action_issue()
        wizard.reason = "BIP 7/2026"
        wizard.action_issue()
        document = move.l10n_pl_ksef_document_id
        self.assertEqual((document.mode, document.mode_reason), ("emergency", "BIP 7/2026"))
        self.assertIn("BIP 7/2026", move.message_ids[0].body)

    def test_during_total_failure_nothing_is_sealed(self):
        self.announce("total_failure")
        move = self.posted_invoice()
        values = {"move_ids": [Command.set(move.ids)], "mode": "offline24", "reason": "I want to"}
        wizard = self.env["l10n_pl_ksef.issue.offline"].with_user(self.accountant).create(values)
        with self.assertRaisesRegex(UserError, "Total failure.*enter its end"):
            wizard.action_issue()
        self.wizard(move).action_issue()  # where no other mode can be chosen
        self.assertFalse(move.l10n_pl_ksef_document_ids)
        self.assertTrue(move.l10n_pl_ksef_total_failure)
        self.assertEqual(move._l10n_pl_ksef_verification_codes(), [])
        self.assertFalse(self.env["account.move.send"]._get_all_extra_edis()["pl_ksef"]["is_applicable"](move.sudo()))
        self.assertEqual(move.l10n_pl_ksef_jpk_mark, "BFK")
        self.assertIn("BFK", move.alerts["l10n_pl_ksef_total_failure"]["message"])
        with self.assertRaisesRegex(UserError, "corrective invoice"), self.env.cr.savepoint():
            move.button_draft()
        move.action_l10n_pl_ksef_undo_total_failure()
        self.assertEqual(move.l10n_pl_ksef_standing, "to_issue")

    def test_total_failure_is_not_the_sellers_choice(self):
        wizard = self.wizard(self.posted_invoice(), mode="total_failure", reason="because")
        with self.assertRaisesRegex(UserError, "KSeF > Announcements"):
            wizard.action_issue()

    def test_the_end_of_the_failure_moves_the_deadline(self):
        failure = self.announce("failure")
        move = self.posted_invoice()
        self.wizard(move).action_issue()
        document = move.l10n_pl_ksef_document_id
        self.assertFalse(document.deadline)
        self.assertIn("has not ended", document.deadline_reasons)
        failure.end = "2026-11-23 23:30:00"  # half past midnight on the 24th in Warsaw
        self.assertEqual(str(document.deadline), "2026-12-03")
        self.assertIn("03.12.2026", move.message_ids[0].body)
        self.env["l10n_pl_ksef.day.off"].create({"date": "2026-12-01", "name": "by an act"})
        self.assertEqual(str(document.deadline), "2026-12-04")
        messages = len(move.message_ids)
        failure.number = "K/2026/AWR/01a"
        self.assertEqual(str(document.deadline), "2026-12-04")
        self.assertEqual(len(move.message_ids), messages, "told only when it moves")
        self.assertIn("K/2026/AWR/01a", document.deadline_reasons)

    def test_days_off_are_the_administrators(self):
        with self.assertRaises(AccessError):
            self.env["l10n_pl_ksef.day.off"].with_user(self.accountant).create({"date": "2026-12-01", "name": "no"})

    def test_many_at_once(self):
        good = self.posted_invoice() + self.posted_invoice()
        nameless = self.env["res.partner"].create({"name": "S.A.", "is_company": True, "vat": "PL5265877635"})
        bad = self.posted_invoice(partner_id=nameless.id)
        before = self.posted_invoice()
        before.action_l10n_pl_ksef_issue_offline()
        wizard = self.wizard(good + bad + before)
        self.assertIn(f"{bad.name}: S.A. has no country", wizard.problems)
        self.assertIn(f"{bad.name}: S.A. is a company without an address", wizard.problems)
        self.assertEqual(wizard.skipped, 1)
        self.assertRegex(wizard.paper, r"The invoice, with both verification codes. \(2\)\nA transaction conf.* \(1\)")
        wizard.action_issue()
        self.assertEqual(len(good.l10n_pl_ksef_document_id), 2)
        self.assertEqual(wizard.refused_ids, bad)
        self.assertIn("Issued: 2. Not issued: 1. Issued before: 1.", wizard.summary)
        self.assertIn(f"{bad.name}: ", wizard.summary)
        self.assertEqual(wizard.action_show_refused()["res_id"], bad.id)

    def test_a_great_many_in_slices(self):
        """Each request issues some, and what it has issued stays whatever happens to the next one."""
        moves = self.env["account.move"].concat(*(self.posted_invoice() for _ in range(3)))
        wizard = self.wizard(moves)
        with patch.object(issue_offline, "_SLICE", 0):
            action = wizard.action_issue()
            self.assertEqual(action["params"], {"wizard_id": wizard.id, "done": 1, "count": 3})
            self.assertEqual(len(moves.l10n_pl_ksef_document_id), 1)
            wizard.action_go_on()
            action = wizard.action_go_on()
        self.assertEqual((action["res_id"], len(moves.l10n_pl_ksef_document_id)), (wizard.id, 3))
        self.assertIn("Issued: 3. Not issued: 0. Issued before: 0.", wizard.summary)

    def test_kinds_of_buyers(self):
        germany, poland = self.env.ref("base.de").id, self.env.ref("base.pl").id
        firm = {"is_company": True, "street": "ul. Prosta 1", "city": "Miasto"}

        def establishment(kind):
            return {"country_id": germany, "l10n_pl_ksef_establishment": kind}

        for buyer, expected, why in (
            (firm | {"vat": "PL5265877635", "country_id": poland}, "domestic", "with a Polish NIP"),
            (firm | {"vat": "DE136695976", "country_id": germany}, "not_established", "seat is abroad"),
            (firm | {"vat": "PL5265877635", "country_id": germany}, "domestic", "not known"),
            (firm | {"vat": "PL5265877635"} | establishment("none"), "not_established", "neither a seat nor"),
            (firm | {"vat": "PL5265877635"} | establishment("not_involved"), "establishment_not_involved", "no fixed"),
            (firm | {"vat": "DE136695976"} | establishment("involved"), "domestic", "takes part"),
            (
                firm | {"vat": "DE136695976", "country_id": germany, "l10n_pl_ksef_sme_scheme": True},
                "sme_scheme",
                "SME scheme",
            ),
            (
                firm | {"vat": "PL5265877635", "country_id": poland, "l10n_pl_ksef_sme_scheme": True},
                "domestic",
                "with a Polish NIP",
            ),
            (firm | {"country_id": poland}, "no_tax_id", "no tax identifier"),
            ({"country_id": poland}, "consumer", "natural person"),
        ):
            with self.subTest(expected, why=why):
                partner = self.env["res.partner"].create({"name": "Nabywca"} | buyer)
                move = self.posted_invoice(partner_id=partner.id)
                self.assertEqual(move.l10n_pl_ksef_buyer_class, expected)
                self.assertIn(why, move.l10n_pl_ksef_buyer_class_reason)
                partner.l10n_pl_ksef_buyer_class = "sme_scheme"
                self.assertEqual(move.l10n_pl_ksef_buyer_class, "sme_scheme")
                self.assertIn("on the buyer", move.l10n_pl_ksef_buyer_class_reason)
                move.l10n_pl_ksef_buyer_class_by_hand = "consumer"
                self.assertEqual(move.l10n_pl_ksef_buyer_class, "consumer")

    def test_each_kind_of_buyer_in_the_law_can_be_chosen(self):
        kinds = {kind for name, kind in vars(BuyerClass).items() if name.isupper() and isinstance(kind, str)}
        self.assertEqual(dict(BUYER_CLASSES).keys(), kinds)

    def test_what_is_known_of_a_buyer_abroad_is_entered_in_its_form(self):
        partner = self.env["res.partner"].create({"name": "Nabywca", "is_company": True})
        with Form(partner) as form:
            self.assertTrue(form._get_modifier("l10n_pl_ksef_establishment", "invisible"))
            form.country_id = self.env.ref("base.de")
            form.l10n_pl_ksef_establishment = "not_involved"
            form.l10n_pl_ksef_sme_scheme = True
        contact = self.env["res.partner"].create({"name": "Oddział", "parent_id": partner.id})
        self.assertEqual(contact.l10n_pl_ksef_establishment, "not_involved")
        self.assertTrue(contact.l10n_pl_ksef_sme_scheme)

    def test_supply_abroad(self):
        abroad = self.env.ref(f"account.{self.company.id}_vs_0_abroad", raise_if_not_found=False)
        tags = self.env["account.account.tag"].search([("name", "=", "+K_11"), ("country_id.code", "=", "PL")])
        taxes = self.env["account.tax"].search(
            [("company_id", "=", self.company.id), ("type_tax_use", "=", "sale"), ("active", "in", (True, False))]
        )
        abroad = abroad or taxes.filtered(
            lambda tax: any("K_11" in tag.name for tag in tax.invoice_repartition_line_ids.tag_ids)
        )
        self.assertTrue(abroad, tags)
        abroad[:1].active = True
        partner = self.env["res.partner"].create(
            {
                "name": "Krajowa",
                "vat": "PL5265877635",
                "is_company": True,
                "country_id": self.env.ref("base.pl").id,
                "street": "Prosta 1",
                "city": "Miasto",
            }
        )
        line = Command.create({"name": "x", "price_unit": 1, "tax_ids": [Command.set(abroad[:1].ids)]})
        move = self.posted_invoice(partner_id=partner.id, invoice_line_ids=[line])
        self.assertEqual(move.l10n_pl_ksef_buyer_class, "supply_abroad")

    def test_dashboard(self):
        moves = self.posted_invoice() + self.posted_invoice()
        moves.action_l10n_pl_ksef_issue_offline()
        journal = moves.journal_id.with_user(self.accountant)
        data = journal._get_journal_dashboard_data_batched()[journal.id]
        self.assertEqual((data["l10n_pl_ksef_unfinished"], data["l10n_pl_ksef_late"]), (2, False))
        self.assertIn("11/24/2026", data["l10n_pl_ksef_deadline"])
        self.reject(moves[0].l10n_pl_ksef_document_id, 430, "Błąd")
        moves[0].l10n_pl_ksef_document_id.sudo().deadline = "2026-11-20"
        data = journal._get_journal_dashboard_data_batched()[journal.id]
        self.assertEqual((data["l10n_pl_ksef_unfinished"], data["l10n_pl_ksef_rejected"]), (1, 1))
        self.assertFalse(data["l10n_pl_ksef_late"], "the day is of those that wait")
        self.assertEqual(moves[0].activity_ids.date_deadline, NOW.date(), "to be fixed today")
        with freeze_time("2026-11-25 10:00"):
            self.assertTrue(journal._get_journal_dashboard_data_batched()[journal.id]["l10n_pl_ksef_late"])
        action = journal.action_l10n_pl_ksef_unfinished()
        self.assertEqual(self.env[action["res_model"]].search(action["domain"]), moves.l10n_pl_ksef_document_id)

    def test_whoever_may_only_see_invoices(self):
        """As salespeople, who read invoices and nothing else of accounting."""
        group = self.env["res.groups"].create({"name": "sees invoices"})
        for model in ("account.move", "account.move.line", "account.journal", "account.account", "account.tax"):
            self.env["ir.model.access"].create(
                {
                    "name": model,
                    "model_id": self.env["ir.model"]._get_id(model),
                    "group_id": group.id,
                    "perm_read": True,
                    "perm_write": False,
                    "perm_create": False,
                    "perm_unlink": False,
                }
            )
        seller = self.new_user("seller", "base.group_user")
        seller.group_ids += group
        waiting, issued = self.posted_invoice(), self.posted_invoice()
        issued.action_l10n_pl_ksef_issue_offline()
        for move in (waiting, issued):
            seen = move.with_user(seller)
            seen.invalidate_recordset()
            self.assertEqual("l10n_pl_ksef_sealed" in (seen.alerts or {}), move == issued)
            view = seen.get_view(view_type="form")["arch"]
            self.assertNotIn("l10n_pl_ksef_document_id", view)
            self.assertEqual(seen.l10n_pl_ksef_buyer_class, "consumer")

    def test_no_wizard_of_another_user(self):
        other = self.new_user("other_accountant", "account.group_account_invoice")
        wizard = self.wizard(self.posted_invoice())
        with self.assertRaises(AccessError):
            wizard.with_user(other).action_issue()
