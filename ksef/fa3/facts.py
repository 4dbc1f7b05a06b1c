"""What is true of an invoice, in the terms of FA(3).

Whoever knows the books fills these records; nothing here reads XML. All amounts are signed as KSeF wants them:
what a corrective invoice takes back is negative (art. 106j ust. 2 pkt 5 of the VAT act).
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from stdnum.eu import vat as eu_vat
from stdnum.gb import vat as gb_vat
from stdnum.pl import nip

NAME_LIMIT = 512
OSS = "OSS"  # no value of P_12: the rate of another country goes to P_12_XII
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
# prefixes of VAT numbers in the EU, as the type TKodyKrajowUE has them, but the Polish one
EU_PREFIXES = tuple("AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PT RO SE SI SK XI".split())
_PREFIX_OF_COUNTRY = {"GR": "EL"}
_EU_NUMBER = re.compile(r"[0-9A-Z+*]{1,12}")
CENT = Decimal("0.01")
MOVED = CENT * 3 / 2  # how far a booked net may be from quantity x price: rounded, and a grosz moved between lines
_UNIT_PRICE = Decimal("1e-8")


@dataclass(frozen=True)
class Tax:
    """One tax of the books.

    :ivar percent: Decimal, None for a tax that is no percentage
    :ivar grids: names of its fields in the VAT return, without sign
    :ivar legal_basis: of an exemption, from the tax or the fiscal position
    """

    id: int
    name: str
    percent: Decimal | None
    grids: frozenset[str] = frozenset()
    country: str = "PL"
    legal_basis: str = ""

    @property
    def is_second_in_triangle(self) -> bool:
        """Whether the seller is the second taxpayer of a triangular sale (art. 135 ust. 1 pkt 4 of the VAT act)."""
        return _TRIANGLE in self.grids

    @cached_property
    def rate(self) -> str | None:
        """The value of P_12, ``OSS``, or None if KSeF knows no such rate."""
        if self.percent is None:
            return None
        if any(OSS in grid for grid in self.grids):
            return OSS
        if self.percent:
            return next((rate for rate in SUMS if rate.isdecimal() and Decimal(rate) == self.percent), None)
        return next((rate for grid, rate in _ZERO_BY_GRID if grid in self.grids), None)


@dataclass(frozen=True)
class Line:
    """One sold thing; sections and notes are none. ``price`` is net and for one, as is the ``discount`` taken off it.

    ``net`` is what was booked: a grosz that the books have moved between lines is in it alone.
    """

    number: int
    name: str
    unit: str
    quantity: Decimal
    price: Decimal
    discount: Decimal
    net: Decimal
    taxes: tuple[Tax, ...]
    gtu: str = ""

    @property
    def tax(self) -> Tax:
        return self.taxes[0]


@dataclass(frozen=True)
class Vat:
    """The VAT of one tax on the whole invoice, in its currency and in PLN."""

    tax: Tax
    amount: Decimal
    amount_pln: Decimal


@dataclass(frozen=True)
class Party:
    """Seller or buyer, as the books have it; ``country`` by ISO 3166."""

    name: str
    vat: str
    country: str
    country_name: str = ""
    street: str = ""
    city: str = ""
    is_company: bool = False

    @cached_property
    def nip(self) -> str:
        """Ten digits of a Polish tax ID, right or wrong; an empty str for others."""
        number = self._number
        return nip.compact(number) if number.startswith("PL") or (number[:1].isdigit() and self.country == "PL") else ""

    @cached_property
    def eu_number(self) -> tuple[str, str] | None:
        """Prefix and number of a valid VAT ID of another EU country, or None; the books may have it without prefix."""
        own_prefix = _PREFIX_OF_COUNTRY.get(self.country, self.country)
        for prefix, number in ((self._number[:2], self._number[2:]), (own_prefix, self._number)):
            if prefix in EU_PREFIXES and _EU_NUMBER.fullmatch(number) and _is_eu_number(prefix, number):
                return prefix, number
        return None

    @cached_property
    def other_number(self) -> str:
        """A tax ID that is neither a NIP nor an EU VAT number, without the country it is given with."""
        number = self._number
        return number[2:] if number[:2] == self.country and number[2:3].isdigit() else number

    @cached_property
    def _number(self):
        # Odoo's way to say that somebody has no tax ID is a slash.
        return "" if self.vat == "/" else re.sub(r"[\s.\-]", "", self.vat).upper()

    @property
    def declared_without_number(self) -> bool:
        return self.vat == "/"


@dataclass(frozen=True)
class Reference:
    """An earlier invoice that this one corrects or settles.

    :ivar state: "none", "sealed", "sent", "rejected", "outside" (issued outside KSeF, where it stays) or "accepted";
        with the last there is a ``ksef_number``
    """

    id: int
    number: str
    issue_date: date
    state: str
    ksef_number: str = ""


@dataclass(frozen=True)
class Payment:
    """What was paid of this invoice; ``form`` is a value of FormaPlatnosci."""

    amount: Decimal
    date: date
    form: str


@dataclass(frozen=True)
class InvoiceFacts:
    """An invoice as the books have it.

    :ivar exchange_rate: PLN for one unit of ``currency``; None if that is PLN, or if there is no rate
    :ivar rounding: what a separate rounding line adds to net and VAT
    :ivar smallest_amount: of the currency, such as 0.01 or 1
    :ivar has_deviating_due_date: whether the due date is another one than the terms of payment give
    :ivar texts: all words that are printed beside the lines, as plain text
    :ivar correction_effect: TypKorekty, of a corrective invoice
    :ivar original: the ``Reference`` that a corrective invoice corrects, None if it names none
    """

    number: str
    issue_date: date
    today: date
    currency: str
    books_currency: str
    exchange_rate: Decimal | None
    total: Decimal
    rounding: Decimal
    lines: tuple[Line, ...]
    vat: tuple[Vat, ...]
    seller: Party
    buyer: Party
    supply_date: date | None = None
    is_correction: bool = False
    original: Reference | None = None
    correction_effect: str = ""
    smallest_amount: Decimal = CENT
    has_deviating_due_date: bool = False
    advances: tuple[Reference, ...] = ()
    payments: tuple[Payment, ...] = ()
    texts: str = ""

    @cached_property
    def taxes(self) -> tuple[Tax, ...]:
        """All taxes, each once, in the order of the lines."""
        return tuple(dict.fromkeys(tax for line in self.lines for tax in line.taxes))

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

    def says(self, words: str) -> bool:
        """Tell whether the printed words hold these, as a person reads them: in any case, broken or spaced anyhow."""
        return _as_read(words) in _as_read(self.texts)

    def net_of(self, suffix: str) -> Decimal | None:
        """Return the sum of P_13 with this ending, None if no line has such a rate."""
        nets = [line.net for line in self.lines if SUMS[line.tax.rate] == suffix]
        return sum(nets) if nets else None

    def vat_of(self, suffix: str) -> tuple[Decimal, Decimal]:
        """Return VAT in the currency and in PLN of P_14 with this ending."""
        parts = [part for part in self.vat if SUMS[part.tax.rate] == suffix]
        return sum((part.amount for part in parts), Decimal()), sum((part.amount_pln for part in parts), Decimal())


def price_and_discount(quantity: Decimal, price: Decimal, percent: Decimal, net: Decimal) -> tuple[Decimal, Decimal]:
    """Return the net unit price and the discount on it, for one: quantity x (price - discount) is about the net.

    The price stays as it was typed where it gives that net but for a grosz, which the books may have moved between
    lines. Otherwise it is worked out from the net, with the eight decimals that P_9A has.

    :param price: net, as typed
    :param percent: the discount as typed
    """
    kept = 1 - percent / 100
    if abs(quantity * price * kept - net) > MOVED and quantity and kept:
        price = net / (quantity * kept)
    price = price.quantize(_UNIT_PRICE)
    return price, (price * percent / 100).quantize(_UNIT_PRICE)


def _is_eu_number(prefix, number):
    # The numbers of Northern Ireland are British ones.
    return gb_vat.is_valid(number) if prefix == "XI" else eu_vat.is_valid(prefix + number)


def _as_read(text):
    """Return a text without blanks and breaks of any kind, in one case, its letters composed in one way."""
    letters = unicodedata.normalize("NFKC", text).casefold()
    return "".join(each for each in letters if not each.isspace() and unicodedata.category(each) != "Cf")
