"""HTTP with a KSeF host: time-outs, waiting when told to, and every way to fail as an error type.

A failure tells whether the same request may be sent again. A request that changes something at KSeF is lost
(``LostAnswer``) as soon as it may have left this machine and no answer of KSeF itself has come back.
"""

import base64
import contextvars
import hashlib
import logging
import re
import ssl
import time
from contextlib import contextmanager
from enum import IntEnum
from urllib.parse import urlsplit

import requests
import urllib3

from ..errors import (
    AnswerIncomplete,
    AnswerUnreadable,
    CertificateLimitReached,
    CorrectionRefused,
    KsefUnreachable,
    LoginMethodUnfit,
    LostAnswer,
    NoLongerAvailable,
    NotLoggedIn,
    PermissionMissing,
    RateLimited,
    RequestLimitReached,
    RequestRefused,
    Sentence,
    SessionEnded,
    SessionUnavailable,
    UploadRefused,
    UpoMissing,
    _,
)
from .types import check_storable

# pylint: disable=prefer-env-translation  # there is no env here

_logger = logging.getLogger(__name__)

# One number, for the connection and for each pause in the answer; in seconds.
TIMEOUT = 30
# How long one call may wait on KSeF's "Retry-After" altogether, and what to wait where KSeF does not say; in seconds.
LONGEST_WAIT = 60
DEFAULT_RETRY_AFTER = 60
# Between puts of a part that something else than the storage has answered with success; in seconds.
_UPLOAD_PAUSES = (1, 2, 4)

_JSON_TYPES = ("application/json", "application/problem+json")
_XML_TYPES = ("application/xml", "text/xml")
_REFUSAL_OF_STATUS = {401: NotLoggedIn, 403: PermissionMissing, 410: NoLongerAvailable}


class Code(IntEnum):
    """KSeF's codes of refusals that make a difference here."""

    TOO_MANY_INVOICES = 21155
    UNKNOWN_INVOICE = 21164
    CORRECTED_BEFORE = 21166
    ACCEPTED_BEFORE = 21167
    UNKNOWN_SESSION = 21173
    NO_UPO = 21178
    SESSION_NOT_OPEN = 21180
    SESSION_AWAY = 21184
    UPLOAD_OVER = 21208
    NO_PERMISSION = 21301
    NOT_LOGGED_IN = 21304
    UNKNOWN_PUBLIC_KEY = 21470
    NO_ENROLLMENT_DATA = 25001
    NO_ENROLLMENT = 25002
    NO_MORE_REQUESTS = 25006
    NO_MORE_CERTIFICATES = 25007


_REFUSAL_OF_CODE = {
    Code.NO_ENROLLMENT_DATA: LoginMethodUnfit,
    Code.NO_ENROLLMENT: LoginMethodUnfit,
    "auth-method-not-allowed": LoginMethodUnfit,
    Code.NO_MORE_REQUESTS: RequestLimitReached,
    Code.NO_MORE_CERTIFICATES: CertificateLimitReached,
    Code.NO_PERMISSION: PermissionMissing,
    Code.NOT_LOGGED_IN: NotLoggedIn,
    Code.TOO_MANY_INVOICES: SessionEnded,
    Code.SESSION_NOT_OPEN: SessionEnded,
    Code.UPLOAD_OVER: SessionEnded,
    Code.UNKNOWN_SESSION: SessionUnavailable,
    Code.SESSION_AWAY: SessionUnavailable,
    Code.CORRECTED_BEFORE: CorrectionRefused,
    Code.ACCEPTED_BEFORE: CorrectionRefused,
    Code.NO_UPO: UpoMissing,
}
# The request cannot have been sent when one of these is the cause.
_BEFORE_SENDING = (
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    ssl.SSLCertVerificationError,
)
# True while an address is talked to that is a secret in itself.
_address_is_secret = contextvars.ContextVar("address_is_secret", default=False)
_NUMBER = re.compile(r"[0-9]{1,15}")
# What comes of reading JSON that is not what KSeF's description says.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
_SECRET = re.compile(r"eyJ[\w-]+(\.[\w-]*)*|(?<=Bearer )\S+")


class Transport:
    """A conversation with one KSeF host over kept-alive connections; for one thread.

    :ivar list warnings: what KSeF has warned of so far (``X-System-Warning``), as it says it
    """

    def __init__(self, base_url, *, timeout=TIMEOUT, longest_wait=LONGEST_WAIT, sleep=time.sleep, before=None):
        """:param str base_url: without the trailing slash of the paths, as in ``client.HOSTS``
        :param sleep: callable that waits some seconds
        :param before: callable that gets method and path before each request is sent; what it raises keeps it from
            being sent
        """
        self._base_url = base_url.rstrip("/")
        self._host = urlsplit(base_url).netloc
        self._timeout = timeout
        self._longest_wait = longest_wait
        self._sleep = sleep
        self._before = before
        self.warnings = []
        self._http = requests.Session()
        self._storage = requests.Session()
        self._storage.headers.clear()
        self._http.headers.update(
            {"Accept": "application/json", "X-Error-Format": "problem-details", "User-Agent": "l10n_pl_ksef_offline"}
        )

    def close(self):
        self._http.close()
        self._storage.close()

    def call(self, method, path, read=None, *, token=None, repeatable=False, **content):
        """Send one request, wait and send again while KSeF says so, and return what ``read`` makes of the answer.

        :param read: callable that takes the answer's JSON; None where KSeF answers without content
        :param str token: the bearer's
        :param bool repeatable: whether the request changes nothing that matters when it is carried out twice
        :param content: ``json``, ``data``, ``params``, ``headers`` of ``requests``
        :raises KsefUnreachable, LostAnswer, AnswerUnreadable, AnswerIncomplete, RateLimited, RequestRefused: see there
        """
        repeatable = repeatable or method == "GET"
        return self._read(self._checked(method, path, token, repeatable, content), read, repeatable)

    def download(self, path, *, token=None):
        """Return an XML document (bytes), whole as KSeF has signed it.

        :raises KsefUnreachable, AnswerUnreadable, RateLimited, RequestRefused: see there
        """
        response = self._checked("GET", path, token, True, {"headers": {"Accept": "application/xml"}})
        announced = response.headers.get("x-ms-meta-hash")
        sha256 = base64.b64encode(hashlib.sha256(response.content).digest()).decode()
        if not _is_of_type(response, _XML_TYPES) or not response.content or announced not in (None, sha256):
            raise self._unreadable(response, repeatable=True)
        return response.content

    def upload(self, method, url, headers, open_body):
        """Put a file where KSeF has said, with nothing of the login; the same may be done again.

        :param str url: whoever knows it may write there, so it is logged without its query
        :param open_body: callable that returns a file object with a length
        :raises KsefUnreachable, RateLimited, UploadRefused: see there
        """
        address = urlsplit(url)

        def send():
            # A session of its own: the headers and the login of KSeF's API are not for the storage.
            with _quiet_about_the_address():
                return self._storage.request(
                    method,
                    url,
                    headers=headers,
                    data=open_body(),
                    auth=_Bearer(None),
                    timeout=self._timeout,
                    allow_redirects=False,
                )

        what = f"{method} {address.netloc}{address.path}"
        for pause in (*_UPLOAD_PAUSES, None):
            response = self._waiting_when_told(lambda: self._sent_once(send, what, True, address.netloc))
            if response.status_code == requests.codes.created:
                return
            if 400 <= response.status_code < 500:
                code, reason = response.status_code, response.headers.get("x-ms-error-code") or response.reason or ""
                raise UploadRefused(code=code, codes=(code,), reason=_scrub(reason), trace="")
            if not pause or not 200 <= response.status_code < 300:
                raise KsefUnreachable(host=address.netloc, problem=f"HTTP {response.status_code}")
            self._sleep(pause)

    def _checked(self, method, path, token, repeatable, content):
        """Return an answer of KSeF's that is none of its refusals, and no gateway's."""

        def send():
            if self._before:
                self._before(method, path)
            return self._http.request(
                method,
                self._base_url + path,
                auth=_Bearer(token),
                timeout=self._timeout,
                # A redirected POST would become a GET.
                allow_redirects=False,
                **content,
            )

        response = self._waiting_when_told(lambda: self._sent_once(send, f"{method} {path}", repeatable, self._host))
        if 400 <= response.status_code < 500:
            raise self._refusal(response)
        if not 200 <= response.status_code < 300:
            kind = KsefUnreachable if repeatable else LostAnswer
            raise kind(host=self._host, problem=f"HTTP {response.status_code}")
        return response

    def _waiting_when_told(self, send_once):
        """Return the answer, after waiting and trying again while KSeF says so."""
        waited = 0
        while True:
            response = send_once()
            if response.status_code != 429:
                return response
            retry_after = _retry_after(response)
            waited += retry_after
            if waited > self._longest_wait:
                raise RateLimited(retry_after=retry_after)
            self._sleep(retry_after)

    def _sent_once(self, send, what, repeatable, host):
        """Return whatever answers, whole."""

        def lost(problem, error=None):
            kind = KsefUnreachable if repeatable or (error and _never_sent(error)) else LostAnswer
            return kind(host=host, problem=Sentence(problem))

        try:
            response = send()
        except requests.Timeout as error:
            raise lost(_("no answer in time"), error) from None
        except requests.exceptions.SSLError as error:
            raise lost(_("no secure connection"), error) from None
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise lost(_("no connection"), error) from None
        except (requests.RequestException, UnicodeError) as error:
            raise lost(_("the address or the answer cannot be read"), error) from None
        if _is_cut_off(response):
            raise lost(_("the connection broke"))
        _logger.debug("%s: %s", what, response.status_code)
        if warning := response.headers.get("X-System-Warning"):
            self.warnings.append(_scrub(warning))
            _logger.warning("KSeF warns at %s: %s", what, self.warnings[-1])
        return response

    def _read(self, response, read, repeatable):
        if read is None:
            return None
        if not _is_of_type(response, _JSON_TYPES):
            raise self._unreadable(response, repeatable)
        try:
            body = response.json()
            check_storable(body)
            return read(body)
        except KeyError as error:
            problem = Sentence(_("KSeF's answer lacks %(field)s"), {"field": error.args[0]})
            raise (AnswerIncomplete if repeatable else LostAnswer)(host=self._host, problem=problem) from None
        except UNREADABLE:
            raise self._unreadable(response, repeatable) from None

    def _refusal(self, response):
        problems, trace = _problems(response)
        if not problems and response.status_code != 401:
            return self._unreadable(response, repeatable=True)
        problems = problems or [(401, "HTTP 401")]
        codes = tuple(code for code, _reason in problems)
        refusal = _REFUSAL_OF_STATUS.get(response.status_code, RequestRefused)
        values = {
            "code": codes[0],
            "codes": codes,
            "reason": _scrub("; ".join(reason for _code, reason in problems)).rstrip("."),
            "trace": trace,
        }
        _logger.info("KSeF refused: %s", values)
        return _REFUSAL_OF_CODE.get(codes[0], refusal)(**values)

    def _unreadable(self, response, repeatable):
        content_type = response.headers.get("Content-Type") or "no content type"
        problem = f"HTTP {response.status_code}, {content_type}"
        return (AnswerUnreadable if repeatable else LostAnswer)(host=self._host, problem=problem)


@contextmanager
def _quiet_about_the_address():
    """Let urllib3 log nothing here: it would log the address of each request, query and all."""
    token = _address_is_secret.set(True)
    try:
        yield
    finally:
        _address_is_secret.reset(token)


def _may_be_logged(_record):
    return not _address_is_secret.get()


def _keep_secret_addresses_out_of_urllib3_logs():
    for name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_may_be_logged)


_keep_secret_addresses_out_of_urllib3_logs()


class _Bearer(requests.auth.AuthBase):
    """Sets the bearer's token; given always, since ``requests`` would look for a password in ~/.netrc otherwise."""

    def __init__(self, token):
        self._token = token

    def __call__(self, request):
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _never_sent(error):
    if isinstance(error, _BEFORE_SENDING):
        return True
    causes = (*error.args, getattr(error, "reason", None))
    return any(isinstance(cause, Exception) and _never_sent(cause) for cause in causes)


def _is_cut_off(response):
    """Tell whether fewer bytes came than were announced, or the headers broke off; urllib3 1.26 does not mind."""
    announced = response.headers.get("Content-Length", "")
    if not announced:
        return not (response.content or response.status_code == 204 or "Transfer-Encoding" in response.headers)
    return _NUMBER.fullmatch(announced) and response.raw.tell() < int(announced)


def _retry_after(response):
    seconds = response.headers.get("Retry-After", "")
    return int(seconds) if _NUMBER.fullmatch(seconds) else DEFAULT_RETRY_AFTER


def _is_of_type(response, types):
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower() in types


def _problems(response):
    """Return what KSeF objects to, [(code, sentence)], and what its support asks for (str).

    In KSeF's old format or as problem details; [] and "" if it is neither.
    """
    try:
        body = response.json() if _is_of_type(response, _JSON_TYPES) else {}
        exception = body.get("exception") or {}
        trace = str(body.get("traceId") or exception.get("serviceCode") or "")
        if exception:
            listed = exception.get("exceptionDetailList") or ()
            return [_problem(item["exceptionCode"], item.get("exceptionDescription"), item) for item in listed], trace
        if errors := body.get("errors"):
            return [_problem(item["code"], item["description"], item) for item in errors], trace
        if "title" in body:
            code = body.get("reasonCode") or response.status_code
            return [_problem(code, body.get("detail") or body["title"], {})], trace
    except UNREADABLE:
        _logger.warning("KSeF's refusal (HTTP %s) cannot be read", response.status_code)
    return [], ""


def _problem(code, description, item):
    if not isinstance(code, (int, str)):
        raise TypeError("a code of another type")
    details = [str(detail) for detail in item.get("details") or ()]
    return code, ": ".join([description or "", ", ".join(details)] if details else [description or ""])


def _scrub(text):
    """Return a text of KSeF's without tokens, should it ever repeat one."""
    return _SECRET.sub("***", text)
