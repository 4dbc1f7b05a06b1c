"""Which function answers which call, what the call needs, and which limit it counts against."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    """A call of the API.

    :ivar handler: takes ``State`` and ``Request``, returns an ``Answer``
    :ivar token: the kinds of tokens of which the bearer must have one, () if none is needed
    :ivar group: of the limits on requests
    """

    method: str
    path: str
    handler: object
    token: tuple
    group: str

    def match(self, method, path):
        """Return the parameters of the path, or None if this is another call."""
        if method != self.method:
            return None
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, path)
        return found and found.groupdict()


class Routes:
    """The calls of one part of the API."""

    def __init__(self):
        self.routes = []

    def add(self, method, path, *, token=("access",), group="other"):
        """Decorate the function that answers a call."""

        def decorate(handler):
            self.routes.append(Route(method, path, handler, token, group))
            return handler

        return decorate
