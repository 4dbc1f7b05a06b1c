import json
import threading
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import permutations
from unittest.mock import patch

import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from ..ksef.api import latarnia
from ..ksef.errors import AvailabilityUnknown
from ..ksef.law.modes import Announcement, Kind, Mode, propose
from .common import LoopbackOnly

LOGGER = latarnia.__name__

# What the ministry's test service has answered since January 2026.
TOTAL_FAILURE = {
    "id": "K/2026/AWR/02",
    "category": "TOTAL_FAILURE",
    "type": "FAILURE_START",
    "title": "Wystąpiła całkowita awaria",
    "text": "Od godziny 13:27 31 stycznia trwa całkowita awaria...",
    "start": "2026-01-31T11:27:00+00:00",
    "published": "2026-01-31T11:35:00+00:00",
    "eventId": 1003,
    "version": 1,
}
FAILURE = {
    "id": "K/2026/AWR/01",
    "category": "FAILURE",
    "type": "FAILURE_START",
    "title": "Wystąpiła awaria",
    "text": "Od godziny 12:13 31 stycznia trwa awaria...",
    "start": "2026-01-31T10:13:00+00:00",
    "published": "2026-01-31T10:13:00+00:00",
    "eventId": 1002,
    "version": 1,
}
MAINTENANCE = {
    "id": "K/2026/NI/01",
    "category": "MAINTENANCE",
    "type": "MAINTENANCE_ANNOUNCEMENT",
    "title": "Niedostępność",
    "text": "W dniu 2026-01-26 od godz. 12:00 do 00:00 nastąpi niedostępność KSeF związana z planowanymi pracami "
    "serwisowymi",
    "start": "2026-01-26T10:00:00+00:00",
    "end": "2026-01-26T22:00:00+00:00",
    "published": "2026-01-22T08:00:00+00:00",
    "eventId": 1000,
    "version": 1,
}
MESSAGES = [TOTAL_FAILURE, FAILURE, MAINTENANCE]
FAILURE_END = FAILURE | {
    "id": "K/2026/AWR/03",
    "type": "FAILURE_END",
    "title": "Zakończono awarię",
    "end": "2026-01-31T15:00:00+00:00",
    "published": "2026-01-31T15:10:00+00:00",
}


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def announcements(*messages):
    return latarnia.announcements_of(latarnia.parse_messages(list(messages)))


def without(message, *names):
    return {name: value for name, value in message.items() if name not in names}


class TestMessages(BaseCase):
    def test_every_part_of_a_message_is_read(self):
        (notice,) = latarnia.parse_messages([MAINTENANCE])
        self.assertEqual(notice.raw, MAINTENANCE)
        self.assertEqual((notice.id, notice.event_id, notice.version), ("K/2026/NI/01", 1000, 1))
        self.assertEqual((notice.category, notice.type), ("MAINTENANCE", "MAINTENANCE_ANNOUNCEMENT"))
        self.assertEqual((notice.title, notice.text), (MAINTENANCE["title"], MAINTENANCE["text"]))
        self.assertEqual((notice.start, notice.end), (utc(2026, 1, 26, 10), utc(2026, 1, 26, 22)))
        self.assertEqual(notice.published, utc(2026, 1, 22, 8))

    def test_times_in_any_zone_and_precision(self):
        for text in (
            "2026-01-31T10:13:00Z",
            "2026-01-31T11:13:00+01:00",
            "2026-01-31T10:13:00.0000000+00:00",
            "2026-01-31T10:13+00:00",
        ):
            with self.subTest(text):
                (notice,) = latarnia.parse_messages([FAILURE | {"start": text}])
                self.assertEqual(notice.start, utc(2026, 1, 31, 10, 13))

    def test_what_is_new_or_missing_but_not_needed_does_no_harm(self):
        message = without(FAILURE, "title", "text", "published", "version") | {"end": None, "severity": {"new": [1]}}
        (notice,) = latarnia.parse_messages([message])
        self.assertEqual((notice.title, notice.published, notice.version, notice.end), ("", None, 0, None))
        self.assertEqual(notice.raw, message)

    def test_nothing_announced(self):
        self.assertEqual(announcements(), [])

    def test_nonsense_is_no_announcement(self):
        for payload in (None, 7, "AVAILABLE", {}, {"status": "TOTAL_FAILURE", "messages": MESSAGES}):
            with self.subTest(payload), self.assertRaises(AvailabilityUnknown):
                latarnia.parse_messages(payload)

    def test_a_message_that_cannot_be_read_loses_no_other(self):
        for malformed in (
            None,
            [],
            "FAILURE",
            {},
            without(FAILURE, "eventId"),
            without(FAILURE, "start"),
            FAILURE | {"id": 1},
            FAILURE | {"eventId": "1002"},
            FAILURE | {"eventId": True},
            FAILURE | {"eventId": 1 << 31},
            FAILURE | {"eventId": -1},
            FAILURE | {"version": "1"},
            FAILURE | {"version": 1 << 31},
            FAILURE | {"text": "NUL \0"},
            FAILURE | {"text": "half \ud83d"},
            FAILURE | {"severity": float("nan")},
            FAILURE | {"category": "DEGRADATION"},
            FAILURE | {"category": ["FAILURE"]},
            FAILURE | {"type": "FAILURE_PAUSE"},
            FAILURE | {"title": {"pl": "Awaria"}},
            FAILURE | {"start": "2026-01-31T10:13:00"},
            FAILURE | {"start": "31.01.2026 10:13"},
            FAILURE | {"start": 1769854380},
            FAILURE | {"start": None},
            FAILURE | {"end": "9999-12-31T23:59:59-12:00"},
            FAILURE | {"end": "0001-01-01T00:00:00+00:00"},
            FAILURE_END | {"end": None},
        ):
            with self.subTest(malformed):
                with self.assertLogs(LOGGER, "WARNING"):
                    notices = latarnia.parse_messages([MAINTENANCE, malformed, TOTAL_FAILURE])
                self.assertEqual([notice.event_id for notice in notices], [1000, 1003])
                with self.assertLogs(LOGGER, "WARNING"), self.assertRaises(AvailabilityUnknown):
                    latarnia.parse_messages([malformed])

    @settings(derandomize=True, deadline=None, max_examples=150)
    @given(
        st.sampled_from(sorted(MAINTENANCE)),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(str),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=4,
        ),
    )
    def test_whatever_stands_in_a_message_is_read_or_left_out(self, name, value):
        with patch.object(latarnia._logger, "warning"):
            found = announcements(FAILURE, MAINTENANCE | {name: value})
        self.assertIn(found[-1].kind, (Kind.FAILURE, Kind.MAINTENANCE))
        self.assertIn("K/2026/AWR/01 Wystąpiła awaria", [announcement.source for announcement in found])


class TestAnnouncements(BaseCase):
    def test_messages_of_the_test_service(self):
        self.assertEqual(
            announcements(*MESSAGES),
            [
                Announcement(
                    Kind.MAINTENANCE,
                    utc(2026, 1, 26, 10),
                    "K/2026/NI/01 Niedostępność",
                    utc(2026, 1, 26, 22),
                    utc(2026, 1, 22, 8),
                ),
                Announcement(
                    Kind.FAILURE,
                    utc(2026, 1, 31, 10, 13),
                    "K/2026/AWR/01 Wystąpiła awaria",
                    None,
                    utc(2026, 1, 31, 10, 13),
                ),
                Announcement(
                    Kind.TOTAL_FAILURE,
                    utc(2026, 1, 31, 11, 27),
                    "K/2026/AWR/02 Wystąpiła całkowita awaria",
                    None,
                    utc(2026, 1, 31, 11, 35),
                ),
            ],
        )

    def test_the_end_closes_the_start_of_the_same_event(self):
        for order in permutations((TOTAL_FAILURE, FAILURE, FAILURE_END)):
            failure, total_failure = announcements(*order)
            self.assertEqual((failure.kind, failure.end), (Kind.FAILURE, utc(2026, 1, 31, 15)))
            self.assertEqual(failure.announced, utc(2026, 1, 31, 10, 13))
            self.assertIsNone(total_failure.end)

    def test_the_highest_version_counts_but_the_first_publication(self):
        corrected = FAILURE | {
            "version": 2,
            "start": "2026-01-31T09:00:00+00:00",
            "published": "2026-01-31T12:00:00+00:00",
        }
        prolonged = FAILURE_END | {"version": 10, "end": "2026-01-31T20:00:00+00:00"}
        for order in permutations((FAILURE, corrected, FAILURE_END, prolonged)):
            (failure,) = announcements(*order)
            self.assertEqual((failure.start, failure.end), (utc(2026, 1, 31, 9), utc(2026, 1, 31, 20)))
            self.assertEqual(failure.announced, utc(2026, 1, 31, 10, 13))

    def test_a_failure_that_grows_is_a_total_failure_from_then_on(self):
        grown = FAILURE | {
            "version": 2,
            "category": "TOTAL_FAILURE",
            "published": "2026-01-31T12:00:00+00:00",
        }
        (failure,) = announcements(FAILURE, grown)
        self.assertEqual((failure.kind, failure.announced), (Kind.TOTAL_FAILURE, utc(2026, 1, 31, 12)))

    def test_an_end_whose_start_is_gone(self):
        (failure,) = announcements(FAILURE_END)
        self.assertEqual((failure.start, failure.end), (utc(2026, 1, 31, 10, 13), utc(2026, 1, 31, 15)))
        self.assertIsNone(failure.announced)
        with self.assertLogs(LOGGER, "WARNING"):
            self.assertEqual(announcements(without(FAILURE_END, "start")), [])

    def test_an_end_without_its_start_closes_what_is_known(self):
        (failure,) = announcements(FAILURE, without(FAILURE_END, "start", "published"))
        self.assertEqual((failure.start, failure.end), (utc(2026, 1, 31, 10, 13), utc(2026, 1, 31, 15)))

    def test_a_start_that_tells_the_end(self):
        (failure,) = announcements(FAILURE | {"end": "2026-01-31T15:00:00+00:00", "version": 2})
        self.assertEqual(failure.end, utc(2026, 1, 31, 15))

    def test_they_decide_on_the_mode(self):
        ended = announcements(FAILURE, FAILURE_END, MAINTENANCE)
        for moment, mode in (
            (utc(2026, 1, 26, 12), Mode.UNAVAILABILITY),
            (utc(2026, 1, 31, 12), Mode.EMERGENCY),
            (utc(2026, 1, 31, 16), Mode.OFFLINE24),
        ):
            with self.subTest(moment):
                self.assertEqual(propose(ended, moment)[0], mode)


class Latarnia(BaseHTTPRequestHandler):
    """Answers with the class's ``answer``: status, type and body; waits for ``gate`` before it does."""

    answer = (200, "application/json", b"[]")
    gate = None
    paths: list

    def do_GET(self):
        self.paths.append(self.path)
        self.gate.wait(5)
        status, content_type, body = self.answer
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        """Keep the log of the tests clean."""


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that has gone away is part of the tests."""


class TestFetch(LoopbackOnly, BaseCase):
    @contextmanager
    def latarnia(self, status=200, content_type="application/json", body=b"[]", slow=False):
        """Serve one answer on loopback in place of Latarnia; yield the list of paths asked for."""
        gate = threading.Event()
        if not slow:
            gate.set()
        values = {"answer": (status, content_type, body), "gate": gate, "paths": []}
        handler = type("Answer", (Latarnia,), values)
        with QuietServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                self.url = f"http://127.0.0.1:{server.server_port}"
                yield handler.paths
            finally:
                gate.set()
                server.shutdown()
                thread.join()

    def fetch(self, timeout=5):
        with requests.Session() as session:
            session.trust_env = False
            return latarnia.fetch(self.url, session, timeout)

    def assertUnknown(self, problem, **values):
        with self.assertRaises(AvailabilityUnknown) as caught:
            self.fetch(**values)
        self.assertIn(problem, str(caught.exception))

    def test_there_is_no_service_for_demo(self):
        self.assertEqual(set(latarnia.HOSTS), {"production", "test"})

    def test_it_answers(self):
        with self.latarnia(body=json.dumps(MESSAGES).encode()) as paths:
            self.assertEqual(self.fetch(), MESSAGES)
        self.assertEqual(paths, ["/messages"])

    def test_it_is_slow(self):
        with self.latarnia(slow=True):
            self.assertUnknown("ReadTimeout", timeout=0.1)

    def test_it_is_down(self):
        with self.latarnia():
            """The port is closed at the end."""
        self.assertUnknown("ConnectionError")

    def test_it_talks_nonsense(self):
        for problem, values in (
            ("HTTP 504", {"status": 504, "content_type": "text/html", "body": b"<h1>504 Gateway Time-out</h1>"}),
            ("HTTP 403", {"status": 403, "content_type": "application/xml", "body": b"<Code>AccessDenied</Code>"}),
            ("HTTP 500", {"status": 500, "body": json.dumps(MESSAGES).encode()}),
            ("HTTP 204", {"status": 204, "body": b""}),
            ("JSONDecodeError", {"content_type": "text/html", "body": b"<html>Strona w przebudowie</html>"}),
            ("JSONDecodeError", {"body": b""}),
            ("JSONDecodeError", {"body": b'[{"id": "K/2026'}),
            ("JSONDecodeError", {"body": bytes(range(256))}),
            ("RecursionError", {"body": b"[" * 100_000}),
            ("ValueError", {"body": b"[" + b"9" * 10_000 + b"]"}),
        ):
            with self.subTest(problem, **values), self.latarnia(**values):
                self.assertUnknown(problem)
