"""The mark of an invoice in JPK_V7, the monthly report of the VAT records."""

from .modes import Mode

_MARKS = {
    Mode.OFFLINE24: "DI",
    Mode.UNAVAILABILITY: "DI",
    Mode.EMERGENCY: "OFF",
    Mode.TOTAL_FAILURE: "BFK",
}


def mark(mode: str, has_number: bool) -> str | None:
    """Return the mark of an invoice in JPK_V7 ("OFF", "DI", "BFK"); None if it needs none, as with a KSeF number.

    Source: the structure JPK_V7 and the ministry's answers on KSeF 2.0, 8 and 9.
    """
    return None if has_number else _MARKS.get(mode)
