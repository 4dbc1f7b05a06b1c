"""The rows of an invoice, and of the order that an advance is paid for."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from .taxes import Tax

CENT = Decimal("0.01")
MOVED = CENT * 3 / 2  # how far a booked net may be from quantity x price: rounded, and a grosz moved between lines
_UNIT_PRICE = Decimal("1e-8")


@dataclass(frozen=True)
class Line:
    """One sold thing (FaWiersz); sections and notes are none.

    ``net`` is what was booked: a grosz that the books have moved between lines is in it alone. Simplified and
    corrective invoices may know less of a row, so all but number, name and taxes may be None.

    :ivar price: net and for one (P_9A), as is the ``discount`` taken off it (P_10)
    :ivar gross_price: for one (P_9B), with ``gross`` in place of ``price`` and ``net`` (art. 106e ust. 7 and 8)
    :ivar vat: of this row (P_11Vat), only with ``gross``
    :ivar taxes: one, or none where P_12 is not told
    :ivar supply_date: P_6A, where the rows have different ones
    :ivar unique_id: UU_ID
    :ivar index: own code of the thing (Indeks)
    :ivar is_annex_15: of annex 15 to the VAT act (P_12_Zal_15)
    :ivar excise: KwotaAkcyzy
    :ivar procedure: a value of Procedura; TT_D follows from the tax
    :ivar exchange_rate: KursWaluty, where it is another one than that of the invoice
    :ivar is_before: StanPrzed, how the row was before the correction: unsigned, taken off the sums
    """

    number: int
    name: str
    unit: str = ""
    quantity: Decimal | None = None
    price: Decimal | None = None
    discount: Decimal | None = None
    net: Decimal | None = None
    taxes: tuple[Tax, ...] = ()
    gtu: str = ""
    gross_price: Decimal | None = None
    gross: Decimal | None = None
    vat: Decimal | None = None
    supply_date: date | None = None
    unique_id: str = ""
    index: str = ""
    gtin: str = ""
    pkwiu: str = ""
    cn: str = ""
    pkob: str = ""
    is_annex_15: bool = False
    excise: Decimal | None = None
    procedure: str = ""
    exchange_rate: Decimal | None = None
    is_before: bool = False

    @property
    def tax(self) -> Tax:
        return self.taxes[0]

    @property
    def counted_net(self) -> Decimal | None:
        """What the row adds to the sums: a row before a correction is taken off."""
        return -self.net if self.is_before and self.net is not None else self.net

    def costs(self, quantity: Decimal, net: Decimal) -> bool:
        """Tell whether this quantity at the price of the row is that net, but for a grosz."""
        return abs(quantity * (self.price - (self.discount or 0)) - net) <= MOVED

    def changed(self, quantity: Decimal, net: Decimal) -> "Line":
        """Return the row as it is after a correction by these differences.

        The price stays where it still gives the net; a new one has its discount taken off.
        """
        after = replace(self, quantity=self.quantity + quantity, net=self.net + net)
        if not after.quantity or after.costs(after.quantity, after.net):
            return after
        return replace(after, price=(after.net / after.quantity).quantize(_UNIT_PRICE), discount=None)


@dataclass(frozen=True)
class OrderLine:
    """One ordered thing (ZamowienieWiersz), with the fields of ``Line``; ``vat`` is that of the row."""

    number: int
    name: str
    unit: str = ""
    quantity: Decimal | None = None
    price: Decimal | None = None
    net: Decimal | None = None
    vat: Decimal | None = None
    tax: Tax | None = None
    gtu: str = ""
    unique_id: str = ""
    index: str = ""
    gtin: str = ""
    pkwiu: str = ""
    cn: str = ""
    pkob: str = ""
    is_annex_15: bool = False
    excise: Decimal | None = None
    procedure: str = ""
    is_before: bool = False


@dataclass(frozen=True)
class Order:
    """Zamowienie, of an advance invoice and its corrections; ``total`` with VAT."""

    total: Decimal
    lines: tuple[OrderLine, ...]


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
