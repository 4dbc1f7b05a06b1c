from base64 import b64encode

from odoo import api, fields, models

from ..ksef.codes import qr_image
from ..models.document.codes import verdict


class TestCode(models.TransientModel):
    """Shows a code that belongs to no invoice, to find out before the first outage whether codes are accepted."""

    _name = "l10n_pl_ksef.test.code"
    _description = "KSeF Test Code"

    company_id = fields.Many2one("res.company", required=True, readonly=True)
    certificate_id = fields.Many2one("l10n_pl_ksef.certificate", required=True, readonly=True)
    link = fields.Char(required=True, readonly=True)
    picture = fields.Binary(compute="_compute_picture")
    codes_stand = fields.Selection(
        [("yes", "Good"), ("unknown", "Not known for certain"), ("no", "Will fail")],
        "Codes",
        compute="_compute_codes",
    )
    codes_told = fields.Char("Checked Here", compute="_compute_codes")

    @api.depends("link")
    def _compute_picture(self):
        for wizard in self:
            wizard.picture = b64encode(qr_image.render(wizard.link).png)

    @api.depends("link", "certificate_id")
    def _compute_codes(self):
        for wizard in self:
            findings = wizard.certificate_id._judge_test_link(wizard.link)
            wizard.codes_stand = verdict(findings)
            wizard.codes_told = wizard.certificate_id._tell_findings(findings)

    def action_scanned(self):
        """Note that the verification page has confirmed the certificate."""
        self.ensure_one()
        self.company_id.sudo().l10n_pl_ksef_scanned_serial = self.certificate_id.serial_number
        return {"type": "ir.actions.client", "tag": "soft_reload"}
