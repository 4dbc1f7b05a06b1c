"""What a credit note, a debit note, or the reversal of either corrects, and how, in the terms of FA(3)."""

from dataclasses import replace
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import float_compare

from ...ksef.fa3.facts import Correction
from .facts import amount, decimal

_FORMS = [("return", "Goods returned"), ("price", "Price changed"), ("states", "Rows before and after")]
# Ties the buyer's data of now to those before (IDNabywcy).
_BUYER_KEY = "0001"
_PRICE_DIGITS = 6


class AccountMove(models.Model):
    _inherit = "account.move"

    l10n_pl_ksef_correction_form = fields.Selection(
        _FORMS,
        "Form of the Correction",
        compute="_compute_l10n_pl_ksef_correction_form",
        help="How the rows of the file tell the decrease: a negative quantity at the price; the quantity at the "
        "difference of the prices, which is negative; or each row as it was and as it is (StanPrzed).",
    )
    l10n_pl_ksef_correction_form_reason = fields.Char("Why", compute="_compute_l10n_pl_ksef_correction_form")
    l10n_pl_ksef_correction_form_by_hand = fields.Selection(_FORMS, "Form Set by Hand", copy=False, tracking=True)

    @api.depends(
        "move_type",
        "reversed_entry_id",
        "l10n_pl_ksef_correction_form_by_hand",
        "invoice_line_ids.product_id",
        "invoice_line_ids.name",
        "invoice_line_ids.quantity",
        "invoice_line_ids.price_unit",
        "invoice_line_ids.discount",
        "invoice_line_ids.tax_ids",
    )
    def _compute_l10n_pl_ksef_correction_form(self):
        for move in self:
            form, reason = move._l10n_pl_ksef_propose_correction_form()
            by_hand = move.l10n_pl_ksef_correction_form_by_hand
            if by_hand == "states" and not move._l10n_pl_ksef_has_states():
                reason = self.env._(
                    "Rows before and after cannot be told: not each row is on the invoice once, with the same taxes. "
                    "%(reason)s",
                    reason=reason,
                )
            elif form and by_hand:
                form, reason = by_hand, self.env._("Set by hand.")
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
            has_old_price = any(line._l10n_pl_ksef_has_price_of(each) for each in same)
            if same and not has_old_price and not line._l10n_pl_ksef_is_return():
                return "price", self.env._("The price of “%(name)s” is another one than on the invoice.", name=name)
        return "return", self.env._("All rows have the prices of the invoice that is corrected.")

    # Rows before and after

    def _l10n_pl_ksef_has_states(self):
        """Tell whether each row of this credit note changes one row of the invoice."""
        return bool(self._l10n_pl_ksef_lines()) and all(
            not section and len(lines._l10n_pl_ksef_changed_row()) == 1 for section, lines in self._l10n_pl_ksef_rows()
        )

    def _l10n_pl_ksef_states(self, number, line):
        """Return the row that a line of this credit note changes, a ``Line`` before and one after (StanPrzed)."""
        before = line._l10n_pl_ksef_before(number)
        return replace(before, is_before=True), before.changed(*line._l10n_pl_ksef_change(before))

    def _l10n_pl_ksef_corrections(self):
        """Return all that corrects these, and what corrects those."""
        made = self.reversal_move_ids
        if "debit_note_ids" in self._fields:
            made |= self.debit_note_ids
        return made | made._l10n_pl_ksef_corrections() if made else made

    def _l10n_pl_ksef_earlier_corrections(self):
        """Return those of the same invoice that were posted before this one, in their order."""
        others = self._l10n_pl_ksef_original()._l10n_pl_ksef_corrections() - self._origin
        own = (self.invoice_date or fields.Date.context_today(self), self._origin.id or float("inf"))
        earlier = others.filtered(lambda move: move.state == "posted" and (move.invoice_date, move.id) < own)
        return earlier.sorted(lambda move: (move.invoice_date, move.id))

    # What it corrects

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
            **self._l10n_pl_ksef_total_before(original),
        )

    def _l10n_pl_ksef_total_before(self, original):
        """Return P_15ZK, and KursWalutyZK of an advance, before this correction; only for advances and settlements."""
        kind = original._l10n_pl_ksef_kind()
        if kind not in ("ZAL", "ROZ"):
            return {}
        earlier = self._l10n_pl_ksef_earlier_corrections()
        totals = (amount(move.amount_total * move._l10n_pl_ksef_sign()) for move in original | earlier)
        rate = original._l10n_pl_ksef_exchange_rate() if kind == "ZAL" else None
        return {"total_before": sum(totals), "exchange_rate_before": rate}

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

    def _l10n_pl_ksef_supply_date(self, original):
        """Return P_6: of an advance the day of its payment, of a correction that tells none the day of its original."""
        told = self.delivery_date or self.taxable_supply_date
        if self._l10n_pl_ksef_kind() == "ZAL":
            paid = (payment.date for payment in self._l10n_pl_ksef_payments() if payment.date <= self.invoice_date)
            told = min(paid, default=told)
        elif original and not told:
            told = original._l10n_pl_ksef_supply_date(self.browse())
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
            return self.product_id._origin == other.product_id._origin
        return self.name == other.name

    def _l10n_pl_ksef_changed_row(self):
        """Return the lines of the invoice that this one of a correction may change."""
        sold = self.move_id._l10n_pl_ksef_original()._l10n_pl_ksef_lines()
        # While it is typed, what it links to is a draft, too.
        taxes = self.tax_ids._origin
        return sold.filtered(lambda other: self._l10n_pl_ksef_is_same_thing(other) and other.tax_ids == taxes)

    def _l10n_pl_ksef_before(self, number):
        """Return the row that this line changes as earlier corrections left it, a ``Line`` with that number."""
        source = self._l10n_pl_ksef_changed_row()
        original = source.move_id
        row = original._l10n_pl_ksef_line(number, source, original._l10n_pl_ksef_taxes())
        for earlier in self.move_id._l10n_pl_ksef_earlier_corrections():
            for line in earlier._l10n_pl_ksef_lines():
                if line._l10n_pl_ksef_changed_row() == source:
                    row = row.changed(*line._l10n_pl_ksef_change(row))
        return row

    def _l10n_pl_ksef_change(self, row):
        """Return by how much this line of a correction changes quantity and net of a ``Line``, both ``Decimal``."""
        net, quantity = amount(-self.amount_currency), self._l10n_pl_ksef_signed_quantity()
        return quantity if row.costs(quantity, net) else Decimal(), net

    def _l10n_pl_ksef_is_return(self):
        """Tell whether this line takes back goods at the price that earlier corrections left."""
        if len(self._l10n_pl_ksef_changed_row()) != 1:
            return False
        # What is booked is worked out only when it is saved.
        net = amount(self.price_subtotal * self.move_id._l10n_pl_ksef_sign())
        return self._l10n_pl_ksef_before(1).costs(self._l10n_pl_ksef_signed_quantity(), net)

    def _l10n_pl_ksef_signed_quantity(self):
        return round(decimal(self.quantity * self.move_id._l10n_pl_ksef_sign()), 6)

    def _l10n_pl_ksef_has_price_of(self, other):
        own, theirs = (line.price_unit * (1 - line.discount / 100) for line in (self, other))
        return not float_compare(own, theirs, precision_digits=_PRICE_DIGITS)
