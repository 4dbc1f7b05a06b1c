"""The HTTP server: takes requests in, lets the endpoints answer, and puts answers or faults on the wire."""

import contextlib
import socket
import sys
import threading
from dataclasses import replace
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from . import (
    authentication,
    batches,
    certificates,
    confirmations,
    control,
    downloads,
    latarnia,
    limits,
    sessions,
    storage,
    verification,
)
from .faults import Fault, Faults
from .messages import Answer, Denial, Refusal, Request, TooMany, denied, refused, too_many
from .state import State

_MAX_BODY = 150_000_000
_API, _LATARNIA, _QR = "/v2", "/latarnia", ""
# The first that is a prefix of the path answers.
_PARTS = (
    (
        _API,
        [
            *authentication.routes.routes,
            *certificates.routes.routes,
            *limits.routes.routes,
            *sessions.routes.routes,
            *batches.routes.routes,
            *confirmations.routes.routes,
            *downloads.routes.routes,
        ],
    ),
    (storage.PREFIX, [*batches.storage_routes.routes, *confirmations.storage_routes.routes]),
    (_LATARNIA, latarnia.routes.routes),
    (_QR, verification.routes.routes),
)


class Simulator:
    """A KSeF on a port of loopback. A context manager: it runs inside the ``with``.

    :ivar state: see ``State``; outlives ``stop`` and ``start``
    :ivar faults: see ``Faults``
    :ivar observers: callables that get each ``Request`` and ``Answer``, in the thread that answers
    """

    def __init__(self, *, port=0, clock=None, settings=None):
        """:param int port: 0 for any that is free
        :param clock: callable that returns the moment (aware)
        """
        self.state = State(clock, settings)
        self.faults = Faults()
        self.observers = []
        self.port = port
        self._limiter = limits.RateLimiter()
        self._server = None
        self._stopping = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_exception):
        self.stop()

    @property
    def url(self):
        """The base URL of the API."""
        return f"http://127.0.0.1:{self.port}{_API}"

    @property
    def latarnia_url(self):
        return f"http://127.0.0.1:{self.port}{_LATARNIA}"

    @property
    def qr_url(self):
        """Where the pages behind KOD I and KOD II are: put it in place of the links' https://host."""
        return f"http://127.0.0.1:{self.port}{_QR}"

    def start(self):
        self._stopping.clear()
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.simulator = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        """End the server and all connections; the state stays."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.break_connections()

    def restart(self):
        """Be gone for a moment, and come back on the same port with the same state."""
        self.stop()
        self.start()

    def announce(self, *args, **values):
        """Publish an announcement, see ``latarnia.announce``."""
        return latarnia.announce(self.state, *args, **values)

    def answer(self, request, fault):
        """Return the answer to a request whose path is the whole one."""
        if request.path.startswith(control.PREFIX):
            return control.carry_out(self, request)
        prefix, routes = next(part for part in _PARTS if request.path.startswith(part[0]))
        request = replace(request, path=request.path.removeprefix(prefix))
        answer = fault.instead()
        if answer is None:
            with self.state.lock:
                answer = self._carry_out(routes, request)
            answer = fault.changed(answer)
        for observe in self.observers:
            observe(request, answer)
        return answer

    def fault(self, request):
        """Return the fault that happens to a request."""
        if request.path.startswith(control.PREFIX):
            return Fault()
        return self.faults.next(request.method, request.path.removeprefix(_API))

    def _carry_out(self, routes, request):
        now = self.state.now()
        try:
            route = self._route(routes, request)
            self._authorize(route, request)
            self._count(route, request, now)
            return route.handler(self.state, request)
        except Refusal as refusal:
            return refused(refusal, request, now)
        except TooMany as refusal:
            return too_many(refusal, request, now)
        except Denial as denial:
            return denied(denial, request, now)

    def _route(self, routes, request):
        for route in routes:
            params = route.match(request.method, request.path)
            if params is not None:
                request.params = {name: unquote(value) for name, value in params.items()}
                return route
        raise Denial(404, "Nie ma takiego zasobu.")

    def _authorize(self, route, request):
        if not route.token:
            return
        record = self.state.tokens.get(request.bearer())
        if not record or record.kind not in route.token or self.state.now() >= record.valid_until:
            raise Denial(401, "Wymagane jest uwierzytelnienie.")
        request.login = record.login

    def _count(self, route, request, now):
        if route.group and self.state.settings.rate_limits_enforced:
            context = request.login.context if request.login and route.group != "anonymous" else None
            self._limiter.count((context, request.client_ip), route.group, now)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *args):
        self._connections = set()
        super().__init__(*args)

    def process_request(self, request, client_address):
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        # A client that hangs up is no error of the server's.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def break_connections(self):
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self):
        simulator = self.server.simulator
        target = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MAX_BODY:
            self.close_connection = True
            return
        request = Request(
            method=self.command,
            path=target.path,
            query=dict(parse_qsl(target.query, keep_blank_values=True)),
            headers=self.headers,
            body=b"",
            client_ip=self.client_address[0],
        )
        fault = simulator.fault(request)
        request.body = fault.receive(self.connection, self.rfile, length)
        if request.body is None:
            self.close_connection = True
            return
        answer = simulator.answer(request, fault)
        if not fault.send(self.connection, _on_the_wire(answer), simulator._stopping):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def log_message(self, *args):
        """Quiet."""


def _on_the_wire(answer: Answer):
    headers = {"Content-Length": str(len(answer.body)), **answer.headers}
    if answer.content_type:
        headers["Content-Type"] = answer.content_type
    if answer.status == 204:
        del headers["Content-Length"]
    lines = [f"HTTP/1.1 {answer.status} {responses[answer.status]}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body
