from odoo import models
from odoo.tools import format_date

from .document import UNFINISHED_STATES


class AccountJournal(models.Model):
    _inherit = "account.journal"

    def _fill_sale_purchase_dashboard_data(self, dashboard_data):
        result = super()._fill_sale_purchase_dashboard_data(dashboard_data)
        # Whoever sees the journal may know how many wait.
        groups = (
            self.env["l10n_pl_ksef.document"]
            .sudo()
            ._read_group(
                [("move_id.journal_id", "in", self.ids), ("state", "in", UNFINISHED_STATES)],
                groupby=["journal_id"],
                aggregates=["__count", "deadline:min"],
            )
        )
        for journal, count, first_day in groups:
            dashboard_data[journal.id] |= {
                "l10n_pl_ksef_unfinished": count,
                "l10n_pl_ksef_deadline": first_day and format_date(self.env, first_day),
                "l10n_pl_ksef_late": bool(first_day) and first_day < self.env["l10n_pl_ksef.document"]._today(),
            }
        return result

    def action_l10n_pl_ksef_unfinished(self):
        """Open this journal's documents that KSeF has not accepted yet, what is due first first."""
        action = self.env["ir.actions.act_window"]._for_xml_id("l10n_pl_ksef_offline.action_document")
        return action | {"domain": [("journal_id", "in", self.ids)]}
