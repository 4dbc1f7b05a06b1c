"""Misbehaviour on demand: each fault waits for a request that it fits, and then spoils it.

A fault has four hooks. ``receive`` takes in the request's body; ``instead`` may answer in place of KSeF, so that the
request is not carried out; ``changed`` may spoil KSeF's own answer; ``send`` puts the answer on the wire.
"""

import json
import socket
import threading
from dataclasses import replace
from fnmatch import fnmatchcase

from .messages import HTML, Answer


class Fault:
    def receive(self, connection, file, length):
        """Return the body of the request, or None if the connection ends before it is complete.

        :param file: to read it from
        """
        return file.read(length)

    def instead(self):
        """Return the answer to give in place of carrying out the request, or None."""
        return None

    def changed(self, answer):
        """Return the answer to give in place of KSeF's own (``Answer``)."""
        return answer

    def send(self, connection, data, stopping):
        """Put an answer on the wire and tell whether the connection may live on.

        :param bytes data: the complete answer, headers and body
        :param threading.Event stopping: set when the simulator ends
        """
        connection.sendall(data)
        return True


class AnswerInstead(Fault):
    """The request is not carried out; something that is not the API answers: by default, a gateway with 503."""

    def __init__(self, status=503, body=b"<h1>Krajowy System e-Faktur</h1>", content_type=HTML, headers=None):
        self._answer = Answer(status, body, content_type, headers or {}, is_fault=True)

    def instead(self):
        return self._answer


class ChangeAnswer(Fault):
    """KSeF answers, but not quite what it describes."""

    def __init__(self, change=lambda body: body, **headers):
        """:param change: callable that takes the JSON of an answer, and returns it otherwise
        :param headers: further ones, with underscores for hyphens
        """
        self._change = change
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def changed(self, answer):
        body = json.dumps(self._change(json.loads(answer.body))).encode() if answer.body else b""
        return replace(answer, body=body, headers=answer.headers | self._headers, is_fault=True)


class OnlyFor(Fault):
    """Another fault, which happens to those requests alone that hold one of some texts, as the hash of an invoice."""

    def __init__(self, fault, *texts):
        self._fault = fault
        self._texts = [text.encode() for text in texts]
        self._now = Fault()

    def receive(self, connection, file, length):
        body = super().receive(connection, file, length)
        self._now = self._fault if any(text in body for text in self._texts) else Fault()
        return body

    def instead(self):
        return self._now.instead()

    def changed(self, answer):
        return self._now.changed(answer)

    def send(self, connection, data, stopping):
        return self._now.send(connection, data, stopping)


class CutRequest(Fault):
    """The connection breaks after some bytes of the request's body, so that it is not carried out."""

    def __init__(self, body_bytes):
        self._body_bytes = body_bytes

    def receive(self, connection, file, length):
        file.read(min(self._body_bytes, length))
        _break(connection)
        return None


class LoseAnswer(Fault):
    """The request is carried out, and the connection breaks before the answer."""

    def send(self, connection, data, stopping):
        _break(connection)
        return False


class CutAnswer(Fault):
    """The request is carried out, and the connection ends after some bytes of the answer's body."""

    def __init__(self, body_bytes):
        self._body_bytes = body_bytes

    def send(self, connection, data, stopping):
        connection.sendall(data[: self._length(data)])
        _break(connection)
        return False

    def _length(self, data):
        return data.index(b"\r\n\r\n") + 4 + self._body_bytes


class CutAnswerAt(CutAnswer):
    """The same, after a part of the whole answer from its first byte on, headers included: 0 is none, 1 is all."""

    def __init__(self, part):
        self._part = part

    def _length(self, data):
        return int(len(data) * self._part)


class SlowAnswer(Fault):
    """The request is carried out, and the answer comes after some seconds."""

    def __init__(self, seconds):
        self._seconds = seconds

    def send(self, connection, data, stopping):
        stopping.wait(self._seconds)
        try:
            connection.sendall(data)
        except OSError:
            return False  # nobody waits for it any more
        return True


class Faults:
    """The faults that are still to happen."""

    def __init__(self):
        self._lock = threading.Lock()
        self._planned = []

    def plan(self, fault, method="*", path="*", times=1):
        """Let ``fault`` happen to the next requests that fit.

        :param str path: below the base of the API, with ``*`` for any part, e.g. "/certificates/*/revoke"
        :param times: how often, or None for always
        """
        with self._lock:
            self._planned.append([fault, method, path, times])

    def clear(self):
        with self._lock:
            self._planned.clear()

    def next(self, method, path):
        """Return the fault that happens to a request; one that does nothing if none fits."""
        with self._lock:
            for planned in self._planned:
                fault, wanted_method, wanted_path, times = planned
                if fnmatchcase(method, wanted_method) and fnmatchcase(path, wanted_path):
                    if times is not None:
                        planned[3] -= 1
                        if not planned[3]:
                            self._planned.remove(planned)
                    return fault
        return Fault()


def _break(connection):
    connection.shutdown(socket.SHUT_RDWR)
