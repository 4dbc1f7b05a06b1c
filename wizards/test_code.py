from base64 import b64encode

from odoo import api, fields, models

from ..ksef.codes import qr_image


class TestCode(models.TransientModel):
    """Shows a code that belongs to no invoice, to find out before the first outage whether codes are accepted."""

    _name = "l10n_pl_ksef.test.code"
    _description = "KSeF Test Code"

    company_id = fields.Many2one("res.company", required=True, readonly=True)
    certificate_id = fields.Many2one("l10n_pl_ksef.certificate", required=True, readonly=True)
    link = fields.Char(required=True, readonly=True)
    picture = fields.Binary(compute="_compute_picture")

    @api.depends("link")
    def _compute_picture(self):
        for wizard in self:
            wizard.picture = b64encode(qr_image.render(wizard.link).png)

    def action_scanned(self):
        """Note that the verification page has confirmed the certificate."""
        self.ensure_one()
        self.company_id.l10n_pl_ksef_scanned_serial = self.certificate_id.serial_number
        return {"type": "ir.actions.client", "tag": "soft_reload"}
