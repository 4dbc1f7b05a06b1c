from odoo import api, models
from odoo.exceptions import UserError


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    def write(self, vals):
        # Moving the file store writes the same content again; all else would alter what was sealed.
        for attachment in self._l10n_pl_ksef_sealed():
            if set(vals) - {"raw", "mimetype"} or vals.get("raw", attachment.raw) != attachment.raw:
                raise UserError(self.env._("The XML of an invoice issued offline cannot be changed."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_l10n_pl_ksef_sealed(self):
        if self._l10n_pl_ksef_sealed():
            raise UserError(self.env._("The XML of an invoice issued offline cannot be deleted."))

    def _l10n_pl_ksef_sealed(self):
        return self.sudo().filtered(lambda file: file.res_model == "l10n_pl_ksef.document" and file.res_field == "xml")
