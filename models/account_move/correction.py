"""What a credit note, a debit note, or the reversal of either corrects, and how, in the terms of FA(3)."""

from dataclasses import replace

from odoo import api, fields, models
from odoo.tools import float_compare

from ...ksef.fa3.facts import Correction

# Ties the buyer's data of now to those before (IDNabywcy).
_BUYER_KEY = "0001"
_PRICE_DIGITS = 6


class AccountMove(models.Model):
    _inherit = "account.move"

    l10n_pl_ksef_correction_form = fields.Selection(
        [("return", "Goods returned"), ("price", "Price changed")],
        "Form of the Correction",
        compute="_compute_l10n_pl_ksef_correction_form",
        help="How the rows of the file tell the decrease: a negative quantity at the price, or the quantity at the "
        "difference of the prices, which is negative.",
    )
    l10n_pl_ksef_correction_form_reason = fields.Char("Why", compute="_compute_l10n_pl_ksef_correction_form")
    l10n_pl_ksef_correction_form_by_hand = fields.Selection(
        [("return", "Goods returned"), ("price", "Price changed")], "Form Set by Hand", copy=False, tracking=True
    )

    @api.depends(
        "move_type",
        "reversed_entry_id",
        "l10n_pl_ksef_correction_form_by_hand",
        "invoice_line_ids.product_id",
        "invoice_line_ids.name",
        "invoice_line_ids.price_unit",
        "invoice_line_ids.discount",
    )
    def _compute_l10n_pl_ksef_correction_form(self):
        for move in self:
            form, reason = move._l10n_pl_ksef_propose_correction_form()
            if move.l10n_pl_ksef_correction_form_by_hand:
                form, reason = move.l10n_pl_ksef_correction_form_by_hand, self.env._("Set by hand.")
            move.l10n_pl_ksef_correction_form = form
            move.l10n_pl_ksef_correction_form_reason = reason

    def _l10n_pl_ksef_propose_correction_form(self):
        """Return form and reason (str) of this credit note; False and an empty str of anything else."""
        if self.move_type != "out_refund":
            return False, ""
        sold = self.reversed_entry_id.invoice_line_ids
        for line in self._l10n_pl_ksef_lines():
            same = sold.filtered(line._l10n_pl_ksef_is_same_thing)
            name = (line.name or line.product_id.name or "").split("\n")[0]
            if sold and not same:
                return "price", self.env._("“%(name)s” is not on the invoice that is corrected.", name=name)
            if same and not any(line._l10n_pl_ksef_has_price_of(each) for each in same):
                return "price", self.env._("The price of “%(name)s” is another one than on the invoice.", name=name)
        return "return", self.env._("All rows have the prices of the invoice that is corrected.")

    def _l10n_pl_ksef_original(self):
        """Return the invoice that this one corrects, the first of the chain; none if it corrects nothing.

        A correction of a correction names the invoice itself, not what came in between.
        """
        move = self
        while before := move._l10n_pl_ksef_corrected():
            move = before
        return move if move != self else self.browse()

    def _l10n_pl_ksef_corrected(self):
        """Return what this one was made from by *Credit Note*, *Reverse* or *Debit Note*, another one or none."""
        debited = self.debit_origin_id if "debit_origin_id" in self._fields else self.browse()
        return (self.reversed_entry_id or debited).filtered(lambda move: move.is_sale_document()) - self

    def _l10n_pl_ksef_is_correction(self):
        return self.move_type == "out_refund" or bool(self._l10n_pl_ksef_corrected())

    def _l10n_pl_ksef_correction(self, original):
        """Return the ``Correction`` of that invoice."""
        return Correction(
            (original._l10n_pl_ksef_reference(),),
            reason=self.ref or "Korekta",
            effect=self._l10n_pl_ksef_correction_effect(original),
            buyers_before=self._l10n_pl_ksef_buyers_before(original),
        )

    def _l10n_pl_ksef_correction_effect(self, original):
        """When the correction counts in the VAT records: as the accounting date has it."""
        if self.date == self.invoice_date:
            return "2"
        return "1" if self.date == original.date else "3"

    def _l10n_pl_ksef_buyers_before(self, original):
        """Return the buyer of the original where the correction is made out to another partner (Podmiot2K)."""
        if original.commercial_partner_id == self.commercial_partner_id:
            return ()
        return (replace(original._l10n_pl_ksef_party(original.commercial_partner_id), buyer_key=_BUYER_KEY),)

    def _l10n_pl_ksef_buyer_key(self, original):
        return _BUYER_KEY if original and self._l10n_pl_ksef_buyers_before(original) else ""

    def _l10n_pl_ksef_supply_date(self, original):
        """Return P_6; that of the original if the correction tells none (art. 106j ust. 2 of the VAT act)."""
        told = self.delivery_date or self.taxable_supply_date
        if original and not told:
            told = original.delivery_date or original.taxable_supply_date
            told = told != original.invoice_date and told
        return told or None

    def _l10n_pl_ksef_rate_and_booked(self, original):
        """Return the exchange rate of the file, and that of the books where it is another one, else None.

        A correction is converted like its original (art. 31b ust. 1 of the VAT act).
        """
        booked = self._l10n_pl_ksef_exchange_rate()
        if not original or original.currency_id != self.currency_id:
            return booked, None
        right = original._l10n_pl_ksef_exchange_rate()
        return (booked, None) if right in (None, booked) else (right, booked)


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _l10n_pl_ksef_is_same_thing(self, other):
        """Tell whether a line of the original (record) tells what this one takes back."""
        if self.product_id or other.product_id:
            return self.product_id == other.product_id
        return self.name == other.name

    def _l10n_pl_ksef_has_price_of(self, other):
        own, theirs = (line.price_unit * (1 - line.discount / 100) for line in (self, other))
        return not float_compare(own, theirs, precision_digits=_PRICE_DIGITS)
