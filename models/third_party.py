"""Who an invoice in KSeF names beside seller and buyer (Podmiot3 of FA(3))."""

import re
from dataclasses import replace
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..ksef.fa3.facts import ThirdParty as Fact

# The values of TRolaPodmiotu3; the last one stands for a role in words.
ROLES = [
    ("1", "Factor"),
    ("2", "Recipient"),
    ("3", "Original entity"),
    ("4", "Additional buyer"),
    ("5", "Issuer of the invoice"),
    ("6", "Payer"),
    ("7", "Local government unit - issuer"),
    ("8", "Local government unit - recipient"),
    ("9", "VAT group member - issuer"),
    ("10", "VAT group member - recipient"),
    ("11", "Employee"),
    ("other", "Other role"),
]
_ADDITIONAL_BUYER = "4"
_INTERNAL_ID = re.compile(r"\d{10}-\d{5}")


class ThirdParty(models.Model):
    _name = "l10n_pl_ksef.third.party"
    _description = "Other Party of an Invoice in KSeF"
    _rec_name = "partner_id"

    move_id = fields.Many2one("account.move", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="move_id.company_id", store=True)
    partner_id = fields.Many2one("res.partner", "Party", required=True, ondelete="restrict")
    role = fields.Selection(ROLES, required=True, default="2")
    other_role = fields.Char("Role in Words", size=256)
    share = fields.Float("Share (%)", help="Of an additional buyer, in percent.")
    internal_id = fields.Char("Internal Identifier", help="Of KSeF: a NIP, a hyphen and five digits.")

    @api.constrains("role", "other_role", "share", "internal_id")
    def _check_complete(self):
        for party in self:
            if party.role == "other" and not (party.other_role or "").strip():
                raise ValidationError(self.env._("Say in words which role %(name)s has.", name=party.partner_id.name))
            if not 0 <= party.share <= 100:
                raise ValidationError(self.env._("A share is between 0 and 100 percent."))
            if party.internal_id and not _INTERNAL_ID.fullmatch(party.internal_id):
                raise ValidationError(
                    self.env._("An internal identifier of KSeF is a NIP, a hyphen and five digits: 5260001246-00001.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        parties = super().create(vals_list)
        parties._refuse_change_of_sealed()
        return parties

    def write(self, vals):
        self._refuse_change_of_sealed()
        result = super().write(vals)
        self._refuse_change_of_sealed()  # it may have been moved to a sealed one
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sealed(self):
        self._refuse_change_of_sealed()

    def _refuse_change_of_sealed(self):
        for move in self.move_id._l10n_pl_ksef_sealed():
            move._l10n_pl_ksef_refuse_change({"l10n_pl_ksef_third_party_ids"})

    def _fact(self):
        """Return this party in the terms of FA(3)."""
        party = self.move_id._l10n_pl_ksef_party(self.partner_id)
        party = replace(
            party,
            contacts=self.move_id._l10n_pl_ksef_contacts(self.partner_id),
            internal_id=self.internal_id or "",
            # A unit of the buyer has no number of its own: Odoo keeps the buyer's with it.
            vat="" if self.partner_id != self.partner_id.commercial_partner_id else party.vat,
        )
        if self.role == "other":
            return Fact(party, other_role=self.other_role)
        is_shared = self.role == _ADDITIONAL_BUYER and self.share
        return Fact(party, self.role, share=Decimal(str(self.share)) if is_shared else None)
