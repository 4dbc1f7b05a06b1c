"""The storage beside the API, as a cloud has it: whoever has a signed address may read or write one file there."""

import base64
import hashlib
import hmac
from urllib.parse import urlencode

from .messages import Answer, parse_moment

PREFIX = "/storage"


def signed_url(state, request, path, until, right):
    """Return the address under which a file may be read or written until a moment.

    :param request: whose host the address has
    :param str right: "r" or "w"
    """
    values = {"se": until.isoformat(), "sp": right}
    query = urlencode(values | {"sig": _signature(state, path, **values)})
    return f"http://{request.headers['Host']}{PREFIX}{path}?{query}"


def refusal(state, request, right):
    """Return the answer to a request that may not be carried out, None if it may."""
    if request.bearer():
        return storage_error(400, "InvalidAuthenticationInfo")  # the access token goes nowhere but to the API
    given = {name: request.query.get(name, "") for name in ("se", "sp")}
    signature = request.query.get("sig", "")
    if given["sp"] != right or not hmac.compare_digest(signature, _signature(state, request.path, **given)):
        return storage_error(403, "AuthenticationFailed")
    if state.now() >= parse_moment(given["se"], "se"):
        return storage_error(403, "AuthenticationFailed")
    return None


def storage_error(status, code):
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code></Error>'.encode()
    return Answer(status, body, "application/xml", {"x-ms-error-code": code})


def _signature(state, path, se, sp):
    digest = hmac.new(state.storage_key, f"{path}\n{se}\n{sp}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
