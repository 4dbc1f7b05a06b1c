from odoo import models
from odoo.tools import format_date

from .document.states import UNFINISHED_STATES


class AccountJournal(models.Model):
    _inherit = "account.journal"

    def _fill_sale_purchase_dashboard_data(self, dashboard_data):
        result = super()._fill_sale_purchase_dashboard_data(dashboard_data)
        # Whoever sees the journal may know how many wait.
        documents = self.env["l10n_pl_ksef.document"].sudo()
        groups = documents._read_group(
            [("move_id.journal_id", "in", self.ids), ("state", "in", UNFINISHED_STATES)],
            groupby=["journal_id", "state"],
            aggregates=["__count", "deadline:min"],
        )
        for journal, state, count, first_day in groups:
            data = dashboard_data[journal.id]
            key = "l10n_pl_ksef_rejected" if state == "rejected" else "l10n_pl_ksef_unfinished"
            data[key] = data.get(key, 0) + count
            if state != "rejected":
                days = filter(None, (first_day, data.get("l10n_pl_ksef_first_day")))
                data["l10n_pl_ksef_first_day"] = min(days, default=False)
        for data in dashboard_data.values():
            if first_day := data.pop("l10n_pl_ksef_first_day", False):
                data["l10n_pl_ksef_deadline"] = format_date(self.env, first_day)
                data["l10n_pl_ksef_late"] = first_day < documents._today()
        return result

    def action_l10n_pl_ksef_unfinished(self):
        """Open this journal's documents that KSeF has not accepted yet, earliest deadline first."""
        return self._l10n_pl_ksef_documents_action()

    def action_l10n_pl_ksef_rejected(self):
        """Open this journal's documents that KSeF has rejected."""
        return self._l10n_pl_ksef_documents_action() | {"context": {"search_default_rejected": 1}}

    def _l10n_pl_ksef_documents_action(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("l10n_pl_ksef_offline.action_document")
        return action | {"domain": [("journal_id", "in", self.ids)]}
