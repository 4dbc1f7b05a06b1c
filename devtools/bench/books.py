"""The company that the benches work with: its certificate, its accountant and his invoices."""

import base64
from datetime import datetime, timedelta, timezone

from odoo import Command, fields

from odoo.addons.l10n_pl_ksef_offline.devtools.authority import Authority

PASSWORD = "Bench-haslo-2026!"  # of a throwaway key that this script makes
LINES = 5
BATCH = 100


class Books:
    def __init__(self, env):
        company = env.company
        env["ir.config_parameter"].set_param("l10n_pl_edi_ksef.mode", "test")
        self._add_certificate(env, company)
        accountant = env["res.users"].create(
            {
                "name": "Anna Księgowa",
                "login": "bench",
                "lang": "pl_PL",
                "tz": "Europe/Warsaw",
                "group_ids": [Command.set([env.ref("base.group_user").id, env.ref("account.group_account_user").id])],
            }
        )
        self.env = env(user=accountant)
        self.taxes = [env.ref(f"account.{company.id}_vs_kraj_{rate}") for rate in (23, 8)]
        self.partners = self._make_partners().with_env(self.env)

    def _add_certificate(self, env, company):
        now = datetime.now(timezone.utc)
        issued = Authority().issue(
            common_name=company.name,
            nip=company._l10n_pl_ksef_nip(),
            usage="offline",
            key="ec",
            not_before=now - timedelta(days=1),
            not_after=now + timedelta(days=365),
        )
        wizard = env["l10n_pl_ksef.certificate.upload"].create(
            {
                "name": "Bench",
                "key_file": base64.b64encode(issued.key_file(PASSWORD)),
                "certificate_file": base64.b64encode(issued.certificate_file()),
                "password": PASSWORD,
                "owner_confirmed": True,
            }
        )
        wizard.action_add()

    def _make_partners(self):
        address = {"street": "ul. Przykładowa 1", "city": "Miasto", "zip": "00-001", "lang": "pl_PL"}
        poland, germany = self.env.ref("base.pl").id, self.env.ref("base.de").id
        buyers = [
            {"name": "Zakład Łączności S.A.", "country_id": poland, "vat": "PL5265877635", "is_company": True},
            {"name": "Müller & Söhne GmbH", "country_id": germany, "vat": "DE136695976", "is_company": True},
            {"name": "Jan Kowalski", "country_id": poland},
        ]
        return self.env["res.partner"].sudo().create([address | buyer for buyer in buyers])

    def _invoice(self, number):
        return {
            "move_type": "out_invoice",
            "partner_id": self.partners[number % len(self.partners)].id,
            "invoice_date": fields.Date.context_today(self.env["account.move"]),
            "invoice_line_ids": [
                Command.create(
                    {
                        "name": f"Część zamienna nr {line}",
                        "quantity": line,
                        "price_unit": 10.5 + line,
                        "tax_ids": [Command.set(self.taxes[line % 2].ids)],
                    }
                )
                for line in range(1, LINES + 1)
            ],
        }

    def posted(self, count):
        """Return as many invoices that the accountant has posted today, alike in every set."""
        moves = self.env["account.move"]
        for start in range(0, count, BATCH):
            batch = moves.create([self._invoice(number) for number in range(start, min(start + BATCH, count))])
            batch.action_post()
            moves += batch
            self.env.cr.commit()
            self.env.invalidate_all()
        return moves

    def sealed(self, count):
        """Return as many invoices issued offline."""
        moves = self.posted(count)
        moves.action_l10n_pl_ksef_issue_offline()
        self.env.cr.commit()
        return moves
