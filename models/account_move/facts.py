"""An invoice of Odoo in the terms of FA(3): the only place that knows both."""

from decimal import Decimal

from babel import Locale

from odoo import fields, models
from odoo.tools import html2plaintext
from odoo.tools.mail import html_to_inner_content

from ...ksef.fa3.facts import (
    Annotations,
    BankAccount,
    Contact,
    Correction,
    Instalment,
    InvoiceFacts,
    Line,
    Party,
    Payment,
    PaymentTerms,
    Tax,
    TransactionTerms,
    Vat,
    price_and_discount,
)
from ...ksef.poland import WARSAW

_PAYMENT_FORM = {"cash": "1", "bank": "6", "credit": "2"}
_TRANSFER = "6"
_DAYS_COUNT_FROM = {
    "days_after_end_of_month": "Koniec miesiąca",
    "days_after_end_of_next_month": "Koniec następnego miesiąca",
}
# Of Babel, since a database may have no Polish.
_POLISH_COUNTRIES = Locale("pl").territories
_GRIDS_ABROAD = {"K_11", "K_12"}


def _decimal(amount):
    """A float of the books, as it is shown."""
    return Decimal(repr(amount))


def _amount(amount):
    return round(_decimal(amount), 2) + 0  # no negative zero


class AccountMove(models.Model):
    _inherit = "account.move"

    def _l10n_pl_ksef_facts(self):
        """Return the ``InvoiceFacts`` of this posted invoice or credit note."""
        self.ensure_one()
        is_correction = self.move_type == "out_refund"
        original = self.reversed_entry_id if is_correction else self.browse()
        taxes = self._l10n_pl_ksef_taxes()
        return InvoiceFacts(
            number=self.name,
            issue_date=self.invoice_date,
            today=fields.Date.context_today(self.with_context(tz=WARSAW.key)),
            supply_date=self.delivery_date or self.taxable_supply_date or None,
            currency=self.currency_id.name,
            smallest_amount=_decimal(self.currency_id.rounding),
            books_currency=self.company_currency_id.name,
            exchange_rate=self._l10n_pl_ksef_exchange_rate(),
            total=_amount(self.amount_total * (-1 if is_correction else 1)),
            rounding=self._l10n_pl_ksef_rounding(),
            lines=tuple(
                self._l10n_pl_ksef_line(number, line, taxes)
                for number, line in enumerate(self._l10n_pl_ksef_lines(), 1)
            ),
            vat=tuple(
                Vat(taxes[line.tax_line_id], _amount(-line.amount_currency), _amount(-line.balance))
                for line in self.line_ids
                if line.tax_line_id
            ),
            seller=self._l10n_pl_ksef_party(self.company_id.partner_id),
            buyer=self._l10n_pl_ksef_party(self.commercial_partner_id),
            kind=self._l10n_pl_ksef_kind(),
            place_of_issue=self.company_id.city or "",
            annotations=Annotations(
                cash_method=any(tax.tax_exigibility == "on_payment" for tax in self.line_ids.tax_ids)
            ),
            terms=TransactionTerms(delivery=self.invoice_incoterm_id.code or ""),
            payment_terms=self._l10n_pl_ksef_payment_terms(),
            correction=self._l10n_pl_ksef_correction(original) if original else None,
            advances=tuple(advance._l10n_pl_ksef_reference() for advance in self._l10n_pl_ksef_advances()),
            payments=() if is_correction else self._l10n_pl_ksef_payments(),
            texts=self._l10n_pl_ksef_texts(),
        )

    def _l10n_pl_ksef_lines(self):
        return self.invoice_line_ids.filtered(lambda line: line.display_type == "product").sorted(
            lambda line: (line.sequence, line.id)
        )

    def _l10n_pl_ksef_taxes(self):
        """Return the ``Tax`` of each tax of this invoice, a dict by record."""
        taxes = self._l10n_pl_ksef_lines().tax_ids.flatten_taxes_hierarchy() | self.line_ids.tax_line_id
        return {tax: self._l10n_pl_ksef_tax(tax) for tax in taxes}

    def _l10n_pl_ksef_supplied_abroad(self):
        """Tell whether the taxes of all lines say that the place of supply is outside Poland (np I, np II)."""
        lines = self._l10n_pl_ksef_lines()
        return bool(lines) and all(
            any(_GRIDS_ABROAD & self._l10n_pl_ksef_tax(tax).grids for tax in line.tax_ids.flatten_taxes_hierarchy())
            for line in lines
        )

    def _l10n_pl_ksef_rounding(self):
        """What a line of cash rounding adds to the total; a rounding within the VAT is part of that."""
        lines = self.line_ids.filtered(lambda line: line.display_type == "rounding" and not line.tax_line_id)
        return _amount(-sum(lines.mapped("amount_currency")))

    def _l10n_pl_ksef_exchange_rate(self):
        """Return PLN for one unit of the invoice's currency, None if there is no rate to tell."""
        # Odoo keeps the inverse, and takes 1 for a currency without rates.
        if self.currency_id == self.company_currency_id or self.invoice_currency_rate == 1:
            return None
        return round(1 / _decimal(self.invoice_currency_rate), 6)

    def _l10n_pl_ksef_line(self, number, line, taxes):
        own_taxes = line.tax_ids.flatten_taxes_hierarchy()
        sign = -1 if self.move_type == "out_refund" else 1
        quantity = round(_decimal(line.quantity * sign), 6)
        # Booked, not shown: with prices rounded globally only the booked amounts add up to the total.
        net = _amount(-line.amount_currency)
        included = sum(
            (_decimal(tax.amount) for tax in own_taxes if tax.price_include and tax.amount_type == "percent"), Decimal()
        )
        typed = _decimal(line.price_unit) / (1 + included / 100)
        price, discount = price_and_discount(quantity, typed, _decimal(line.discount), net)
        return Line(
            number=number,
            name=(line.name or "").strip() or line.product_id.display_name or "",
            unit=line.product_uom_id.name or "szt.",
            quantity=quantity,
            price=price,
            discount=discount,
            net=net,
            taxes=tuple(taxes[tax] for tax in own_taxes),
            gtu=line.product_id.l10n_pl_vat_gtu or "",
        )

    def _l10n_pl_ksef_tax(self, tax):
        # The tags of the tax, not of the line: a tax that is due on payment leaves the line without any.
        base = tax.invoice_repartition_line_ids.filtered(lambda line: line.repartition_type == "base")
        tags = base.tag_ids.with_context(lang="en_US").mapped("name")
        return Tax(
            id=tax.id,
            name=tax.name,
            percent=_decimal(tax.amount).normalize() if tax.amount_type == "percent" else None,
            grids=frozenset(tag.lstrip("+-") for tag in tags),
            country=tax.country_id.code or "PL",
            legal_basis=html2plaintext(tax.invoice_legal_notes or self.fiscal_position_id.note or "").strip(),
        )

    def _l10n_pl_ksef_party(self, partner):
        street = ", ".join(filter(None, (partner.street, partner.street2)))
        return Party(
            name=" ".join((partner.name or "").split()),
            vat=(partner.vat or "").strip(),
            country=partner.country_id.code or "",
            country_name=_POLISH_COUNTRIES.get(partner.country_id.code, partner.country_id.name or ""),
            street=" ".join(street.split()),
            city=" ".join(f"{partner.zip or ''} {partner.city}".split()) if partner.city else "",
            is_company=partner.is_company,
            contacts=(Contact(partner.email or "", partner.phone or ""),) if partner.email or partner.phone else (),
        )

    def _l10n_pl_ksef_correction(self, original):
        """Return the ``Correction`` of that invoice."""
        return Correction(
            (original._l10n_pl_ksef_reference(),),
            reason=self.ref or "Korekta",
            effect=self._l10n_pl_ksef_correction_effect(original),
        )

    def _l10n_pl_ksef_correction_effect(self, original):
        """When the correction counts in the VAT records: as the accounting date has it."""
        if self.date == self.invoice_date:
            return "2"
        return "1" if self.date == original.date else "3"

    def _l10n_pl_ksef_payments(self):
        """What was paid of this very invoice, in its currency: a payment may settle several at once."""
        partials = self._get_all_reconciled_invoice_partials() or []
        return tuple(
            Payment(
                amount=_amount(partial["amount"]),
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
        is_due = self.payment_state != "paid" and self.invoice_date_due
        return PaymentTerms(
            instalments=(self._l10n_pl_ksef_instalment(),) if is_due else (), accounts=(account,) if bank else ()
        )

    def _l10n_pl_ksef_instalment(self):
        """Return the due date, described in words where the terms of payment give it."""
        terms = self.invoice_payment_term_id.line_ids.filtered(lambda line: line.nb_days > 0)[:1]
        if not terms or self._l10n_pl_ksef_due_date_was_typed():
            return Instalment(self.invoice_date_due)
        start = _DAYS_COUNT_FROM.get(terms.delay_type, "Data wystawienia faktury")
        return Instalment(self.invoice_date_due, terms.nb_days, "Dni", start)

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

    def _l10n_pl_ksef_due_date_was_typed(self):
        """Tell whether the due date is another one than the terms of payment give."""
        terms = self.invoice_payment_term_id.line_ids
        if not terms:
            return False
        return self.invoice_date_due != max(term._get_due_date(self.invoice_date) for term in terms)
