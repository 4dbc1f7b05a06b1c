"""Taxes, and the sums by rate."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

OSS = "OSS"  # no value of P_12: the rate of another country goes to P_12_XII
MARGIN = "margin"  # no value of P_12 either: only the gross price is told
EXEMPT = "zw"
# P_12 -> the ending of the fields P_13_x (net) and, for those in ``TAXED``, P_14_x (VAT)
SUMS = {
    "23": "1",
    "22": "1",
    "8": "2",
    "7": "2",
    "5": "3",
    "4": "4",
    "3": "4",
    OSS: "5",
    "0 KR": "6_1",
    "0 WDT": "6_2",
    "0 EX": "6_3",
    EXEMPT: "7",
    "np I": "8",
    "np II": "9",
    "oo": "10",
    MARGIN: "11",
}
TAXED = ("1", "2", "3", "4", "5")
_TRIANGLE = "Triangular Sale"
# the grid of the Polish VAT return that tells why a tax is 0; the first that fits counts
_ZERO_BY_GRID = (
    (_TRIANGLE, "np I"),  # of the second taxpayer, in place of K_21: the goods never were in Poland
    ("K_21", "0 WDT"),
    ("K_22", "0 EX"),
    ("K_31", "oo"),
    ("K_12", "np II"),  # before K_11, of which it is a part
    ("K_11", "np I"),
    ("K_10", EXEMPT),
    ("K_13", "0 KR"),
    ("K_14", "0 KR"),
)


@dataclass(frozen=True)
class Tax:
    """One tax of the books.

    :ivar percent: Decimal, None for a tax that is no percentage
    :ivar grids: names of its fields in the VAT return, without sign
    :ivar legal_basis: of an exemption, from the tax or the fiscal position
    :ivar is_margin: whether the margin alone is taxed (art. 119 and 120 of the VAT act)
    """

    id: int
    name: str
    percent: Decimal | None
    grids: frozenset[str] = frozenset()
    country: str = "PL"
    legal_basis: str = ""
    is_margin: bool = False

    @property
    def is_second_in_triangle(self) -> bool:
        """Whether the seller is the second taxpayer of a triangular sale (art. 135 ust. 1 pkt 4 of the VAT act)."""
        return _TRIANGLE in self.grids

    @cached_property
    def rate(self) -> str | None:
        """The value of P_12, ``OSS``, ``MARGIN``, or None if KSeF knows no such rate."""
        if self.is_margin:
            return MARGIN
        if self.percent is None:
            return None
        if any(OSS in grid for grid in self.grids):
            return OSS
        if self.percent:
            return next((rate for rate in SUMS if rate.isdecimal() and Decimal(rate) == self.percent), None)
        return next((rate for grid, rate in _ZERO_BY_GRID if grid in self.grids), None)


@dataclass(frozen=True)
class Vat:
    """The VAT of one tax on the whole invoice, in its currency and in PLN."""

    tax: Tax
    amount: Decimal
    amount_pln: Decimal


@dataclass(frozen=True)
class Sum:
    """Net and VAT of the rates that FA(3) adds up in one field.

    :ivar suffix: the ending of P_13 and P_14, a value of ``SUMS``
    :ivar vat: None where the field has no VAT; so with ``vat_pln``, which an invoice in PLN has not either
    """

    suffix: str
    net: Decimal
    vat: Decimal | None = None
    vat_pln: Decimal | None = None
