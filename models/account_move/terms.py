"""What was agreed and what is noted on an invoice, in the terms of FA(3): payment, order, delivery, notes."""

from odoo import fields, models
from odoo.tools import html2plaintext
from odoo.tools.mail import html_to_inner_content

from ...ksef.fa3.facts import (
    EXEMPT,
    Agreement,
    BankAccount,
    Charge,
    Instalment,
    Payment,
    PaymentTerms,
    Remark,
    Settlement,
    TransactionTerms,
)
from ...ksef.poland import WARSAW
from .facts import amount

_PAYMENT_FORM = {"cash": "1", "bank": "6", "credit": "2"}
_TRANSFER = "6"
_DAYS_COUNT_FROM = {
    "days_after_end_of_month": "Koniec miesiąca",
    "days_after_end_of_next_month": "Koniec następnego miesiąca",
}
_ISSUE = "Data wystawienia faktury"
_ROUNDING = "Zaokrąglenie"
_SECTIONS = ("line_section", "line_subsection")


class AccountMove(models.Model):
    _inherit = "account.move"

    # Beside the invoice

    def _l10n_pl_ksef_beside(self):
        """Return what is paid together with the invoice without being part of it: [(amount, why)], signed as it is.

        A rounding within the VAT is part of that.
        """
        deposits = self.invoice_line_ids.filtered(
            lambda line: line.display_type == "product" and line._l10n_pl_ksef_is_deposit()
        )
        roundings = self.line_ids.filtered(lambda line: line.display_type == "rounding" and not line.tax_line_id)
        parts = [(line, " ".join((line.name or line.product_id.name).split())) for line in deposits]
        parts += [(line, _ROUNDING) for line in roundings]
        return [(amount(-line.amount_currency), why) for line, why in parts if line.amount_currency]

    def _l10n_pl_ksef_settlement(self, beside):
        """Return the ``Settlement`` of what is beside the invoice, None if nothing is."""
        if not beside:
            return None
        due = amount(self.amount_total * self._l10n_pl_ksef_sign())
        return Settlement(
            charges=tuple(Charge(part, why) for part, why in beside if part > 0),
            deductions=tuple(Charge(-part, why) for part, why in beside if part < 0),
            **({"to_pay": due} if due >= 0 else {"to_settle": -due}),
        )

    # Payment

    def _l10n_pl_ksef_payments(self):
        """What was paid of this very invoice, in its currency: a payment may settle several at once."""
        partials = self._get_all_reconciled_invoice_partials() or []
        return tuple(
            Payment(
                amount=amount(partial["amount"]),
                date=partial["aml"].date,
                form=_PAYMENT_FORM.get(partial["aml"].journal_id.type, _TRANSFER),
            )
            for partial in partials
            if partial["aml"].payment_id or partial["aml"].statement_line_id
        )

    def _l10n_pl_ksef_payment_terms(self):
        """Return the ``PaymentTerms`` of this invoice."""
        bank = self.partner_bank_id
        account = BankAccount(
            bank.acc_number or "", bank.bank_bic or "", bank=bank.bank_name or "", description=self.currency_id.name
        )
        condition, size = self._l10n_pl_ksef_early_discount()
        journal = self.preferred_payment_method_line_id.journal_id
        return PaymentTerms(
            instalments=self._l10n_pl_ksef_instalments(),
            form=_PAYMENT_FORM.get(journal.type, _TRANSFER if bank else ""),
            accounts=(account,) if bank else (),
            discount_condition=condition,
            discount_size=size,
        )

    def _l10n_pl_ksef_instalments(self):
        """Return when what is to be paid: each ``Instalment`` described in words where the terms of payment give it."""
        if self.payment_state == "paid" or not self.invoice_date_due:
            return ()
        terms = self.invoice_payment_term_id.line_ids
        if not terms or self._l10n_pl_ksef_due_date_was_typed():
            return (Instalment(self.invoice_date_due),)
        parts = self.line_ids.filtered(lambda line: line.display_type == "payment_term").sorted("date_maturity")
        # Odoo makes one part of terms that are due on the same day.
        by_day = {term._get_due_date(self.invoice_date): term for term in terms}
        return tuple(self._l10n_pl_ksef_instalment(part, by_day.get(part.date_maturity), len(parts)) for part in parts)

    def _l10n_pl_ksef_instalment(self, part, term, count):
        if not term:
            return Instalment(part.date_maturity)
        event = _DAYS_COUNT_FROM.get(term.delay_type, _ISSUE)
        if count > 1:
            event = f"{event}; rata {amount(abs(part.amount_currency)):.2f} {self.currency_id.name}"
        elif not term.nb_days:
            return Instalment(part.date_maturity)
        return Instalment(part.date_maturity, term.nb_days, "Dni", event)

    def _l10n_pl_ksef_early_discount(self):
        """Return condition and size of a discount for early payment (Skonto), empty if there is none."""
        terms = self.invoice_payment_term_id
        if not terms.early_discount or self.move_type != "out_invoice":
            return "", ""
        last_day = terms._get_last_discount_date(self.invoice_date)
        return (
            f"Zapłata w ciągu {terms.discount_days} dni od daty wystawienia, do {last_day.isoformat()}",
            f"{terms.discount_percentage:g} %".replace(".", ","),
        )

    def _l10n_pl_ksef_due_date_was_typed(self):
        """Tell whether the due date is another one than the terms of payment give."""
        terms = self.invoice_payment_term_id.line_ids
        if not terms:
            return False
        return self.invoice_date_due != max(term._get_due_date(self.invoice_date) for term in terms)

    # Order and delivery

    def _l10n_pl_ksef_terms(self):
        """Return the ``TransactionTerms`` of this invoice."""
        return TransactionTerms(
            orders=self._l10n_pl_ksef_orders(),
            lots=self._l10n_pl_ksef_lots(),
            delivery=" ".join(filter(None, (self.invoice_incoterm_id.code, self.incoterm_location))),
        )

    def _l10n_pl_ksef_orders(self):
        """Return the buyer's order, and those of the seller that the invoice comes from, each an ``Agreement``."""
        # The reference of a correction is its reason.
        orders = [Agreement(self.ref)] if self.ref and not self._l10n_pl_ksef_is_correction() else []
        if sold := self.invoice_line_ids._l10n_pl_ksef_sale_lines():
            for order in sold.order_id:
                day = fields.Datetime.context_timestamp(self.with_context(tz=WARSAW.key), order.date_order).date()
                orders.append(Agreement(order.name, day))
                if order.client_order_ref and order.client_order_ref != self.ref:
                    orders.append(Agreement(order.client_order_ref))
        told = {order.number for order in orders}
        sources = map(str.strip, (self.invoice_origin or "").split(","))
        orders += [Agreement(source) for source in sources if source not in told]
        return tuple(order for order in dict.fromkeys(orders) if order.number)

    def _l10n_pl_ksef_lots(self):
        """Return the lots and serial numbers that Odoo prints, where goods are in stock."""
        if not hasattr(self, "_get_invoiced_lot_values"):
            return ()
        names = (lot["lot_name"] for lot in self.sudo()._get_invoiced_lot_values())
        return tuple(dict.fromkeys(filter(None, names)))

    # Notes

    def _l10n_pl_ksef_remarks(self):
        """Return what the file tells under keys of its own (DodatkowyOpis), a list of ``Remark``; to be extended."""
        pages = (
            ("Uwagi", self.narration),
            ("Adnotacja", "" if self._l10n_pl_ksef_is_exempt() else self.taxes_legal_notes),
            ("Adnotacja", "" if self._l10n_pl_ksef_is_exempt() else self.fiscal_position_id.note),
            ("Warunki płatności", self.invoice_payment_term_id.note),
            ("Tytuł przelewu", self.payment_reference if self.payment_reference != self.name else ""),
        )
        texts = ((key, html2plaintext(page or "", include_references=False)) for key, page in pages)
        return [*self._l10n_pl_ksef_notes(), *(Remark(key, text) for key, text in texts if text.strip())]

    def _l10n_pl_ksef_is_exempt(self):
        """Tell whether a tax's legal note is the basis of an exemption, which has a field of its own."""
        return any(self._l10n_pl_ksef_tax(tax).rate == EXEMPT for tax in self.line_ids.tax_ids)

    def _l10n_pl_ksef_notes(self):
        """Return titles and notes between the lines: a title with the first row below it, a note with that above."""
        rows = enumerate(self._l10n_pl_ksef_rows(), 1)
        numbers = {line: number for number, (_section, lines) in rows for line in lines}
        notes, titles, above = [], [], None
        for line in self._l10n_pl_ksef_printed_lines():
            if line.display_type in _SECTIONS:
                if not line.collapse_composition:
                    titles.append(line.name or "")
                above = None
            elif line.display_type == "line_note":
                notes.append(Remark("Uwaga", line.name or "", above))
            elif line in numbers:
                above = numbers[line]
                notes += [Remark("Sekcja", title, above) for title in titles]
                titles = []
        return [note for note in notes if note.value.strip()]

    def _l10n_pl_ksef_footers(self):
        """Return the text at the foot of the company's papers."""
        text = html2plaintext(self.company_id.report_footer or "", include_references=False).strip()
        return (text,) if text else ()

    def _l10n_pl_ksef_texts(self):
        """All words that the printed invoice has beside its lines' names."""
        notes = self.invoice_line_ids.filtered(lambda line: line.display_type == "line_note").mapped("name")
        pages = (
            self.narration,
            self.taxes_legal_notes,
            self.fiscal_position_id.note,
            self.invoice_payment_term_id.note,
        )
        return "\n".join([*filter(None, notes), *(html_to_inner_content(page) for page in pages if page)])
