"""KSeF's limits on requests, kept by waiting before a request instead of being refused after it.

Source: ``limity/limity-api.md`` of the ministry's API documentation: so many requests of a group within a sliding
second, minute and hour, counted for a context and an address. The values in force are told by ``GET /rate-limits``.
"""

import math
import re
from dataclasses import dataclass
from datetime import timedelta

from ..errors import RateLimited

_WINDOWS = (1, 60, 3600)  # seconds, in the order of ``RateLimit``'s fields
_NAMES = ("perSecond", "perMinute", "perHour")
_HOUR = _WINDOWS[-1]
LONGEST_WAIT = timedelta(seconds=_HOUR)  # whatever was counted
_LONGEST_WAY = 30  # seconds, of a request
_MARGIN = 0.05  # seconds to wait more than needed, since KSeF's clock is not ours
# A pause of this many seconds is slept through; for a longer one there is better to do.
LONGEST_PAUSE = 5


@dataclass(frozen=True)
class RateLimit:
    """How many requests KSeF takes within a sliding second, minute and hour, for a context and an IP address.

    None or -1 where there is no such limit.
    """

    per_second: int | None
    per_minute: int | None
    per_hour: int | None


def rate_limits(body):
    """Return {group (str): ``RateLimit``} of KSeF's answer, for the groups that are counted here."""
    return {
        group: RateLimit(*(None if limit.get(name) is None else int(limit[name]) for name in _NAMES))
        for group, limit in body.items()
        if group in PUBLISHED
    }


# Of version 2.9 of the API's description, for as long as KSeF has not told its own.
PUBLISHED = {
    "onlineSession": RateLimit(10, 30, 120),
    "onlineSessionClose": RateLimit(20, 60, 240),
    "batchSession": RateLimit(10, 20, 60),
    "batchSessionClose": RateLimit(20, 40, 120),
    "invoiceSend": RateLimit(10, 30, 180),
    "sessionList": RateLimit(5, 10, 60),
    "sessionInvoiceList": RateLimit(10, 20, 200),
    "sessionMisc": RateLimit(10, 120, 1200),
    "invoiceDownload": RateLimit(8, 16, 64),
    "other": RateLimit(10, 30, 120),
}
# The first that fits. The parts of a package go to a storage that counts nothing.
_GROUPS = [
    (method, re.compile(pattern), group)
    for method, pattern, group in (
        ("POST", r"/sessions/online/[^/]+/invoices", "invoiceSend"),
        ("POST", r"/sessions/online", "onlineSession"),
        ("POST", r"/sessions/online/[^/]+/close", "onlineSessionClose"),
        ("POST", r"/sessions/batch", "batchSession"),
        ("POST", r"/sessions/batch/[^/]+/close", "batchSessionClose"),
        ("GET", r"/sessions", "sessionList"),
        ("GET", r"/sessions/[^/]+/invoices", "sessionInvoiceList"),
        ("GET", r"/sessions/[^/]+(/upo/[^/]+)?", "sessionMisc"),
        ("GET", r"/invoices/ksef/[^/]+", "invoiceDownload"),
        ("GET", r"/rate-limits", "other"),
        ("DELETE", r"/auth/sessions/.+", "other"),
        ("*", r"/certificates/.+", "other"),
    )
]


def group_of(method, path):
    """Return the group that KSeF counts a request in (str), None for one without a limit, such as of a login."""
    for wanted, pattern, group in _GROUPS:
        if wanted in (method, "*") and pattern.fullmatch(path):
            return group
    return None


def wait_for_room(limit, moments, now):
    """Return how many seconds to wait until one more request is within a limit.

    :param RateLimit limit: of the request's group
    :param moments: when the requests of the last hour were made, seconds since the epoch, ascending
    :param float now: likewise
    """
    waits = [0.0]
    for seconds, most in zip(_WINDOWS, (limit.per_second, limit.per_minute, limit.per_hour), strict=True):
        if most is None or most < 0:
            continue
        if most == 0:
            waits.append(float(seconds))
        elif len(moments) >= most:
            # There is room again when the oldest of the last ones leaves the window.
            waits.append(moments[-most] + seconds - now)
    return max(waits)


def is_near(moment, now, past, ahead):
    """Tell whether a moment on record lies within ``now - past < moment <= now + ahead``.

    One that is farther ahead than anything writes it down was written while the clock was wrong: it does not count.

    :param past, ahead: in what the moments differ by: seconds, or ``timedelta`` if they are ``datetime``
    """
    return now - past < moment <= now + ahead


class Pace:
    """Remembers the requests of the last hour and tells when the next one may go.

    :ivar dict moments: {group: list of seconds since the epoch}; plain data, to be kept between processes
    """

    def __init__(self, moments, limits, clock, sleep):
        """:param dict moments: as kept, or empty
        :param dict limits: {group: ``RateLimit``}
        :param clock: callable that returns the moment (aware)
        :param sleep: callable that waits some seconds
        """
        self.moments = moments
        self.limits = limits
        self._clock = clock
        self._sleep = sleep

    def before(self, method, path):
        """Wait for a request's turn and count it; tell whether it counts at all.

        :raises RateLimited: its turn is too far off; it is not counted
        """
        group = group_of(method, path)
        if group is None:
            return False
        now = self._clock().timestamp()
        moments = self._within_the_hour(group, now)
        wait = wait_for_room(self.limits.get(group, PUBLISHED[group]), moments, now)
        if wait > LONGEST_PAUSE:
            raise RateLimited(retry_after=math.ceil(wait))
        if wait > 0:
            wait += _MARGIN
            self._sleep(wait)
        self.moments[group] = [*moments, now + wait]
        return True

    def _within_the_hour(self, group, now):
        ahead = LONGEST_PAUSE + _MARGIN
        moments = [moment for moment in self.moments.get(group, ()) if is_near(moment, now, _HOUR, ahead)]
        if moments:
            # KSeF counts a request when it arrives, and the last one may have been on its way until now.
            moments[-1] = min(moments[-1] + _LONGEST_WAY, now)
        return moments
