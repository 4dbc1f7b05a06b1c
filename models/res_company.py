from stdnum.pl import nip

from odoo import models


class ResCompany(models.Model):
    _inherit = "res.company"

    def _l10n_pl_ksef_nip(self):
        """Return the company's NIP (ten digits), or an empty str if its tax number is not a Polish one."""
        self.ensure_one()
        number = nip.compact(self.vat or "")
        return number if nip.is_valid(number) else ""
