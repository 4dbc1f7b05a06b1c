"""Advance invoices with the order that they were paid for, and final invoices, in the terms of FA(3).

Source: art. 106f of the VAT act; the ministry's examples 10 to 14, 17 and 18.
"""

from dataclasses import replace

from odoo import models

from ...ksef.fa3.facts import InvoiceFacts, Order, OrderLine
from .facts import amount, decimal


class AccountMove(models.Model):
    _inherit = "account.move"

    def _l10n_pl_ksef_facts(self):
        facts = super()._l10n_pl_ksef_facts()
        if "ZAL" in facts.kind:
            facts = replace(facts, order=self._l10n_pl_ksef_order())
        if facts.order or "ROZ" in facts.kind:
            return _without_rows(facts, self._l10n_pl_ksef_advance_rows())
        return facts

    def _l10n_pl_ksef_advance_rows(self):
        """Return the numbers of the rows by which Odoo books an advance, or takes it off a final invoice."""
        sold = self.invoice_line_ids._l10n_pl_ksef_sale_lines()
        if not (sold and sold.filtered("is_downpayment")):
            return set()
        rows = enumerate(self._l10n_pl_ksef_rows(), 1)
        return {
            number
            for number, (_section, lines) in rows
            if any(lines._l10n_pl_ksef_sale_lines().mapped("is_downpayment"))
        }

    def _l10n_pl_ksef_order(self):
        """Return the ``Order`` with all that was ordered, None where Odoo does not know it.

        Several orders that share an advance are told as one.
        """
        sold = self.invoice_line_ids._l10n_pl_ksef_sale_lines()
        if not sold:
            return None
        orders = sold.order_id
        lines = orders.order_line.filtered(lambda line: not (line.display_type or line.is_downpayment))
        if not lines or orders.currency_id != self.currency_id:
            return None
        rows = (self._l10n_pl_ksef_order_line(number, line) for number, line in enumerate(lines, 1))
        return Order(total=sum(amount(line.price_total) for line in lines), lines=tuple(rows))

    def _l10n_pl_ksef_order_line(self, number, line):
        taxes = line.tax_ids.flatten_taxes_hierarchy()
        net, quantity = amount(line.price_subtotal), round(decimal(line.product_uom_qty), 6)
        return OrderLine(
            number=number,
            name=line.name or line.product_id.display_name,
            unit=line.product_uom_id.name or "szt.",
            quantity=quantity,
            price=round(net / quantity, 8) if quantity else None,
            net=net,
            vat=amount(line.price_tax),
            tax=self._l10n_pl_ksef_tax(taxes) if len(taxes) == 1 else None,
            gtu=line.product_id.l10n_pl_vat_gtu or "",
            index=line.product_id.default_code or "",
        )


def _without_rows(facts: InvoiceFacts, numbers: set[int]) -> InvoiceFacts:
    """Return the facts without these rows, whose amounts stay in the sums: so do the ministry's examples 10 and 14.

    A row that has no rate of KSeF keeps all rows, so that the rules can say so.
    """
    if not numbers or any(len(line.taxes) != 1 or not line.tax.rate for line in facts.lines):
        return facts
    kept = tuple(line for line in facts.lines if line.number not in numbers)
    remarks = tuple(replace(each, line=None) if each.line in numbers else each for each in facts.remarks)
    return replace(facts, told_sums=facts.sums, lines=kept, remarks=remarks)
