"""Business days in Poland: Monday to Friday, but for statutory days off.

Source of the days off: the act of 18 January 1951 on days off work, with 24 December since 2025 (Dz.U. 2024
poz. 1965). The VAT Act does not define a business day; that Saturday is none follows from the ministry's worked
example in ``tryby-offline.md`` of its API documentation (7 business days after 12.07.2025 end on 22.07.2025).
"""

from collections.abc import Set
from datetime import date, timedelta
from functools import cache

from dateutil.easter import easter

from ..sentences import _

# pylint: disable=prefer-env-translation  # there is no env here

_SATURDAY = 5
_CHRISTMAS_EVE_SINCE = 2025
_FIXED = {
    (1, 1): _("New Year's Day"),
    (1, 6): _("Epiphany"),
    (5, 1): _("Labour Day"),
    (5, 3): _("Constitution Day"),
    (8, 15): _("Assumption Day"),
    (11, 1): _("All Saints' Day"),
    (11, 11): _("Independence Day"),
    (12, 24): _("Christmas Eve"),
    (12, 25): _("Christmas Day"),
    (12, 26): _("Second Day of Christmas"),
}
_DAYS_AFTER_EASTER = {
    0: _("Easter Sunday"),
    1: _("Easter Monday"),
    49: _("Pentecost"),
    60: _("Corpus Christi"),
}
_ADDITIONAL = _("additional day off")


@cache
def days_off(year: int) -> dict[date, str]:
    """Return the statutory days off of a year but for ordinary Sundays: {date: English name, to be translated}."""
    fixed = {date(year, month, day): name for (month, day), name in _FIXED.items()}
    if year < _CHRISTMAS_EVE_SINCE:
        del fixed[date(year, 12, 24)]
    sunday = easter(year)
    return fixed | {sunday + timedelta(days=days): name for days, name in _DAYS_AFTER_EASTER.items()}


def is_working_day(day: date, extra: Set[date] = frozenset()) -> bool:
    """Tell whether a date is a business day.

    :param extra: dates that are days off besides, such as one that an act adds for a single year
    """
    return day.weekday() < _SATURDAY and day not in extra and day not in days_off(day.year)


def working_day_after(day: date, count: int = 1, extra: Set[date] = frozenset()) -> date:
    """Return the ``count``-th business day (date) after ``day``, which itself is never counted.

    :param count: 1 or more
    """
    for _step in range(count):
        day += timedelta(days=1)
        while not is_working_day(day, extra):
            day += timedelta(days=1)
    return day


def days_off_between(start: date, end: date, extra: Set[date] = frozenset()) -> list[tuple[date, str]]:
    """Return the days off from Monday to Friday after ``start`` and before ``end``: a list of (date, English name)."""
    days = (start + timedelta(days=days) for days in range(1, (end - start).days))
    return [
        (day, days_off(day.year).get(day, _ADDITIONAL))
        for day in days
        if day.weekday() < _SATURDAY and not is_working_day(day, extra)
    ]
