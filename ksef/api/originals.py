"""Whether KSeF refuses an invoice as the duplicate of that very file, which it has accepted before.

KSeF names the number and the session of the first one, but not its hash, and in packages sometimes another session. So
the hashes of the sessions are asked first, a thousand with a request; only of what none of them has the file itself is
asked, of which KSeF gives 64 an hour.
"""

from contextlib import suppress
from itertools import islice

from ..errors import PermissionMissing, RateLimited, RequestRefused
from .sessions import InvoiceStatus
from .transport import Code

_MOST_OTHERS = 8  # sessions that KSeF has not named; of their pages it gives 20 a minute


class Originals:
    """What KSeF has from before; each session is read once, and no farther than needed."""

    def __init__(self, client, session):
        """:param ksef.api.client.Client client: to ask with
        :param str session: reference of the one with the duplicates, which is not asked
        """
        self._client = client
        self._numbers = {}  # {SHA-256: KSeF number}, as far as the sessions are read
        self._results = {session: iter(())}  # {session: iterator over what is not read of it yet}
        self._others = None

    def own_number(self, status, xml, since):
        """Return the KSeF number (str) of the first invoice if it is the same file, None if it is another.

        :param InvoiceStatus status: of the duplicate
        :param bytes xml: of the duplicate
        :param datetime since: aware; it cannot have been sent before
        :raises RequestRefused: 21165, the first invoice cannot be had yet
        :raises RateLimited: ask again later
        """
        number = status.extensions.get("originalKsefNumber")
        if not number:
            return None
        if self._number_of(status.sha256, status.extensions.get("originalSessionReferenceNumber"), since) == number:
            return number
        try:
            return number if self._client.accepted_invoice(number) == xml else None
        except PermissionMissing:
            return None
        except RequestRefused as refusal:
            if refusal.code == Code.UNKNOWN_INVOICE:
                return None
            raise

    def _number_of(self, sha256, named, since):
        if named:
            self._read_until(sha256, named)
        with suppress(RateLimited):  # files have a limit of their own
            for session in self._sessions(since):
                self._read_until(sha256, session)
                if sha256 in self._numbers:
                    break
        return self._numbers.get(sha256)

    def _sessions(self, since):
        """Yield those that have been begun, and then others."""
        yield from list(self._results)
        if self._others is None:
            self._others = islice(self._client.sessions_since(since), _MOST_OTHERS)
        yield from self._others

    def _read_until(self, sha256, session):
        """Read on in what a session tells of its invoices, until it has told of this one or that is all."""
        if session not in self._results:
            self._results[session] = self._client.session_invoices(session)
        with suppress(StopIteration, RequestRefused):  # it is at its end, or not for us
            while sha256 not in self._numbers:
                status = next(self._results[session])
                if isinstance(status, InvoiceStatus) and status.has_number:
                    self._numbers[status.sha256] = status.ksef_number
