"""The legal modes of an invoice: which one applies, until when to send, what the buyer may get before that.

Source of the rules: the VAT Act, art. 106nda (offline24), 106ne (announcements), 106nf (emergency mode), 106ng (total
failure), 106nh (unavailability), 106nha (invoice issued before a failure was announced); ``tryby-offline.md`` of the
ministry's API documentation. A day is a calendar day in Poland, whatever zone a time comes in.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ..errors import Sentence, _
from .working_days import days_off_between, working_day_after

# pylint: disable=prefer-env-translation  # there is no env here

WARSAW = ZoneInfo("Europe/Warsaw")


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

    :ivar str kind: one of ``Kind``
    :ivar datetime start: aware
    :ivar str source: how a person finds the notice: its number, title or address
    :ivar datetime end: aware; None while the end is not known
    :ivar datetime announced: when it was first published, aware; None stands for ``start``
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
    def published(self):
        """When it was first published (aware datetime), as far as is known."""
        return self.announced or self.start

    @property
    def last_day(self):
        """The day (date) on which it ended; None while the end is not known."""
        return self.end and _day(self.end - timedelta.resolution)

    def ended_by(self, moment):
        """Tell whether it is over at an aware datetime."""
        return self.end is not None and self.end <= moment

    def in_force(self, moment):
        """Tell whether it is published and lasting at an aware datetime."""
        return self.published <= moment and self.start <= moment and not self.ended_by(moment)


@dataclass(frozen=True)
class Deadline:
    """Until when an invoice has to be sent to KSeF.

    :ivar date day: the last day, to its end; None while it is not known, or if there is no duty
    :ivar bool duty: whether the invoice has to be sent at all
    :ivar tuple reasons: ``Sentence`` by ``Sentence``, how the day came about
    """

    day: date | None
    duty: bool
    reasons: tuple


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


def propose(announcements, at):
    """Return the mode of an invoice that is sealed at a moment and not sent at once, and the reason (``Sentence``).

    :param announcements: iterable of ``Announcement``; one that is not published yet does not count
    :param datetime at: aware
    """
    in_force = [announcement for announcement in _in_order(announcements) if announcement.in_force(at)]
    for mode, kind, text in _PRECEDENCE:
        for announcement in in_force:
            if announcement.kind == kind:
                return mode, Sentence(text, {"start": announcement.start, "notice": announcement.source})
    return Mode.OFFLINE24, Sentence(_NOTHING_ANNOUNCED)


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


def deadline(mode, issue_date, issued_at, announcements, extra_days_off=frozenset()):
    """Return the ``Deadline`` of an invoice that has not been sent yet.

    A failure whose notice comes before the deadline has passed moves it to seven business days after the failure's
    end, again and again (art. 106nf(4)-(5), 106nha); total failure ends the duty (art. 106nf(7)); maintenance changes
    nothing for an invoice issued before it. A deadline never moves to an earlier day.

    :param str mode: one of ``Mode`` but online
    :param date issue_date: P_1, not after the day of ``issued_at``
    :param datetime issued_at: when the invoice was sealed, aware
    :param announcements: iterable of ``Announcement``, in any order
    :param set extra_days_off: dates, see ``working_days``
    """
    if mode == Mode.TOTAL_FAILURE:
        return Deadline(None, False, (Sentence(_TOTAL_FAILURE),))
    ordered = _in_order(announcements)
    current = _first_deadline(mode, issue_date, issued_at, ordered, extra_days_off)
    for since, outage in _outages(ordered, issued_at):
        if current.day and _day(since) > current.day:
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
        values |= {"announced": _day(announcement.published), "notice": announcement.source}
    return Sentence(text, values)


def _in_order(announcements):
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


def _day(moment):
    return moment.astimezone(WARSAW).date()


class BuyerClass:
    """Who the buyer is to art. 106gb(4); all but a domestic buyer get the invoice in a manner agreed with them."""

    DOMESTIC = "domestic"
    SUPPLY_ABROAD = "supply_abroad"
    NOT_ESTABLISHED = "not_established"
    ESTABLISHMENT_NOT_INVOLVED = "establishment_not_involved"
    SME_SCHEME = "sme_scheme"
    NO_TAX_ID = "no_tax_id"
    CONSUMER = "consumer"

    AGREED_MANNER = (SUPPLY_ABROAD, NOT_ESTABLISHED, ESTABLISHMENT_NOT_INVOLVED, SME_SCHEME, NO_TAX_ID, CONSUMER)


@dataclass(frozen=True)
class BuyerFacts:
    """What is known of a buyer; None: not known.

    :ivar bool place_of_supply_in_poland: of what is invoiced; goods sent abroad from Poland are supplied in Poland
    :ivar bool has_polish_nip: the buyer's NIP is on the invoice
    :ivar bool is_consumer: a natural person not in business
    :ivar bool seat_in_poland: seat of the buyer's business
    :ivar bool has_fixed_establishment: a fixed establishment in Poland
    :ivar bool fixed_establishment_takes_part: it takes part in this purchase
    :ivar bool sme_scheme: the buyer uses the EU's SME scheme, art. 113a(1)
    :ivar bool has_tax_id: the buyer has any tax identifier, Polish or foreign
    """

    place_of_supply_in_poland: bool
    has_polish_nip: bool
    is_consumer: bool
    has_tax_id: bool
    sme_scheme: bool = False
    seat_in_poland: bool | None = None
    has_fixed_establishment: bool | None = None
    fixed_establishment_takes_part: bool | None = None


def classify_buyer(facts):
    """Return the class of a buyer (one of ``BuyerClass``) and the reason (``Sentence``).

    Source: art. 106gb(4). Where facts are missing the buyer counts as domestic, the strict side: a domestic buyer
    gets less before the KSeF number. The one presumption the other way: a foreign business without a Polish NIP has
    no fixed establishment in Poland, since one that buys here would be registered here.

    :param BuyerFacts facts: of the buyer and the supply
    """
    buyer_class, text = next((buyer_class, text) for holds, buyer_class, text in _buyer_rules(facts) if holds)
    return buyer_class, Sentence(text)


def _buyer_rules(facts):
    """Yield (whether it holds, class, why), the first that holds counts."""
    foreign = facts.seat_in_poland is False
    yield facts.is_consumer, BuyerClass.CONSUMER, _("The buyer is a natural person not in business.")
    yield not facts.place_of_supply_in_poland, BuyerClass.SUPPLY_ABROAD, _("The place of supply is outside Poland.")
    yield facts.sme_scheme, BuyerClass.SME_SCHEME, _("The buyer uses the EU's SME scheme.")
    yield (
        not (facts.has_tax_id or facts.has_polish_nip),
        BuyerClass.NO_TAX_ID,
        _("The buyer has no tax identifier."),
    )
    yield (
        foreign and facts.has_fixed_establishment is False,
        BuyerClass.NOT_ESTABLISHED,
        _("The buyer has neither a seat nor a fixed establishment in Poland."),
    )
    yield (
        foreign and facts.fixed_establishment_takes_part is False,
        BuyerClass.ESTABLISHMENT_NOT_INVOLVED,
        _("The buyer's seat is abroad and no fixed establishment in Poland takes part in the purchase."),
    )
    yield (
        foreign
        and not facts.has_polish_nip
        and facts.has_fixed_establishment is None
        and facts.fixed_establishment_takes_part is None,
        BuyerClass.NOT_ESTABLISHED,
        _("The buyer's seat is abroad; without a Polish NIP it is presumed to have no fixed establishment in Poland."),
    )
    yield (
        foreign and facts.fixed_establishment_takes_part,
        BuyerClass.DOMESTIC,
        _("The buyer's fixed establishment in Poland takes part in the purchase."),
    )
    yield (
        foreign,
        BuyerClass.DOMESTIC,
        _(
            "The buyer's seat is abroad, but it is not known whether a fixed establishment in Poland takes part in "
            "the purchase: treated as domestic."
        ),
    )
    yield (
        not facts.has_polish_nip,
        BuyerClass.DOMESTIC,
        _("The buyer's Polish NIP is missing and nothing shows that the buyer is foreign: treated as domestic."),
    )
    yield (
        facts.seat_in_poland is None,
        BuyerClass.DOMESTIC,
        _("The buyer has a Polish NIP and it is not known where its seat is: treated as domestic."),
    )
    yield True, BuyerClass.DOMESTIC, _("The buyer is a business in Poland with a Polish NIP.")


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
class HandOver:
    """:ivar str kind: one of ``Paper``; None: nothing may be handed over as of now
    :ivar tuple codes: of ``Code``, what is printed on it or, while nothing is, on the seller's own copy
    """

    kind: str | None
    codes: tuple = ()


_OFFLINE_CODES = (Code.KOD_I_OFFLINE, Code.KOD_II)
_OFFLINE_INVOICE = HandOver(Paper.INVOICE, _OFFLINE_CODES)
_CONFIRMATION = HandOver(Paper.TRANSACTION_CONFIRMATION, _OFFLINE_CODES)
_NUMBERED_INVOICE = HandOver(Paper.INVOICE, (Code.KOD_I_NUMBER,))
_NUMBER_AWAITED = HandOver(None, (Code.KOD_I_OFFLINE,))
_PLAIN_INVOICE = HandOver(Paper.INVOICE)

# Before the KSeF number: (to a domestic buyer, to a buyer of art. 106gb(4)).
_BEFORE_NUMBER = {
    Mode.ONLINE: (_NUMBER_AWAITED, _NUMBER_AWAITED),
    Mode.OFFLINE24: (_CONFIRMATION, _OFFLINE_INVOICE),
    Mode.UNAVAILABILITY: (_CONFIRMATION, _OFFLINE_INVOICE),
    Mode.EMERGENCY: (_OFFLINE_INVOICE, _OFFLINE_INVOICE),
    Mode.TOTAL_FAILURE: (_PLAIN_INVOICE, _PLAIN_INVOICE),
}
_AFTER_NUMBER = dict.fromkeys(_BEFORE_NUMBER, _NUMBERED_INVOICE) | {Mode.TOTAL_FAILURE: HandOver(None)}


def hand_over(mode, buyer_class, has_number):
    """Return what the buyer may get outside KSeF (``HandOver``).

    Source: art. 106nda(3)-(6), 106nf, 106ng; § 9 of the regulation on the use of KSeF (Dz.U. 2025 poz. 1815).

    :param str mode: one of ``Mode``
    :param str buyer_class: one of ``BuyerClass``; anything else counts as domestic
    :param bool has_number: whether KSeF has given the invoice its number; after total failure there is none
    """
    if has_number:
        return _AFTER_NUMBER[mode]
    return _BEFORE_NUMBER[mode][buyer_class in BuyerClass.AGREED_MANNER]


_JPK_MARKS = {
    Mode.OFFLINE24: "DI",
    Mode.UNAVAILABILITY: "DI",
    Mode.EMERGENCY: "OFF",
    Mode.TOTAL_FAILURE: "BFK",
}


def jpk_mark(mode, has_number):
    """Return the mark of an invoice in JPK_V7 ("OFF", "DI", "BFK"); None if it needs none, as with a KSeF number.

    Source: the structure JPK_V7 and the ministry's answers on KSeF 2.0, 8 and 9.
    """
    return None if has_number else _JPK_MARKS.get(mode)
