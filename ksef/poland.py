"""The calendar of Poland: each day of the law, of certificates and of KSeF's notices is one there."""

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

WARSAW = ZoneInfo("Europe/Warsaw")
# Later moments, of which certificates make use, have no local time in Python.
_LAST = datetime.max.replace(tzinfo=timezone.utc) - timedelta(days=1)


def day_of(moment: datetime) -> date:
    """Return the date that a calendar in Poland shows at an aware datetime."""
    return min(moment, _LAST).astimezone(WARSAW).date()
