import base64
import copy
import json
import logging
import ssl
import tempfile
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from lxml import etree

from odoo.tests import BaseCase

from odoo.addons.l10n_pl_edi.tools.xades_signer import XadesSigner

from ..devtools.authority import Authority
from ..devtools.ksef_simulator import (
    JSON,
    PROBLEM,
    AnswerInstead,
    Clock,
    CutAnswer,
    LoseAnswer,
    Settings,
    Simulator,
    SlowAnswer,
)
from ..devtools.ksef_simulator.messages import Answer, Request
from ..ksef import errors
from ..ksef.api import certificates, pacing, sessions
from ..ksef.api.client import Client
from ..ksef.api.login import Token
from ..ksef.codes import links
from ..ksef.keys.enrollment import SubjectData, build_csr
from .common import LoopbackOnly
from .contract import contract_of_ksef, watch

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)
NIP = "5795955811"
PESEL = "88102341294"
SHA256 = bytes(range(32))


class AskingClient(Client):
    """Asks the simulator what the addon never asks of KSeF."""

    def invoice(self, session_reference, reference):
        return self._call("GET", f"/sessions/{session_reference}/invoices/{reference}", sessions._invoice_status)

    def upo(self, session_reference, reference):
        return self._download(f"/sessions/{session_reference}/invoices/{reference}/upo")


class ApiCase(LoopbackOnly, BaseCase):
    """A simulator, a clock for both sides, and companies and persons who log in with Odoo's own signer."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.qualified = Authority("Kwalifikowane Centrum")

    def setUp(self):
        super().setUp()
        self.clock = Clock(NOW)
        self.simulator = Simulator(clock=self.clock, settings=Settings(rate_limits_enforced=False))
        self.contract_problems = watch(self.simulator)
        self.addCleanup(lambda: self.assertEqual(self.contract_problems, [], "not as KSeF describes its API"))
        self.simulator.state.trusted.append(self.qualified.certificate)
        self.simulator.start()
        self.addCleanup(self.simulator.stop)
        self.calls = []
        self.simulator.observers.append(lambda request, _answer: self.calls.append(f"{request.method} {request.path}"))

    def issued(self, authority=None, **values):
        defaults = {
            "common_name": "Próba Łódź Sp. z o.o.",
            "usage": "other",
            "not_before": NOW - timedelta(days=30),
            "not_after": NOW + timedelta(days=1000),
        }
        owner = {} if {"nip", "pesel", "tin"} & values.keys() else {"nip": NIP}
        return (authority or self.qualified).issue(**defaults | owner | values)

    def signer(self, issued, nip=NIP):
        key = issued.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        odoo_signer = XadesSigner(key, issued.certificate_file())
        return lambda challenge: odoo_signer.sign_authentication_challenge(challenge, nip).encode()

    def client(self, issued=None, nip=NIP, sign=None, **options):
        sign = sign or self.signer(issued or self.issued(), nip)
        client = AskingClient(
            self.simulator.url, sign, **{"clock": self.clock, "sleep": self.clock.sleep, "timeout": 5} | options
        )
        self.addCleanup(client.close)
        return client

    @contextmanager
    def refused(self, error, code=None):
        with self.assertRaises(error) as caught:
            yield caught
        self.assertIs(type(caught.exception), error)
        if code:
            self.assertEqual(caught.exception.code, code)

    def enrolled(self, client, certificate_type="Offline", key=None, name="Offline 2026"):
        """Return key and serial number of a certificate that KSeF has issued on request."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        reference = client.enroll(name, certificate_type, build_csr(client.enrollment_data(), key))
        self.simulator.state.enrollments[reference].polls_left = 0
        return key, client.enrollment(reference).serial


class TestLogin(ApiCase):
    def test_company_logs_in_with_odoos_signer(self):
        for key in ("ec", "rsa"):
            with self.subTest(key):
                client = self.client(self.issued(key=key))
                client.log_in()
                self.assertEqual(client.rate_limits()["invoiceSend"], pacing.RateLimit(10, 30, 180))

    def test_first_call_logs_in(self):
        client = self.client()
        client.certificate_limits()
        client.certificate_limits()
        self.assertEqual(self.calls.count("POST /auth/xades-signature"), 1)

    def test_person_needs_a_permission(self):
        person = self.issued(common_name="Anna Maria Nowak", pesel=PESEL)
        with self.refused(errors.ContextForbidden, 415) as caught:
            self.client(person).log_in()
        self.assertIn("Brak przypisanych uprawnień", str(caught.exception))
        self.simulator.state.grant(("Nip", NIP), ("Pesel", PESEL))
        self.client(person).log_in()

    def test_company_has_no_permission_in_anothers_context(self):
        with self.refused(errors.ContextForbidden, 415):
            self.client(nip="1111111111").log_in()

    def test_certificate_that_is_not_accepted(self):
        state = self.simulator.state
        long_ago = {"not_before": NOW - timedelta(days=60), "not_after": NOW - timedelta(days=1)}
        cases = {
            "Nieważny certyfikat": self.issued(**long_ago),
            "Niezaufany łańcuch": self.issued(Authority("Nieznane")),
            "Niepoprawny certyfikat": self.issued(state.authority, usage="offline"),
            "Certyfikat odwołany": self.issued(state.authority, usage="authentication"),
            "Certyfikat zawieszony": self.issued(state.authority, usage="authentication"),
        }
        for problem, ended in (("Certyfikat odwołany", "Revoked"), ("Certyfikat zawieszony", "Blocked")):
            record = state.register(cases[problem].certificate, "Firma", "Authentication", ("Nip", NIP))
            record.ended = ended
        for problem, issued in cases.items():
            with self.subTest(problem), self.refused(errors.LoginCertificateRefused, 460) as caught:
                self.client(issued).log_in()
            self.assertIn(problem, str(caught.exception))

    def test_ksefs_own_certificate_logs_in_and_its_use_is_noted(self):
        issued = self.issued(self.simulator.state.authority, usage="authentication")
        self.simulator.state.register(issued.certificate, "Logowanie", "Authentication", ("Nip", NIP))
        client = self.client(issued)
        (record,) = client.certificate_records()
        self.assertEqual(record.last_used_at, NOW)
        self.assertEqual(record.holder, ("Nip", NIP))

    def test_self_signed_where_it_is_allowed(self):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, "Sam"),
                x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, f"VATPL-{NIP}"),
            ]
        )
        builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, NOW, NOW + timedelta(days=1))
        issued = copy.copy(self.issued())
        object.__setattr__(issued, "private_key", key)
        object.__setattr__(issued, "certificate", builder.sign(key, hashes.SHA256()))
        self.client(issued).log_in()
        self.simulator.state.settings.self_signed_allowed = False
        with self.refused(errors.LoginCertificateRefused, 460):
            self.client(issued).log_in()

    def test_request_that_is_not_what_was_signed(self):
        own = self.issued()
        sign = self.signer(own)

        def second_signature(xml):
            root = etree.fromstring(xml)
            root.append(copy.deepcopy(root[-1]))
            return etree.tostring(root)

        def without_signature(xml):
            root = etree.fromstring(xml)
            root.remove(root[-1])
            return etree.tostring(root)

        def other_certificate(xml):
            der = self.issued().certificate.public_bytes(Encoding.DER)
            root = etree.fromstring(xml)
            root.find(".//{*}X509Certificate").text = base64.b64encode(der).decode()
            return etree.tostring(root)

        def twin_certificate(xml):
            der = self.issued(key=own.private_key).certificate.public_bytes(Encoding.DER)
            root = etree.fromstring(xml)
            root.find(".//{*}X509Certificate").text = base64.b64encode(der).decode()
            return etree.tostring(root)

        def other_signature(xml):
            root = etree.fromstring(xml)
            root.find(".//{*}SignatureValue").text = base64.b64encode(bytes(range(64))).decode()
            return etree.tostring(root)

        def other_signing_time(xml):
            root = etree.fromstring(xml)
            root.find(".//{*}SigningTime").text = "2020-01-01T00:00:00Z"
            return etree.tostring(root)

        cases = {
            "context": (lambda xml: xml.replace(NIP.encode(), b"1111111111"), 9105),
            "certificate": (other_certificate, 9105),
            "certificate of the same key": (twin_certificate, 9105),
            "signature": (other_signature, 9105),
            "signed properties": (other_signing_time, 9105),
            "two signatures": (second_signature, 9103),
            "no signature": (without_signature, 9102),
            "another document": (lambda xml: b"<a/>", 9101),
            "no document": (lambda xml: b"challenge", 21001),
            "not UTF-8": (lambda xml: "<a>ż</a>".encode("latin2"), 21217),
            "replayed": (lambda xml: self.signer(self.issued())("20261123-CR-0000000000-0000000000-00"), 21111),
        }
        for name, (change, code) in cases.items():
            with self.subTest(name), self.refused(errors.RequestRefused, code):
                self.client(sign=lambda challenge, change=change: change(sign(challenge))).log_in()

    def test_challenge_lives_ten_minutes(self):
        sign = self.signer(self.issued())

        def slow_sign(challenge):
            self.clock.move(minutes=10, seconds=1)
            return sign(challenge)

        with self.refused(errors.RequestRefused, 21111):
            self.client(sign=slow_sign).log_in()

    def test_waits_while_ksef_checks_the_certificate(self):
        self.simulator.state.settings.login_polls = 3
        self.client().log_in()
        self.assertEqual(self.clock.slept, [1, 1, 2])

    def test_does_not_wait_forever(self):
        self.simulator.state.settings.login_polls = 100
        with self.assertRaises(errors.LoginUnfinished):
            self.client().log_in()
        self.assertLess(sum(self.clock.slept), 61)

    def test_access_is_renewed_with_the_refresh_token(self):
        client = self.client()
        client.certificate_limits()
        self.clock.move(minutes=15)
        client.certificate_limits()
        self.assertEqual(self.calls.count("POST /auth/token/refresh"), 1)
        self.assertEqual(self.calls.count("POST /auth/xades-signature"), 1)

    def test_access_that_ends_early_is_renewed_and_the_call_repeated(self):
        client = self.client(clock=lambda: NOW)  # a clock that is behind KSeF's
        client.certificate_limits()
        self.clock.move(minutes=20)
        client.certificate_limits()
        self.assertEqual(self.calls.count("GET /certificates/limits"), 3)
        self.assertEqual(self.calls.count("POST /auth/token/refresh"), 1)

    def test_second_401_is_not_repeated_forever(self):
        client = self.client()
        client.log_in()
        self.simulator.state.settings.access_token_life = timedelta(0)
        self.simulator.state.tokens.clear()
        with self.refused(errors.NotLoggedIn, 401):
            client.certificate_limits()
        self.assertEqual(self.calls.count("GET /certificates/limits"), 2)

    def test_logs_in_again_when_the_refresh_token_has_ended(self):
        client = self.client()
        client.certificate_limits()
        self.clock.move(days=8)
        client.certificate_limits()
        self.assertEqual(self.calls.count("POST /auth/token/refresh"), 0)
        self.assertEqual(self.calls.count("POST /auth/xades-signature"), 2)

    def test_token_that_ksef_does_not_know_at_once(self):
        problem = {"title": "Unauthorized", "status": 401, "reasonCode": 21304, "detail": "Brak uwierzytelnienia"}
        unknown = AnswerInstead(401, json.dumps(problem).encode(), PROBLEM)
        for path in ("/auth/*-AU-*", "/auth/token/redeem", "/certificates/limits"):
            with self.subTest(path):
                self.clock.slept.clear()
                self.simulator.faults.plan(unknown, path=path, times=3)
                self.client().certificate_limits()
                self.assertGreaterEqual(sum(self.clock.slept), 6)
        self.simulator.faults.plan(unknown, path="/certificates/limits", times=4)
        with self.refused(errors.NotLoggedIn, 21304):
            self.client().certificate_limits()

    def test_logs_in_again_when_the_login_was_ended_elsewhere(self):
        client = self.client()
        client.certificate_limits()
        for login in self.simulator.state.logins.values():
            login.code = 425
        self.clock.move(minutes=16)
        client.certificate_limits()
        self.assertEqual(self.calls.count("POST /auth/xades-signature"), 2)

    def test_log_out_ends_the_login_at_ksef(self):
        client = self.client()
        client.log_in()
        client.log_out()
        (login,) = self.simulator.state.logins.values()
        self.assertEqual(login.code, 425)
        client.log_out()
        self.assertEqual(self.calls.count("DELETE /auth/sessions/current"), 1)

    def test_lost_tokens_are_no_lost_request(self):
        for path in ("/auth/challenge", "/auth/xades-signature", "/auth/*-AU-*", "/auth/token/redeem"):
            with self.subTest(path):
                client = self.client()
                self.simulator.faults.plan(LoseAnswer(), path=path)
                with self.assertRaises(errors.KsefUnreachable):
                    client.log_in()
                client.log_in()

    def test_tokens_are_given_once(self):
        client = self.client()
        client.log_in()
        operation = next(text for text, token in self.simulator.state.tokens.items() if token.kind == "operation")
        answer = self.post("/auth/token/redeem", operation)
        self.assertEqual(answer.json()["exception"]["exceptionDetailList"][0]["exceptionCode"], 21301)

    def post(self, path, token):
        return requests.post(self.simulator.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=5)


class TestCertificates(ApiCase):
    def test_from_request_to_revocation(self):
        for kind in ("ec", "rsa"):
            with self.subTest(kind):
                client = self.client()
                key = {
                    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
                    "rsa": lambda: rsa.generate_private_key(65537, 2048),
                }[kind]()
                reference = client.enroll(f"Żółw {kind}", "Offline", build_csr(client.enrollment_data(), key))
                self.assertEqual(client.enrollment(reference).code, certificates.EnrollmentCode.PENDING)
                enrollment = client.enrollment(reference)
                self.assertEqual(
                    (enrollment.code, enrollment.requested_at), (certificates.EnrollmentCode.ISSUED, self.clock.moment)
                )
                (certificate,) = client.certificates([enrollment.serial, "0000000000000000"])
                self.assertEqual((certificate.name, certificate.type), (f"Żółw {kind}", "Offline"))
                loaded = x509.load_der_x509_certificate(certificate.der)
                self.assertEqual(loaded.public_key(), key.public_key())
                self.assertEqual(f"{loaded.serial_number:016X}", enrollment.serial)
                (record,) = client.certificate_records(certificateSerialNumber=enrollment.serial)
                self.assertEqual((record.status, record.valid_from), ("Active", self.clock.moment))
                client.revoke_certificate(enrollment.serial, "Superseded")
                (record,) = client.certificate_records(certificateSerialNumber=enrollment.serial)
                self.assertEqual(record.status, "Revoked")
                with self.refused(errors.RequestRefused, 25009):
                    client.revoke_certificate(enrollment.serial)

    def test_person_with_two_given_names(self):
        self.simulator.state.grant(("Nip", NIP), ("Pesel", PESEL))
        client = self.client(self.issued(common_name="Anna Maria Żółć", pesel=PESEL))
        data = client.enrollment_data()
        self.assertEqual((data.given_names, data.surname), (("Anna Maria",), "Żółć"))
        self.assertEqual(data.serial_number, f"PNOPL-{PESEL}")
        _key, serial = self.enrolled(client)
        (record,) = client.certificate_records()
        self.assertEqual((record.serial, record.holder), (serial, ("Pesel", PESEL)))

    def test_common_name_of_64_letters(self):
        name = "Przedsiębiorstwo Wielobranżowe Żółć i Śnieżka Spółka Jawna Łódź."
        self.assertEqual(len(name), 64)
        data = SubjectData(common_name=name, country_name="PL")
        csr = x509.load_der_x509_csr(build_csr(data, ec.generate_private_key(ec.SECP256R1())))
        self.assertEqual(csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value, name)

    def test_valid_from_a_later_day(self):
        client = self.client()
        csr = build_csr(client.enrollment_data(), ec.generate_private_key(ec.SECP256R1()))
        self.simulator.state.settings.enrollment_polls = 0
        reference = client.enroll("Od jutra", "Offline", csr, NOW + timedelta(days=1))
        (record,) = client.certificate_records(certificateSerialNumber=client.enrollment(reference).serial)
        self.assertEqual(record.valid_from, NOW + timedelta(days=1))

    def test_request_that_is_refused(self):
        client = self.client()
        data = client.enrollment_data()
        ours = ec.generate_private_key(ec.SECP256R1())
        good = build_csr(data, ours)
        broken = good[:-1] + bytes([good[-1] ^ 1])
        values = {field: getattr(data, field) for field in data.__dataclass_fields__}
        cases = {
            "other name": (build_csr(SubjectData(**values | {"common_name": "Inna"}), ours), 25003),
            "a value too many": (build_csr(SubjectData(**values | {"surname": "Nowak"}), ours), 25003),
            "a value too few": (build_csr(SubjectData(**values | {"organization_identifier": None}), ours), 25003),
            "signature": (broken, 25004),
            "no request": (b"csr", 25004),
            "curve": (build_csr(data, ec.generate_private_key(ec.SECP384R1())), 25010),
            "length": (build_csr(data, rsa.generate_private_key(65537, 3072)), 25010),
            "digest": (self.csr_with_digest(data, ours, hashes.SHA3_256()), 25011),
        }
        for name, (csr, code) in cases.items():
            with self.subTest(name), self.refused(errors.RequestRefused, code):
                client.enroll("Offline 2026", "Offline", csr)
        for name in ("abcd", "a" * 101, "Zła/nazwa"):
            with self.subTest(name), self.refused(errors.RequestRefused, 21405):
                client.enroll(name, "Offline", good)
        with self.refused(errors.RequestRefused, 21405):
            client.enroll("Offline 2026", "offline", good)

    def csr_with_digest(self, data, key, digest):
        subject = x509.Name([x509.NameAttribute(*attribute) for attribute in data.attributes()])
        return x509.CertificateSigningRequestBuilder(subject).sign(key, digest).public_bytes(Encoding.DER)

    def test_limits(self):
        client = self.client()
        self.simulator.state.settings.certificate_limits["Nip"] = (3, 2)
        self.enrolled(client)
        _key, serial = self.enrolled(client)
        limits = client.certificate_limits()
        self.assertEqual(limits, certificates.CertificateLimits(False, 1, 3, 0, 2))
        with self.refused(errors.CertificateLimitReached, 25007):
            self.enrolled(client)
        client.revoke_certificate(serial)
        self.assertTrue(client.certificate_limits().can_request)
        self.enrolled(client)
        with self.refused(errors.RequestLimitReached, 25006):
            self.enrolled(client)

    def test_key_of_someone_else(self):
        key, _serial = self.enrolled(self.client())
        other = self.client(self.issued(nip="1111111111"), nip="1111111111")
        reference = other.enroll("Offline 2026", "Offline", build_csr(other.enrollment_data(), key))
        self.simulator.state.enrollments[reference].polls_left = 0
        enrollment = other.enrollment(reference)
        self.assertEqual((enrollment.code, enrollment.serial), (400, None))
        self.assertIn("Klucz publiczny", enrollment.reason)

    def test_certificates_of_someone_else(self):
        client = self.client()
        _key, serial = self.enrolled(client)
        other = self.client(self.issued(nip="1111111111"), nip="1111111111")
        self.assertEqual(other.certificates([serial]), [])
        self.assertEqual(list(other.certificate_records()), [])
        with self.refused(errors.RequestRefused, 25008):
            other.revoke_certificate(serial)
        with self.refused(errors.RequestRefused, 25005):
            other.enrollment(next(iter(self.simulator.state.enrollments)))

    def test_more_than_a_page_and_more_than_ten(self):
        client = self.client()
        for number in range(60):
            issued = self.issued(self.simulator.state.authority, usage="offline", not_after=NOW + timedelta(days=30))
            kind = "Offline" if number % 2 else "Authentication"
            self.simulator.state.register(issued.certificate, f"Nr {number:02}", kind, ("Nip", NIP))
        records = list(client.certificate_records())
        self.assertEqual([record.name for record in records], [f"Nr {number:02}" for number in reversed(range(60))])
        self.assertEqual(len(client.certificates([record.serial for record in records[:25]])), 25)
        self.assertEqual(len(list(client.certificate_records(type="Offline", name="Nr 1"))), 5)
        self.clock.move(days=31)
        self.assertEqual({record.status for record in client.certificate_records()}, {"Expired"})

    def test_enrollment_is_kept_for_thirty_days(self):
        client = self.client()
        self.enrolled(client)
        self.clock.move(days=31)
        with self.refused(errors.NoLongerAvailable, 410):
            client.enrollment(next(iter(self.simulator.state.enrollments)))

    def test_login_by_token_gets_no_certificate(self):
        client = self.client()
        client.log_in()
        for login in self.simulator.state.logins.values():
            login.method = "Token"
        with self.refused(errors.LoginMethodUnfit, 25001):
            client.enrollment_data()
        with self.refused(errors.LoginMethodUnfit, 25002):
            client.enroll("Offline 2026", "Offline", b"")
        with self.refused(errors.LoginMethodUnfit, "auth-method-not-allowed"):
            client.revoke_certificate("0" * 16)

    def test_lost_request_for_a_certificate_is_not_repeatable(self):
        client = self.client()
        csr = build_csr(client.enrollment_data(), ec.generate_private_key(ec.SECP256R1()))
        self.simulator.faults.plan(LoseAnswer(), "POST", "/certificates/enrollments")
        with self.assertRaises(errors.LostAnswer):
            client.enroll("Offline 2026", "Offline", csr)
        self.assertEqual(len(self.simulator.state.enrollments), 1)

    def test_csr_is_like_ksefs_example(self):
        data = SubjectData(
            common_name="Firma Kowalski Certyfikat",
            country_name="PL",
            serial_number="ABC123456789",
            unique_identifier="d9d22724-4696-460c-9e5e-b9e3aafb0af3",
            organization_name="Firma Kowalski Sp. z o.o.",
            organization_identifier="7762811692",
        )
        csr = x509.load_der_x509_csr(build_csr(data, ec.generate_private_key(ec.SECP256R1())))
        # The subject of the example in the API's description, byte for byte.
        published = (
            "MIGwMSIwIAYDVQQDDBlGaXJtYSBLb3dhbHNraSBDZXJ0eWZpa2F0MSIwIAYDVQQKDBlGaXJtYSBLb3dhbHNraSBTcC4geiBvLm8u"
            "MRMwEQYDVQRhDAo3NzYyODExNjkyMQswCQYDVQQGEwJQTDEVMBMGA1UEBRMMQUJDMTIzNDU2Nzg5MS0wKwYDVQQtDCRkOWQyMjcy"
            "NC00Njk2LTQ2MGMtOWU1ZS1iOWUzYWFmYjBhZjM="
        )
        self.assertEqual(base64.b64encode(csr.subject.public_bytes()).decode(), published)


class TestPublicKeys(ApiCase):
    def test_key_that_stays_unknown_is_refused(self):
        client = self.client()
        calls = []

        def send(key):
            calls.append(key)
            raise errors.RequestRefused(code=21470, codes=(21470,), reason="", trace="")

        with self.refused(errors.RequestRefused, 21470):
            client._with_public_key(send)
        self.assertEqual(len(calls), 2)

    def test_other_refusals_are_not_repeated(self):
        client = self.client()
        calls = []

        def send(key):
            calls.append(key)
            raise errors.RequestRefused(code=21405, codes=(21405,), reason="", trace="")

        with self.refused(errors.RequestRefused, 21405):
            client._with_public_key(send)
        self.assertEqual(len(calls), 1)

    def test_while_two_keys_are_valid_the_one_that_ends_last_is_used(self):
        client = self.client()
        self.simulator.state.service_keys()
        self.clock.move(days=100)
        self.simulator.state.rotate_service_keys(keep_old=True)
        chosen = client._with_public_key(lambda key: key)
        self.assertEqual(chosen.id, self.simulator.state.service_keys()[-1].public_key_id())

    def test_certificate_that_cannot_be_read_is_skipped(self):
        def answer(*certificates):
            dates = {"validFrom": "2026-01-01T00:00:00Z", "validTo": "2027-01-01T00:00:00Z"}
            keys = [
                {"publicKeyId": str(number), "certificate": text, "usage": ["SymmetricKeyEncryption"]} | dates
                for number, text in enumerate(certificates)
            ]
            self.simulator.faults.plan(AnswerInstead(200, json.dumps(keys).encode(), JSON), path="/security/*")

        good = self.issued(key="rsa").certificate.public_bytes(Encoding.DER)
        elliptic = self.issued(key="ec").certificate.public_bytes(Encoding.DER)
        bad = b"-----BEGIN CERTIFICATE-----", elliptic, good[:-9]
        bad = [base64.b64encode(der).decode() for der in bad] + ["no base64!"]
        answer(*bad, base64.b64encode(good).decode())
        self.assertEqual(self.client()._with_public_key(lambda key: key.id), "4")
        answer(*bad)
        with self.assertRaises(errors.PublicKeyMissing):
            self.client().open_interactive()

    def test_no_valid_key(self):
        client = self.client()
        self.simulator.state.service_keys()
        self.clock.move(days=366)
        with self.assertRaises(errors.PublicKeyMissing):
            client._with_public_key(lambda key: key)


class TestFailures(ApiCase):
    """What may have happened at KSeF, after each way to fail: nothing (repeat at will), or perhaps something."""

    def setUp(self):
        super().setUp()
        self.patient = self.client()
        self.patient.log_in()

    def read_limits(self):
        return self.patient.certificate_limits()

    def good_answer(self):
        """Return an answer to ``read_limits`` with properties that nobody knows yet."""
        limit = {"remaining": 1, "limit": 2, "new": 3}
        return json.dumps({"canRequest": True, "enrollment": limit, "certificate": limit, "new": 1}).encode()

    def change(self):
        return self.patient.enroll("Offline 2026", "Offline", b"no request")

    def test_nobody_listens(self):
        self.simulator.stop()
        self.addCleanup(self.simulator.start)
        for call in (self.read_limits, self.change):
            with self.subTest(call.__name__), self.assertRaises(errors.KsefUnreachable):
                call()

    def test_server_that_is_not_trusted(self):
        issued = self.issued()
        with tempfile.NamedTemporaryFile() as file:
            key = issued.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            file.write(key + issued.certificate_file())
            file.flush()
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(file.name)
        server = self.simulator._server
        plain = server.socket
        server.socket = tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self.patient._transport._base_url = self.simulator.url.replace("http:", "https:")
        for call in (self.read_limits, self.change):
            with self.subTest(call.__name__), self.assertRaises(errors.KsefUnreachable) as caught:
                call()
            self.assertIn("no secure connection", str(caught.exception))

    def test_answer_lost_cut_late_or_a_gateways(self):
        faults = {
            "lost": LoseAnswer(),
            "cut in the body": CutAnswer(5),
            "cut before the body": CutAnswer(0),
            "503": AnswerInstead(503),
            "504": AnswerInstead(504),
            "500 in JSON": AnswerInstead(500, b"{}", JSON),
        }
        for name, fault in faults.items():
            self.simulator.faults.plan(fault, times=2)
            with self.subTest(name):
                with self.assertRaises(errors.KsefUnreachable):
                    self.read_limits()
                with self.assertRaises(errors.LostAnswer):
                    self.change()
            self.read_limits()

    def test_slow_answer(self):
        self.patient._transport._timeout = 0.1
        self.simulator.faults.plan(SlowAnswer(60), times=2)
        with self.assertRaises(errors.KsefUnreachable):
            self.read_limits()
        with self.assertRaises(errors.LostAnswer):
            self.change()

    def test_answer_that_is_not_ksefs(self):
        faults = {
            "HTML": AnswerInstead(200),
            "JSON that calls itself HTML": AnswerInstead(200, self.good_answer()),
            "broken JSON": AnswerInstead(200, b'{"unexpected": ', JSON),
            "other JSON": AnswerInstead(200, b'["a"]', JSON),
            "text for an object": AnswerInstead(200, b'{"enrollment": "", "certificate": 1}', JSON),
            "empty": AnswerInstead(200, b"", None),
        }
        for name, fault in faults.items():
            self.simulator.faults.plan(fault, times=2)
            with self.subTest(name):
                with self.assertRaises(errors.AnswerUnreadable):
                    self.read_limits()
                with self.assertRaises(errors.LostAnswer):
                    self.change()

    def test_refusal_that_is_not_ksefs(self):
        self.simulator.faults.plan(AnswerInstead(403), times=2)
        for call in (self.read_limits, self.change):
            with self.subTest(call.__name__), self.assertRaises(errors.AnswerUnreadable):
                call()

    def test_redirect_is_not_followed(self):
        elsewhere = {"Location": self.simulator.url + "/rate-limits"}
        self.simulator.faults.plan(AnswerInstead(302, headers=elsewhere), times=2)
        with self.assertRaises(errors.KsefUnreachable):
            self.read_limits()
        with self.assertRaises(errors.LostAnswer):
            self.change()

    def test_restart_of_ksef_goes_unnoticed(self):
        self.simulator.restart()
        self.assertEqual(self.read_limits().enrollments_left, 300)

    def test_refusal_in_either_format(self):
        for old in (False, True):
            if old:
                del self.patient._transport._http.headers["X-Error-Format"]
            with self.subTest(old=old):
                with self.refused(errors.RequestRefused, 25004) as caught:
                    self.change()
                self.assertEqual(
                    str(caught.exception),
                    "KSeF refused the request: Niepoprawny format CSR lub niepoprawny podpis CSR (code 25004).",
                )
                self.assertTrue(caught.exception.values["trace"])
                with self.refused(errors.RequestRefused, 21405) as caught:
                    self.patient.enroll("x", "Offline", b"no request")
                self.assertIn("od 5 do 100", str(caught.exception))

    def test_system_warning_is_logged(self):
        warning = {"X-System-Warning": "[W1]: Nowa wersja"}
        self.simulator.faults.plan(AnswerInstead(200, self.good_answer(), JSON, warning))
        with self.assertLogs(level="WARNING") as logs:
            self.assertEqual(self.read_limits(), certificates.CertificateLimits(True, 1, 2, 1, 2))
        self.assertIn("[W1]: Nowa wersja", logs.output[0])

    def test_no_secret_in_logs_errors_and_representations(self):
        logging.getLogger("urllib3").setLevel(logging.DEBUG)
        self.addCleanup(logging.getLogger("urllib3").setLevel, logging.NOTSET)
        problems = []
        with self.assertLogs(level="DEBUG") as logs:
            self.patient.log_out()
            self.read_limits()
            self.clock.move(minutes=20)
            for fault in (
                LoseAnswer(),
                AnswerInstead(200),
                AnswerInstead(503),
                CutAnswer(3),
                AnswerInstead(200, b"{", JSON),
            ):
                self.simulator.faults.plan(fault)
                for call in (self.read_limits, self.change):
                    try:
                        call()
                    except errors.KsefError as error:
                        problems.append(error)
            leak = next(iter(self.simulator.state.tokens))
            body = {"title": "Bad Request", "detail": f"Bearer {leak} i {leak}", "status": 400}
            self.simulator.faults.plan(AnswerInstead(400, json.dumps(body).encode(), PROBLEM))
            with self.assertRaises(errors.RequestRefused) as caught:
                self.read_limits()
            problems.append(caught.exception)
        texts = [*logs.output, *map(repr, problems), *map(str, problems), repr(self.patient), repr(vars(self.patient))]
        for token in self.simulator.state.tokens:
            for text in texts:
                self.assertNotIn(token, text)
        self.assertGreater(len(problems), 6)


class TestRateLimits(ApiCase):
    def setUp(self):
        super().setUp()
        self.simulator.state.settings.rate_limits_enforced = True

    def test_waits_as_long_as_ksef_says(self):
        client = self.client()
        client.log_in()
        self.clock.slept.clear()
        for _number in range(11):
            client.certificate_limits()
        self.assertEqual(self.clock.slept, [1])
        for _number in range(20):
            client.certificate_limits()
        self.assertEqual(self.clock.slept, [1, 1, 58])
        self.assertEqual(self.clock.moment - NOW, timedelta(seconds=61))

    def test_does_not_wait_longer_than_it_may(self):
        client = self.client(longest_wait=5)
        client.log_in()
        with self.assertRaises(errors.RateLimited) as caught:
            for _number in range(31):
                client.certificate_limits()
        self.assertEqual(caught.exception.retry_after, 58)
        self.assertIn("58 seconds", str(caught.exception))

    def test_hourly_limit(self):
        client = self.client()
        for _number in range(120):
            client.certificate_limits()
            self.clock.move(seconds=3)
        with self.assertRaises(errors.RateLimited) as caught:
            client.certificate_limits()
        self.assertGreater(caught.exception.retry_after, 3000)

    def test_changing_request_is_repeated_after_429_for_it_was_not_carried_out(self):
        client = self.client()
        csr = build_csr(client.enrollment_data(), ec.generate_private_key(ec.SECP256R1()))
        for _number in range(9):
            client.certificate_limits()
        client.enroll("Offline 2026", "Offline", csr)
        self.assertEqual(self.calls.count("POST /certificates/enrollments"), 2)
        self.assertEqual(len(self.simulator.state.enrollments), 1)

    def test_old_format(self):
        client = self.client(longest_wait=0)
        client.log_in()
        del client._transport._http.headers["X-Error-Format"]
        with self.assertRaises(errors.RateLimited):
            for _number in range(11):
                client.certificate_limits()

    def test_contexts_are_counted_apart(self):
        for nip in (NIP, "1111111111"):
            client = self.client(self.issued(nip=nip), nip)
            client.log_in()
            self.clock.slept.clear()
            for _number in range(10):
                client.certificate_limits()
            self.assertEqual(self.clock.slept, [])


class TestLatarnia(ApiCase):
    def get(self, path):
        return requests.get(self.simulator.latarnia_url + path, timeout=5).json()

    def test_failure_from_start_to_end(self):
        self.assertEqual(self.get("/status"), {"status": "AVAILABLE"})
        self.simulator.announce("FAILURE", "FAILURE_START", NOW, event_id=7)
        status = self.get("/status")
        self.assertEqual(status["status"], "FAILURE")
        self.assertEqual(status["messages"][0]["id"], "K/2026/AWR/01")
        self.assertNotIn("end", status["messages"][0])
        self.clock.move(hours=3)
        self.simulator.announce("FAILURE", "FAILURE_END", NOW, self.clock.moment, event_id=7)
        self.assertEqual(self.get("/status"), {"status": "AVAILABLE"})
        self.assertEqual([message["eventId"] for message in self.get("/messages")], [7, 7])

    def test_maintenance_counts_while_it_lasts(self):
        self.simulator.announce(
            "MAINTENANCE", "MAINTENANCE_ANNOUNCEMENT", NOW + timedelta(hours=1), NOW + timedelta(hours=2), event_id=1
        )
        for hours, status in ((0, "AVAILABLE"), (1, "MAINTENANCE"), (2, "AVAILABLE")):
            self.clock.moment = NOW + timedelta(hours=hours)
            self.assertEqual(self.get("/status")["status"], status)


class TestVerificationPages(ApiCase):
    def setUp(self):
        super().setUp()
        self.client_ = self.client()
        self.key, self.serial = self.enrolled(self.client_)

    def page(self, link):
        return requests.get(link.replace("https://qr-test.ksef.mf.gov.pl", self.simulator.qr_url), timeout=5).text

    def kod_ii(self, key=None, **changes):
        values = {"context": ("Nip", NIP), "seller_nip": NIP, "serial": self.serial} | changes
        der = (key or self.key).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return links.kod_ii("test", sha256=SHA256, sign=lambda payload: links.sign(der, payload), **values)

    def test_good_kod_ii(self):
        self.assertNotIn("Nie:", self.page(self.kod_ii()))

    def test_good_kod_ii_with_rsa(self):
        key, serial = self.enrolled(self.client_, key=rsa.generate_private_key(65537, 2048))
        self.assertNotIn("Nie:", self.page(self.kod_ii(key, serial=serial)))

    def test_bad_kod_ii(self):
        _key, login_serial = self.enrolled(self.client_, "Authentication")
        cases = {
            "signature holds": self.kod_ii(ec.generate_private_key(ec.SECP256R1())),
            "no certificate with this serial": self.kod_ii(serial="0" * 16),
            "may issue invoices in the context": self.kod_ii(context=("Nip", "1111111111")),
            "of this seller": self.kod_ii(seller_nip="1111111111"),
            "of the type Offline": self.kod_ii(serial=login_serial),
            "link is damaged": self.kod_ii(context=("nip", NIP)),
        }
        for sentence, link in cases.items():
            with self.subTest(sentence):
                wrong = [line for line in self.page(link).split("<li") if "Nie:" in line]
                self.assertTrue(any(sentence in line for line in wrong), wrong)

    def test_kod_ii_of_a_revoked_certificate(self):
        self.client_.revoke_certificate(self.serial)
        self.assertIn("it is Revoked", self.page(self.kod_ii()))

    def test_kod_i_of_an_invoice_that_ksef_does_not_have(self):
        self.assertIn("no invoice with this hash", self.page(links.kod_i("test", NIP, NOW.date(), SHA256)))


class TestContract(ApiCase):
    """A tour through all calls; that each is as described is watched in every test."""

    def test_tour(self):
        seen = set()
        self.simulator.observers.append(lambda _request, answer: seen.add(answer.status))
        self.simulator.state.settings.rate_limits_enforced = True
        with self.client() as client:
            for old in (False, True):
                if old:
                    del client._transport._http.headers["X-Error-Format"]
                self.tour(client)
        self.assertEqual(seen, {200, 202, 204, 400, 401, 410, 429})

    def test_what_is_not_as_described_is_found(self):
        """Each kind of deviation, so that the watch cannot be blind."""
        contract = contract_of_ksef()
        challenge = {
            "challenge": "20261123-CR-0000000000-0000000000-00",
            "timestamp": NOW.isoformat(),
            "timestampMs": 1,
            "clientIp": "127.0.0.1",
        }

        def problems(method="POST", path="/auth/challenge", status=200, answer=challenge, body=None, query=()):
            data, told = (json.dumps(each).encode() if each is not None else b"" for each in (body, answer))
            headers = {"Content-Type": "application/json"} if data else {}
            request = Request(method, path, dict(query), headers, data, "127.0.0.1")
            return contract.problems(request, Answer(status, told, "application/json"))

        search = {"path": "/certificates/query", "answer": {"certificates": [], "hasMore": False}}
        revocation = {"path": "/certificates/0123456789ABCDEF/revoke", "status": 204, "answer": None}
        listing = {"method": "GET", "path": "/sessions", "answer": {"sessions": [], "continuationToken": None}}
        for fine in (
            {},
            search | {"body": {}, "query": [("pageSize", "10")]},
            revocation | {"body": {"revocationReason": "Superseded"}},
            listing | {"query": [("sessionType", "Online"), ("statuses", "Failed")]},
        ):
            self.assertEqual(problems(**fine), [])
        for found, values in {
            "no such call": {"path": "/auth/riddle"},
            "PUT /auth/challenge 200: no such call": {"method": "PUT"},
            "this status is not foreseen": {"status": 203},
            "'timestamp' is a required property": {"answer": {"challenge": challenge["challenge"]}},
            "'1' is not of type 'integer'": {"answer": challenge | {"timestampMs": "1"}},
            "'23.11.2026' is not a 'date-time'": {"answer": challenge | {"timestamp": "23.11.2026"}},
            "'hint' was unexpected": {"answer": challenge | {"hint": "other"}},
            "content of type application/json is not foreseen": revocation | {"answer": {}},
            "parameter page is not foreseen": {"query": [("page", "1")]},
            "parameter sessionType is missing": listing,
            "parameter pageSize: $: 7 is less than the minimum of 10": search
            | {"body": {}, "query": [("pageSize", "7")]},
            "parameter pageSize: $: 'all' is not of type": search | {"body": {}, "query": [("pageSize", "all")]},
            "parameter statuses: $[0]: 'Lost' is not one of": listing
            | {"query": [("sessionType", "Online"), ("statuses", "Lost")]},
            "content is missing": search,
            "'Boredom' is not valid under any": revocation | {"body": {"revocationReason": "Boredom"}},
            "'reason' was unexpected": revocation | {"body": {"reason": "Superseded"}},
        }.items():
            with self.subTest(found):
                self.assertIn(found, " ".join(problems(**values)))

    def tour(self, client):
        client.log_in()
        client.rate_limits()
        client._call("GET", "/limits/context")
        client._with_public_key(lambda key: key)
        key, serial = self.enrolled(client)
        client.certificates([serial])
        list(client.certificate_records(type="Offline", expiresAfter=NOW.isoformat()))
        client.revoke_certificate(serial)
        for call in (
            lambda: client.revoke_certificate(serial),
            lambda: client.revoke_certificate("0" * 16),
            lambda: client.enrollment("0" * 36),
            lambda: client.enroll("Offline 2026", "Offline", build_csr(SubjectData("Inna", "PL"), key)),
        ):
            with self.assertRaises(errors.RequestRefused):
                call()
        for _number in range(12):
            client.certificate_limits()
        client._call("GET", "/auth/sessions")
        client._call("GET", "/limits/subject")
        client._access = Token("no token", client._access.valid_until)
        client.certificate_limits()
        self.clock.move(days=31)
        with self.assertRaises(errors.NoLongerAvailable):
            client.enrollment(next(iter(self.simulator.state.enrollments)))
        client.log_out()
