"""HTTP with a KSeF host: time-outs, waiting when told to, and every way to fail as an error type.

A failure tells whether the same request may be sent again. A request that changes something at KSeF is lost
(``LostAnswer``) as soon as it may have left this machine and no answer of KSeF itself has come back.
"""

import base64
import hashlib
import logging
import re
import ssl
import time
from urllib.parse import urlsplit

import requests
import urllib3

from .errors import (
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
    RequestRefused,
    SessionEnded,
    SessionUnavailable,
    UpoMissing,
)

_logger = logging.getLogger(__name__)

# One number, for the connection and for each pause in the answer; in seconds.
TIMEOUT = 30
# How long one call may wait on KSeF's "Retry-After" altogether, and what to wait where KSeF does not say; in seconds.
LONGEST_WAIT = 60
DEFAULT_RETRY_AFTER = 60

_JSON_TYPES = ("application/json", "application/problem+json")
_XML_TYPES = ("application/xml", "text/xml")
_REFUSAL_OF_STATUS = {401: NotLoggedIn, 403: PermissionMissing, 410: NoLongerAvailable}
_REFUSAL_OF_CODE = {
    25001: LoginMethodUnfit,
    25002: LoginMethodUnfit,
    "auth-method-not-allowed": LoginMethodUnfit,
    25006: CertificateLimitReached,
    25007: CertificateLimitReached,
    21155: SessionEnded,
    21180: SessionEnded,
    21208: SessionEnded,
    21173: SessionUnavailable,
    21184: SessionUnavailable,
    21166: CorrectionRefused,
    21167: CorrectionRefused,
    21178: UpoMissing,
}
# The request cannot have been sent when one of these is the cause.
_BEFORE_SENDING = (
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    ssl.SSLCertVerificationError,
)
_SECRET = re.compile(r"eyJ[\w-]+(\.[\w-]*)*|(?<=Bearer )\S+")


class Transport:
    """A conversation with one KSeF host over kept-alive connections; for one thread."""

    def __init__(self, base_url, *, timeout=TIMEOUT, longest_wait=LONGEST_WAIT, sleep=time.sleep):
        """:param str base_url: without the trailing slash of the paths, as in ``api.HOSTS``
        :param sleep: callable that waits some seconds
        """
        self._base_url = base_url.rstrip("/")
        self._host = urlsplit(base_url).netloc
        self._timeout = timeout
        self._longest_wait = longest_wait
        self._sleep = sleep
        self._http = requests.Session()
        self._http.headers.update(
            {"Accept": "application/json", "X-Error-Format": "problem-details", "User-Agent": "l10n_pl_ksef_offline"}
        )

    def close(self):
        self._http.close()

    def call(self, method, path, read=None, *, token=None, repeatable=False, **content):
        """Send one request, wait and send again while KSeF says so, and return what ``read`` makes of the answer.

        :param read: callable that takes the answer's JSON; None where KSeF answers without content
        :param str token: the bearer's
        :param bool repeatable: whether the request changes nothing that matters when it is carried out twice
        :param content: ``json``, ``data``, ``params``, ``headers`` of ``requests``
        :raises KsefUnreachable, LostAnswer, AnswerUnreadable, RateLimited, RequestRefused: see there
        """
        repeatable = repeatable or method == "GET"
        return self._read(self._good_answer(method, path, token, repeatable, content), read, repeatable)

    def download(self, path, *, token=None):
        """Return an XML document (bytes), whole as KSeF has signed it.

        :raises KsefUnreachable, AnswerUnreadable, RateLimited, RequestRefused: see there
        """
        response = self._good_answer("GET", path, token, True, {"headers": {"Accept": "application/xml"}})
        announced = response.headers.get("x-ms-meta-hash")
        sha256 = base64.b64encode(hashlib.sha256(response.content).digest()).decode()
        if not _is_of_type(response, _XML_TYPES) or not response.content or announced not in (None, sha256):
            raise self._unreadable(response, repeatable=True)
        return response.content

    def _good_answer(self, method, path, token, repeatable, content):
        response = self._send_patiently(method, path, token, repeatable, content)
        if 400 <= response.status_code < 500:
            raise self._refusal(response)
        if not 200 <= response.status_code < 300:
            raise self._no_answer(repeatable, f"HTTP {response.status_code}")
        return response

    def _send_patiently(self, method, path, token, repeatable, content):
        waited = 0
        while True:
            response = self._send(method, path, token, repeatable, content)
            if response.status_code != 429:
                return response
            retry_after = _retry_after(response)
            waited += retry_after
            if waited > self._longest_wait:
                raise RateLimited(retry_after=retry_after)
            self._sleep(retry_after)

    def _send(self, method, path, token, repeatable, content):
        try:
            response = self._http.request(
                method,
                self._base_url + path,
                auth=_Bearer(token),
                timeout=self._timeout,
                # A redirected POST would become a GET.
                allow_redirects=False,
                **content,
            )
        except requests.Timeout as error:
            raise self._no_answer(repeatable or _never_sent(error), "no answer in time") from None
        except requests.exceptions.SSLError as error:
            raise self._no_answer(repeatable or _never_sent(error), "no secure connection") from None
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise self._no_answer(repeatable or _never_sent(error), "no connection") from None
        if _is_cut_off(response):
            raise self._no_answer(repeatable, "the connection broke")
        _logger.debug("%s %s: %s", method, path, response.status_code)
        if warning := response.headers.get("X-System-Warning"):
            _logger.warning("KSeF warns at %s %s: %s", method, path, _scrub(warning))
        return response

    def _read(self, response, read, repeatable):
        if read is None:
            return None
        if not _is_of_type(response, _JSON_TYPES):
            raise self._unreadable(response, repeatable)
        try:
            return read(response.json())
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._unreadable(response, repeatable) from None

    def _refusal(self, response):
        problems = _problems(response)
        if not problems and response.status_code != 401:
            return self._unreadable(response, repeatable=True)
        problems = problems or [(401, "HTTP 401")]
        codes = tuple(code for code, _reason in problems)
        refusal = _REFUSAL_OF_STATUS.get(response.status_code, RequestRefused)
        values = {
            "code": codes[0],
            "codes": codes,
            "reason": _scrub("; ".join(reason for _code, reason in problems)).rstrip("."),
            "trace": _trace(response),
        }
        _logger.info("KSeF refused: %s", values)
        return _REFUSAL_OF_CODE.get(codes[0], refusal)(**values)

    def _no_answer(self, repeatable, problem):
        return (KsefUnreachable if repeatable else LostAnswer)(host=self._host, problem=problem)

    def _unreadable(self, response, repeatable):
        content_type = response.headers.get("Content-Type") or "no content type"
        problem = f"HTTP {response.status_code}, {content_type}"
        return (AnswerUnreadable if repeatable else LostAnswer)(host=self._host, problem=problem)


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
    """Tell whether fewer bytes came than were announced; urllib3 1.26 does not mind."""
    announced = response.headers.get("Content-Length", "")
    return announced.isdigit() and response.raw.tell() < int(announced)


def _retry_after(response):
    seconds = response.headers.get("Retry-After", "")
    return int(seconds) if seconds.isdigit() else DEFAULT_RETRY_AFTER


def _is_of_type(response, types):
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower() in types


def _problems(response):
    """Return what KSeF objects to, [(code, sentence)], in its old format or as problem details; [] if neither."""
    try:
        body = response.json() if _is_of_type(response, _JSON_TYPES) else {}
        if exception := body.get("exception"):
            listed = exception.get("exceptionDetailList") or ()
            return [_problem(item["exceptionCode"], item.get("exceptionDescription"), item) for item in listed]
        if errors := body.get("errors"):
            return [_problem(item["code"], item["description"], item) for item in errors]
        if "title" in body:
            return [_problem(body.get("reasonCode") or response.status_code, body.get("detail") or body["title"], {})]
    except (ValueError, KeyError, TypeError, AttributeError):
        _logger.warning("KSeF's refusal (HTTP %s) cannot be read", response.status_code)
    return []


def _problem(code, description, item):
    details = [str(detail) for detail in item.get("details") or ()]
    return code, ": ".join([description or "", ", ".join(details)] if details else [description or ""])


def _trace(response):
    body = response.json() if _is_of_type(response, _JSON_TYPES) else {}
    return body.get("traceId") or (body.get("exception") or {}).get("serviceCode") or ""


def _scrub(text):
    """Return a text of KSeF's without tokens, should it ever repeat one."""
    return _SECRET.sub("***", text)
