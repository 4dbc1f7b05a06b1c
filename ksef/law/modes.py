"""How an invoice is issued while KSeF or the own line is down, by what the minister has announced.

Source of the rules: the VAT Act, art. 106nda (offline24), 106ne (announcements), 106nf (emergency mode), 106ng (total
failure), 106nh (unavailability); ``tryby-offline.md`` of the ministry's API documentation.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ..poland import day_of
from ..sentences import Sentence, _

# pylint: disable=prefer-env-translation  # there is no env here


class Mode:
    """How an invoice is issued. Total failure is none of the offline modes: KSeF never gets such an invoice."""

    ONLINE = "online"
    OFFLINE24 = "offline24"
    UNAVAILABILITY = "unavailability"
    EMERGENCY = "emergency"
    TOTAL_FAILURE = "total_failure"


class Kind:
    """What the minister announces: art. 106ne(4) maintenance, (1) failure, (3) total failure."""

    MAINTENANCE = "maintenance"
    FAILURE = "failure"
    TOTAL_FAILURE = "total_failure"


@dataclass(frozen=True)
class Announcement:
    """A notice of the minister as it stands now, with its latest corrections.

    It is in force from ``start`` up to, not including, ``end``: what lasts until midnight ends on the day before.

    :ivar kind: one of ``Kind``
    :ivar start: aware
    :ivar source: how a person finds the notice: its number, title or address
    :ivar end: aware; None while the end is not known
    :ivar announced: when it was first published, aware; None stands for ``start``
    :raises ValueError: a time without its zone
    """

    kind: str
    start: datetime
    source: str
    end: datetime | None = None
    announced: datetime | None = None

    def __post_init__(self):
        if any(moment and moment.tzinfo is None for moment in (self.start, self.end, self.announced)):
            raise ValueError("An announcement's times need a time zone.")

    @property
    def published(self) -> datetime:
        """When it was first published (aware datetime), as far as is known."""
        return self.announced or self.start

    @property
    def last_day(self) -> date | None:
        """The day (date) on which it ended; None while the end is not known."""
        return self.end and day_of(self.end - timedelta.resolution)

    def ended_by(self, moment: datetime) -> bool:
        """Tell whether it is over at an aware datetime."""
        return self.end is not None and self.end <= moment

    def in_force(self, moment: datetime) -> bool:
        """Tell whether it is published and lasting at an aware datetime."""
        return self.published <= moment and self.start <= moment and not self.ended_by(moment)


# Mode, kind of the announcement that brings it about, why; the first one in force counts.
_PRECEDENCE = (
    (
        Mode.TOTAL_FAILURE,
        Kind.TOTAL_FAILURE,
        _("Total failure of KSeF since %(start)s (%(notice)s): the invoice is issued outside KSeF and never sent."),
    ),
    (
        Mode.EMERGENCY,
        Kind.FAILURE,
        _("Failure of KSeF since %(start)s (%(notice)s): emergency mode."),
    ),
    (
        Mode.UNAVAILABILITY,
        Kind.MAINTENANCE,
        _("KSeF is unavailable for maintenance since %(start)s (%(notice)s)."),
    ),
)
_NOTHING_ANNOUNCED = _("No failure or maintenance of KSeF is announced: offline24, for which no reason is needed.")


def propose(announcements: Iterable[Announcement], at: datetime) -> tuple[str, Sentence]:
    """Return the mode of an invoice that is sealed at a moment and not sent at once, and the reason (``Sentence``).

    :param announcements: iterable of ``Announcement``; one that is not published yet does not count
    :param at: aware
    """
    in_force = [announcement for announcement in in_order(announcements) if announcement.in_force(at)]
    for mode, kind, text in _PRECEDENCE:
        for announcement in in_force:
            if announcement.kind == kind:
                return mode, Sentence(text, {"start": announcement.start, "notice": announcement.source})
    return Mode.OFFLINE24, Sentence(_NOTHING_ANNOUNCED)


def in_order(announcements: Iterable[Announcement]) -> list[Announcement]:
    """Return the announcements in an order that depends on nothing but what they say."""
    return sorted(
        announcements,
        key=lambda announcement: (
            announcement.start,
            announcement.kind,
            announcement.published,
            announcement.end is None,
            announcement.end or announcement.start,
            announcement.source,
        ),
    )
