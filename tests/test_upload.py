import base64
import hashlib
from datetime import datetime, timezone

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, freeze_time

from .common import NOW, PASSWORD, KsefOfflineCommon


@freeze_time(NOW)
class TestUpload(KsefOfflineCommon):
    def form(self, key_file, certificate_file, password=PASSWORD, user=None, **values):
        form = Form(self.env["l10n_pl_ksef.certificate.upload"].with_user(user or self.manager))
        form.name = "Offline 2026"
        form.key_file = base64.b64encode(key_file) if key_file else False
        form.certificate_file = base64.b64encode(certificate_file) if certificate_file else False
        form.password = password
        for name, value in values.items():
            form[name] = value
        return form

    def test_shows_what_it_read_and_adds_it(self):
        issued = self.issued(serial=0x01F20A5D352AE590)
        form = self.form(issued.key_file(PASSWORD), issued.certificate_file())
        self.assertIn("Zakład Łączności", form.common_name)
        self.assertEqual(form.serial_number, "01F20A5D352AE590")
        self.assertEqual(form.key_type, "EC P-256")
        self.assertEqual(form.valid_to, datetime(2028, 2, 1))
        self.assertFalse(form.owner_warning)
        action = form.save().action_add()
        certificate = self.env["l10n_pl_ksef.certificate"].with_user(self.manager).browse(action["res_id"])
        self.assertEqual(certificate.serial_number, "01F20A5D352AE590")
        self.assertEqual(certificate.identifier, "5795955811")
        self.assertEqual(certificate.status, "unconfirmed")
        self.assertEqual(certificate.fingerprint, hashlib.sha256(issued.certificate_der()).hexdigest())

    def test_nothing_is_shown_before_it_can_be_read(self):
        issued = self.issued()
        form = self.form(issued.key_file(PASSWORD), None)
        for problem in ("key_problem", "certificate_problem", "password_problem"):
            self.assertFalse(form[problem])

    def test_a_pkcs12_file_alone_is_enough(self):
        issued = self.issued()
        form = self.form(None, issued.pkcs12(PASSWORD))
        self.assertTrue(form.serial_number)
        form.save().action_add()

    def test_a_pkcs12_file_may_hold_the_certificate_alone(self):
        """Its key is here already; its password is asked for once."""
        issued = self.issued()
        lone_key = self.form(issued.key_file(PASSWORD), None).save().action_add()
        file = pkcs12.serialize_key_and_certificates(
            None, None, None, [issued.certificate], BestAvailableEncryption(PASSWORD.encode())
        )
        form = self.form(None, file)
        self.assertFalse(form.password_problem)
        self.assertEqual(form.save().action_add()["res_id"], lone_key["res_id"])

    def test_problems_stand_beside_their_field_and_nothing_is_stored(self):
        good, other = self.issued(), self.issued()
        key, certificate = good.key_file(PASSWORD), good.certificate_file()
        old = self.issued(
            not_before=datetime(2024, 1, 1, tzinfo=timezone.utc), not_after=datetime(2026, 1, 1, tzinfo=timezone.utc)
        )
        early = self.issued(not_before=datetime(2027, 1, 1, tzinfo=timezone.utc))
        login = self.issued(usage="authentication")
        curve = self.issued(key=ec.generate_private_key(ec.SECP384R1()))
        for what, field, words, files in (
            ("wrong password", "password_problem", "password", (key, certificate, "wrong")),
            ("no password", "password_problem", "password", (key, certificate, "")),
            ("mismatch", "certificate_problem", "belong", (other.key_file(PASSWORD), certificate, PASSWORD)),
            (
                "expired",
                "certificate_problem",
                "01/01/2026",
                (old.key_file(PASSWORD), old.certificate_file(), PASSWORD),
            ),
            (
                "not yet valid",
                "certificate_problem",
                "01/01/2027",
                (early.key_file(PASSWORD), early.certificate_file(), PASSWORD),
            ),
            (
                "authentication certificate",
                "certificate_problem",
                "Podpis linku",
                (login.key_file(PASSWORD), login.certificate_file(), PASSWORD),
            ),
            (
                "other curve",
                "key_problem",
                "P-384|secp384r1",
                (curve.key_file(PASSWORD), curve.certificate_file(), PASSWORD),
            ),
            ("not a key", "key_problem", "not a private key", (b"\x00\x01garbage", certificate, PASSWORD)),
            ("not a certificate", "certificate_problem", "not a certificate", (key, b"%PDF-1.4 an invoice", PASSWORD)),
            ("too large", "certificate_problem", "64", (key, b"A" * 100_000, PASSWORD)),
        ):
            with self.subTest(what):
                form = self.form(*files)
                shown = {name: form[name] for name in ("key_problem", "certificate_problem", "password_problem")}
                self.assertEqual([name for name, problem in shown.items() if problem], [field], shown)
                self.assertRegex(shown[field], words)
                self.assertFalse(form.serial_number)
                with self.assertRaises(UserError) as caught, self.env.cr.savepoint():
                    form.save()
                self.assertIn(shown[field], str(caught.exception))
        self.env.cr.execute("SELECT count(*) FROM l10n_pl_ksef_certificate_upload")
        self.assertEqual(self.env.cr.fetchone(), (0,))
        self.assertFalse(self.env["l10n_pl_ksef.certificate"].search([("company_id", "=", self.company.id)]))

    def test_another_owner_must_be_confirmed(self):
        for what, owner, words in (
            ("person", {"pesel": "80010112342"}, "belongs to a person"),
            ("another company", {"nip": "5265877635"}, "5265877635"),
        ):
            with self.subTest(what):
                issued = self.issued(**owner)
                form = self.form(issued.key_file(PASSWORD), issued.certificate_file())
                self.assertIn(words, form.owner_warning)
                with self.assertRaisesRegex(UserError, "Tick the box"), self.env.cr.savepoint():
                    form.save()
                form.owner_confirmed = True
                form.save().action_add()

    def test_names_as_ksef_has_them(self):
        for name in ("abcd", "x" * 101, "    a    "):
            issued = self.issued()
            form = self.form(issued.key_file(PASSWORD), issued.certificate_file())
            form.name = name
            with self.subTest(name), self.assertRaisesRegex(UserError, "5 to 100"), self.env.cr.savepoint():
                form.save()

    def test_who_may(self):
        issued = self.issued()
        with self.assertRaises(AccessError):
            self.form(issued.key_file(PASSWORD), issued.certificate_file(), user=self.accountant)
        certificate = self.upload(issued)
        self.assertEqual(certificate.with_user(self.accountant).status, "unconfirmed", "accountants see it")
        for user in (self.accountant, self.manager):
            for attempt in (
                lambda mine: mine.write({"name": "Other name"}),
                lambda mine: mine.read(["private_key"]),
                lambda mine: mine.search([("private_key", "like", "1%")]),
                lambda mine: mine.copy(),
            ):
                with self.subTest(user=user.login), self.assertRaises(AccessError):
                    attempt(certificate.with_user(user))
