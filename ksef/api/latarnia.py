"""Latarnia, the ministry's service that tells whether KSeF works: read it, and turn it into announcements.

Source: the ministry's client library (``KSeF.Client.Core/Models/Lighthouse``); nothing else is published. Latarnia
repeats the notices of art. 106ne of the VAT Act. No answer, or one that cannot be understood, is no notice.

Only production may decide on modes: the test service has answered with the same made-up total failure since January
2026, and demo has no such service.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import MAXYEAR, datetime, timezone

import requests
from dateutil.parser import isoparse

from ..errors import AvailabilityUnknown
from ..law.modes import Announcement, Kind
from .types import check_storable

_logger = logging.getLogger(__name__)

HOSTS = {
    "production": "https://api-latarnia.ksef.mf.gov.pl",
    "test": "https://api-latarnia-test.ksef.mf.gov.pl",
}
TIMEOUT = 10  # seconds
_END = "FAILURE_END"
_TYPES = ("FAILURE_START", _END, "MAINTENANCE_ANNOUNCEMENT")
_KINDS = {
    "MAINTENANCE": Kind.MAINTENANCE,
    "FAILURE": Kind.FAILURE,
    "TOTAL_FAILURE": Kind.TOTAL_FAILURE,
}
_INTEGERS = range(1 << 31)  # what a database keeps as an integer
_YEARS = range(2026, MAXYEAR)  # KSeF 2.0 began in 2026; programs write the first or the last year for "none"


@dataclass(frozen=True)
class Notice:
    """One message of Latarnia. Times are aware, in UTC.

    :ivar dict raw: the message as it came, with what is not understood of it
    :ivar str id: number of the notice, such as "K/2026/AWR/02"
    :ivar int event_id: the same for the start and the end of one event
    :ivar str category: MAINTENANCE, FAILURE or TOTAL_FAILURE
    :ivar str type: FAILURE_START, FAILURE_END or MAINTENANCE_ANNOUNCEMENT
    :ivar datetime start: of the event; None only if the end is announced without it
    :ivar datetime end: of the event; None while it is not known
    :ivar datetime published: None if not told
    :ivar int version: rises with each correction
    """

    raw: dict = field(repr=False, hash=False)
    id: str
    event_id: int
    category: str
    type: str
    title: str
    text: str
    start: datetime | None
    end: datetime | None
    published: datetime | None
    version: int


def fetch(url, session, timeout=TIMEOUT):
    """Return the messages of Latarnia as decoded JSON, whatever it is: the newest state of each notice.

    Latarnia's ``/status`` adds nothing to them: what counts in law is the notice. Messages go away after about a
    month, so keep them.

    :param str url: the service's base URL, as in ``HOSTS``
    :param requests.Session session: sends the request
    :param float timeout: seconds, to connect and for each silence after that
    :raises AvailabilityUnknown: no answer, too slow, another status than 200, or not JSON
    """
    try:
        response = session.get(f"{url}/messages", timeout=timeout)
        if response.status_code != requests.codes.ok:
            raise AvailabilityUnknown(problem=f"HTTP {response.status_code}")
        return response.json()
    except (requests.RequestException, RecursionError, ValueError) as error:
        raise AvailabilityUnknown(problem=type(error).__name__) from error


def parse_messages(payload):
    """Return the messages (list of ``Notice``) in what ``fetch`` returned.

    A message that cannot be read is logged and left out; the others count.

    :raises AvailabilityUnknown: not a list, or none of its messages can be read
    """
    if not isinstance(payload, list):
        raise AvailabilityUnknown(problem=f"{type(payload).__name__} in place of a list of messages")
    notices = []
    for message in payload:
        try:
            notices.append(_notice(message))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            _logger.warning("A message of Latarnia cannot be read (%r): %.500r", error, message)
    if payload and not notices:
        raise AvailabilityUnknown(problem=f"{len(payload)} messages, none of which can be read")
    return notices


def announcements_of(notices):
    """Return the announcements (list of ``Announcement``) that notices make together, the earliest start first.

    The start and the end of an event are joined by its number; of each the highest version counts, but the event was
    announced when its first version was published. Notices kept from earlier answers may be among them.

    :param notices: iterable of ``Notice``, in any order
    """
    events = defaultdict(list)
    for notice in notices:
        events[notice.event_id].append(notice)
    announcements = (_announcement(event) for event in events.values())
    return sorted(filter(None, announcements), key=lambda announcement: (announcement.start, announcement.source))


def _announcement(event):
    """Return the ``Announcement`` of one event's notices; None if its start is nowhere told."""
    ends = [notice for notice in event if notice.type == _END]
    openings = [notice for notice in event if notice.type != _END]
    end, opening = _newest(ends), _newest(openings)
    told = opening or end
    if told.start is None:
        _logger.warning("Latarnia announced the end of event %s, but not its start.", told.event_id)
        return None
    return Announcement(
        kind=_KINDS[told.category],
        start=told.start,
        end=(end or told).end,
        announced=_first_published(notice for notice in openings if notice.category == told.category),
        source=f"{told.id} {told.title}".strip(),
    )


def _newest(notices):
    return max(
        notices, key=lambda notice: (notice.version, notice.published or notice.end or notice.start), default=None
    )


def _first_published(notices):
    return min((notice.published for notice in notices if notice.published), default=None)


def _notice(message):
    """Return the ``Notice`` of one message.

    :raises KeyError, TypeError, ValueError: something needed is missing, or is not what it should be
    """
    check_storable(message)
    notice = Notice(
        raw=message,
        id=_typed(message["id"], str),
        event_id=_integer(message["eventId"]),
        category=_one_of(message["category"], _KINDS),
        type=_one_of(message["type"], _TYPES),
        title=_typed(message.get("title") or "", str),
        text=_typed(message.get("text") or "", str),
        start=_moment(message.get("start")),
        end=_moment(message.get("end")),
        published=_moment(message.get("published")),
        version=_integer(message.get("version") or 0),
    )
    if (notice.end if notice.type == _END else notice.start) is None:
        raise ValueError("neither start nor end")
    return notice


def _integer(value):
    if _typed(value, int) not in _INTEGERS:
        raise ValueError("a number out of range")
    return value


def _typed(value, expected):
    if type(value) is not expected:
        raise TypeError(f"{type(value).__name__} in place of {expected.__name__}")
    return value


def _one_of(value, known):
    if _typed(value, str) not in known:
        raise ValueError(value)
    return value


def _moment(text):
    """Return an aware datetime in UTC of an ISO 8601 text; None of None."""
    if text is None:
        return None
    moment = isoparse(_typed(text, str))
    if moment.tzinfo is None:
        raise ValueError("time without its zone")
    if moment.year not in _YEARS:
        raise ValueError("placeholder in place of a time")
    return moment.astimezone(timezone.utc)
