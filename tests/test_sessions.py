import base64
import hashlib
import json
import logging
import os
import tempfile
import time
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import unquote

import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from odoo.addons import l10n_pl_edi

from ..devtools.ksef_simulator import (
    JSON,
    AnswerInstead,
    CutAnswer,
    CutAnswerAt,
    CutRequest,
    LoseAnswer,
    SlowAnswer,
)
from ..ksef import errors
from ..ksef.api import packages, rejections, sessions, transport
from ..ksef.api.sessions import InvoiceCode, SessionCode
from ..ksef.codes import links, numbers
from .test_api import NIP, NOW, ApiCase

TODAY, YESTERDAY = date(2026, 11, 23), date(2026, 11, 22)
BUYER = "1111111111"
INVOICE = """<?xml version="1.0" encoding="UTF-8"?>
<Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/">
  <Naglowek>
    <KodFormularza kodSystemowy="FA (3)" wersjaSchemy="1-0E">FA</KodFormularza>
    <WariantFormularza>3</WariantFormularza>
    <DataWytworzeniaFa>2026-11-23T10:00:00Z</DataWytworzeniaFa>
  </Naglowek>
  <Podmiot1>
    <DaneIdentyfikacyjne><NIP>{seller}</NIP><Nazwa>Próba Łódź Sp. z o.o.</Nazwa></DaneIdentyfikacyjne>
    <Adres><KodKraju>PL</KodKraju><AdresL1>ul. Żółta 7/9, 90-001 Łódź</AdresL1></Adres>
  </Podmiot1>
  <Podmiot2>
    <DaneIdentyfikacyjne><NIP>1111111111</NIP><Nazwa>Nabywca</Nazwa></DaneIdentyfikacyjne>
    <JST>2</JST>
    <GV>2</GV>
  </Podmiot2>
  <Fa>
    <KodWaluty>PLN</KodWaluty>
    <P_1>{issued}</P_1>
    <P_2>{number}</P_2>
    <P_13_1>100.00</P_13_1>
    <P_14_1>23.00</P_14_1>
    <P_15>123.00</P_15>
    <Adnotacje>
      <P_16>2</P_16>
      <P_17>2</P_17>
      <P_18>2</P_18>
      <P_18A>2</P_18A>
      <Zwolnienie><P_19N>1</P_19N></Zwolnienie>
      <NoweSrodkiTransportu><P_22N>1</P_22N></NoweSrodkiTransportu>
      <P_23>2</P_23>
      <PMarzy><P_PMarzyN>1</P_PMarzyN></PMarzy>
    </Adnotacje>
    <RodzajFaktury>{kind}</RodzajFaktury>
  </Fa>
</Faktura>
"""


def invoice(number="FV/2026/11/1", issued=TODAY, seller=NIP, kind="VAT"):
    return INVOICE.format(number=number, issued=issued, seller=seller, kind=kind).encode()


def common_types():
    """Return the names that FA(3) uses of the ministry's file of common types, which is no part of Odoo."""
    bases = {"TData": "date", "TDataCzas": "dateTime", "TNaturalny": "nonNegativeInteger"}
    names = "TAdresEmail TKodKraju TNrIdentyfikacjiPodatkowej TNrKRS TNrNIP TNrREGON TTekstowy TWybor1 TWybor1_2"
    types = "".join(
        f'<xsd:simpleType name="{name}"><xsd:restriction base="xsd:{base}"/></xsd:simpleType>'
        for name, base in (dict.fromkeys([*names.split(), "TWybor1_3"], "string") | bases).items()
    )
    namespace = "http://crd.gov.pl/xml/schematy/dziedzinowe/mf/2022/01/05/eD/DefinicjeTypy/"
    return (
        f'<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="{namespace}">{types}</xsd:schema>'
    )


def sha256(data):
    return hashlib.sha256(data).digest()


class SessionCase(ApiCase):
    """A company that sends invoices, and a KSeF that is done with each at once unless it is told to take longer."""

    def setUp(self):
        super().setUp()
        self.simulator.state.settings.login_polls = self.simulator.state.settings.invoice_polls = 0
        self.ksef = self.client()

    def sent(self, xml, session=None, **options):
        """Send an invoice and return what KSeF says of it."""
        session = session or self.ksef.open_interactive()
        return self.ksef.invoice(session.reference, self.ksef.send(session, xml, **options))

    def rejected(self, xml, code, sentence="", **options):
        status = self.sent(xml, **options)
        self.assertEqual(status.code, code, status)
        self.assertIsNone(status.ksef_number)
        self.assertIn(sentence, " ".join(status.details))
        return status

    def raw_send(self, session, **changes):
        """Send an invoice with a request of one's own."""
        xml = invoice()
        encrypted = packages.encrypt(xml, session.key, session.iv)
        body = {
            "invoiceHash": packages.base64_sha256(xml),
            "invoiceSize": len(xml),
            "encryptedInvoiceHash": packages.base64_sha256(encrypted),
            "encryptedInvoiceSize": len(encrypted),
            "encryptedInvoiceContent": packages.to_base64(encrypted),
        } | changes
        path = f"/sessions/online/{session.reference}/invoices"
        return self.ksef._call("POST", path, lambda answer: answer["referenceNumber"], json=body)


class TestInteractive(SessionCase):
    def test_from_opening_to_the_number(self):
        self.simulator.state.settings.invoice_polls = 2
        session = self.ksef.open_interactive()
        self.assertEqual(session.valid_until, NOW + timedelta(hours=12))
        self.assertEqual(self.ksef.session(session.reference).code, SessionCode.OPEN)
        xml = invoice("FV/2026/11/ŻÓŁW & 1".replace("&", "&amp;"))
        reference = self.ksef.send(session, xml)
        for _poll in range(2):
            status = self.ksef.invoice(session.reference, reference)
            self.assertEqual((status.code, status.ksef_number), (InvoiceCode.AT_WORK, None))
            self.assertTrue(status.is_pending)
        self.clock.move(minutes=1)
        status = self.ksef.invoice(session.reference, reference)
        self.assertTrue(status.is_accepted)
        self.assertEqual(status.ksef_number[:20], f"{NIP}-20261123-")
        numbers.check(status.ksef_number)
        self.assertEqual(status.number, "FV/2026/11/ŻÓŁW & 1")
        self.assertEqual((status.reference, status.ordinal, status.sha256), (reference, 1, sha256(xml)))
        self.assertEqual((status.invoicing_date, status.acquisition_date), (NOW, NOW + timedelta(minutes=1)))
        self.assertIsNone(status.permanent_storage_date)
        self.assertIsNone(status.file_name)
        self.clock.move(minutes=1)
        status = self.ksef.invoice(session.reference, reference)
        self.assertGreater(status.permanent_storage_date, status.acquisition_date)
        (stored,) = self.simulator.state.invoices.values()
        self.assertEqual(stored.xml, xml)

    def test_session_goes_on_from_stored_data_in_another_process(self):
        session = self.ksef.open_interactive()
        self.ksef.send(session, invoice("1"))
        stored = {"reference": session.reference, "key": session.key, "iv": session.iv, "until": session.valid_until}
        again = sessions.InteractiveSession(stored["reference"], stored["key"], stored["iv"], stored["until"])
        other = self.client()
        other.send(again, invoice("2"))
        self.simulator.restart()
        other.send(again, invoice("3"))
        other.close_interactive(again.reference)
        self.assertEqual([status.number for status in self.ksef.session_invoices(again.reference)], ["1", "2", "3"])
        self.assertEqual(self.ksef.session(again.reference).accepted, 3)

    def test_session_to_its_end(self):
        for numbers_, code in ((["1", "2"], 200), ([], 440), (["1"], 445)):
            with self.subTest(code):
                session = self.ksef.open_interactive()
                self.simulator.state.settings.invoice_polls = 1
                for number in numbers_:
                    self.ksef.send(session, invoice(number))
                self.ksef.close_interactive(session.reference)
                if numbers_:
                    status = self.ksef.session(session.reference)
                    self.assertEqual(status.code, SessionCode.CLOSED)
                    self.assertTrue(status.is_pending)
                status = self.ksef.session(session.reference)
                self.assertEqual(status.code, code)
                self.assertFalse(status.is_pending)
                self.assertEqual(status.invoices or 0, len(numbers_))

    def test_session_lasts_twelve_hours(self):
        session = self.ksef.open_interactive()
        self.ksef.send(session, invoice())
        self.clock.move(hours=12)
        with self.refused(errors.SessionEnded, 21180):
            self.ksef.send(session, invoice("2"))
        with self.refused(errors.SessionEnded, 21180):
            self.ksef.close_interactive(session.reference)
        self.assertEqual(self.ksef.session(session.reference).code, 200)

    def test_closed_session_takes_nothing(self):
        session = self.ksef.open_interactive()
        self.ksef.close_interactive(session.reference)
        with self.refused(errors.SessionEnded, 21180) as caught:
            self.ksef.send(session, invoice())
        self.assertIn("Status sesji 440", str(caught.exception))

    def test_limit_of_invoices(self):
        self.simulator.state.settings.session_invoice_limit = 2
        session = self.ksef.open_interactive()
        for number in "12":
            self.ksef.send(session, invoice(number))
        with self.refused(errors.SessionEnded, 21155):
            self.ksef.send(session, invoice("3"))

    def test_session_that_ksef_does_not_find(self):
        session = self.ksef.open_interactive()
        other = self.client(self.issued(nip=BUYER), BUYER)
        for call in (
            lambda: other.send(session, invoice()),
            lambda: other.close_interactive(session.reference),
            lambda: other.session(session.reference),
            lambda: list(other.session_invoices("0" * 36)),
        ):
            with self.refused(errors.SessionUnavailable, 21173):
                call()
        self.simulator.state.unavailable_sessions.add(session.reference)
        with self.refused(errors.SessionUnavailable, 21184):
            self.ksef.send(session, invoice())

    def test_invoice_that_ksef_does_not_know(self):
        with self.refused(errors.RequestRefused, 21405):
            self.ksef.invoice(self.ksef.open_interactive().reference, "0" * 36)

    def test_permission_to_issue_is_needed(self):
        self.simulator.state.permissions[("Nip", NIP), ("Nip", BUYER)] = {"InvoiceRead"}
        reader = self.client(self.issued(nip=BUYER))
        with self.refused(errors.PermissionMissing, "missing-permissions"):
            reader.open_interactive()

    def test_pages(self):
        session = self.ksef.open_interactive()
        for number in range(25):
            self.ksef.send(session, invoice(str(number), TODAY if number % 5 else TODAY + timedelta(days=1)))
        self.patch(sessions, "_PAGE_SIZE", 10)
        self.calls.clear()
        statuses = list(self.ksef.session_invoices(session.reference))
        self.assertEqual([status.ordinal for status in statuses], list(range(1, 26)))
        self.assertEqual(len(self.calls), 3)
        path = f"/sessions/{session.reference}/invoices"
        with self.refused(errors.RequestRefused, 21418):
            self.ksef._call("GET", path, dict, headers={"x-continuation-token": "?"})

    def test_page_that_leads_to_itself(self):
        session = self.ksef.open_interactive()
        self.simulator.faults.plan(AnswerInstead(200, b'{"invoices": [], "continuationToken": "A"}', JSON), times=2)
        with self.assertRaises(errors.AnswerUnreadable):
            list(self.ksef.session_invoices(session.reference))

    def test_pages_start_late(self):
        """A generator asks for a page when it is needed, not before."""
        session = self.ksef.open_interactive()
        self.calls.clear()
        self.ksef.session_invoices(session.reference)
        self.assertEqual(self.calls, [])

    def test_answer_of_tomorrows_ksef(self):
        body = (
            b'{"referenceNumber": "R", "ordinalNumber": 1, "invoiceHash": "AAAA", "status": {"code": 777, "new": {},'
            b'"description": "?", "details": null, "extensions": null}, "invoicingDate": "2026-11-23T11:00:00Z",'
            b'"invoicingMode": null, "new": 1}'
        )
        self.ksef.log_in()
        self.simulator.faults.plan(AnswerInstead(200, body, JSON))
        status = self.ksef.invoice("S", "R")
        self.assertEqual((status.code, status.extensions, status.invoicing_mode), (777, {}, None))
        self.assertFalse(status.is_pending or status.is_accepted)

    def test_representation_holds_no_key(self):
        session = self.ksef.open_interactive()
        for secret in (session.key, session.iv):
            self.assertNotIn(repr(secret), repr(session))


class TestEncryption(SessionCase):
    def test_replaced_public_key(self):
        self.ksef.open_interactive()
        self.simulator.state.rotate_service_keys()
        self.calls.clear()
        self.assertTrue(self.sent(invoice(), self.ksef.open_interactive()).is_accepted)
        self.assertEqual(self.calls.count("POST /sessions/online"), 2)
        self.assertEqual(self.calls.count("GET /security/public-key-certificates"), 1)

    def test_key_that_ksef_cannot_decrypt(self):
        public_key = rsa.generate_private_key(65537, 2048).public_key()
        real = self.ksef._public_key
        self.patch(self.ksef, "_public_key", lambda: replace(real(), key=public_key))
        session = self.ksef.open_interactive()
        self.assertEqual(self.ksef.session(session.reference).code, 415)
        with self.refused(errors.SessionEnded, 21180):
            self.ksef.send(session, invoice())

    def test_invoice_under_another_key_or_vector(self):
        session = self.ksef.open_interactive()
        other = sessions.InteractiveSession(session.reference, os.urandom(32), session.iv, session.valid_until)
        self.assertIn(self.sent(invoice("1"), other).code, (430, 435))
        # Another vector spoils the first block only.
        other = sessions.InteractiveSession(session.reference, session.key, os.urandom(16), session.valid_until)
        self.rejected(invoice("2"), 430, session=other)

    def test_sizes_and_hashes_are_checked(self):
        session = self.ksef.open_interactive()
        refusals = {
            21402: {"encryptedInvoiceSize": 1},
            21403: {"encryptedInvoiceHash": packages.base64_sha256(b"other")},
            21405: {"invoiceHash": "AAAA"},
        }
        for code, change in refusals.items():
            with self.subTest(code), self.refused(errors.RequestRefused, code):
                self.raw_send(session, **change)
        for change in ({"invoiceSize": 1}, {"invoiceHash": packages.base64_sha256(b"other")}):
            with self.subTest(change):
                status = self.ksef.invoice(session.reference, self.raw_send(session, **change))
                self.assertEqual(status.code, 430)

    def test_url_safe_base64_and_missing_padding_are_refused(self):
        session = self.ksef.open_interactive()
        good = packages.base64_sha256(invoice())
        for change in (good.rstrip("="), base64.urlsafe_b64encode(b"\xff" * 32).decode()):
            with self.subTest(change), self.refused(errors.RequestRefused, 21405):
                self.raw_send(session, invoiceHash=change)


class TestJudgement(SessionCase):
    def test_mode(self):
        for issued in (TODAY, YESTERDAY):
            with self.subTest(issued=issued):
                status = self.sent(invoice(f"M{issued}", issued))
                self.assertEqual((status.is_accepted, status.invoicing_mode), (True, "Offline"))

    def test_day_is_polands(self):
        self.clock.moment = datetime(2026, 11, 23, 23, 30, tzinfo=timezone.utc)
        status = self.sent(invoice("2", TODAY + timedelta(days=1)))
        self.assertEqual((status.is_accepted, status.ksef_number[11:19]), (True, "20261124"))

    def test_invoice_of_tomorrow(self):
        self.rejected(invoice(issued=TODAY + timedelta(days=1)), 450, "P_1")

    def test_month_late_is_taken(self):
        self.assertTrue(self.sent(invoice(issued=date(2026, 10, 1))).is_accepted)

    def test_file_that_is_no_invoice(self):
        good = invoice()
        cases = {
            "not XML": (b"invoice", 450),
            "cut": (good[:-5], 450),
            "byte order mark": (b"\xef\xbb\xbf" + good, 450),
            "not UTF-8": (good.decode().encode("cp1250"), 450),
            "processing instruction": (good.replace(b"<Fa>", b"<?a?><Fa>"), 450),
            "document type": (good.replace(b"<Faktura", b"<!DOCTYPE Faktura><Faktura"), 450),
            "other form": (good.replace(b'"FA (3)"', b'"FA (2)"'), 450),
            "other namespace": (good.replace(b"13775", b"12648"), 450),
            "no number": (good.replace(b"<P_2>FV/2026/11/1</P_2>", b""), 450),
            "no date": (good.replace(b"2026-11-23</P_1>", b"2026-11-31</P_1>"), 450),
            "too large": (good.replace(b"</Faktura>", b"<!--" + b" " * (1 << 20) + b"--></Faktura>"), 430),
            "attachment": (good.replace(b"</Faktura>", b"<Zalacznik/></Faktura>"), 415),
        }
        session = self.ksef.open_interactive()
        for name, (xml, code) in cases.items():
            with self.subTest(name):
                self.rejected(xml, code, session=session)
        self.assertEqual(self.simulator.state.invoices, {})

    def test_schema(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "StrukturyDanych_v10-0E.xsd").write_text(common_types())
            settings = self.simulator.state.settings
            settings.schema_folder = folder
            path = Path(l10n_pl_edi.__file__).parent / "data" / "fa3_schema.xsd"
            for number, settings.schema in enumerate((path, path.read_bytes())):
                with self.subTest(number):
                    status = self.sent(invoice(str(number)))
                    self.assertEqual((status.code, status.details), (200, ()))
                    wrong = invoice("wrong").replace(b"<P_15>123.00</P_15>", b"<P_15>a lot</P_15>")
                    self.rejected(wrong, 450, "P_15")
                    self.rejected(invoice("wrong").replace(b"<P_15>123.00</P_15>", b""), 450, "Adnotacje")

    def test_seller_that_is_not_the_context(self):
        xml = invoice(seller=BUYER)
        self.rejected(xml, 410)
        self.simulator.state.sellers["Nip", NIP] = {BUYER}
        self.assertTrue(self.sent(xml).is_accepted)

    def test_duplicate(self):
        session = self.ksef.open_interactive()
        first = self.sent(invoice(), session)
        again = invoice().replace(b"Nabywca", b"Odbiorca")
        for xml, issued in ((invoice(), "the same"), (again, "another one of the same number")):
            with self.subTest(issued):
                status = self.rejected(xml, rejections.DUPLICATE, first.ksef_number)
                self.assertEqual(
                    status.extensions,
                    {
                        "originalSessionReferenceNumber": session.reference,
                        "originalKsefNumber": first.ksef_number,
                    },
                )
        for xml in (invoice(kind="ZAL"), invoice("FV/2026/11/2")):
            self.assertTrue(self.sent(xml).is_accepted)

    def test_rejected_invoice_leaves_its_number_free(self):
        self.rejected(invoice(issued=TODAY + timedelta(days=1)), 450)
        self.assertTrue(self.sent(invoice()).is_accepted)

    def test_failure_of_ksefs_own(self):
        for code in (500, 550):
            with self.subTest(code):
                xml = invoice(str(code))
                self.simulator.state.outcomes[sha256(xml)] = code
                self.rejected(xml, code)
                self.assertTrue(self.sent(xml).is_accepted)


class TestTechnicalCorrection(SessionCase):
    def setUp(self):
        super().setUp()
        self.bad = invoice().replace(b"<WariantFormularza>3", b"<WariantFormularza>4")

    def kod_i(self, xml):
        link = links.kod_i("test", NIP, TODAY, sha256(xml))
        return requests.get(link.replace("https://qr-test.ksef.mf.gov.pl", self.simulator.qr_url), timeout=5).text

    def test_takes_the_place_of_a_rejected_invoice(self):
        self.rejected(self.bad, 450)
        self.assertIn("no invoice with this hash", self.kod_i(self.bad))
        status = self.sent(invoice(), corrected_sha256=sha256(self.bad))
        self.assertEqual((status.code, status.invoicing_mode), (200, "Offline"))
        for xml in (self.bad, invoice()):
            self.assertNotIn("Nie:", self.kod_i(xml))

    def test_of_an_invoice_that_ksef_never_saw(self):
        self.assertTrue(self.sent(invoice(), corrected_sha256=sha256(self.bad)).is_accepted)

    def test_second_one_is_refused(self):
        self.sent(invoice(), corrected_sha256=sha256(self.bad))
        with self.refused(errors.CorrectionRefused, 21166):
            self.sent(invoice("2"), corrected_sha256=sha256(self.bad))

    def test_of_an_accepted_invoice_is_refused(self):
        self.sent(invoice())
        with self.refused(errors.CorrectionRefused, 21167):
            self.sent(invoice("2"), corrected_sha256=sha256(invoice()))

    def test_second_one_while_the_first_is_at_work(self):
        self.simulator.state.settings.invoice_polls = 1
        session = self.ksef.open_interactive()
        for number in "12":
            self.ksef.send(session, invoice(number), corrected_sha256=sha256(self.bad))
        self.ksef.close_interactive(session.reference)
        self.ksef.session(session.reference)
        self.assertEqual(self.ksef.session(session.reference).accepted, 2)


class TestUpo(SessionCase):
    def setUp(self):
        super().setUp()
        self.session = self.ksef.open_interactive()

    def document(self, upo):
        """Return {name: value} of the one invoice that an UPO confirms."""
        (document,) = etree.fromstring(upo).iterfind("{*}Dokument")
        return {etree.QName(element).localname: element.text for element in document}

    def test_confirms_the_invoice(self):
        status = self.sent(invoice(), self.session)
        document = self.document(self.ksef.upo(self.session.reference, status.reference))
        self.assertEqual(document["NumerKSeFDokumentu"], status.ksef_number)
        self.assertEqual(document["SkrotDokumentu"], packages.base64_sha256(invoice()))
        self.assertEqual(document["TrybWysylki"], "Offline")

    def test_none_yet_and_none_ever(self):
        self.simulator.state.settings.invoice_polls = 1
        for xml in (invoice(), invoice("2", TODAY + timedelta(days=1))):
            reference = self.ksef.send(self.session, xml)
            with self.refused(errors.UpoMissing, 21178):
                self.ksef.upo(self.session.reference, reference)
        for _poll in range(2):
            list(self.ksef.session_invoices(self.session.reference))
        with self.refused(errors.UpoMissing, 21178):
            self.ksef.upo(self.session.reference, reference)

    def test_of_a_session(self):
        for number in "12":
            self.ksef.send(self.session, invoice(number))
        self.assertEqual(self.ksef.session(self.session.reference).upo_references, ())
        self.ksef.close_interactive(self.session.reference)
        (reference,) = self.ksef.session(self.session.reference).upo_references
        upo = etree.fromstring(self.ksef.session_upo(self.session.reference, reference))
        self.assertEqual([element.text for element in upo.iterfind(".//{*}NumerFaktury")], ["1", "2"])
        with self.refused(errors.UpoMissing, 21178):
            self.ksef.session_upo(self.session.reference, "0" * 36)

    def test_damaged_on_the_way(self):
        status = self.sent(invoice(), self.session)
        headers = {"x-ms-meta-hash": packages.base64_sha256(b"<other/>")}
        for fault in (
            AnswerInstead(200, b"<Potwierdzenie/>", "application/xml", headers),
            AnswerInstead(200, b"", "application/xml"),
            AnswerInstead(200),
            AnswerInstead(200, b"{}", JSON),
        ):
            self.simulator.faults.plan(fault)
            with self.assertRaises(errors.AnswerUnreadable):
                self.ksef.upo(self.session.reference, status.reference)

    def test_answer_lost(self):
        status = self.sent(invoice(), self.session)
        for fault in (LoseAnswer(), CutAnswerAt(0.9), AnswerInstead(503), SlowAnswer(60)):
            self.ksef._transport._timeout = 0.1 if isinstance(fault, SlowAnswer) else 5
            self.simulator.faults.plan(fault)
            with self.assertRaises(errors.KsefUnreachable):
                self.ksef.upo(self.session.reference, status.reference)

    def test_login_that_has_ended(self):
        status = self.sent(invoice(), self.session)
        self.simulator.state.tokens.clear()
        self.assertTrue(self.ksef.upo(self.session.reference, status.reference))

    def test_storage_gives_the_same_to_who_has_the_address(self):
        status = self.sent(invoice(), self.session)
        path = f"/sessions/{self.session.reference}/invoices/{status.reference}"
        url = self.ksef._call("GET", path, lambda body: body["upoDownloadUrl"])
        expected = self.ksef.upo(self.session.reference, status.reference)
        self.assertEqual(requests.get(url, timeout=5).content, expected)
        self.assertEqual(requests.get(url.replace("sig=", "sig=A"), timeout=5).status_code, 403)
        self.clock.move(days=3)
        self.assertEqual(requests.get(url, timeout=5).status_code, 403)


class TestBatch(SessionCase):
    def package(self, xmls, key_and_iv=None, **options):
        files = ((f"{number:05}.xml", xml) for number, xml in enumerate(xmls, 1))
        package = packages.build_package(files, *(key_and_iv or packages.new_key()), **options)
        self.addCleanup(package.close)
        return package

    def open(self, xmls, **options):
        """Return an open session and its package."""
        package = self.package(xmls, **options)
        return self.ksef.open_batch(package), package

    def send_batch(self, xmls, **options):
        session, package = self.open(xmls, **options)
        for upload in session.uploads:
            self.ksef.upload_part(upload, package)
        self.ksef.close_batch(session.reference)
        return session

    def simulated(self, session):
        return self.simulator.state.sessions[session.reference]

    def test_three_hundred_invoices(self):
        xmls = [invoice(f"FV/{number}") for number in range(300)]
        self.simulator.state.settings.invoice_polls = 1
        self.simulator.state.settings.rate_limits_enforced = True
        self.ksef.log_in()
        self.simulator.state.numbers.clear()
        self.calls.clear()
        session = self.send_batch(xmls)
        self.assertEqual(self.ksef.session(session.reference).code, SessionCode.AT_WORK)
        status = self.ksef.session(session.reference)
        self.assertEqual((status.code, status.invoices, status.accepted), (SessionCode.DONE, 300, 300))
        found = {status.sha256: status for status in self.ksef.session_invoices(session.reference)}
        self.assertEqual(found.keys(), set(map(sha256, xmls)))
        status = found[sha256(xmls[41])]
        self.assertEqual((status.file_name, status.ordinal, status.invoicing_mode), ("00042.xml", 42, "Offline"))
        self.assertIn(status.ksef_number.encode(), self.ksef.upo(session.reference, status.reference))
        self.assertLessEqual(len(self.calls), 8)

    def test_invoice_is_what_was_packed_byte_for_byte(self):
        xml = invoice().replace(b"\n", b"\r\n")
        self.send_batch([xml])
        self.assertEqual(self.simulator.state.invoices[sha256(xml)].xml, xml)

    def test_parts(self):
        noise = [invoice(str(number)).replace(b"Nabywca", os.urandom(100).hex().encode()) for number in range(20)]
        session, package = self.open(noise, part_size=1000)
        self.assertGreater(len(session.uploads), 3)
        for upload in reversed(session.uploads):
            self.ksef.upload_part(upload, package)
        self.ksef.close_batch(session.reference)
        self.assertEqual(self.ksef.session(session.reference).accepted, 20)

    def test_some_are_rejected(self):
        tomorrow = TODAY + timedelta(days=1)
        session = self.send_batch([invoice("1"), invoice("2", tomorrow), invoice("1"), b"<a/>"])
        status = self.ksef.session(session.reference)
        self.assertEqual((status.code, status.accepted, status.rejected), (200, 1, 3))
        found = self.ksef.session_invoices(session.reference)
        self.assertEqual([status.code for status in found], [200, 450, 440, 450])
        status = self.sent(invoice("2"), corrected_sha256=sha256(invoice("2", tomorrow)))
        self.assertTrue(status.is_accepted)

    def test_all_are_rejected(self):
        session = self.send_batch([b"<a/>"])
        self.assertEqual(self.ksef.session(session.reference).code, 445)

    def test_nothing_is_lost_when_the_worker_is_killed(self):
        xmls = [invoice(str(number)).replace(b"Nabywca", os.urandom(100).hex().encode()) for number in range(10)]
        session, package = self.open(xmls, part_size=2000)
        stored = {
            "key": package.key,
            "iv": package.iv,
            "reference": session.reference,
            "uploads": json.dumps([vars(upload) for upload in session.uploads]),
        }
        self.ksef.upload_part(session.uploads[0], package)
        package.close()
        self.simulator.restart()
        ksef = self.client()
        package = self.package(xmls, (stored["key"], stored["iv"]), part_size=2000)
        for values in json.loads(stored["uploads"]):
            ksef.upload_part(sessions.PartUpload(**values), package)
        ksef.close_batch(stored["reference"])
        self.assertEqual(ksef.session(stored["reference"]).accepted, 10)

    def test_token_and_login_do_not_go_to_the_storage(self):
        seen = []
        self.simulator.observers.append(lambda request, _answer: seen.append((request.method, request.headers)))
        self.send_batch([invoice()])
        ((_method, headers),) = [item for item in seen if item[0] == "PUT"]
        self.assertEqual(headers["x-ms-blob-type"], "BlockBlob")
        self.assertLessEqual(
            set(map(str.lower, headers)),
            {"host", "accept-encoding", "content-length", "x-ms-blob-type", "user-agent"},
        )

    def test_part_goes_up_piece_by_piece(self):
        session, package = self.open([os.urandom(3_000_000)])
        reader = package.open_part(1)
        sizes = []

        def read(size=-1):
            sizes.append(size)
            return type(reader).read(reader, size)

        reader.read = read
        package.open_part = lambda _ordinal: reader
        self.ksef.upload_part(session.uploads[0], package)
        self.assertTrue(all(0 < size <= 1 << 20 for size in sizes), sizes)
        self.assertEqual(len(self.simulated(session).batch_file.parts[1].content), package.parts[0].size)

    def test_header_without_a_value_is_left_out(self):
        upload = {"ordinalNumber": 1, "method": "PUT", "url": "http://127.0.0.1/", "headers": {"a": None, "b": "c"}}
        body = json.dumps({"referenceNumber": "R", "partUploadRequests": [upload]}).encode()
        package = self.package([invoice()])
        self.ksef.open_interactive()
        self.simulator.faults.plan(AnswerInstead(201, body, JSON))
        self.assertEqual(self.ksef.open_batch(package).uploads[0].headers, {"b": "c"})

    def test_package_that_ksef_cannot_open(self):
        def other_content(part, batch_file, package):
            part.content = part.content[:-1] + bytes([part.content[-1] ^ 1])

        def other_padding(part, batch_file, package):
            # A block short: what is last now ends like no padding does.
            part.content = packages.encrypt(bytes(32), package.key, package.iv)[:-16]
            part.size, part.sha256 = len(part.content), sha256(part.content)

        def other_file_hash(part, batch_file, package):
            batch_file.sha256 = sha256(b"")

        def other_archive(part, batch_file, package):
            batch_file.compression = "Zip"

        cases = {other_content: 405, other_padding: 435, other_file_hash: 405, other_archive: 430}
        for change, code in cases.items():
            with self.subTest(change.__name__):
                session, package = self.open([invoice()])
                self.ksef.upload_part(session.uploads[0], package)
                batch_file = self.simulated(session).batch_file
                change(batch_file.parts[1], batch_file, package)
                self.ksef.close_batch(session.reference)
                status = self.ksef.session(session.reference)
                self.assertEqual(status.code, code)
                self.assertFalse(status.is_pending)
                self.assertEqual(list(self.ksef.session_invoices(session.reference)), [])
        self.assertEqual(self.simulator.state.invoices, {})

    def test_too_many_invoices(self):
        self.simulator.state.settings.session_invoice_limit = 2
        session = self.send_batch([invoice(number) for number in "123"])
        self.assertEqual(self.ksef.session(session.reference).code, 420)

    def test_package_that_is_refused_at_once(self):
        package = self.package([invoice()])
        (part,) = package.parts
        cases = {
            21157: [replace(part, size=100_000_017)],
            21161: [replace(part, ordinal=ordinal) for ordinal in range(1, 52)],
            21405: [replace(part, ordinal=2)],
        }
        for code, package.parts in cases.items():
            with self.subTest(code), self.refused(errors.RequestRefused, code):
                self.ksef.open_batch(package)
        package.parts, package.size = (part,), 5_000_000_001
        with self.refused(errors.RequestRefused, 21405):
            self.ksef.open_batch(package)

    def test_replaced_public_key(self):
        self.ksef.open_interactive()
        self.simulator.state.rotate_service_keys()
        self.assertEqual(self.ksef.session(self.send_batch([invoice()]).reference).code, 200)

    def test_closed_too_early(self):
        session, package = self.open([invoice()])
        with self.refused(errors.RequestRefused, 21205):
            self.ksef.close_batch(session.reference)
        self.simulated(session).batch_file.parts[1].content = b"short"
        with self.refused(errors.RequestRefused, 21157):
            self.ksef.close_batch(session.reference)
        self.ksef.upload_part(session.uploads[0], package)
        self.ksef.close_batch(session.reference)
        with self.refused(errors.SessionEnded, 21180):
            self.ksef.close_batch(session.reference)

    def test_too_late(self):
        session, package = self.open([invoice()])
        self.clock.move(minutes=20)
        with self.refused(errors.UploadRefused, 403) as caught:
            self.ksef.upload_part(session.uploads[0], package)
        self.assertIn("AuthenticationFailed", str(caught.exception))
        with self.refused(errors.SessionEnded, 21208):
            self.ksef.close_batch(session.reference)
        self.assertEqual(self.ksef.session(session.reference).code, 440)

    def test_never_closed(self):
        session, package = self.open([invoice()])
        self.ksef.upload_part(session.uploads[0], package)
        self.clock.move(hours=12)
        self.assertEqual(self.ksef.session(session.reference).code, 440)
        with self.refused(errors.SessionEnded, 21208):
            self.ksef.close_batch(session.reference)
        self.assertEqual(self.simulator.state.invoices, {})

    def test_faults_on_the_way_to_the_storage(self):
        session, package = self.open([invoice()])
        (upload,) = session.uploads
        faults = [LoseAnswer(), CutAnswerAt(0.5), CutRequest(0), CutRequest(300), AnswerInstead(500), SlowAnswer(60)]
        faults.append(AnswerInstead(302, headers={"Location": self.simulator.url}))
        for fault in faults:
            self.ksef._transport._timeout = 0.1 if isinstance(fault, SlowAnswer) else 5
            with self.subTest(fault=fault):
                self.simulator.faults.plan(fault, "PUT")
                with self.assertRaises(errors.KsefUnreachable):
                    self.ksef.upload_part(upload, package)
        busy = AnswerInstead(429, headers={"Retry-After": "7"})
        self.simulator.faults.plan(busy, "PUT")
        self.ksef.upload_part(upload, package)
        self.assertEqual(self.clock.slept[-1:], [7])
        self.ksef.close_batch(session.reference)
        self.assertEqual(self.ksef.session(session.reference).code, 200)

    def test_part_that_a_page_of_a_firewall_seems_to_take_is_put_again(self):
        session, package = self.open([invoice()])
        (upload,) = session.uploads
        self.simulator.faults.plan(AnswerInstead(200), "PUT", times=3)
        self.ksef.upload_part(upload, package)
        self.ksef.close_batch(session.reference)
        self.assertEqual(self.ksef.session(session.reference).accepted, 1)
        self.simulator.faults.plan(AnswerInstead(200), "PUT", times=4)
        with self.assertRaises(errors.KsefUnreachable):
            self.ksef.upload_part(upload, package)

    def test_faults_at_opening_and_closing(self):
        for fault in (LoseAnswer(), CutAnswerAt(0.5), CutRequest(10), AnswerInstead(503)):
            with self.subTest(fault=fault):
                self.simulator.faults.plan(fault, "POST", "/sessions/batch")
                with self.assertRaises(errors.KsefUnreachable):
                    self.open([invoice()])
        session, package = self.open([invoice()])
        self.ksef.upload_part(session.uploads[0], package)
        self.simulator.faults.plan(LoseAnswer(), "POST", "/sessions/batch/*/close")
        with self.assertRaises(errors.KsefUnreachable):
            self.ksef.close_batch(session.reference)
        with self.refused(errors.SessionEnded, 21180):
            self.ksef.close_batch(session.reference)
        self.assertEqual(self.ksef.session(session.reference).code, 200)
        self.assertEqual(len(self.simulator.state.invoices), 1)

    def test_no_secret_in_logs_errors_and_representations(self):
        # Odoo's own settings may quieten them
        for name in ("urllib3.connectionpool", transport.__name__):
            chatty = logging.getLogger(name)
            self.addCleanup(chatty.setLevel, chatty.level)
            chatty.setLevel(logging.DEBUG)
        problems = []
        with self.assertLogs(level="DEBUG") as logs:
            session, package = self.open([invoice()])
            (upload,) = session.uploads
            for fault in (LoseAnswer(), CutRequest(10), AnswerInstead(503), AnswerInstead(403), None):
                if fault:
                    self.simulator.faults.plan(fault, "PUT")
                try:
                    self.ksef.upload_part(upload, package)
                except errors.KsefError as error:
                    problems.append(error)
            self.ksef.close_batch(session.reference)
            self.sent(invoice("2"))
        self.assertEqual(len(problems), 4)
        texts = [*logs.output, *map(repr, problems), *map(str, problems), repr(session), repr(upload)]
        secrets = [upload.url.partition("sig=")[2], unquote(upload.url.partition("sig=")[2]), upload.url]
        for secret in (*secrets, repr(package.key), package.key.hex(), *self.simulator.state.tokens):
            for text in texts:
                self.assertNotIn(secret, text)
        self.assertTrue(any("PUT" in text and "201" in text for text in logs.output))
        self.assertTrue(any("urllib3" in text and "/sessions/" in text for text in logs.output))


class TestLostSend(SessionCase):
    """Whatever goes wrong while an invoice is sent: it is known whether KSeF has it, or KSeF can be asked."""

    def setUp(self):
        super().setUp()
        self.session = self.ksef.open_interactive()

    def found(self, xml):
        return [s for s in self.ksef.session_invoices(self.session.reference) if s.sha256 == sha256(xml)]

    def test_answer_lost_after_ksef_took_the_invoice(self):
        faults = {
            "lost": LoseAnswer(),
            "cut in the body": CutAnswer(5),
            **{f"cut at {part}": CutAnswerAt(part) for part in (0, 0.01, 0.1, 0.3, 0.6, 0.9, 0.99)},
        }
        for name, fault in faults.items():
            with self.subTest(name):
                xml = invoice(name)
                self.simulator.faults.plan(fault, "POST", "/sessions/online/*/invoices")
                with self.assertRaises(errors.LostAnswer):
                    self.ksef.send(self.session, xml)
                (status,) = self.found(xml)
                self.assertTrue(status.is_accepted)

    def test_slow_answer_after_ksef_took_the_invoice(self):
        self.ksef._transport._timeout = 0.1
        self.simulator.faults.plan(SlowAnswer(60), "POST", "/sessions/online/*/invoices")
        with self.assertRaises(errors.LostAnswer):
            self.ksef.send(self.session, invoice())
        self.ksef._transport._timeout = 5
        while not self.calls[-1].endswith("/invoices"):
            time.sleep(0.01)
        self.assertEqual(len(self.found(invoice())), 1)

    def test_request_cut_before_ksef_had_all_of_it(self):
        for name, body_bytes in (("at once", 0), ("later", 500), ("at the last byte", 1 << 30)):
            with self.subTest(name):
                self.simulator.faults.plan(CutRequest(body_bytes), "POST", "/sessions/online/*/invoices")
                with self.assertRaises(errors.LostAnswer):
                    self.ksef.send(self.session, invoice(name))
                self.assertEqual(self.found(invoice(name)), [])
                self.assertTrue(self.sent(invoice(name), self.session).is_accepted)

    def test_something_else_answers(self):
        faults = {
            "gateway": AnswerInstead(502),
            "unavailable": AnswerInstead(503),
            "HTML": AnswerInstead(200),
            "nonsense": AnswerInstead(202, b'{"reference": 1}', JSON),
        }
        for name, fault in faults.items():
            with self.subTest(name):
                self.simulator.faults.plan(fault, "POST", "/sessions/online/*/invoices")
                with self.assertRaises(errors.LostAnswer):
                    self.ksef.send(self.session, invoice(name))
                self.assertEqual(self.found(invoice(name)), [])

    def test_ksef_is_gone_before_the_send(self):
        self.ksef._transport._http.close()
        self.simulator.stop()
        with self.assertRaises(errors.KsefUnreachable):
            self.ksef.send(self.session, invoice())
        self.simulator.start()
        self.assertTrue(self.sent(invoice(), self.session).is_accepted)

    def test_other_calls_may_be_made_again(self):
        reference = self.ksef.send(self.session, invoice())
        calls = {
            "open": self.ksef.open_interactive,
            "session": lambda: self.ksef.session(self.session.reference),
            "invoices": lambda: list(self.ksef.session_invoices(self.session.reference)),
            "invoice": lambda: self.ksef.invoice(self.session.reference, reference),
            "close": lambda: self.ksef.close_interactive(self.session.reference),
        }
        for name, call in calls.items():
            for fault in (LoseAnswer(), AnswerInstead(503), CutAnswerAt(0.5), CutRequest(0)):
                if name == "close" and not isinstance(fault, (CutRequest, AnswerInstead)):
                    continue
                with self.subTest(name, fault=fault):
                    self.simulator.faults.plan(fault)
                    with self.assertRaises(errors.KsefUnreachable):
                        call()
            call()

    def test_lost_answer_to_closing(self):
        self.ksef.send(self.session, invoice())
        self.simulator.faults.plan(LoseAnswer())
        with self.assertRaises(errors.KsefUnreachable):
            self.ksef.close_interactive(self.session.reference)
        with self.refused(errors.SessionEnded, 21180):
            self.ksef.close_interactive(self.session.reference)
        self.assertEqual(self.ksef.session(self.session.reference).code, SessionCode.DONE)

    def test_login_that_ends_in_between_costs_no_invoice(self):
        self.simulator.state.tokens.clear()
        self.assertTrue(self.sent(invoice(), self.session).is_accepted)
        self.assertEqual(len(self.found(invoice())), 1)


class TestSendLimits(SessionCase):
    def setUp(self):
        super().setUp()
        self.simulator.state.settings.rate_limits_enforced = True

    def test_thirty_a_minute(self):
        session = self.ksef.open_interactive()
        self.clock.slept.clear()
        for number in range(31):
            self.ksef.send(session, invoice(str(number)))
        self.assertEqual(self.clock.slept, [1, 1, 58])
        self.assertEqual(len(self.simulator.state.sessions[session.reference].invoices), 31)

    def test_hundred_and_eighty_an_hour(self):
        session = self.ksef.open_interactive()
        for number in range(180):
            self.ksef.send(session, invoice(str(number)))
            self.clock.move(seconds=3)
        with self.assertRaises(errors.RateLimited) as caught:
            self.ksef.send(session, invoice("181"))
        self.assertGreater(caught.exception.retry_after, 3000)
        self.assertEqual(len(self.simulator.state.sessions[session.reference].invoices), 180)
        self.clock.move(seconds=caught.exception.retry_after)
        self.ksef.send(session, invoice("181"))


class TestSessionContract(SessionCase):
    """A tour through all calls; that each is as described is watched in every test."""

    def setUp(self):
        super().setUp()
        self.seen = set()
        self.simulator.observers.append(lambda _request, answer: self.seen.add(answer.status))

    def test_interactive(self):
        for old in (False, True):
            if old:
                del self.ksef._transport._http.headers["X-Error-Format"]
            with self.subTest(old=old):
                self.tour_interactive(f"{old:d}")
        self.assertEqual(self.seen, {200, 201, 202, 204, 400, 401, 403})

    def test_batch(self):
        for old in (False, True):
            if old:
                del self.ksef._transport._http.headers["X-Error-Format"]
            with self.subTest(old=old):
                self.tour_batch(f"{old:d}")
        self.assertEqual(self.seen, {200, 201, 202, 204, 400})

    def test_what_our_client_does_not_ask(self):
        """Other clients list sessions and look for invoices: the simulator answers as described, see ``watch``."""
        ksef = self.ksef
        session = ksef.open_interactive()
        for number in range(12):
            ksef.send(session, invoice(f"L{number}"))
        list(ksef.session_invoices(session.reference))
        ksef.close_interactive(session.reference)
        http = {"token": ksef._access.text, "read": lambda body: body}
        call = ksef._transport.call
        listed = call("GET", "/sessions", params={"sessionType": "Online", "statuses": "Succeeded"}, **http)
        self.assertEqual([each["referenceNumber"] for each in listed["sessions"]], [session.reference])
        self.assertEqual(call("GET", "/sessions", params={"sessionType": "Batch"}, **http), {"sessions": []})
        days = {"dateType": "Issue", "from": NOW.isoformat()}
        filters = {"subjectType": "Subject1", "dateRange": days}
        found = call("POST", "/invoices/query/metadata", json=filters, **http)
        self.assertEqual((len(found["invoices"]), found["hasMore"]), (10, True))
        one = found["invoices"][0]
        again = call("POST", "/invoices/query/metadata", json=filters | {"ksefNumber": one["ksefNumber"]}, **http)
        self.assertEqual(again["invoices"], [one])
        self.assertEqual(call("GET", "/limits/context", **http)["collectiveIdentifier"]["maxInvoices"], 5000)

    def tour_batch(self, prefix):
        ksef, state = self.ksef, self.simulator.state
        state.settings.invoice_polls = 1
        for is_closed in (True, False):
            xmls = invoice(f"{prefix}{is_closed}"), invoice(f"{prefix}{is_closed}"), b"<a/>"
            files = [(f"{number}.xml", xml) for number, xml in enumerate(xmls)]
            with packages.build_package(files, *packages.new_key()) as package:
                session = ksef.open_batch(package)
                with self.assertRaises(errors.RequestRefused):
                    ksef.close_batch(session.reference)
                ksef.session(session.reference)
                ksef.upload_part(session.uploads[0], package)
                if is_closed:
                    ksef.close_batch(session.reference)
            ksef.session(session.reference)
            ksef.session(session.reference)
            list(ksef.session_invoices(session.reference))
        self.clock.move(hours=13)
        ksef.session(session.reference)
        with self.assertRaises(errors.SessionEnded):
            ksef.close_batch(session.reference)

    def tour_interactive(self, prefix):
        ksef, state = self.ksef, self.simulator.state
        state.settings.invoice_polls = 1
        session = ksef.open_interactive()
        bad, failed = invoice(f"{prefix}2", TODAY + timedelta(days=1)), invoice(f"{prefix}4")
        state.outcomes[sha256(failed)] = 550
        references = [ksef.send(session, xml) for xml in (invoice(f"{prefix}1"), bad, invoice(f"{prefix}1"), failed)]
        references.append(ksef.send(session, invoice(f"{prefix}3"), corrected_sha256=sha256(bad)))
        ksef.session(session.reference)
        list(ksef.session_invoices(session.reference))
        self.clock.move(minutes=1)
        self.assertEqual([s.code for s in ksef.session_invoices(session.reference)], [200, 450, 440, 550, 200])
        ksef.invoice(session.reference, references[0])
        ksef.upo(session.reference, references[0])
        for call in (
            lambda: ksef.upo(session.reference, references[1]),
            lambda: ksef.send(session, invoice("5"), corrected_sha256=sha256(bad)),
            lambda: ksef.send(session, invoice("5"), corrected_sha256=sha256(invoice(f"{prefix}1"))),
            lambda: ksef.session("0" * 36),
            lambda: ksef.invoice(session.reference, "0" * 36),
        ):
            with self.assertRaises(errors.RequestRefused):
                call()
        ksef.close_interactive(session.reference)
        for call in (lambda: ksef.close_interactive(session.reference), lambda: ksef.send(session, invoice("5"))):
            with self.assertRaises(errors.SessionEnded):
                call()
        (upo,) = ksef.session(session.reference).upo_references
        ksef.session_upo(session.reference, upo)
        empty = ksef.open_interactive()
        ksef.close_interactive(empty.reference)
        self.assertEqual(ksef.session(empty.reference).code, 440)
        state.permissions[("Nip", NIP), ("Nip", BUYER)] = {"InvoiceRead"}
        with self.assertRaises(errors.PermissionMissing):
            self.client(self.issued(nip=BUYER)).open_interactive()
        state.tokens.clear()
        ksef.session(session.reference)
