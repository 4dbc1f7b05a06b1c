from odoo import fields, models


class AccountMove(models.Model):
    _inherit = "account.move"

    l10n_pl_edi_status = fields.Selection(
        selection_add=[
            ("offline_pending", "Offline24: to be sent"),
            ("offline_failed", "Offline24: sending failed"),
            ("offline_no_submission", "Offline24: not to be sent"),
        ]
    )
    l10n_pl_edi_offline_file = fields.Binary(attachment=True, copy=False)

    def action_l10n_pl_edi_prepare_offline(self):
        for move in self:
            move.l10n_pl_edi_offline_file = "PGE+PC9hPg=="
            move.l10n_pl_edi_status = "offline_pending"

    def _cron_l10n_pl_edi_send_offline(self):
        """Return what it would send."""
        return self.search([("l10n_pl_edi_status", "in", ("offline_pending", "offline_failed"))])
