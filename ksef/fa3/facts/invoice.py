"""The invoice as a whole."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from .attachment import DataBlock
from .correction import Correction, Reference
from .notes import Annotations, Register, Remark
from .parties import AuthorizedParty, Party, ThirdParty
from .payment import PartialAdvance, Payment, PaymentTerms, Settlement
from .rows import CENT, Line, Order
from .taxes import EXEMPT, OSS, SUMS, TAXED, Sum, Tax, Vat
from .terms import TransactionTerms

_REVERSE_CHARGE = {"oo", "np II"}
_SPLIT_PAYMENT = "mechanizm podzielonej płatności"
# How the legal basis of an exemption names a directive, or an act, in Polish or English.
_DIRECTIVE = re.compile(r"dyrektyw|directive|2006/112", re.IGNORECASE)
_ACT = re.compile(r"\b(art(\b|icle|yku)|ust(\b|aw)|act\b|rozporz|§)", re.IGNORECASE)


@dataclass(frozen=True)
class InvoiceFacts:
    """An invoice as the books have it.

    :ivar kind: RodzajFaktury: "VAT", "KOR", "ZAL", "ROZ", "UPR", "KOR_ZAL" or "KOR_ROZ"
    :ivar exchange_rate: PLN for one unit of ``currency``; None if that is PLN, or if there is no rate
    :ivar booked_rate: the rate of the books, where a correction has to be converted by another one; else None
    :ivar smallest_amount: of the currency, such as 0.01 or 1
    :ivar total: P_15, without what is settled beside the invoice
    :ivar told_sums: the sums by rate, where they do not follow from ``lines`` and ``vat``: with gross prices, without
        rows, or with rows whose advances are taken off; else None
    :ivar place_of_issue: P_1M
    :ivar supply_date: P_6, told if it is another day than that of issue
    :ivar supply_period: first and last day (OkresFa), in place of a ``supply_date``
    :ivar delivery_notes: WZ
    :ivar correction: of a corrective invoice, else None
    :ivar advances: the advance invoices that a final invoice settles
    :ivar is_for_receipt: FP, made out for a receipt of a till (art. 109 ust. 3d of the VAT act)
    :ivar is_between_related: TP (art. 32 ust. 2 pkt 1 of the VAT act)
    :ivar is_excise_return: ZwrotAkcyzy, told for a return of the excise on a farmer's fuel
    :ivar order: of an advance invoice and its corrections
    :ivar footers: texts at the foot (StopkaFaktury), at most three
    :ivar texts: all words that are printed beside the lines, as plain text
    """

    number: str
    issue_date: date
    today: date
    currency: str
    books_currency: str
    exchange_rate: Decimal | None
    total: Decimal
    lines: tuple[Line, ...]
    vat: tuple[Vat, ...]
    seller: Party
    buyer: Party
    kind: str = "VAT"
    supply_date: date | None = None
    supply_period: tuple[date, date] | None = None
    place_of_issue: str = ""
    delivery_notes: tuple[str, ...] = ()
    told_sums: tuple[Sum, ...] | None = None
    third_parties: tuple[ThirdParty, ...] = ()
    authorized_party: AuthorizedParty | None = None
    annotations: Annotations = Annotations()
    correction: Correction | None = None
    partial_advances: tuple[PartialAdvance, ...] = ()
    advances: tuple[Reference, ...] = ()
    is_for_receipt: bool = False
    is_between_related: bool = False
    is_excise_return: bool = False
    remarks: tuple[Remark, ...] = ()
    settlement: Settlement | None = None
    payments: tuple[Payment, ...] = ()
    payment_terms: PaymentTerms = PaymentTerms()
    terms: TransactionTerms = TransactionTerms()
    order: Order | None = None
    footers: tuple[str, ...] = ()
    registers: tuple[Register, ...] = ()
    attachment: tuple[DataBlock, ...] = ()
    smallest_amount: Decimal = CENT
    booked_rate: Decimal | None = None
    texts: str = ""

    @property
    def is_correction(self) -> bool:
        return self.kind.startswith("KOR")

    @property
    def due(self) -> Decimal:
        """What is to be paid for the invoice, together with what is settled beside it."""
        settled = self.settlement
        return settled.to_pay if settled and settled.to_pay is not None else self.total

    @property
    def originals(self) -> tuple[Reference, ...]:
        return self.correction.originals if self.correction else ()

    @cached_property
    def taxes(self) -> tuple[Tax, ...]:
        """All taxes, each once, in the order of the lines."""
        ordered = [line.tax for line in self.order.lines if line.tax] if self.order else []
        return tuple(dict.fromkeys([*(tax for line in self.lines for tax in line.taxes), *ordered]))

    @cached_property
    def rates(self) -> set[str | None]:
        return {tax.rate for tax in self.taxes}

    @property
    def intra_eu_rates(self) -> set[str]:
        """The rates that only a buyer with a VAT number of another EU country may get."""
        triangle = {tax.rate for tax in self.taxes if tax.is_second_in_triangle}
        return ({"0 WDT", "np II"} & self.rates) | triangle

    @property
    def is_foreign(self) -> bool:
        return self.currency != "PLN"

    @property
    def is_reverse_charge(self) -> bool:
        """P_18: the buyer accounts for the VAT (art. 106e ust. 1 pkt 18 of the VAT act)."""
        return self.annotations.reverse_charge or bool(_REVERSE_CHARGE & self.rates)

    @property
    def is_split_payment(self) -> bool:
        """P_18A. Odoo does not know the goods of annex 15: the words, which the law wants on the invoice, tell."""
        return self.annotations.split_payment or self.says(_SPLIT_PAYMENT)

    @property
    def is_simplified_triangle(self) -> bool:
        """P_23: of the second taxpayer of a triangular sale."""
        return self.annotations.simplified_triangle or any(tax.is_second_in_triangle for tax in self.taxes)

    @property
    def exemption(self) -> tuple[str, str] | None:
        """Field and text of the legal basis: P_19A an act, P_19B a directive, P_19C another; None if all is taxed."""
        basis = "; ".join(dict.fromkeys(" ".join(tax.legal_basis.split()) for tax in self.taxes if tax.rate == EXEMPT))
        if not basis:
            return None
        if _DIRECTIVE.search(basis):
            return "P_19B", basis
        return "P_19A" if _ACT.search(basis) else "P_19C", basis

    def says(self, words: str) -> bool:
        """Tell whether the printed words hold these, as a person reads them: in any case, broken or spaced anyhow."""
        return _as_read(words) in _as_read(self.texts)

    @cached_property
    def sums(self) -> tuple[Sum, ...]:
        """Net and VAT by rate, in the order of the schema."""
        if self.told_sums is not None:
            order = list(dict.fromkeys(SUMS.values()))
            return tuple(sorted(self.told_sums, key=lambda each: order.index(each.suffix)))
        found = ((suffix, self._net(suffix)) for suffix in dict.fromkeys(SUMS.values()))
        return tuple(Sum(suffix, net, *self._vat(suffix)) for suffix, net in found if net is not None)

    def _net(self, suffix):
        nets = [
            line.counted_net
            for line in self.lines
            if line.net is not None and line.taxes and SUMS[line.tax.rate] == suffix
        ]
        return sum(nets) if nets else None

    def _vat(self, suffix):
        if suffix not in TAXED:
            return None, None
        parts = [part for part in self.vat if SUMS[part.tax.rate] == suffix]
        in_pln = sum((part.amount_pln for part in parts), Decimal())
        # the VAT of another country is not told in PLN
        told_in_pln = self.is_foreign and suffix != SUMS[OSS]
        return sum((part.amount for part in parts), Decimal()), in_pln if told_in_pln else None


def _as_read(text):
    """Return a text without blanks and breaks of any kind, in one case, its letters composed in one way."""
    letters = unicodedata.normalize("NFKC", text).casefold()
    return "".join(each for each in letters if not each.isspace() and unicodedata.category(each) != "Cf")
