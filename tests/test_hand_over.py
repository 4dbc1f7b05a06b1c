import io
import re
from base64 import b64decode
from unittest.mock import patch

from lxml import etree, html
from PIL import Image, ImageDraw

from odoo import Command
from odoo.exceptions import AccessError, RedirectWarning, UserError
from odoo.tests import Form, HttpCase, freeze_time, new_test_user
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import MockEmail

from ..devtools.ksef_simulator import AnswerInstead, LoseAnswer
from ..ksef.law import buyers, modes, papers
from .common import NIP, NOW, KsefOfflineCommon, KsefSimulatorCommon
from .test_print import codes_of, pages_of, text_of

CONFIRMATION, INVOICE = papers.Paper.TRANSACTION_CONFIRMATION, papers.Paper.INVOICE
DOMESTIC = {"vat": "PL5265877635", "country": "base.pl"}
FOREIGN = {"vat": "DE136695976", "country": "base.de"}
ODOO_SERVICE_LOG = "odoo.addons.l10n_pl_edi.tools.ksef_api_service"


class HandOverCommon(MockEmail):
    """Sends as an accountant does, with real rendering, and looks into what has left."""

    def buyer(self, vat, country, lang="en_US"):
        return (
            self.env["res.partner"]
            .with_context(no_vat_validation=True)
            .create(
                {
                    "name": f"Nabywca {vat}",
                    "vat": vat,
                    "country_id": self.env.ref(country).id,
                    "is_company": True,
                    "street": "Prosta 1",
                    "city": "Miasto",
                    "email": "nabywca@example.com",
                    "lang": lang,
                }
            )
        )

    def sealed(self, buyer, mode=None):
        move = self.posted_invoice(partner_id=buyer.id)
        move._l10n_pl_ksef_issue_offline(mode, mode and "known from the BIP")
        return move

    def portal(self, move):
        return move.sudo().get_portal_url()

    def give_number(self, move):
        move.sudo().write({"l10n_pl_edi_status": "accepted", "l10n_pl_edi_number": f"{NIP}-20261123-{move.id:012X}-AF"})
        move._l10n_pl_ksef_renew_copy()

    def wizard(self, moves, model="account.move.send.wizard", **values):
        return (
            self.env[model]
            .with_user(self.accountant)
            .with_context(active_model="account.move", active_ids=moves.ids, force_report_rendering=True)
            .create(values)
        )

    def send(self, moves, **values):
        """Send one invoice by mail from the wizard; return the mails that have left."""
        with self.mock_mail_gateway():
            self.wizard(moves, **values).action_send_and_print()
        return [mail for mail in self._mails if "nabywca@example.com" in str(mail["email_to"])]

    def run_job(self, method="_l10n_pl_ksef_cron_renew_copies", commit=lambda cron, processed=0, **values: 60):
        """Run a job, with ``commit`` in place of its commits; return the mails that have left."""
        moves = self.env["account.move"].with_context(force_report_rendering=True)
        with self.mock_mail_gateway(), patch.object(type(self.env["ir.cron"]), "_commit_progress", commit):
            getattr(moves, method)()
        return [mail for mail in self._mails if "nabywca@example.com" in str(mail["email_to"])]

    def expected_codes(self, move, paper):
        document = move.l10n_pl_ksef_document_id
        links = {
            papers.Code.KOD_I_OFFLINE: document.kod_i,
            papers.Code.KOD_I_NUMBER: document.kod_i,
            papers.Code.KOD_II: document.kod_ii,
        }
        return sorted(links[code] for code in paper.codes)

    def codes_of_page(self, page):
        """Return the texts of the codes on an HTML page."""
        sources = html.fromstring(page).xpath("//div[@id='l10n_pl_ksef_verification_codes']//img/@src")
        pictures = [Image.open(io.BytesIO(b64decode(source.partition(",")[2]))) for source in sources]
        return sorted(codes_of(pictures))


@freeze_time(NOW)
class PaperCommon(HandOverCommon, KsefOfflineCommon):
    """With a certificate that signs, and a layout for what is printed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.external_report_layout_id = cls.env.ref("web.external_layout_standard")
        cls.upload(cls.issued())


@freeze_time(NOW)
class TestHandOver(PaperCommon, HttpCase):
    def setUp(self):
        super().setUp()
        self.env["ir.config_parameter"].set_param("report.url", self.base_url())

    # The table of the law

    def test_every_cell(self):
        """PDF, preview, mail and portal are the same paper with the same codes, before the number and after."""
        for mode in (modes.Mode.OFFLINE24, modes.Mode.UNAVAILABILITY, modes.Mode.EMERGENCY):
            for buyer_class, facts in ((buyers.BuyerClass.DOMESTIC, DOMESTIC), ("not_established", FOREIGN)):
                move = self.sealed(self.buyer(**facts), mode)
                for has_number in (False, True):
                    with self.subTest(mode=mode, buyer=buyer_class, has_number=has_number):
                        if has_number:
                            self.give_number(move)
                        self.check_cell(move, papers.may_be_given(mode, buyer_class, has_number))

    def check_cell(self, move, paper):
        (mail,) = self.send(move)
        self.check_mail(mail, move, paper)
        codes, is_confirmation = self.expected_codes(move, paper), paper.kind == CONFIRMATION
        (content,) = [content for _name, content, _type in mail["attachments"]]
        downloaded = self.url_open(f"{self.portal(move)}&report_type=pdf&download=true").content
        self.assertEqual(downloaded, content, "the portal gives what the mail has brought")
        preview = self.url_open(f"{self.portal(move)}&report_type=html").text
        self.assertEqual(self.codes_of_page(preview), codes)
        self.assertEqual("not an invoice" in preview, is_confirmation)
        page = self.url_open(self.portal(move)).text
        self.assertEqual("l10n_pl_ksef_confirmation_title" in page, is_confirmation)
        self.assertEqual(html.fromstring(page).xpath("//div[@id='l10n_pl_ksef_links']//a/@href"), self.in_order(codes))

    def in_order(self, codes):
        return sorted(codes, key=lambda url: "/certificate/" in url)

    def check_mail(self, mail, move, paper):
        codes, is_confirmation = self.expected_codes(move, paper), paper.kind == CONFIRMATION
        ((name, content, _type),) = mail["attachments"]
        stem = move.name.replace("/", "_")
        number = move.l10n_pl_edi_number
        self.assertEqual(
            name,
            f"Transaction_confirmation_{stem}.pdf"
            if is_confirmation
            else f"{stem}_{number}.pdf"
            if number
            else f"{stem}_OFFLINE.pdf",
        )
        self.assertEqual(sorted(codes_of(pages_of(content, 150))), codes)
        text = text_of(content)
        self.assertEqual("not an invoice" in text, is_confirmation)
        self.assertEqual("Transaction confirmation" in text, is_confirmation)
        self.assertNotIn("roforma", text)
        self.assertEqual(number in text if number else False, bool(number))
        self.assertNotIn(b"factur-x", content)
        self.assertEqual("not an invoice" in mail["body"], is_confirmation)
        self.assertEqual("transaction confirmation" in mail["subject"], is_confirmation)
        self.assertEqual("Here is your" in mail["body"], not is_confirmation)
        for url in codes:
            self.assertIn(url, mail["body"])

    def test_total_failure(self):
        move = self.posted_invoice(partner_id=self.buyer(**DOMESTIC).id)
        move.sudo().l10n_pl_ksef_total_failure = True
        (mail,) = self.send(move)
        ((_name, content, _type),) = mail["attachments"]
        self.assertEqual(codes_of(pages_of(content, 150)), [])
        self.assertNotIn("not an invoice", text_of(content))

    def test_in_the_language_of_the_buyer(self):
        move = self.sealed(self.buyer(**DOMESTIC, lang="pl_PL"))
        pl = self.env(context={"lang": "pl_PL"})
        (mail,) = self.send(move)
        ((name, _content, _type),) = mail["attachments"]
        self.assertEqual(name, f"{pl._('Transaction_confirmation_')}{move.name.replace('/', '_')}.pdf")

    # Alerts

    def test_said_beforehand(self):
        confirmation = self.sealed(self.buyer(**DOMESTIC))
        invoice = self.sealed(self.buyer(**FOREIGN))
        for moves, key, words in (
            (confirmation, "l10n_pl_ksef_confirmation", "business in Poland with a Polish NIP"),
            (invoice, "l10n_pl_ksef_invoice", "seat is abroad"),
        ):
            alerts = self.wizard(moves).alerts
            self.assertIn(words, alerts[key]["message"])
            self.assertIn("offline24", alerts[key]["message"])
        alerts = self.wizard(confirmation + invoice, "account.move.send.batch.wizard").alerts
        self.assertIn("concerned: 1", alerts["l10n_pl_ksef_confirmation"]["message"])
        self.assertIn("concerned: 1", alerts["l10n_pl_ksef_invoice"]["message"])

    def test_batch_and_job(self):
        confirmation = self.sealed(self.buyer(**DOMESTIC))
        invoice = self.sealed(self.buyer(**FOREIGN))
        self.wizard(confirmation + invoice, "account.move.send.batch.wizard").action_send_and_print()
        mails = self.run_job("_cron_account_move_send")
        names = sorted(name for mail in mails for name, _content, _type in mail["attachments"])
        self.assertEqual(len(names), 2)
        self.assertTrue(names[0].endswith("_OFFLINE.pdf"))
        self.assertTrue(names[1].startswith("Transaction_confirmation_"))

    def test_no_electronic_invoice_goes_with_a_confirmation(self):
        """A buyer set to get UBL or Factur-X gets none before the number, and gets it with the number."""
        self.company.partner_id.bank_ids = [
            Command.create({"acc_number": "PL61109010140000071219812874", "allow_out_payment": True})
        ]
        for edi_format in ("ubl_bis3", "facturx"):
            with self.subTest(edi_format):
                buyer = self.buyer(**DOMESTIC)
                buyer.with_company(self.company).invoice_edi_format = edi_format
                move = self.sealed(buyer)
                (mail,) = self.send(move)
                self.assertEqual([name[-4:] for name, _content, _type in mail["attachments"]], [".pdf"])
                attached = self.env["ir.attachment"].search(
                    [("res_model", "=", "account.move"), ("res_id", "=", move.id)]
                )
                self.assertFalse(attached.filtered(lambda each: each.mimetype.endswith("xml")))
                self.assertFalse(move.ubl_cii_xml_id)
                self.assertFalse(self.env["account.move.send"]._is_applicable_to_move("peppol", move))

    # Online, the number awaited

    def awaiting(self, buyer=None):
        move = self.posted_invoice(partner_id=(buyer or self.buyer(**FOREIGN)).id)
        move.sudo().l10n_pl_edi_status = "sent"
        self.env["ir.attachment"].create(
            {
                "name": "FA3.xml",
                "raw": move._l10n_pl_edi_render_xml().encode(),
                "res_model": "account.move",
                "res_id": move.id,
                "res_field": "l10n_pl_edi_attachment_file",
            }
        )
        return move

    def test_the_door_is_shut_while_the_number_is_awaited(self):
        move = self.awaiting()
        with self.assertRaisesRegex(UserError, "only with its number"):
            self.send(move)
        page = self.url_open(self.portal(move)).text
        self.assertIn("awaits its KSeF number", page)
        self.assertNotIn("invoice_html", page)
        for kind in ("report_type=pdf&download=true", "report_type=pdf", "report_type=html"):
            answer = self.url_open(f"{self.portal(move)}&{kind}")
            self.assertIn("awaits its KSeF number", answer.text)
        report = self.env["ir.actions.report"].with_user(self.accountant).with_context(force_report_rendering=True)
        content, _kind = report._render_qweb_pdf("account.account_invoices", move.ids)
        (code,) = codes_of(pages_of(content, 150))
        self.assertEqual(code, move._l10n_pl_ksef_online_kod_i(), "for the accountant's own use")
        self.assertIn("OFFLINE", text_of(content))

    def test_another_kind_of_buyer_gets_another_paper(self):
        """A PDF that was right yesterday is not what goes out once the kind of buyer or the mode is another."""
        move = self.sealed(self.buyer(**FOREIGN))
        (mail,) = self.send(move)
        self.assertIn("_OFFLINE", mail["attachments"][0][0])
        for change, is_confirmation in (
            (lambda: move.with_user(self.accountant).write({"l10n_pl_ksef_buyer_class_by_hand": "domestic"}), True),
            (lambda: move.l10n_pl_ksef_document_id._change_mode("emergency", "announced"), False),
        ):
            change()
            page = self.url_open(f"{self.portal(move)}&report_type=pdf&download=true")
            self.assertEqual("Transaction_confirmation" in page.headers["Content-Disposition"], is_confirmation)
            (mail,) = self.send(move)
            ((name, content, _type),) = mail["attachments"]
            self.assertEqual("Transaction_confirmation" in name, is_confirmation)
            self.assertEqual("not an invoice" in text_of(content), is_confirmation)

    def test_a_held_mail_takes_nothing_that_its_author_may_not_read(self):
        move = self.posted_invoice(partner_id=self.buyer(**FOREIGN).id)
        secret = self.env["ir.attachment"].create({"name": "secret.txt", "raw": b"secret", "res_model": "ir.cron"})
        secret.res_id = self.env["ir.cron"].search([], limit=1).id
        send = self.env["account.move.send"].with_user(self.accountant)
        widget = [{"id": secret.id, "name": secret.name, "mimetype": secret.mimetype, "manual": True}]
        with self.assertRaises(AccessError):
            send._l10n_pl_ksef_hold_mail(move.sudo(), {"mail_attachments_widget": widget})
        with self.assertRaises(AccessError):
            move.with_user(self.accountant).write({"l10n_pl_ksef_held_mail": {"mail_attachments_widget": widget}})

    def test_a_portal_user_calls_for_the_report(self):
        buyer = self.buyer(**FOREIGN)
        portal_user = new_test_user(self.env, "ksef_buyer", "base.group_portal", partner_id=buyer.id)
        awaiting, sealed = self.awaiting(buyer), self.sealed(buyer)
        report = self.env["ir.actions.report"].with_user(portal_user)
        with self.assertRaisesRegex(UserError, "Awaiting a KSeF number"):
            report._render_qweb_html("account.report_invoice", awaiting.ids)
        self.assertTrue(sealed.tax_totals)  # Odoo works them out for employees; its portal page asks with their rights
        page, _kind = report._render_qweb_html("account.report_invoice", sealed.ids)
        document = sealed.l10n_pl_ksef_document_id
        self.assertEqual(self.codes_of_page(page.decode()), sorted([document.kod_i, document.kod_ii]))

    def test_a_mail_waits_for_the_number(self):
        move = self.awaiting()
        other = self.sealed(self.buyer(**FOREIGN))
        self.wizard(move + other, "account.move.send.batch.wizard").action_send_and_print()
        self.assertEqual(len(self.run_job("_cron_account_move_send")), 1, "of the other invoice")
        self.assertEqual(self.run_job(), [])
        self.give_number(move)
        (mail,) = self.run_job()
        ((name, content, _type),) = mail["attachments"]
        self.assertIn(move.l10n_pl_edi_number, name)
        self.assertEqual(codes_of(pages_of(content, 150)), [move._l10n_pl_ksef_online_kod_i()])
        self.assertEqual(self.run_job(), [], "once")

    # The copy with the number

    def test_both_copies_stay(self):
        move = self.sealed(self.buyer(**FOREIGN))
        self.send(move)
        self.assertFalse(move.l10n_pl_ksef_buyer_holds_offline_copy)
        self.give_number(move)
        self.assertFalse(move.invoice_pdf_report_id, "nothing old can be sent by mistake")
        self.assertTrue(move.l10n_pl_ksef_buyer_holds_offline_copy)
        self.assertEqual(self.run_job(), [], "no mail unless the company wants it")
        stem = move.name.replace("/", "_")
        pdfs = self.env["ir.attachment"].search(
            [
                ("res_model", "=", "account.move"),
                ("res_id", "=", move.id),
                ("mimetype", "=", "application/pdf"),
                ("res_field", "in", (False, "invoice_pdf_report_file")),
            ]
        )
        self.assertCountEqual(pdfs.mapped("name"), [f"{stem}_OFFLINE.pdf", f"{stem}_{move.l10n_pl_edi_number}.pdf"])
        action = move.with_user(self.accountant).action_l10n_pl_ksef_send_numbered_copy()
        self.assertEqual(action["res_model"], "account.move.send.wizard")
        (mail,) = self.send(move)
        self.assertEqual(codes_of(pages_of(mail["attachments"][0][1], 150)), [move.l10n_pl_ksef_document_id.kod_i])
        self.assertFalse(move.l10n_pl_ksef_buyer_holds_offline_copy)

    def test_the_copy_is_mailed_by_itself_once(self):
        self.company.l10n_pl_ksef_mail_numbered_copy = True
        abroad, domestic, unseen = (
            self.sealed(self.buyer(**FOREIGN)),
            self.sealed(self.buyer(**DOMESTIC)),
            self.sealed(self.buyer(**FOREIGN)),
        )
        for move in abroad + domestic:
            self.send(move)
        for move in abroad + domestic + unseen:
            self.give_number(move)

        def cut_off(cron, processed=0, **values):
            if processed:
                raise RuntimeError("the machine goes off")

        with self.assertRaises(RuntimeError), self.env.cr.savepoint():
            self.run_job(commit=cut_off)
        self.env.invalidate_all()
        (mail,) = self.run_job()
        self.assertIn(abroad.l10n_pl_edi_number, mail["attachments"][0][0])
        self.assertEqual(self.run_job(), [])
        self.assertTrue(domestic.invoice_pdf_report_id, "its PDF is renewed all the same")
        self.assertFalse(unseen.invoice_pdf_report_id, "there was none")

    def test_an_invoice_that_cannot_be_rendered_stops_no_other(self):
        moves = self.sealed(self.buyer(**FOREIGN)) + self.sealed(self.buyer(**FOREIGN))
        for move in moves:
            self.send(move)
        for move in moves:
            self.give_number(move)
        bad, good = moves
        links = type(bad)._l10n_pl_ksef_links

        def broken(move):
            if move == bad:
                raise ValueError("no paper")
            return links(move)

        with (
            patch.object(type(bad), "_l10n_pl_ksef_links", broken),
            mute_logger("odoo.addons.l10n_pl_ksef_offline.models.account_move.copies"),
        ):
            self.run_job()
        self.assertTrue(good.invoice_pdf_report_id)
        self.assertIn("no paper", bad.message_ids[0].body)
        self.assertFalse(bad.l10n_pl_ksef_copy_outdated)

    # Whose codes they are

    def test_a_branch(self):
        """A branch signs with its parent's certificate; codes name the seller of the XML and the branch's context."""
        branch = self.env["res.company"].create(
            {"name": "Oddział w Łodzi", "parent_id": self.company.id, "street": "ul. Nowa 1", "city": "Łódź"}
        )
        branch.write({"vat": f"PL{NIP}", "country_id": self.env.ref("base.pl").id})
        branch.write({"l10n_pl_ksef_context_type": "InternalId", "l10n_pl_ksef_context_value": f"{NIP}-00017"})
        self.accountant.write({"company_ids": [Command.link(branch.id)]})
        self.env["account.chart.template"].try_loading("pl", company=branch, install_demo=False)
        move = self.posted_invoice(
            company_id=branch.id,
            journal_id=self.company_data["default_journal_sale"].id,
            invoice_payment_term_id=self.env.ref("account.account_payment_term_immediate").id,
        )
        document = move._l10n_pl_ksef_issue_offline()
        self.assertEqual(document.company_id, branch)
        self.assertIn(f"/invoice/{NIP}/", document.kod_i)
        self.assertIn(f"/certificate/InternalId/{NIP}-00017/{NIP}/", document.kod_ii)

    def test_a_credit_note(self):
        original = self.sealed(self.buyer(**DOMESTIC))
        self.give_number(original)
        credit_note = original._reverse_moves([{"invoice_date": NOW.date()}])
        credit_note.action_post()
        credit_note._l10n_pl_ksef_issue_offline()
        (mail,) = self.send(credit_note)
        ((name, content, _type),) = mail["attachments"]
        self.assertTrue(name.startswith("Transaction_confirmation_"))
        self.assertIn("Transaction confirmation for credit note no.", text_of(content))
        document = credit_note.l10n_pl_ksef_document_id
        self.assertCountEqual(codes_of(pages_of(content, 150)), [document.kod_i, document.kod_ii])

    # Codes apart from the paper

    def test_codes_to_download(self):
        move = self.sealed(self.buyer(**FOREIGN))
        action = move.with_user(self.accountant).action_l10n_pl_ksef_verification_codes()
        wizard = self.env[action["res_model"]].with_user(self.accountant).browse(action["res_id"])
        self.assertEqual(wizard.code_ids.mapped("label"), ["OFFLINE", "CERTYFIKAT"])
        self.authenticate("ksef_accountant", "ksef_accountant")
        for code in wizard.code_ids:
            png = self.url_open(code.action_download_png()["url"])
            self.assertIn(move.name.replace("/", "_"), png.headers["Content-Disposition"])
            picture = Image.open(io.BytesIO(png.content))
            self.assertEqual(codes_of([picture]), [code.url])
            svg = self.url_open(code.action_download_svg()["url"]).content
            self.assertEqual(codes_of([svg_picture(svg)]), [code.url])


def svg_picture(svg, pixels=80):
    """Return the squares of an SVG code as a picture, so many pixels a unit."""
    root = etree.fromstring(svg)
    side = round(float(root.get("viewBox").split()[2]) * pixels)
    picture = Image.new("L", (side, side), 255)
    draw = ImageDraw.Draw(picture)
    (path,) = root.iter("{*}path")
    for square in re.findall(r"M([\d.]+),([\d.]+)H([\d.]+)V([\d.]+)", path.get("d")):
        left, top, right, bottom = (round(float(number) * pixels) for number in square)
        draw.rectangle((left, top, right - 1, bottom - 1), 0)
    return picture


class OnlineCommon(HandOverCommon, KsefSimulatorCommon, HttpCase):
    """With Odoo's own sending online, over real HTTP."""

    def setUp(self):
        super().setUp()
        self.env["ir.config_parameter"].set_param("report.url", self.base_url())
        self.upload(self.issued())
        self.lead_odoo_to_simulator()


@freeze_time(NOW)
class TestOutageWhenSending(OnlineCommon):
    """To a KSeF that fails at one step or another."""

    def send_online(self, move):
        with mute_logger(ODOO_SERVICE_LOG):
            return self.send(move)

    def test_sent_online(self):
        move = self.posted_invoice(partner_id=self.buyer(**DOMESTIC).id)
        self.assertIn("goes out by itself", str(self.wizard(move).alerts))
        self.assertEqual(self.send_online(move), [], "the mail waits for the number")
        self.assertEqual(move.l10n_pl_edi_status, "sent")
        self.assertEqual(codes_of(pages_of(move.invoice_pdf_report_id.raw, 150)), [move._l10n_pl_ksef_online_kod_i()])

    def test_outage_is_told_with_a_way_out(self):
        move = self.posted_invoice(partner_id=self.buyer(**DOMESTIC).id)
        for fault, words in ((AnswerInstead(503), "HTTP 503"), (None, "no connection to KSeF")):
            with self.subTest(words):
                if fault:
                    self.ksef.faults.plan(fault, times=50)
                else:
                    self.ksef.stop()
                with self.assertRaisesRegex(RedirectWarning, words) as caught:
                    self.send_online(move)
                self.ksef.faults.clear()
                _text, action, _button, context = caught.exception.args
                self.assertEqual(action, self.env.ref("l10n_pl_ksef_offline.action_issue_offline").id)
                wizard = self.env["l10n_pl_ksef.issue.offline"].with_user(self.accountant).with_context(**context)
                self.assertEqual(Form(wizard).save().move_ids, move)
                self.assertEqual(move.l10n_pl_ksef_standing, "to_issue")

    def test_issued_offline_by_itself(self):
        self.company.l10n_pl_ksef_offline_by_itself = True
        self.ksef.stop()
        for facts, is_confirmation in ((DOMESTIC, True), (FOREIGN, False)):
            move = self.posted_invoice(partner_id=self.buyer(**facts).id)
            (mail,) = self.send_online(move)
            document = move.l10n_pl_ksef_document_id
            ((name, content, _type),) = mail["attachments"]
            self.assertCountEqual(codes_of(pages_of(content, 150)), [document.kod_i, document.kod_ii])
            self.assertEqual("Transaction_confirmation" in name, is_confirmation)
            self.assertEqual("transaction confirmation" in mail["subject"], is_confirmation)
            self.assertIn(document.kod_i, mail["body"])
            self.assertIn("no connection to KSeF", str(move.message_ids.mapped("body")))

    def test_one_that_cannot_be_sealed_is_told(self):
        self.company.l10n_pl_ksef_offline_by_itself = True
        self.ksef.stop()
        self.env["l10n_pl_ksef.certificate"].sudo().search([]).write({"state": "revoked"})
        move = self.posted_invoice(partner_id=self.buyer(**DOMESTIC).id)
        with self.assertRaisesRegex(UserError, "no offline certificate"):
            self.send_online(move)

    def test_an_answer_lost_after_the_invoice_was_sent(self):
        """KSeF may have it: never issued offline, by itself or by hand, before KSeF has been asked."""
        self.company.l10n_pl_ksef_offline_by_itself = True
        for fault, status in ((LoseAnswer(), "sent"), (AnswerInstead(503), False)):
            with self.subTest(status=status):
                move = self.posted_invoice(partner_id=self.buyer(**DOMESTIC).id)
                self.ksef.faults.plan(fault, path="/sessions/online/*/invoices")
                with self.assertRaisesRegex(UserError, "may have received"):
                    self.send_online(move)
                move.invalidate_recordset()
                self.assertTrue(move.l10n_pl_ksef_maybe_sent)
                self.assertEqual(move.l10n_pl_ksef_standing, "maybe_sent")
                with self.assertRaisesRegex(UserError, "cannot be issued offline"):
                    move.action_l10n_pl_ksef_issue_offline()
                self.assertNotIn("pl_ksef", self.env["account.move.send"]._get_default_extra_edis(move))
                move.with_user(self.accountant).action_l10n_pl_ksef_ask_online()
                self.assertEqual(move.l10n_pl_edi_status, status)
                self.assertEqual(move.l10n_pl_ksef_standing, "sent_online" if status else "to_issue")
