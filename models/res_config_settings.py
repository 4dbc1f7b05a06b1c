from odoo import api, fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    l10n_pl_ksef_certificate_id = fields.Many2one(
        "l10n_pl_ksef.certificate",
        "Certificate in use",
        compute="_compute_l10n_pl_ksef_certificate_id",
        help="Of the certificates that are valid now, the one that ends last signs.",
    )
    l10n_pl_ksef_certificate_valid_to = fields.Datetime("Valid until", related="l10n_pl_ksef_certificate_id.valid_to")

    @api.depends("company_id")
    def _compute_l10n_pl_ksef_certificate_id(self):
        environment = self.env["account.move"]._l10n_pl_ksef_environment()
        for settings in self:
            settings.l10n_pl_ksef_certificate_id = self.env["l10n_pl_ksef.certificate"]._usable(
                settings.company_id, environment
            )
