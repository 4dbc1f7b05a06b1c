"""What an invoice corrects or settles."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .parties import Party


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
class Correction:
    """What a corrective invoice corrects, and why; rows before it are ``Line.is_before``.

    :ivar originals: several for one correction of many invoices
    :ivar effect: TypKorekty: "1" counts on the day of the original, "2" of the correction, "3" of another
    :ivar period: in words, of a rebate for all supplies of a period (art. 106j ust. 3)
    :ivar right_number: NrFaKorygowany, where the number of the original was wrong
    :ivar seller_before: Podmiot1K, where the seller's data are corrected
    :ivar buyers_before: Podmiot2K, where the data of buyers are; ``Party.buyer_key`` ties them to those of now
    :ivar total_before: P_15ZK, of the corrected advance, or what was left to pay in a corrected final invoice
    :ivar exchange_rate_before: KursWalutyZK
    """

    originals: tuple[Reference, ...] = ()
    reason: str = ""
    effect: str = ""
    period: str = ""
    right_number: str = ""
    seller_before: Party | None = None
    buyers_before: tuple[Party, ...] = ()
    total_before: Decimal | None = None
    exchange_rate_before: Decimal | None = None

    @property
    def buyer_key(self) -> str:
        """The key that ties the buyer of now to his data before, if those are corrected."""
        return self.buyers_before[0].buyer_key if self.buyers_before else ""
