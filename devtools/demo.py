"""The main job, run by ``./dev demo`` inside ``odoo shell``: seal and print real invoices.

Reads the environment variable KSEF_DEMO_OUT: the folder that receives the PDFs, their pages as PNG, the sealed XML
files, the certificates and ``summary.json``. A server of the same database must be running, since the printed page
takes its styles from there.
"""

import base64
import json
import os
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

from odoo import Command, fields

from odoo.addons.l10n_pl_ksef_offline.devtools.authority import Authority
from odoo.addons.l10n_pl_ksef_offline.ksef.codes import links

PASSWORD = "Demo-haslo-2026!"  # of throwaway keys that this script makes


class Demo:
    def __init__(self, env, folder):
        self.env = env
        self.folder = folder
        self.company = env.company
        self.authority = Authority()
        self.accountant = env["res.users"].search([("login", "=", "accountant")])
        env["ir.config_parameter"].sudo().set_param("l10n_pl_edi_ksef.mode", "test")
        for name in ("invoices", "certificates"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def run(self):
        self.give_login()
        poland, germany = self.env.ref("base.pl"), self.env.ref("base.de")
        self.add_certificate("company-ec", "ec", days=365)
        documents = [
            self.issue("foreign-buyer", self.partner("Müller & Söhne GmbH", germany, vat="DE136695976"), "unia"),
            self.issue(
                "thirty-lines",
                self.partner("Maria Wiśniewska", poland),
                "kraj_23",
                lines=[(f"Część zamienna nr {number}", number, 10.5 + number) for number in range(1, 31)],
            ),
            self.issue(
                "euro", self.partner("Dupont SARL", self.env.ref("base.fr"), vat="FR23334175221"), "unia", "EUR"
            ),
            self.issue(
                "polish-letters",
                self.partner("Zażółć Gęślą Jaźń", poland),
                "kraj_23",
                lines=[
                    ("Łączówka <M8> & śruba „ósemka” — ćwierć obrotu", 3, 12.34),
                    ("Usługa doradcza w zakresie " + "bardzo długiej nazwy towaru lub usługi, " * 10, 1, 999.99),
                ],
            ),
        ]
        documents.append(
            self.issue("domestic-buyer", self.partner("Zakład Łączności S.A.", poland, vat="PL5265877635"), "kraj_23")
        )
        self.add_certificate("person-rsa", "rsa", days=700)
        documents.append(self.issue("consumer", self.partner("Jan Kowalski", poland), "kraj_8"))
        self.write_spare_files()
        summary = json.dumps({"documents": documents}, ensure_ascii=False, indent=2)
        (self.folder / "summary.json").write_text(summary + "\n", encoding="utf-8")

    def give_login(self):
        """Give the company a certificate to log in with, as the test environments of KSeF accept it."""
        issued = self.issued("ec", 365, usage="other", self_signed=True)
        key = self.env["certificate.key"].create(
            {"name": "Demo login", "content": base64.b64encode(issued.key_file(PASSWORD)), "password": PASSWORD}
        )
        self.company.l10n_pl_edi_certificate = self.env["certificate.certificate"].create(
            {
                "name": "Demo login",
                "content": base64.b64encode(issued.certificate_file()),
                "private_key_id": key.id,
            }
        )

    def add_certificate(self, name, key, days):
        """Add a certificate as an administrator does: two files, a name and the password."""
        issued = self.issued(key, days)
        path = self.folder / "certificates" / f"{name}.crt"
        path.write_bytes(issued.certificate_file())
        wizard = self.env["l10n_pl_ksef.certificate.upload"].create(
            {
                "name": f"Demo {name}",
                "key_file": base64.b64encode(issued.key_file(PASSWORD)),
                "certificate_file": base64.b64encode(path.read_bytes()),
                "password": PASSWORD,
                "owner_confirmed": True,
            }
        )
        wizard.action_add()

    def issued(self, key, days, usage="offline", self_signed=False):
        now = datetime.now(timezone.utc)
        owner = {"pesel": "80010112342"} if key == "rsa" else {"nip": self.company._l10n_pl_ksef_nip()}
        common_name = "Anna Nowak" if key == "rsa" else self.company.name
        return self.authority.issue(
            common_name=common_name,
            usage=usage,
            self_signed=self_signed,
            key=key,
            not_before=now - timedelta(days=1),
            not_after=now + timedelta(days=days),
            **owner,
        )

    def write_spare_files(self):
        """Leave a pair of files that is not in the database, to try the upload with."""
        spare = self.issued("ec", 730)
        (self.folder / "certificates" / "try-the-upload.key").write_bytes(spare.key_file(PASSWORD))
        (self.folder / "certificates" / "try-the-upload.crt").write_bytes(spare.certificate_file())
        (self.folder / "certificates" / "try-the-upload.password.txt").write_text(PASSWORD + "\n", encoding="utf-8")

    def partner(self, name, country, **values):
        return self.env["res.partner"].create(
            {
                "name": name,
                "is_company": "vat" in values,
                "street": "ul. Przykładowa 1",
                "city": "Miasto",
                "zip": "00-001",
                "lang": "pl_PL",
            }
            | {"country_id": country.id}
            | values
        )

    def issue(self, name, partner, tax, currency="PLN", lines=(("Krzesło dębowe", 2, 450.0),)):
        """Post an invoice, issue it offline and print it as an accountant does; return its entry of the summary."""
        tax = self.env.ref(f"account.{self.company.id}_vs_{tax}")
        currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", currency)])
        self.quote(currency)
        move = (
            self.env["account.move"]
            .with_user(self.accountant)
            .with_context(lang=self.accountant.lang)
            .create(
                {
                    "move_type": "out_invoice",
                    "partner_id": partner.id,
                    "currency_id": currency.id,
                    "invoice_date": fields.Date.context_today(self.accountant.with_context(tz="Europe/Warsaw")),
                    "invoice_line_ids": [
                        Command.create(
                            {
                                "name": text,
                                "quantity": quantity,
                                "price_unit": price,
                                "tax_ids": [Command.set(tax.ids)],
                            }
                        )
                        for text, quantity, price in lines
                    ],
                }
            )
        )
        move.action_post()
        move.action_l10n_pl_ksef_issue_offline()
        self.env.cr.commit()  # the server that styles the print reads the database too
        return self.print(name, move)

    def quote(self, currency):
        """Give a foreign currency a rate: without one the VAT in PLN is not known, and nothing is sealed."""
        currency.active = True
        if currency != self.company.currency_id and not currency.rate_ids:
            yesterday = fields.Date.today() - timedelta(days=1)
            currency.rate_ids = [Command.create({"name": yesterday, "inverse_company_rate": 4.2537})]

    def print(self, name, move):
        document = move.l10n_pl_ksef_document_id
        stem = self.folder / "invoices" / name
        pdf, _type = self.env["ir.actions.report"]._render_qweb_pdf("account.account_invoices", move.ids)
        stem.with_suffix(".pdf").write_bytes(pdf)
        stem.with_suffix(".xml").write_bytes(document._xml_bytes())
        for old_page in stem.parent.glob(f"{name}-page-*.png"):
            old_page.unlink()
        subprocess.run(
            ["pdftoppm", "-r", "150", "-png", f"{stem}.pdf", f"{stem}-page"],
            check=True,
        )
        signer = "person-rsa" if document.certificate_id.key_type.startswith("RSA") else "company-ec"
        return {
            "kind": move._l10n_pl_ksef_may_be_given().kind,
            "why": move._l10n_pl_ksef_paper_reason(),
            "mode": document.mode,
            "number": document.number,
            "buyer": move.partner_id.name,
            "pdf": self.relative(stem.with_suffix(".pdf")),
            "pages": [self.relative(page) for page in sorted(stem.parent.glob(f"{name}-page-*.png"))],
            "xml": self.relative(stem.with_suffix(".xml")),
            "sha256": document.sha256,
            "kod_i": document.kod_i,
            "kod_ii": document.kod_ii,
            "label_i": links.LABEL_OFFLINE,
            "certificate": f"certificates/{signer}.crt",
        }

    def relative(self, path):
        return str(path.relative_to(self.folder))


Demo(env, Path(os.environ["KSEF_DEMO_OUT"])).run()
env.cr.commit()
