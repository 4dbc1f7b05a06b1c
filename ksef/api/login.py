"""Logging in to KSeF, and requests as the one who has logged in.

Source: the OpenAPI description of KSeF 2.x and ``uwierzytelnianie.md`` of the ministry's API documentation.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import IntEnum

from ..errors import (
    AccessRefused,
    ContextForbidden,
    LoginCertificateRefused,
    LoginRefused,
    LoginUnfinished,
    NotLoggedIn,
    RequestRefused,
)
from .transport import LONGEST_WAIT, TIMEOUT, Code, Transport
from .types import code_of, moment, sentence_of

_logger = logging.getLogger(__name__)


class LoginCode(IntEnum):
    """Of the status of a login."""

    PENDING = 100
    DONE = 200
    NO_PERMISSION = 415
    CERTIFICATE_REFUSED = 460


# Pauses between questions whether a login is done; its certificate's issuer may take its time. In seconds.
_LOGIN_PAUSES = (1, 1, 2, 2, 4, 5, 5, 10, 10, 10)
# A token is accepted by all of KSeF's servers some seconds after one of them has given it.
_TOKEN_PAUSES = (1, 2, 3)
# A token that ends within this time is renewed first.
_TOKEN_MARGIN = timedelta(seconds=30)
_REFUSALS = {
    LoginCode.NO_PERMISSION: ContextForbidden,
    LoginCode.CERTIFICATE_REFUSED: LoginCertificateRefused,
}


@dataclass(frozen=True)
class Token:
    text: str = field(repr=False)
    valid_until: datetime


class Login:
    """Talks to one KSeF as one who logs in; logs in by itself when a call needs it. For one thread.

    Every call raises ``NotLoggedIn``, ``LoginRefused`` or ``LoginUnfinished`` if the login fails, and what
    ``Transport.call`` raises: only ``LostAnswer`` leaves open what has happened at KSeF.
    """

    def __init__(
        self,
        base_url,
        sign_challenge,
        *,
        clock=lambda: datetime.now(timezone.utc),
        sleep=time.sleep,
        timeout=TIMEOUT,
        longest_wait=LONGEST_WAIT,
        before_request=None,
    ):
        """:param str base_url: of ``client.HOSTS``, or of another server that speaks the same API
        :param sign_challenge: callable that takes a challenge (str) and returns the AuthTokenRequest for it, signed
            with XAdES (bytes)
        :param before_request: callable that gets method and path before each request, see ``pacing.Pace.before``
        """
        self._transport = Transport(
            base_url, timeout=timeout, longest_wait=longest_wait, sleep=sleep, before=before_request
        )
        self._sign_challenge = sign_challenge
        self._clock = clock
        self._sleep = sleep
        self._access = None
        self._refresh = None

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        """Forget the tokens and end the connections."""
        self._access = self._refresh = None
        self._transport.close()

    def log_in(self):
        """Log in, from a challenge to tokens."""
        # Nothing of a login matters when it happens twice, so each step counts as repeatable.
        challenge = self._transport.call(
            "POST", "/auth/challenge", lambda body: _text(body["challenge"]), repeatable=True
        )
        reference, operation = self._transport.call(
            "POST",
            "/auth/xades-signature",
            lambda body: (body["referenceNumber"], _token(body["authenticationToken"])),
            data=self._sign_challenge(challenge),
            headers={"Content-Type": "application/xml"},
            repeatable=True,
        )
        self._await_login(reference, operation)
        self._access, self._refresh = self._once_known(
            lambda: self._transport.call(
                "POST",
                "/auth/token/redeem",
                lambda body: (_token(body["accessToken"]), _token(body["refreshToken"])),
                token=operation.text,
                repeatable=True,
            )
        )
        _logger.info("Logged in to KSeF, login %s", reference)

    def log_out(self):
        """End the login at KSeF, so that its refresh token is worth nothing any more."""
        if self._refresh:
            self._transport.call("DELETE", "/auth/sessions/current", token=self._refresh.text, repeatable=True)
        self._access = self._refresh = None

    def _await_login(self, reference, operation):
        for pause in (*_LOGIN_PAUSES, None):
            code, reason = self._once_known(
                lambda: self._transport.call(
                    "GET",
                    f"/auth/{reference}",
                    lambda body: (code_of(body["status"]), sentence_of(body["status"])),
                    token=operation.text,
                )
            )
            if code == LoginCode.DONE:
                return
            if code != LoginCode.PENDING:
                raise _REFUSALS.get(code, LoginRefused)(code=code, codes=(code,), reason=reason, trace="")
            if pause:
                self._sleep(pause)
        raise LoginUnfinished(seconds=sum(_LOGIN_PAUSES))

    def _renew_access(self):
        """Get a new access token with the refresh token, or by a new login when that is of no use."""
        if self._refresh and not self._ends_soon(self._refresh):
            try:
                self._access = self._transport.call(
                    "POST",
                    "/auth/token/refresh",
                    lambda body: _token(body["accessToken"]),
                    token=self._refresh.text,
                    repeatable=True,
                )
                return
            except RequestRefused as refusal:
                _logger.info("KSeF does not renew the login: %s", refusal.code)
        self._refresh = None
        try:
            self.log_in()
        except AccessRefused:
            raise
        except RequestRefused as refusal:
            # Whatever the login was needed for has not been judged.
            raise LoginRefused(**refusal.values) from refusal

    def _ends_soon(self, token):
        return token.valid_until - _TOKEN_MARGIN <= self._clock()

    def _call(self, method, path, read=None, **content):
        """``Transport.call`` as the one who has logged in."""
        return self._as_logged_in(lambda token: self._transport.call(method, path, read, token=token, **content))

    def _download(self, path):
        """``Transport.download`` as the one who has logged in."""
        return self._as_logged_in(lambda token: self._transport.download(path, token=token))

    def _as_logged_in(self, call):
        if self._access and not self._ends_soon(self._access):
            try:
                return call(self._access.text)
            except NotLoggedIn as refusal:
                # Ended early, or the clocks differ, or too new; nothing was carried out.
                _logger.info("KSeF does not accept the token: %s", refusal.code)
        self._renew_access()
        return self._once_known(lambda: call(self._access.text))

    def _once_known(self, call):
        """Return ``call()`` with a token just given, made again for some seconds while KSeF does not know it yet."""
        for pause in _TOKEN_PAUSES:
            try:
                return call()
            except NotLoggedIn as refusal:
                if Code.NOT_LOGGED_IN not in refusal.codes:
                    raise
            self._sleep(pause)
        return call()


def _token(body):
    return Token(_text(body["token"]), moment(body["validUntil"]))


def _text(value):
    """Return a text that an XML document and the head of a request can hold.

    :raises ValueError, AttributeError: it is none
    """
    if not (value.isascii() and value.isprintable()):
        raise ValueError("odd characters")
    return value
