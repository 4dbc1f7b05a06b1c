"""Until when an invoice that was issued offline has to be sent to KSeF.

Source of the rules: the VAT Act, art. 106nda (offline24), 106nf (emergency mode), 106ng (total failure), 106nh
(unavailability), 106nha (invoice issued before a failure was announced); ``tryby-offline.md`` of the ministry's API
documentation. A day is a calendar day in Poland, whatever zone a time comes in.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import date, datetime

from ..poland import day_of
from ..sentences import Sentence, _
from .modes import Announcement, Kind, Mode, in_order
from .working_days import days_off_between, working_day_after

# pylint: disable=prefer-env-translation  # there is no env here


@dataclass(frozen=True)
class Deadline:
    """Until when an invoice has to be sent to KSeF.

    :ivar day: the last day, to its end; None while it is not known, or if there is no duty
    :ivar duty: whether the invoice has to be sent at all
    :ivar reasons: ``Sentence`` by ``Sentence``, how the day came about
    """

    day: date | None
    duty: bool
    reasons: tuple[Sentence, ...]


_DAYS_AFTER_FAILURE = 7  # art. 106nf(4)


@dataclass(frozen=True)
class _Rule:
    """The deadline of a mode that an announcement brings about: once it has ended, while it lasts, without it."""

    kind: str
    business_days: int
    ended: str
    lasting: str
    missing: str


_RULES = {
    Mode.UNAVAILABILITY: _Rule(
        kind=Kind.MAINTENANCE,
        business_days=1,
        ended=_("Unavailability (%(notice)s): the next business day after its end on %(after)s is %(deadline)s."),
        lasting=_(
            "The unavailability (%(notice)s) has not ended: the deadline is the next business day after its end."
        ),
        missing=_(
            "No maintenance is on record that was announced and lasting when the invoice was issued, so the deadline "
            "is that of offline24: the next business day after the issue date %(after)s is %(deadline)s."
        ),
    ),
    Mode.EMERGENCY: _Rule(
        kind=Kind.FAILURE,
        business_days=_DAYS_AFTER_FAILURE,
        ended=_(
            "Emergency mode (%(notice)s): seven business days after the failure's end on %(after)s are %(deadline)s."
        ),
        lasting=_("The failure (%(notice)s) has not ended: the deadline of seven business days runs from its end."),
        missing=_(
            "No failure is on record that was announced and lasting when the invoice was issued, so the deadline "
            "is that of offline24: the next business day after the issue date %(after)s is %(deadline)s."
        ),
    ),
}
_OFFLINE24 = _("offline24: the next business day after the issue date %(after)s is %(deadline)s.")
_DAY_OFF = _("%(day)s is a day off: %(name)s.")
_MOVED = _(
    "A failure was announced on %(announced)s (%(notice)s), before the deadline had passed: seven business days after "
    "its end on %(after)s are %(deadline)s."
)
_MOVED_WITHOUT_END = _(
    "A failure was announced on %(announced)s (%(notice)s), before the deadline had passed, and has not ended: the "
    "deadline of seven business days runs from its end."
)
_RELEASED = _(
    "Total failure was announced on %(announced)s (%(notice)s), before the deadline had passed: the invoice need not "
    "be sent to KSeF."
)
_TOTAL_FAILURE = _("The invoice was issued during total failure: it is not sent to KSeF.")


def deadline(
    mode: str,
    issue_date: date,
    issued_at: datetime,
    announcements: Iterable[Announcement],
    extra_days_off: Set[date] = frozenset(),
) -> Deadline:
    """Return the ``Deadline`` of an invoice that has not been sent yet.

    A failure whose notice comes before the deadline has passed moves it to seven business days after the failure's
    end, again and again (art. 106nf(4)-(5), 106nha); total failure ends the duty (art. 106nf(7)); maintenance changes
    nothing for an invoice issued before it. A deadline never moves to an earlier day.

    :param mode: one of ``Mode`` but online
    :param issue_date: P_1, not after the day of ``issued_at``
    :param issued_at: when the invoice was sealed, aware
    :param announcements: iterable of ``Announcement``, in any order
    :param extra_days_off: dates, see ``working_days``
    """
    if mode == Mode.TOTAL_FAILURE:
        return Deadline(None, False, (Sentence(_TOTAL_FAILURE),))
    ordered = in_order(announcements)
    current = _first_deadline(mode, issue_date, issued_at, ordered, extra_days_off)
    for since, outage in _outages(ordered, issued_at):
        if current.day and day_of(since) > current.day:
            break
        if outage.kind == Kind.TOTAL_FAILURE:
            return Deadline(None, False, (*current.reasons, _about(outage, _RELEASED)))
        current = _moved(current, outage, extra_days_off)
    return current


def _first_deadline(mode, issue_date, issued_at, announcements, extra_days_off):
    """Return the ``Deadline`` by the announcements that the invoice was issued under, before any other moves it."""
    rule = _RULES.get(mode)
    if not rule:
        return _counted(issue_date, 1, extra_days_off, _OFFLINE24)
    own = [outage for outage in announcements if outage.kind == rule.kind and outage.in_force(issued_at)]
    if not own:
        return _counted(issue_date, 1, extra_days_off, rule.missing)
    for outage in own:
        if outage.end is None:
            return Deadline(None, True, (_about(outage, rule.lasting),))
    last = max(own, key=lambda outage: outage.end)
    return _counted(last.last_day, rule.business_days, extra_days_off, rule.ended, last)


def _outages(announcements, issued_at):
    """Return the failures and total failures that had not ended by ``issued_at``, in the order of their effect.

    Each is (since, announcement): it reaches the invoice when it is published or, if that was before the invoice was
    issued, when it starts.
    """
    outages = [
        (outage.published if outage.published >= issued_at else max(outage.start, issued_at), outage)
        for outage in announcements
        if outage.kind in (Kind.FAILURE, Kind.TOTAL_FAILURE) and not outage.ended_by(issued_at)
    ]
    return sorted(outages, key=lambda pair: pair[0])


def _moved(current, failure, extra_days_off):
    """Return the ``Deadline`` after a failure that was announced in time, with the reasons before it."""
    if current.day is None:
        return current
    if failure.end is None:
        return Deadline(None, True, (*current.reasons, _about(failure, _MOVED_WITHOUT_END)))
    moved = _counted(failure.last_day, _DAYS_AFTER_FAILURE, extra_days_off, _MOVED, failure)
    if moved.day <= current.day:
        return current
    return Deadline(moved.day, True, (*current.reasons, *(new for new in moved.reasons if new not in current.reasons)))


def _counted(after, business_days, extra_days_off, text, announcement=None):
    """Return the ``Deadline`` some business days after a date; the days off on the way are among its reasons."""
    day = working_day_after(after, business_days, extra_days_off)
    days_off = days_off_between(after, day, extra_days_off)
    return Deadline(
        day,
        True,
        (
            _about(announcement, text, after=after, deadline=day),
            *(Sentence(_DAY_OFF, {"day": off, "name": Sentence(name)}) for off, name in days_off),
        ),
    )


def _about(announcement, text, **values):
    if announcement:
        values |= {"announced": day_of(announcement.published), "notice": announcement.source}
    return Sentence(text, values)
