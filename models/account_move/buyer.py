"""Who the buyer is to the law, on which it depends what he may get before KSeF has given the number."""

from stdnum.pl import nip

from odoo import api, fields, models

from ...ksef.law import buyers
from ...tools.translation import spoken
from ..res_partner import BUYER_CLASS_HELP, BUYER_CLASSES, BUYER_FIELDS


class AccountMove(models.Model):
    _inherit = "account.move"

    l10n_pl_ksef_buyer_class_by_hand = fields.Selection(
        BUYER_CLASSES, "KSeF: Kind of Buyer by Hand", copy=False, tracking=True, help=BUYER_CLASS_HELP
    )
    l10n_pl_ksef_buyer_class = fields.Selection(
        BUYER_CLASSES, "KSeF: Kind of Buyer", compute="_compute_l10n_pl_ksef_buyer_class"
    )
    l10n_pl_ksef_buyer_class_reason = fields.Char("Why This Kind", compute="_compute_l10n_pl_ksef_buyer_class")

    @api.depends(
        "l10n_pl_ksef_buyer_class_by_hand",
        *(f"commercial_partner_id.{name}" for name in BUYER_FIELDS),
        "commercial_partner_id.vat",
        "commercial_partner_id.country_id",
        "commercial_partner_id.is_company",
        "invoice_line_ids.tax_ids",
    )
    @api.depends_context("lang")
    def _compute_l10n_pl_ksef_buyer_class(self):
        for move in self:
            move.l10n_pl_ksef_buyer_class, move.l10n_pl_ksef_buyer_class_reason = move._l10n_pl_ksef_classify_buyer()

    def _l10n_pl_ksef_classify_buyer(self):
        """Return the class of the buyer to art. 106gb(4), one of ``buyers.BuyerClass``, and why in words."""
        if by_hand := self.l10n_pl_ksef_buyer_class_by_hand:
            return by_hand, self.env._("Set by hand on this invoice.")
        if by_hand := self.commercial_partner_id.l10n_pl_ksef_buyer_class:
            return by_hand, self.env._("Set by hand on the buyer.")
        buyer_class, reason = buyers.classify_buyer(self._l10n_pl_ksef_buyer_facts())
        return buyer_class, spoken(self.env, reason)

    def _l10n_pl_ksef_buyer_facts(self):
        buyer = self.commercial_partner_id
        vat = (buyer.vat or "").strip("/ ")  # Odoo's "/" says that there is none
        seat_in_poland = buyer.country_code == "PL" if buyer.country_code else None
        establishment = buyer.l10n_pl_ksef_establishment
        polish = buyer.country_code == "PL" or vat.upper().startswith("PL")
        return buyers.BuyerFacts(
            place_of_supply_in_poland=not self._l10n_pl_ksef_supplied_abroad(),
            has_polish_nip=polish and nip.is_valid(vat),
            is_consumer=not buyer.is_company and not vat,
            has_tax_id=bool(vat),
            sme_scheme=seat_in_poland is False and buyer.l10n_pl_ksef_sme_scheme,  # else the box is hidden
            seat_in_poland=seat_in_poland,
            has_fixed_establishment=establishment != "none" if establishment else None,
            fixed_establishment_takes_part=establishment == "involved" if establishment else None,
        )
