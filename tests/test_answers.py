"""Whatever answers in KSeF's place: what comes out is a value or a ``KsefError``."""

import base64
import json
from unittest.mock import patch

import requests
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from ..ksef import errors
from ..ksef.api import certificates, login, pacing, sessions, upo
from ..ksef.api.transport import Transport
from ..ksef.keys.enrollment import build_csr

KEY = ec.generate_private_key(ec.SECP256R1())

TIME = "2026-11-23T10:00:00Z"
STATUS = {"code": 200, "description": "Sukces", "details": ["a"]}
# A good answer to each call; one thing in it is spoiled at a time.
GOOD = {
    certificates._certificate_limits: {
        "canRequest": True,
        "enrollment": {"remaining": 1, "limit": 2},
        "certificate": {"remaining": 1, "limit": 2},
    },
    certificates._subject_data: {"commonName": "A", "countryName": "PL", "givenName": ["A"]},
    certificates._enrollment: {"status": STATUS, "requestDate": TIME},
    certificates._certificate: {
        "certificateSerialNumber": "0" * 16,
        "certificateName": "A",
        "certificateType": "Offline",
        "certificate": "AAAA",
    },
    certificates._certificate_record: {
        "certificateSerialNumber": "0" * 16,
        "name": "A",
        "type": "Offline",
        "commonName": "A",
        "status": "Active",
        "subjectIdentifier": {"type": "Nip", "value": "1111111111"},
        "validFrom": TIME,
        "validTo": TIME,
        "requestDate": TIME,
    },
    pacing.rate_limits: {"other": {"perSecond": 10, "perMinute": -1, "perHour": None}},
    sessions._part_upload: {"ordinalNumber": 1, "method": "PUT", "url": "https://a/b", "headers": {"a": "b"}},
    sessions._session_status: {"status": STATUS, "validUntil": TIME, "upo": {"pages": [{"referenceNumber": "A"}]}},
    sessions._invoice_status: {
        "referenceNumber": "A",
        "ordinalNumber": 1,
        "invoiceHash": base64.b64encode(bytes(32)).decode(),
        "status": STATUS | {"extensions": {"a": "b"}},
        "invoicingDate": TIME,
    },
    sessions._public_keys: [
        {
            "publicKeyId": "A",
            "certificate": "AAAA",
            "validFrom": TIME,
            "validTo": TIME,
            "usage": ["SymmetricKeyEncryption"],
        }
    ],
}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([TIME, "0001-01-01T00:00+23:59"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from(["application/json", "application/problem+json", "application/xml", "text/html", "", "żółw"])
REFUSALS = st.fixed_dictionaries(
    {},
    optional={
        "title": JSON,
        "detail": JSON,
        "reasonCode": JSON,
        "traceId": JSON,
        "errors": JSON
        | st.lists(st.fixed_dictionaries({"code": JSON, "description": JSON, "details": JSON}), max_size=2),
        "exception": JSON
        | st.fixed_dictionaries(
            {"serviceCode": JSON, "exceptionDetailList": st.lists(st.fixed_dictionaries({"exceptionCode": JSON}))}
        ),
    },
)
BODIES = st.binary(max_size=200) | (JSON | REFUSALS).map(lambda value: json.dumps(value).encode())
BODIES |= st.sampled_from([b"<html><body>Zapora</body></html>", b"[" * 100_000, b'{"a":' * 50_000])


class Raw:
    def __init__(self, size):
        self.size = size

    def tell(self):
        return self.size


def answer(status, body, content_type, **headers):
    response = requests.Response()
    response.status_code, response._content, response.raw = status, body, Raw(len(body))
    response.headers.update({"Content-Type": content_type} | headers)
    return response


def places(value):
    """Yield the way to each thing within a JSON value, and to the whole of it."""
    yield ()
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        for way in places(child):
            yield (key, *way)


def spoiled(value, way, change):
    if not way:
        return change
    copy = value.copy()
    copy[way[0]] = spoiled(value[way[0]], way[1:], change)
    return copy


def lacking(value, way):
    if len(way) == 1:
        return {key: child for key, child in value.items() if key != way[0]}
    return spoiled(value, way[:1], lacking(value[way[0]], way[1:]))


class TestAnswers(BaseCase):
    def setUp(self):
        super().setUp()
        self.transport = Transport("https://ksef.test", sleep=lambda _seconds: None)
        self.addCleanup(self.transport.close)

    def made_of(self, response, read, **options):
        with patch.object(self.transport._http, "request", return_value=response):
            return self.transport.call("POST", "/x", read, **options)

    @settings(deadline=None)
    @given(st.sampled_from(list(GOOD)), st.data(), JSON, st.booleans())
    def test_spoiled_answers(self, read, data, change, repeatable):
        way = data.draw(st.sampled_from(list(places(GOOD[read]))))
        body = json.dumps(spoiled(GOOD[read], way, change)).encode()
        try:
            self.made_of(answer(200, body, "application/json"), read, repeatable=repeatable)
        except errors.LostAnswer:
            self.assertFalse(repeatable)
        except errors.AnswerUnreadable:
            self.assertTrue(repeatable)
        except errors.HolderUnfit:
            self.assertIs(read, certificates._subject_data)

    @settings(deadline=None)
    @given(st.integers(100, 599), BODIES, TYPES, st.text(max_size=5), st.text(max_size=5))
    def test_any_answer(self, status, body, content_type, retry_after, length):
        response = answer(status, body, content_type, **{"Retry-After": retry_after, "Content-Length": length})
        calls = [lambda read=read: self.made_of(response, read) for read in GOOD]
        for call in (*calls, lambda: self.download(response), lambda: self.upload(response)):
            try:
                call()
            except errors.KsefError as error:
                self.assertTrue(str(error))

    def download(self, response):
        with patch.object(self.transport._http, "request", return_value=response):
            self.assertTrue(self.transport.download("/x"))

    def upload(self, response):
        with patch.object(self.transport._storage, "request", return_value=response):
            self.transport.upload("PUT", "https://storage.test/a?sig=b", {}, lambda: b"")

    def test_missing_field_is_named(self):
        for read, good in GOOD.items():
            if not isinstance(good, dict) or read is pacing.rate_limits:
                continue
            self.made_of(answer(200, json.dumps(good).encode(), "application/json"), read)
            named = 0
            for way in (way for way in places(good) if way and isinstance(way[-1], str)):
                body = json.dumps(lacking(good, way)).encode()
                try:
                    self.made_of(answer(200, body, "application/json"), read, repeatable=True)
                except errors.AnswerIncomplete as error:
                    named += 1
                    self.assertIn(f"KSeF's answer lacks {way[-1]}", str(error))
            self.assertTrue(named, read)

    @settings(deadline=None)
    @given(
        st.binary(max_size=100)
        | st.text(max_size=30).map(
            lambda text: f"<U><Dokument><SkrotDokumentu>{text}</SkrotDokumentu></Dokument></U>".encode()
        )
    )
    def test_any_upo(self, xml):
        try:
            self.assertIsInstance(upo.confirmed(xml), dict)
        except errors.AnswerUnreadable as error:
            self.assertIn("UPO", str(error))

    @settings(deadline=None)
    @given(st.dictionaries(st.sampled_from(["commonName", "countryName", "surname", "serialNumber"]), JSON))
    def test_any_holder(self, change):
        body = json.dumps(GOOD[certificates._subject_data] | change).encode()
        try:
            holder = self.made_of(answer(200, body, "application/json"), certificates._subject_data, repeatable=True)
            build_csr(holder, KEY)
        except (errors.AnswerUnreadable, errors.HolderUnfit) as error:
            self.assertTrue(str(error))

    def test_an_attribute_that_is_not_known_is_refused_by_its_name(self):
        good = GOOD[certificates._subject_data]
        for added, refused in (
            ({"localityName": "Łódź"}, "localityName"),
            ({"title": ["A"], "": "x"}, "title"),
            ({"serialNumber": "TINPL-5795955811", "localityName": None, "title": "", "x": []}, None),
        ):
            response = answer(200, json.dumps(good | added).encode(), "application/json")
            with self.subTest(added):
                if refused:
                    with self.assertRaisesRegex(errors.HolderUnfit, refused):
                        self.made_of(response, certificates._subject_data, repeatable=True)
                else:
                    self.made_of(response, certificates._subject_data, repeatable=True)

    def test_answer_that_no_database_can_keep(self):
        for text in ("\x00", "\ud800"):
            body = json.dumps(GOOD[certificates._certificate] | {"certificateName": text}).encode()
            with self.subTest(text), self.assertRaises(errors.AnswerUnreadable):
                self.made_of(answer(200, body, "application/json"), certificates._certificate, repeatable=True)

    def test_heads_that_no_request_can_have(self):
        with self.assertRaises(errors.KsefUnreachable):
            self.transport.upload("PUT", "http://127.0.0.1:9/", {"a": "ż\u0119"}, lambda: b"")
        for token in ("żółw\u0119", "a\nb", 1, ["a"]):
            body = json.dumps({"token": token, "validUntil": TIME}).encode()
            with self.subTest(token), self.assertRaises(errors.AnswerUnreadable):
                self.made_of(answer(200, body, "application/json"), login._token, repeatable=True)

    def test_address_that_is_none(self):
        for url in ("https://", "a", "https://[b", "ftp://storage.test/a", "https://a b/"):
            with self.subTest(url), self.assertRaises(errors.KsefError):
                body = json.dumps(GOOD[sessions._part_upload] | {"url": url}).encode()
                upload = self.made_of(answer(200, body, "application/json"), sessions._part_upload)
                self.transport.upload(upload.method, upload.url, upload.headers, lambda: b"")


class TestLimits(BaseCase):
    def test_minus_one_is_no_limit_in_every_group(self):
        unlimited = {"perSecond": -1, "perMinute": -1, "perHour": -1}
        limits = pacing.rate_limits(dict.fromkeys(pacing.PUBLISHED, unlimited) | {"global": unlimited, "new": 1})
        moments = [float(number) for number in range(5)]
        for group in pacing.PUBLISHED:
            for known in (moments, []):
                with self.subTest(group, known=known):
                    self.assertEqual(pacing.wait_for_room(limits[group], known, 5.0), 0)

    @given(st.lists(st.none() | st.integers(-1, 5), min_size=3, max_size=3), st.integers(0, 8))
    def test_any_limits(self, values, count):
        wait = pacing.wait_for_room(pacing.RateLimit(*values), [1.0] * count, 1.0)
        reached = [seconds for seconds, most in zip((1, 60, 3600), values, strict=True) if most in range(count + 1)]
        self.assertEqual(wait, max(reached, default=0))

    def test_opening_and_closing_have_groups_of_their_own(self):
        cases = {
            "/sessions/online": "onlineSession",
            "/sessions/online/A/close": "onlineSessionClose",
            "/sessions/online/A/invoices": "invoiceSend",
            "/sessions/batch": "batchSession",
            "/sessions/batch/A/close": "batchSessionClose",
        }
        for path, group in cases.items():
            with self.subTest(path):
                self.assertEqual(pacing.group_of("POST", path), group)
                self.assertIn(group, pacing.PUBLISHED)
