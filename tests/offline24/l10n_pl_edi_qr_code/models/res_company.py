from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    l10n_pl_edi_offline_certificate = fields.Many2one("certificate.certificate", "KSeF Offline Certificate")


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    l10n_pl_edi_offline_certificate = fields.Many2one(
        related="company_id.l10n_pl_edi_offline_certificate", readonly=False
    )
