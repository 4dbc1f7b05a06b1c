"""What was agreed: contracts, orders, delivery and transport."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from .parties import Address, Party


@dataclass(frozen=True)
class Agreement:
    """A contract or an order, by number, by the day on which it was made, or both."""

    number: str = ""
    made_on: date | None = None


@dataclass(frozen=True)
class Transport:
    """How the things travel.

    :ivar kind: RodzajTransportu: "1" sea, "2" rail, "3" road, "4" air, "5" mail, "7" fixed installations,
        "8" inland waterway; or ``other_kind`` in words
    :ivar carrier: with his address
    :ivar cargo: a value of OpisLadunku, "1" to "20", or ``other_cargo`` in words
    :ivar starts_at: datetime with a timezone, as is ``ends_at``
    :ivar via: at most 20
    """

    kind: str = ""
    other_kind: str = ""
    carrier: Party | None = None
    order_number: str = ""
    cargo: str = ""
    other_cargo: str = ""
    packaging: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    ship_from: Address | None = None
    via: tuple[Address, ...] = ()
    ship_to: Address | None = None


@dataclass(frozen=True)
class TransactionTerms:
    """WarunkiTransakcji.

    :ivar lots: NrPartiiTowaru
    :ivar delivery: WarunkiDostawy, the incoterm with its place
    :ivar contract_rate: KursUmowny, agreed for ``contract_currency``; both or none
    :ivar is_intermediary: PodmiotPosredniczacy (art. 22 ust. 2d of the VAT act)
    """

    contracts: tuple[Agreement, ...] = ()
    orders: tuple[Agreement, ...] = ()
    lots: tuple[str, ...] = ()
    delivery: str = ""
    contract_rate: Decimal | None = None
    contract_currency: str = ""
    transports: tuple[Transport, ...] = ()
    is_intermediary: bool = False
