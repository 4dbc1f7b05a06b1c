"""Use the addon, of whatever version this shell has, as people do: leave what an upgrade has to bring along.

Run in Odoo's shell, which has `env`. Three invoices issued offline: one waits, one was printed, KSeF has the last.
"""

import base64
from datetime import datetime, timedelta, timezone

from odoo import Command, fields

from odoo.addons.l10n_pl_ksef_offline.devtools.authority import Authority

PASSWORD = "Stare-haslo-2026!"  # of a throwaway key
KSEF_NUMBER = "5795955811-20261123-0100001AF629-AF"
CHANNEL_FAILURES = 3

env["ir.config_parameter"].set_param("l10n_pl_edi_ksef.mode", "test")
now = datetime.now(timezone.utc)
issued = Authority().issue(
    common_name=env.company.name,
    key="ec",
    usage="offline",
    nip=env.company._l10n_pl_ksef_nip(),
    not_before=now - timedelta(days=1),
    not_after=now + timedelta(days=365),
)
env["l10n_pl_ksef.certificate.upload"].create(
    {
        "name": "Of the old version",
        "key_file": base64.b64encode(issued.key_file(PASSWORD)),
        "certificate_file": base64.b64encode(issued.certificate_file()),
        "password": PASSWORD,
    }
).action_add()
buyer = env["res.partner"].create({"name": "Jan Kowalski", "country_id": env.ref("base.pl").id})
moves = env["account.move"].create(
    [
        {
            "move_type": "out_invoice",
            "partner_id": buyer.id,
            "invoice_date": fields.Date.context_today(env.user.with_context(tz="Europe/Warsaw")),
            "invoice_line_ids": [
                Command.create(
                    {
                        "name": f"Krzesło nr {number}",
                        "price_unit": 450.0,
                        "tax_ids": [Command.set(env.ref(f"account.{env.company.id}_vs_kraj_23").ids)],
                    }
                )
            ],
        }
        for number in range(3)
    ]
)
moves.action_post()
moves.action_l10n_pl_ksef_issue_offline()
_waiting, printed, accepted = moves
env["ir.actions.report"].with_context(force_report_rendering=True)._render_qweb_pdf(
    "account.account_invoices", printed.ids
)
accepted.write({"l10n_pl_edi_status": "accepted", "l10n_pl_edi_number": KSEF_NUMBER})
if "ksef_number" in accepted.l10n_pl_ksef_document_id._fields:
    accepted.l10n_pl_ksef_document_id.sudo().write({"state": "accepted", "ksef_number": KSEF_NUMBER})
# Since the second version it is kept how KSeF is reached; the model's name has changed meanwhile.
for model in {"l10n_pl_ksef.queue", "l10n_pl_ksef.channel"} & set(env.registry):
    env[model].create({"environment": "test", "nip": env.company._l10n_pl_ksef_nip(), "failures": CHANNEL_FAILURES})
    env["ir.config_parameter"].set_param("upgrade.channel_id", env[model].search([]).id)
env.cr.commit()
