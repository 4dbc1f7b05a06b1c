"""An invoice of Odoo in the terms of FA(3); its parties and its terms are in the files beside this one."""

from dataclasses import replace
from decimal import Decimal

from stdnum import ean

from odoo import fields, models
from odoo.tools import html2plaintext

from ...ksef.fa3.facts import (
    Annotations,
    InvoiceFacts,
    Line,
    Tax,
    Vat,
    price_and_discount,
)
from ...ksef.poland import WARSAW

_GRIDS_ABROAD = {"K_11", "K_12"}


def decimal(amount):
    """A float of the books, as it is shown."""
    return Decimal(repr(amount))


def amount(number):
    """A float of the books in two decimals, as KSeF wants it."""
    return round(decimal(number), 2) + 0  # no negative zero


class AccountMove(models.Model):
    _inherit = "account.move"

    def _l10n_pl_ksef_facts(self):
        """Return the ``InvoiceFacts`` of this posted invoice or credit note.

        Whoever knows more overrides it: ``dataclasses.replace(super()._l10n_pl_ksef_facts(), place_of_issue="Łódź")``;
        for further keys and values, see ``_l10n_pl_ksef_remarks``.
        """
        self.ensure_one()
        beside = self._l10n_pl_ksef_beside()
        original = self._l10n_pl_ksef_original()
        correction = self._l10n_pl_ksef_correction(original) if original else None
        exchange_rate, booked_rate = self._l10n_pl_ksef_rate_and_booked(original)
        taxes = self._l10n_pl_ksef_taxes()
        return InvoiceFacts(
            number=self.name,
            issue_date=self.invoice_date,
            today=fields.Date.context_today(self.with_context(tz=WARSAW.key)),
            supply_date=self._l10n_pl_ksef_supply_date(original),
            currency=self.currency_id.name,
            smallest_amount=decimal(self.currency_id.rounding),
            books_currency=self.company_currency_id.name,
            exchange_rate=exchange_rate,
            booked_rate=booked_rate,
            total=amount(self.amount_total * self._l10n_pl_ksef_sign()) - sum(part for part, _why in beside),
            lines=tuple(
                row
                for number, (section, lines) in enumerate(self._l10n_pl_ksef_rows(), 1)
                for row in self._l10n_pl_ksef_file_rows(number, section, lines, taxes)
            ),
            vat=tuple(
                Vat(
                    taxes[line.tax_line_id],
                    amount(-line.amount_currency),
                    round(amount(-line.amount_currency) * exchange_rate, 2) if booked_rate else amount(-line.balance),
                )
                for line in self.line_ids
                if line.tax_line_id
            ),
            seller=self._l10n_pl_ksef_seller(),
            buyer=replace(self._l10n_pl_ksef_buyer(), buyer_key=correction.buyer_key if correction else ""),
            third_parties=self._l10n_pl_ksef_third_parties(),
            kind=self._l10n_pl_ksef_kind(),
            place_of_issue=self.company_id.city or "",
            annotations=Annotations(
                cash_method=any(tax.tax_exigibility == "on_payment" for tax in self.line_ids.tax_ids)
                or "metodakasowa" in "".join(self._l10n_pl_ksef_texts().casefold().split())
            ),
            is_for_receipt=self._l10n_pl_ksef_is_for_receipt(),
            is_between_related=self.commercial_partner_id.l10n_pl_ksef_related,
            remarks=tuple(self._l10n_pl_ksef_remarks()),
            settlement=self._l10n_pl_ksef_settlement(beside),
            footers=self._l10n_pl_ksef_footers(),
            registers=self._l10n_pl_ksef_registers(),
            terms=self._l10n_pl_ksef_terms(),
            payment_terms=self._l10n_pl_ksef_payment_terms(),
            correction=correction,
            advances=tuple(advance._l10n_pl_ksef_reference() for advance in self._l10n_pl_ksef_advances()),
            payments=() if self.move_type == "out_refund" else self._l10n_pl_ksef_payments(),
            texts=self._l10n_pl_ksef_texts(),
        )

    def _l10n_pl_ksef_sign(self):
        return -1 if self.move_type == "out_refund" else 1

    def _l10n_pl_ksef_signs(self):
        """Return the signs of quantities and of unit prices; where goods come back, the quantity is negative."""
        if self.l10n_pl_ksef_correction_form == "return":
            return -1, 1
        return 1, self._l10n_pl_ksef_sign()

    def _l10n_pl_ksef_printed_lines(self):
        return self.invoice_line_ids.sorted(lambda line: (line.sequence, line.id))

    def _l10n_pl_ksef_lines(self):
        """Return the lines of what was sold: neither titles and notes nor deposits, which no tax is due on."""
        return self._l10n_pl_ksef_printed_lines().filtered(
            lambda line: line.display_type == "product" and not line._l10n_pl_ksef_is_deposit()
        )

    def _l10n_pl_ksef_rows(self):
        """Return the rows as (section, lines): one line, or those of a section that is printed as one, by taxes."""
        rows, none = {}, self.env["account.move.line"]
        # To which section a line belongs is costly to ask.
        any_section = any(line.collapse_composition for line in self.invoice_line_ids)
        for line in self._l10n_pl_ksef_lines():
            section = line._l10n_pl_ksef_printed_as() if any_section else none
            key = (section, line.tax_ids) if section else line
            rows[key] = section, rows.get(key, (section, none))[1] | line
        return list(rows.values())

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

    def _l10n_pl_ksef_exchange_rate(self):
        """Return PLN for one unit of the invoice's currency, None if there is no rate to tell."""
        # Odoo keeps the inverse, and takes 1 for a currency without rates.
        if self.currency_id == self.company_currency_id or self.invoice_currency_rate == 1:
            return None
        return round(1 / decimal(self.invoice_currency_rate), 6)

    def _l10n_pl_ksef_file_rows(self, number, section, lines, taxes):
        """Return the ``Line`` of a row, or two: how it was and how it is."""
        if self.l10n_pl_ksef_correction_form == "states":
            return self._l10n_pl_ksef_states(number, lines)
        if section:
            return (self._l10n_pl_ksef_section(number, section, lines, taxes),)
        return (self._l10n_pl_ksef_line(number, lines, taxes),)

    def _l10n_pl_ksef_section(self, number, section, lines, taxes):
        net, (sign, _price_sign) = sum(amount(-line.amount_currency) for line in lines), self._l10n_pl_ksef_signs()
        own_taxes = lines[0].tax_ids.flatten_taxes_hierarchy()
        return Line(
            number=number,
            name=section.name or "",
            unit="szt.",
            quantity=Decimal(sign),
            price=net * sign,
            net=net,
            taxes=tuple(taxes[tax] for tax in own_taxes),
            gtu=next(filter(None, lines.product_id.mapped("l10n_pl_vat_gtu")), ""),
        )

    def _l10n_pl_ksef_line(self, number, line, taxes):
        own_taxes = line.tax_ids.flatten_taxes_hierarchy()
        quantity_sign, price_sign = self._l10n_pl_ksef_signs()
        quantity = round(decimal(line.quantity * quantity_sign), 6)
        # Booked, not shown: with prices rounded globally only the booked amounts add up to the total.
        net = amount(-line.amount_currency)
        included = sum(
            (decimal(tax.amount) for tax in own_taxes if tax.price_include and tax.amount_type == "percent"), Decimal()
        )
        typed, percent = price_sign * decimal(line.price_unit) / (1 + included / 100), decimal(line.discount)
        if price_sign < 0:
            typed, percent = typed * (1 - percent / 100), Decimal()  # a difference of prices has no discount
        price, discount = price_and_discount(quantity, typed, percent, net)
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
            index=line.product_id.default_code or "",
            gtin=line.product_id.barcode if ean.is_valid(line.product_id.barcode or "") else "",
            cn=line._l10n_pl_ksef_cn(),
        )

    def _l10n_pl_ksef_tax(self, tax):
        # The tags of the tax, not of the line: a tax that is due on payment leaves the line without any.
        base = tax.invoice_repartition_line_ids.filtered(lambda line: line.repartition_type == "base")
        tags = base.tag_ids.with_context(lang="en_US").mapped("name")
        return Tax(
            id=tax.id,
            name=tax.name,
            percent=decimal(tax.amount).normalize() if tax.amount_type == "percent" else None,
            grids=frozenset(tag.lstrip("+-") for tag in tags),
            country=tax.country_id.code or "PL",
            legal_basis=html2plaintext(tax.invoice_legal_notes or self.fiscal_position_id.note or "").strip(),
        )


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _l10n_pl_ksef_sale_lines(self):
        """Return the lines of sales orders behind these, with sudo; None where Odoo has no sales orders."""
        return self.sudo().sale_line_ids if "sale_line_ids" in self._fields else None

    def _l10n_pl_ksef_is_deposit(self):
        """Tell whether this line is a deposit for packaging: no payment for goods, so that it bears no tax."""
        words = f"{self.name or ''} {self.product_id.name or ''}".casefold()
        return not self.tax_ids and "kaucj" in words

    def _l10n_pl_ksef_printed_as(self):
        """Return the section in whose place this line is not printed; empty if it is."""
        sections = self.parent_id | self.parent_id.parent_id
        return sections.filtered("collapse_composition")[-1:]

    def _l10n_pl_ksef_cn(self):
        """Return the code of the Combined Nomenclature, of a module that keeps one with the product (str)."""
        code = "hs_code" in self.product_id._fields and self.product_id.hs_code
        digits = "".join(filter(str.isdigit, code or ""))
        return digits if len(digits) == 8 else ""
