"""The published limits: how many requests are taken, and what fits into a session."""

import math
from collections import defaultdict, deque

from .messages import TooMany, json_answer
from .routing import Routes

routes = Routes()

# Requests within a sliding second, minute and hour, as the description of the API (2.9) has them; None: no limit.
PUBLISHED = {
    "onlineSession": (10, 30, 120),
    "onlineSessionClose": (20, 60, 240),
    "batchSession": (10, 20, 60),
    "batchSessionClose": (20, 40, 120),
    "invoiceSend": (10, 30, 180),
    "invoiceStatus": (30, 120, 1200),
    "sessionList": (5, 10, 60),
    "sessionInvoiceList": (10, 20, 200),
    "sessionMisc": (10, 120, 1200),
    "invoiceMetadata": (8, 16, 20),
    "invoiceExport": (8, 16, 20),
    "invoiceExportStatus": (10, 60, 600),
    "invoiceDownload": (8, 16, 64),
    "collectiveIdentifier": (10, 60, 120),
    "other": (10, 30, 120),
    "anonymous": (60, None, None),
    "global": (75, None, None),
}
_NO_LIMIT = -1  # as KSeF writes it
_WINDOWS = ((1, "sekundę", "perSecond"), (60, "minutę", "perMinute"), (3600, "godzinę", "perHour"))


class RateLimiter:
    """Counts the requests for each context, address and group in sliding windows."""

    def __init__(self):
        self._moments = defaultdict(deque)

    def count(self, key, group, now):
        """Count one request.

        :param key: whom the limit is for, (context, address)
        :raises TooMany: it is one too many, and not counted
        """
        moments = self._moments[key, group]
        while moments and (now - moments[0]).total_seconds() >= _WINDOWS[-1][0]:
            moments.popleft()
        waits = []
        for (seconds, word, _name), limit in zip(_WINDOWS, PUBLISHED[group], strict=True):
            if limit is not None and len(moments) >= limit:
                # There is room again when the oldest of the last ``limit`` requests leaves the window.
                wait = seconds - (now - moments[-limit]).total_seconds()
                waits.append((wait, f"Przekroczono limit {limit} żądań na {word}."))
        wait, sentence = max(waits, default=(0, ""))
        if wait > 0:
            retry_after = max(1, math.ceil(wait))
            raise TooMany(f"{sentence} Spróbuj ponownie po {retry_after} sekundach.", retry_after)
        moments.append(now)


@routes.add("GET", "/rate-limits")
def rate_limits(state, request):
    names = [name for _seconds, _word, name in _WINDOWS]
    answer = {
        group: {name: _NO_LIMIT if limit is None else limit for name, limit in zip(names, limits, strict=True)}
        for group, limits in PUBLISHED.items()
    }
    return json_answer(answer)


@routes.add("GET", "/limits/context")
def context_limits(state, request):
    session = {"maxInvoiceSizeInMB": 1, "maxInvoiceWithAttachmentSizeInMB": 3, "maxInvoices": 10_000}
    identifiers = {"maxInvoices": 5_000}
    return json_answer({"onlineSession": session, "batchSession": session, "collectiveIdentifier": identifiers})


@routes.add("GET", "/limits/subject")
def subject_limits(state, request):
    enrollments, certificates = state.settings.certificate_limits[request.login.identity[0]]
    answer = {"enrollment": {"maxEnrollments": enrollments}, "certificate": {"maxCertificates": certificates}}
    return json_answer(answer)
