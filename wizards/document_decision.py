from odoo import fields, models

from ..models.document.states import MODES


class ChangeMode(models.TransientModel):
    """Gives a waiting document another mode, with a reason."""

    _name = "l10n_pl_ksef.change.mode"
    _description = "Change the Mode of an Offline Document"

    document_id = fields.Many2one("l10n_pl_ksef.document", required=True)
    mode = fields.Selection(MODES, "New Mode", required=True)
    reason = fields.Text(required=True, help="Kept in the history of the invoice.")

    def action_change(self):
        self.ensure_one()
        self.document_id.move_id.check_access("write")
        self.document_id._change_mode(self.mode, self.reason)
        return {"type": "ir.actions.act_window_close"}


class Withdraw(models.TransientModel):
    """Takes back a document that has been neither given nor sent, with a reason."""

    _name = "l10n_pl_ksef.withdraw"
    _description = "Withdraw an Offline Document"

    document_id = fields.Many2one("l10n_pl_ksef.document", required=True)
    reason = fields.Text(required=True, help="Kept in the history of the invoice.")

    def action_withdraw(self):
        self.ensure_one()
        self.document_id.move_id.check_access("write")
        self.document_id._withdraw(self.reason)
        return {"type": "ir.actions.act_window_close"}
