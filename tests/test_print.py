import io
import re
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import zxingcpp
from PIL import Image

from odoo.tests import HttpCase, freeze_time

from ..devtools.scanning import digest_in, verify
from ..ksef.codes import links
from .common import NIP, NOW, KsefOfflineCommon

RESOLUTIONS = (150, 300)  # dots per inch, of an office scanner


def text_of(pdf):
    return subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True
    ).stdout.decode()


def pages_of(pdf, resolution):
    """Return the pages of a PDF as pictures."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["pdftoppm", "-r", str(resolution), "-gray", "-", f"{folder}/page"],
            input=pdf,
            check=True,
        )
        return [Image.open(io.BytesIO(path.read_bytes())) for path in sorted(Path(folder).iterdir())]


def codes_of(pictures):
    """Return the texts of all QR codes that a decoder finds in pictures."""
    # Some bar code can be read into any QR code.
    kind = zxingcpp.BarcodeFormat.QRCode
    return [code.text for picture in pictures for code in zxingcpp.read_barcodes(picture, formats=kind)]


@freeze_time(NOW)
class TestPrint(KsefOfflineCommon, HttpCase):
    """What comes out of the printer is decoded back and compared with what was sealed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.external_report_layout_id = cls.env.ref("web.external_layout_standard")

    def setUp(self):
        super().setUp()
        self.env["ir.config_parameter"].set_param("report.url", self.base_url())

    def pdf(self, moves):
        with self.allow_pdf_render():
            report = self.env["ir.actions.report"].with_user(self.accountant)
            content, kind = report.with_context(force_report_rendering=True)._render_qweb_pdf(
                "account.account_invoices", moves.ids
            )
        self.assertEqual(kind, "pdf")
        return content

    def sealed_by(self, key, environment):
        """Return an invoice issued offline and the certificate (DER) that signed its KOD II."""
        mode = {"production": "prod", "test": "test"}[environment]
        self.env["ir.config_parameter"].set_param("l10n_pl_edi_ksef.mode", mode)
        year = 2029 if key == "rsa" else 2028  # the one that ends last signs
        issued = self.issued(key=key, not_after=datetime(year, 2, 1, tzinfo=timezone.utc))
        self.upload(issued, name=f"{key} {environment}")
        move = self.posted_invoice()
        move.action_l10n_pl_ksef_issue_offline()
        return move, issued.certificate_der()

    def check(self, move, certificate, found, xml):
        """What a buyer's phone and the verification page would check."""
        document = move.l10n_pl_ksef_document_id
        kod_i, kod_ii = document.kod_i, document.kod_ii
        self.assertCountEqual(found, [kod_i, kod_ii])
        self.assertEqual(digest_in(kod_i), links.digest(xml))
        self.assertEqual(digest_in(kod_ii), links.digest(xml))
        self.assertTrue(verify(kod_ii, certificate))

    def test_every_layout_key_and_host(self):
        sealed = [self.sealed_by(key, environment) for key in ("ec", "rsa") for environment in ("test", "production")]
        moves = self.env["account.move"].concat(*(move for move, _certificate in sealed))
        layouts = self.env["report.layout"].search([])
        self.assertGreaterEqual(len(layouts), 5)
        for layout in layouts:
            self.company.external_report_layout_id = layout.view_id
            pdf = self.pdf(moves)
            for resolution in RESOLUTIONS:
                with self.subTest(layout=layout.name, resolution=resolution):
                    found = codes_of(pages_of(pdf, resolution))
                    self.assertEqual(len(found), 2 * len(sealed))
                    for move, certificate in sealed:
                        document = move.l10n_pl_ksef_document_id
                        mine = [url for url in found if url in (document.kod_i, document.kod_ii)]
                        self.check(move, certificate, mine, document._xml_bytes())
                    text = text_of(pdf)
                    self.assertEqual(text.count("OFFLINE"), len(sealed))
                    self.assertEqual(text.count("CERTYFIKAT"), len(sealed))

    def test_the_nip_of_the_seller_once(self):
        """It must be on an invoice: beside the date, unless the header that the company has designed tells it."""
        move, _certificate = self.sealed_by("ec", "test")

        def shown(move):
            text = text_of(self.pdf(move)).partition("KOD I:")[0]
            return len(re.findall(r"579-?595-?58-?11(?!/)", text))  # but in the links

        details = "<p>Zakład Łączności<br/>NIP: 579-595-58-11</p>"
        for layout in self.env["report.layout"].search([]).view_id:
            self.company.external_report_layout_id = layout
            self.company.company_details = False
            with self.subTest(layout.key):
                self.assertEqual(shown(move), 1)
                self.company.company_details = details
                self.assertEqual(shown(move), 1, "in the details, and nowhere else")

    def test_printed_size(self):
        move, _certificate = self.sealed_by("rsa", "test")
        resolution = 300
        (page,) = pages_of(self.pdf(move), resolution)
        for code in zxingcpp.read_barcodes(page):
            corners = code.position
            side = abs(corners.top_right.x - corners.top_left.x) / resolution * 25.4
            modules = 41 if "/invoice/" in code.text else 85
            with self.subTest(code.text[:40]):
                self.assertGreaterEqual(side / modules, 0.4, "millimetres a module")
                self.assertLessEqual(side / modules, 0.6)

    def test_never_split_by_a_page_break(self):
        """However long the invoice, both codes stand whole on one page, with their labels."""
        self.upload(self.issued())
        tax = self.company_data["default_tax_sale"]
        moves = self.env["account.move"]
        for count in range(8, 33, 3):
            move = self.posted_invoice(
                invoice_line_ids=[
                    (0, 0, {"name": f"Pozycja {number}", "price_unit": 1, "tax_ids": [(6, 0, tax.ids)]})
                    for number in range(count)
                ]
            )
            move.action_l10n_pl_ksef_issue_offline()
            moves += move
        by_page = [codes_of([page]) for page in pages_of(self.pdf(moves), 150)]
        documents = moves.l10n_pl_ksef_document_id
        self.assertCountEqual(
            [sorted(codes) for codes in by_page if codes],
            [sorted([document.kod_i, document.kod_ii]) for document in documents],
        )

    def test_online_invoice_accepted_by_ksef(self):
        """An invoice that Odoo sent and KSeF accepted carries KOD I alone, with the number."""
        move = self.posted_invoice()
        xml = move._l10n_pl_edi_render_xml().encode()
        self.env["ir.attachment"].create(
            {
                "name": "FA3.xml",
                "raw": xml,
                "mimetype": "application/xml",
                "res_model": "account.move",
                "res_id": move.id,
                "res_field": "l10n_pl_edi_attachment_file",
            }
        )
        number = f"{NIP}-20261123-0100001AF629-AF"
        move.sudo().write({"l10n_pl_edi_status": "accepted", "l10n_pl_edi_number": number})
        pdf = self.pdf(move)
        expected = links.kod_i("test", NIP, NOW.date(), links.digest(xml))
        for resolution in RESOLUTIONS:
            self.assertEqual(codes_of(pages_of(pdf, resolution)), [expected])
        text = text_of(pdf)
        self.assertIn(number, text)
        self.assertNotIn("OFFLINE", text)
        self.assertNotIn("CERTYFIKAT", text)

    def test_never_two_kod_i(self):
        """Later builds of l10n_pl_edi print a code of their own on accepted invoices: ours takes its place."""
        self.env["ir.ui.view"].create(
            {
                "name": "as in later builds of l10n_pl_edi",
                "type": "qweb",
                "mode": "extension",
                "inherit_id": self.env.ref("account.report_invoice_document").id,
                "arch": """
                    <xpath expr="//div[hasclass('invoice_main')]" position="after">
                        <div class="row avoid-page-break-inside">
                            <div class="col-3" id="ksef_verification_code">
                                <img t-att-src="o._l10n_pl_ksef_code('KOD I', '', 'https://theirs.example')['image']"/>
                            </div>
                        </div>
                    </xpath>
                """,
            }
        )
        self.upload(self.issued())
        move = self.posted_invoice()
        self.assertEqual(codes_of(pages_of(self.pdf(move), 150)), ["https://theirs.example"], "the view is in force")
        move.action_l10n_pl_ksef_issue_offline()
        document = move.l10n_pl_ksef_document_id
        self.assertCountEqual(codes_of(pages_of(self.pdf(move), 150)), [document.kod_i, document.kod_ii])

    def test_other_paper(self):
        self.upload(self.issued())
        move = self.posted_invoice()
        move.action_l10n_pl_ksef_issue_offline()
        self.company.paperformat_id = self.env.ref("base.paperformat_us")
        (page,) = pages_of(self.pdf(move), 150)
        self.assertAlmostEqual(page.width / 150, 8.5, places=1, msg="inches of a US letter")
        document = move.l10n_pl_ksef_document_id
        self.assertCountEqual(codes_of([page]), [document.kod_i, document.kod_ii])

    def test_what_the_law_lets_a_buyer_have(self):
        """In offline24 a buyer with a Polish NIP gets a transaction confirmation before the number, not an invoice."""
        self.upload(self.issued())
        germany, poland = self.env.ref("base.de"), self.env.ref("base.pl")
        for what, buyer, is_invoice in (
            ("domestic", {"vat": "PL5265877635", "country_id": poland.id, "is_company": True}, False),
            ("domestic, no prefix", {"vat": "5265877635", "country_id": poland.id, "is_company": True}, False),
            ("company without NIP", {"vat": "/", "country_id": poland.id, "is_company": True}, True),
            ("consumer", {"country_id": poland.id}, True),
            ("abroad", {"vat": "DE136695976", "country_id": germany.id, "is_company": True}, True),
            ("abroad with NIP", {"vat": "PL5265877635", "country_id": germany.id, "is_company": True}, False),
        ):
            with self.subTest(what):
                buyer |= {"name": what, "street": "ul. Prosta 1", "city": "Miasto"}
                partner = self.env["res.partner"].with_context(no_vat_validation=True).create(buyer)
                move = self.posted_invoice(partner_id=partner.id)
                move.action_l10n_pl_ksef_issue_offline()
                pdf = self.pdf(move)
                text = text_of(pdf)
                self.assertEqual("not an invoice" in text, not is_invoice)
                self.assertEqual("Transaction confirmation for invoice no." in text, not is_invoice)
                document = move.l10n_pl_ksef_document_id
                self.assertCountEqual(codes_of(pages_of(pdf, 150)), [document.kod_i, document.kod_ii])
                move.sudo().write({"l10n_pl_edi_status": "accepted", "l10n_pl_edi_number": f"{NIP}-{move.id}"})
                pdf = self.pdf(move)
                self.assertNotIn("not an invoice", text_of(pdf))
                self.assertEqual(codes_of(pages_of(pdf, 150)), [document.kod_i])

    def test_an_ordinary_invoice_has_no_code(self):
        pdf = self.pdf(self.posted_invoice())
        self.assertEqual(codes_of(pages_of(pdf, 150)), [])
