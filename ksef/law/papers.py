"""What the buyer may be given outside KSeF, and the codes on it, by mode, buyer and whether there is a KSeF number.

Source: the VAT Act, art. 106nda(3)-(6), 106nf, 106ng; § 9 of the regulation on the use of KSeF (Dz.U. 2025 poz. 1815).
"""

from dataclasses import dataclass

from .buyers import BuyerClass
from .modes import Mode


class Paper:
    """What the buyer may get outside KSeF. A transaction confirmation is not an invoice."""

    INVOICE = "invoice"
    TRANSACTION_CONFIRMATION = "transaction_confirmation"


class Code:
    """A verification code with the label under it, which is never translated."""

    KOD_I_OFFLINE = "kod_i_offline"  # OFFLINE
    KOD_I_NUMBER = "kod_i_number"  # the KSeF number
    KOD_II = "kod_ii"  # CERTYFIKAT


@dataclass(frozen=True)
class Given:
    """:ivar kind: one of ``Paper``; None: nothing may be given as of now
    :ivar codes: of ``Code``, what is printed on it or, while nothing is, on the seller's own copy
    """

    kind: str | None
    codes: tuple[str, ...] = ()


_OFFLINE_CODES = (Code.KOD_I_OFFLINE, Code.KOD_II)
_OFFLINE_INVOICE = Given(Paper.INVOICE, _OFFLINE_CODES)
_CONFIRMATION = Given(Paper.TRANSACTION_CONFIRMATION, _OFFLINE_CODES)
_NUMBERED_INVOICE = Given(Paper.INVOICE, (Code.KOD_I_NUMBER,))
_NUMBER_AWAITED = Given(None, (Code.KOD_I_OFFLINE,))
_PLAIN_INVOICE = Given(Paper.INVOICE)

# Before the KSeF number: (to a domestic buyer, to a buyer of art. 106gb(4)).
_BEFORE_NUMBER = {
    Mode.ONLINE: (_NUMBER_AWAITED, _NUMBER_AWAITED),
    Mode.OFFLINE24: (_CONFIRMATION, _OFFLINE_INVOICE),
    Mode.UNAVAILABILITY: (_CONFIRMATION, _OFFLINE_INVOICE),
    Mode.EMERGENCY: (_OFFLINE_INVOICE, _OFFLINE_INVOICE),
    Mode.TOTAL_FAILURE: (_PLAIN_INVOICE, _PLAIN_INVOICE),
}
_AFTER_NUMBER = dict.fromkeys(_BEFORE_NUMBER, _NUMBERED_INVOICE) | {Mode.TOTAL_FAILURE: Given(None)}


def may_be_given(mode: str, buyer_class: str, has_number: bool) -> Given:
    """Return what the buyer may get outside KSeF (``Given``).

    :param mode: one of ``Mode``
    :param buyer_class: one of ``BuyerClass``; anything else counts as domestic
    :param has_number: whether KSeF has given the invoice its number; after total failure there is none
    """
    if has_number:
        return _AFTER_NUMBER[mode]
    return _BEFORE_NUMBER[mode][buyer_class in BuyerClass.AGREED_MANNER]
