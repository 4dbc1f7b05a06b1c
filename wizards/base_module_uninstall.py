from odoo import api, fields, models

from ..models.uninstall import ADDON


class BaseModuleUninstall(models.TransientModel):
    _inherit = "base.module.uninstall"

    l10n_pl_ksef_is_lost = fields.Boolean(compute="_compute_l10n_pl_ksef_is_lost", export_string_translation=False)

    @api.depends("module_ids")
    def _compute_l10n_pl_ksef_is_lost(self):
        for wizard in self:
            wizard.l10n_pl_ksef_is_lost = ADDON in wizard._get_modules().mapped("name")
