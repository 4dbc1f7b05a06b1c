"""How an invoice stands with KSeF: the one truth that buttons, guards, alerts, jobs and searches ask."""

from odoo import api, fields, models
from odoo.fields import Domain

STANDINGS = [
    ("not_concerned", "Not for KSeF"),
    ("to_issue", "To be issued"),
    ("sealed", "Issued offline"),
    ("total_failure", "Issued during total failure"),
    ("outside", "Issued outside KSeF"),
    ("prepared_by_odoo", "Prepared by Odoo's Offline24"),
    ("sent_online", "Sent online, the number awaited"),
    ("maybe_sent", "Perhaps sent online"),
    ("rejected_online", "Rejected by KSeF"),
    ("numbered", "In KSeF"),
]
# Issued to KSeF's rules, or tried to: no proforma goes out in its place.
ISSUED = frozenset(
    {"sealed", "total_failure", "prepared_by_odoo", "sent_online", "maybe_sent", "rejected_online", "numbered"}
)
OFFLINE = frozenset({"sealed", "total_failure"})
AWAITS_NUMBER_ONLINE = frozenset({"sent_online", "maybe_sent"})
# Odoo sends no invoice online that was issued in another way, or that KSeF may have.
NOT_TO_SEND_ONLINE = OFFLINE | {"outside", "prepared_by_odoo", "maybe_sent", "numbered"}
# A buyer may hold its content, or KSeF does: it stays as it is.
NOT_TO_RESET = OFFLINE | {"prepared_by_odoo", "sent_online", "maybe_sent", "numbered"}
# How another invoice's file may name it, see ``ksef.fa3.facts.Reference``.
REFERENCE_STATES = {
    "numbered": "accepted",
    "outside": "outside",
    "total_failure": "outside",
    "sealed": "sealed",
    "prepared_by_odoo": "sealed",
    "sent_online": "sent",
    "maybe_sent": "sent",
    "rejected_online": "rejected",
}


class AccountMove(models.Model):
    _inherit = "account.move"

    l10n_pl_ksef_standing = fields.Selection(
        STANDINGS,
        "Standing with KSeF",
        compute="_compute_l10n_pl_ksef_standing",
        compute_sudo=True,
        search="_search_l10n_pl_ksef_standing",
    )

    @api.model
    def _l10n_pl_ksef_standing_rules(self):
        """Return the table by which a standing is worked out and searched for: the first whose domain fits.

        :return: list of (standing, ``Domain``)
        """
        online = self._l10n_pl_ksef_online_standings()
        total_failure = Domain("l10n_pl_ksef_total_failure", "=", True)
        ended_by_it = Domain("l10n_pl_ksef_document_id", "any!", [("state", "=", "not_required")])
        invoice = Domain("move_type", "in", ("out_invoice", "out_refund"))
        receipt = Domain("move_type", "=", "out_receipt")
        return [
            ("not_concerned", ~(invoice | receipt)),
            ("numbered", online["numbered"]),
            ("total_failure", total_failure | ended_by_it),
            ("sealed", Domain("l10n_pl_ksef_document_id", "!=", False)),
            ("sent_online", online["sent_online"]),
            ("rejected_online", online["rejected_online"]),
            ("prepared_by_odoo", online["prepared_by_odoo"]),
            ("maybe_sent", Domain("l10n_pl_ksef_maybe_sent", "=", True)),
            ("outside", Domain("l10n_pl_ksef_outside", "=", True)),
            ("to_issue", invoice & Domain("state", "=", "posted") & Domain("country_code", "=", "PL")),
            ("not_concerned", Domain.TRUE),
        ]

    @api.depends(
        "state",
        "move_type",
        "country_code",
        "l10n_pl_ksef_document_id.state",
        "l10n_pl_ksef_total_failure",
        "l10n_pl_ksef_outside",
        "l10n_pl_ksef_maybe_sent",
    )
    def _compute_l10n_pl_ksef_standing(self):
        left = self
        for standing, domain in self._l10n_pl_ksef_standing_rules():
            found = left.filtered_domain(domain)
            found.l10n_pl_ksef_standing = standing
            left -= found

    def _l10n_pl_ksef_is_issued(self):
        """Tell the report whether this invoice was issued to KSeF's rules, or tried to."""
        return self.l10n_pl_ksef_standing in ISSUED

    @api.model
    def _search_l10n_pl_ksef_standing(self, operator, value):
        if operator != "in":
            return NotImplemented
        found, earlier = Domain.FALSE, Domain.FALSE
        for standing, domain in self._l10n_pl_ksef_standing_rules():
            if standing in value:
                found |= domain & ~earlier
            earlier |= domain
        return found
