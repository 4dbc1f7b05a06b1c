from odoo import api, fields, models

from ..ksef.errors import KsefError
from ..tools.translation import user_error


class CertificateRevoke(models.TransientModel):
    """Revokes a certificate at KSeF, after telling which documents depend on it."""

    _name = "l10n_pl_ksef.certificate.revoke"
    _description = "Revoke a KSeF Offline Certificate"

    certificate_id = fields.Many2one("l10n_pl_ksef.certificate", required=True)
    reason = fields.Selection(
        [
            ("Superseded", "Superseded by another certificate"),
            ("KeyCompromise", "Others may know the private key"),
            ("Unspecified", "Another reason"),
        ],
        required=True,
        default="Superseded",
    )
    waiting_ids = fields.Many2many(
        "l10n_pl_ksef.document", string="Documents Still Waiting", compute="_compute_waiting_ids"
    )

    @api.depends("certificate_id")
    def _compute_waiting_ids(self):
        for wizard in self:
            wizard.waiting_ids = wizard.certificate_id.document_ids._unfinished()

    def action_revoke(self):
        self.ensure_one()
        self.certificate_id.check_access("unlink")
        try:
            self.certificate_id._revoke(self.reason)
        except KsefError as error:
            raise user_error(self.env, error) from error
        return {"type": "ir.actions.act_window_close"}
