import base64
import json
import os
from datetime import date, datetime, timedelta, timezone
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import freeze_time
from odoo.tools import SQL

from ..devtools.ksef_simulator import AnswerInstead, LoseAnswer
from ..devtools.scanning import verify
from ..ksef.api import client as api
from ..ksef.codes import links
from ..tools.master_key import ENVIRONMENT_VARIABLE
from .common import NIP, NOW, PASSWORD, KsefSimulatorCommon


@freeze_time(NOW)
class TestCertificateLife(KsefSimulatorCommon):
    """The life of a certificate, with the simulator as KSeF over real HTTP and Odoo's own XAdES signer."""

    def registered(self, **values):
        """Return an uploaded certificate that KSeF knows."""
        issued = self.issued(**values)
        self.ksef.state.register(issued.certificate, "Offline 2026", "Offline", ("Nip", NIP))
        return self.upload(issued).with_user(self.manager)

    def request_wizard(self, **values):
        return self.env["l10n_pl_ksef.certificate.request"].with_user(self.manager).create(values)

    def requested(self, **values):
        action = self.request_wizard(**values).action_request()
        return self.env["l10n_pl_ksef.certificate"].with_user(self.manager).browse(action["res_id"])

    # Upload and status

    def test_update_status(self):
        certificate = self.registered()
        self.assertEqual(certificate.status, "unconfirmed")
        certificate.action_update_status()
        self.assertEqual((certificate.status, certificate.ksef_words), ("active", "Active"))
        self.assertEqual(certificate.checked_at, NOW.replace(tzinfo=None))
        for ended, status in (("Blocked", "blocked"), ("Revoked", "revoked")):
            self.ksef.state.certificates[certificate.serial_number].ended = ended
            certificate.action_update_status()
            self.assertEqual(certificate.status, status)
            self.assertFalse(certificate._usable(self.company, "test"), status)

    def test_what_could_not_be_asked_changes_nothing(self):
        certificate = self.registered()
        certificate.action_update_status()
        login = self.company.l10n_pl_edi_certificate
        for what, words, before, after in (
            ("KSeF is down", "cannot be reached", self.ksef.stop, self.ksef.start),
            (
                "no login",
                "no authentication certificate",
                lambda: self.company.write({"l10n_pl_edi_certificate": False}),
                lambda: self.company.write({"l10n_pl_edi_certificate": login.id}),
            ),
            (
                "another environment",
                "another environment",
                lambda: self.env["ir.config_parameter"].set_param("l10n_pl_edi_ksef.mode", "prod"),
                lambda: self.env["ir.config_parameter"].set_param("l10n_pl_edi_ksef.mode", "test"),
            ),
            (
                "nonsense",
                "is not KSeF",
                lambda: self.ksef.faults.plan(AnswerInstead(200), times=50),
                self.ksef.faults.clear,
            ),
        ):
            with self.subTest(what):
                before()
                action = certificate.action_update_status()
                after()
                self.assertIn(words, certificate.check_problem)
                self.assertIn(words, action["params"]["message"])
                self.assertEqual(certificate.status, "active")
        certificate.action_update_status()
        self.assertFalse(certificate.check_problem)

    def test_a_certificate_of_another_person_is_not_listed(self):
        certificate = self.upload(self.issued(pesel="80010112342"), owner_confirmed=True).with_user(self.manager)
        certificate.action_update_status()
        self.assertIn("another person", certificate.check_problem)
        self.assertEqual(certificate.status, "unconfirmed")
        self.assertEqual(certificate._usable(self.company, "test"), certificate, "it may sign all the same")

    def test_a_key_that_waits_for_its_certificate(self):
        issued, other = self.issued(), self.issued()
        upload = self.env["l10n_pl_ksef.certificate.upload"].with_user(self.manager)
        key_file = base64.b64encode(issued.key_file(PASSWORD))
        action = upload.create({"name": "Key alone", "key_file": key_file, "password": PASSWORD}).action_add()
        certificate = self.env["l10n_pl_ksef.certificate"].browse(action["res_id"])
        self.assertEqual(certificate.status, "awaiting")
        self.assertFalse(certificate._usable(self.company, "test"))
        with self.assertRaisesRegex(UserError, "no private key"), self.env.cr.savepoint():
            upload.create({"name": "Other", "certificate_file": base64.b64encode(other.certificate_file())})
        file = base64.b64encode(issued.certificate_file())
        again = upload.create({"name": "Certificate", "certificate_file": file}).action_add()
        self.assertEqual(again["res_id"], certificate.id)
        self.assertEqual(certificate.status, "unconfirmed")
        self.assertEqual(certificate._usable(self.company, "test"), certificate)
        move = self.posted_invoice()
        move.action_l10n_pl_ksef_issue_offline()
        self.assertTrue(move.l10n_pl_ksef_document_id)

    # Request

    def test_request_from_odoo(self):
        for key_type, name in (("ec", "Offline źdźbło 1"), ("rsa", "Offline_2-b")):
            with self.subTest(key_type):
                wizard = self.request_wizard(name=name, key_type=key_type)
                wizard.action_ask()
                self.assertIn("Zakład Łączności", wizard.holder)
                self.assertIn(NIP, wizard.holder)
                self.assertGreater(wizard.requests_left, 0)
                self.ksef.state.settings.enrollment_polls = 1
                action = wizard.action_request()
                certificate = self.env["l10n_pl_ksef.certificate"].with_user(self.manager).browse(action["res_id"])
                self.assertEqual(certificate.status, "requested")
                certificate.action_update_status()
                self.assertEqual(certificate.status, "requested", "KSeF is still at it")
                certificate.action_update_status()
                self.assertEqual((certificate.status, certificate.check_problem), ("active", False))
                self.assertEqual(certificate.identifier, NIP)
                move = self.posted_invoice()
                move.action_l10n_pl_ksef_issue_offline()
                self.assertEqual(move.l10n_pl_ksef_document_id.certificate_id, certificate)

    def test_a_refused_request_shows_the_reason(self):
        self.ksef.state.settings.certificate_limits["Nip"] = (0, 0)
        with self.assertRaisesRegex(UserError, "no more certificates"):
            self.request_wizard().action_ask()
        certificate = self.requested()
        self.assertEqual(certificate.status, "refused")
        self.assertTrue(certificate.ksef_words)
        self.assertFalse(certificate.sudo().private_key)

    def test_what_helps_when_nothing_is_left(self):
        self.now = NOW - timedelta(days=20)
        with freeze_time(self.now):
            self.requested().action_update_status()
        self.now = NOW
        for limits, told, not_told in (
            ((1, 1), ("Revoke a certificate", "12/03/2026 at the latest"), ()),
            ((1, 9), ("0 of 1 requests", "12/03/2026 at the latest"), ("Revoke a certificate",)),
            ((9, 1), ("0 of 1 certificates", "Revoke a certificate"), ("Wait",)),
            ((0, 9), ("Wait until the oldest request",), ("Revoke a certificate",)),
        ):
            self.ksef.state.settings.certificate_limits["Nip"] = limits
            with self.subTest(limits), self.assertRaises(UserError) as caught:
                self.request_wizard().action_ask()
            for words in told:
                self.assertIn(words, str(caught.exception))
            for words in not_told:
                self.assertNotIn(words, str(caught.exception))

    def test_the_window_tells_what_a_request_costs(self):
        self.ksef.state.settings.certificate_limits["Nip"] = (12, 6)
        wizard = self.request_wizard()
        wizard.action_ask()
        left = wizard.requests_left, wizard.requests_limit, wizard.certificates_left, wizard.certificates_limit
        self.assertEqual(left, (12, 12, 6, 6))
        self.assertEqual(wizard.requests_since, date(2026, 10, 24))

    def test_a_failed_request_tells_what_can_be_done(self):
        first, second = self.requested(name="First"), self.requested(name="Second")
        self.ksef.state.settings.certificate_limits["Nip"] = (99, 1)
        first.action_update_status()
        first.action_update_status()
        second.action_update_status()
        second.action_update_status()
        self.assertEqual((first.status, second.status), ("active", "refused"))
        self.assertIn("revoke one that is not used any more", second.ksef_words)
        self.ksef.faults.plan(
            AnswerInstead(
                400,
                json.dumps({"errors": [{"code": 25003, "description": "Dane w CSR", "details": []}]}).encode(),
                "application/problem+json",
            ),
            "POST",
            "/certificates/enrollments",
        )
        refused = self.requested(name="Third")
        self.assertEqual(refused.status, "refused")
        self.assertIn("request it again", refused.ksef_words)

    def test_the_first_day(self):
        """What KSeF would refuse costs a request, so it is refused here."""
        for day, sent in (
            (NOW.date(), None),
            (NOW.date() + timedelta(days=1), "2026-11-24T00:00:00+01:00"),
            (NOW.date() + timedelta(days=90), "2027-02-21T00:00:00+01:00"),
        ):
            with self.subTest(day):
                self.requested(valid_from=day)
                enrollment = list(self.ksef.state.enrollments.values())[-1]
                self.assertEqual(enrollment.valid_from, sent and datetime.fromisoformat(sent))
        for days in (-1, 91, 217):
            with self.subTest(days), self.assertRaisesRegex(ValidationError, "at most 90 days"):
                self.request_wizard(valid_from=NOW.date() + timedelta(days=days))

    def test_an_unreachable_ksef_leaves_no_record(self):
        self.ksef.stop()
        with self.assertRaisesRegex(UserError, "cannot be reached"), self.env.cr.savepoint():
            self.requested()
        self.ksef.start()
        self.assertFalse(self.env["l10n_pl_ksef.certificate"].search([("company_id", "=", self.company.id)]))

    def test_a_lost_answer_to_the_request_is_found_again(self):
        self.ksef.faults.plan(LoseAnswer(), "POST", "/certificates/enrollments")
        certificate = self.requested()
        self.assertEqual(certificate.status, "requested")
        self.assertIn("its answer was lost", certificate.check_problem)
        self.assertFalse(certificate.request_reference)
        certificate.action_update_status()
        self.assertIn("does not know of this request", certificate.check_problem)
        # KSeF goes on by itself and issues it.
        (enrollment,) = self.ksef.state.enrollments.values()
        with certificate.company_id._l10n_pl_ksef_client("test") as client:
            client.enrollment(enrollment.reference)
        certificate.action_update_status()
        self.assertEqual((certificate.status, certificate.check_problem), ("active", False))
        self.assertEqual(len(self.ksef.state.enrollments), 1, "nothing was requested twice")

    def test_a_renewal_takes_over_when_it_becomes_valid(self):
        old = self.registered(not_after=NOW + timedelta(days=20))
        old.action_update_status()
        self.assertTrue(old.can_renew)
        new = self.requested(renewed_id=old.id, valid_from=date(2026, 12, 1))
        new.action_update_status()
        self.assertEqual(new.status, "not_yet_valid")
        self.assertEqual(old._usable(self.company, "test"), old)
        with freeze_time("2026-12-02 10:00"):
            self.env.invalidate_all()
            self.assertEqual(old._usable(self.company, "test"), new)

    # Revoke and remove

    def test_revoke(self):
        certificate = self.registered()
        move = self.posted_invoice()
        move.action_l10n_pl_ksef_issue_offline()
        wizard = (
            self.env["l10n_pl_ksef.certificate.revoke"]
            .with_user(self.manager)
            .create({"certificate_id": certificate.id, "reason": "KeyCompromise"})
        )
        self.assertEqual(wizard.waiting_ids, move.l10n_pl_ksef_document_id)
        wizard.action_revoke()
        self.assertEqual(certificate.status, "revoked")
        self.assertEqual(self.ksef.state.certificates[certificate.serial_number].ended, "Revoked")
        with self.assertRaisesRegex(UserError, "no offline certificate"):
            self.posted_invoice().action_l10n_pl_ksef_issue_offline()

    def test_remove(self):
        used, unused = self.registered(), self.registered(not_after=NOW + timedelta(days=100))
        move = self.posted_invoice()
        move.action_l10n_pl_ksef_issue_offline()
        document = move.l10n_pl_ksef_document_id
        self.env.invalidate_all()
        before = document.read()
        (used + unused).action_remove()
        self.assertFalse(unused.exists())
        self.assertEqual(used.status, "removed")
        self.assertFalse(used.sudo().private_key)
        self.assertTrue(used.pem)
        self.env.invalidate_all()
        self.assertIn("removed here", document.codes_told)
        told = ("codes_told",)
        after = {name: value for name, value in document.read()[0].items() if name not in told}
        self.assertEqual(after, {name: value for name, value in before[0].items() if name not in told})

    def test_who_may(self):
        certificate = self.registered().with_user(self.accountant)
        certificate.action_update_status()
        with self.assertRaises(AccessError):
            certificate.action_remove()
        for model in ("upload", "request", "revoke"):
            with self.assertRaises(AccessError):
                self.env[f"l10n_pl_ksef.certificate.{model}"].with_user(self.accountant).create({})

    # Every day

    def run_cron(self):
        with self.enter_registry_test_mode():
            self.env.ref("l10n_pl_ksef_offline.cron_certificates").method_direct_trigger()
        self.env.invalidate_all()

    def test_reminders(self):
        certificate = self.registered(not_after=NOW + timedelta(days=40))
        self.company.l10n_pl_ksef_responsible_id = self.accountant
        self.accountant.lang = "pl_PL"
        reminded = []
        for days in range(0, 41):
            self.now = NOW + timedelta(days=days)
            with freeze_time(self.now):
                self.env.invalidate_all()
                self.run_cron()
                activities = certificate.sudo().activity_ids
                if len(activities) > len(reminded):
                    reminded.append(40 - days)
        self.assertEqual(reminded, [30, 14, 7, 1])
        self.assertEqual(activities.user_id, self.accountant)
        self.assertIn("wygasa 02.01.2027", activities[0].summary)
        self.assertEqual(certificate.state, "expired")

    def test_no_reminder_when_another_takes_over(self):
        self.registered(not_after=NOW + timedelta(days=10))
        self.registered(not_after=NOW + timedelta(days=500))
        self.run_cron()
        mine = self.env["l10n_pl_ksef.certificate"].search([("company_id", "=", self.company.id)])
        self.assertFalse(mine.activity_ids)
        self.assertEqual(set(mine.mapped("status")), {"active"})

    # The authentication certificate

    def log_in_with(self, issued, kind="Authentication"):
        """Set the company's authentication certificate, which KSeF knows if it is of a ``kind``."""
        if kind:
            self.ksef.state.register(issued.certificate, "Login 2026", kind, ("Nip", NIP))
        key = self.env["certificate.key"].create(
            {
                "content": base64.b64encode(issued.key_file(PASSWORD)),
                "password": PASSWORD,
                "company_id": self.company.id,
            }
        )
        self.company.l10n_pl_edi_certificate = self.env["certificate.certificate"].create(
            {
                "content": base64.b64encode(issued.certificate_file()),
                "private_key_id": key.id,
                "company_id": self.company.id,
            }
        )

    def test_the_end_of_the_authentication_certificate(self):
        issued = self.issued(usage="authentication", not_after=NOW + timedelta(days=40))
        self.log_in_with(issued)
        self.company.l10n_pl_ksef_responsible_id = self.accountant
        reminded = []
        for days in range(0, 41):
            self.now = NOW + timedelta(days=days)
            with freeze_time(self.now):
                self.env.invalidate_all()
                self.run_cron()
                activities = self.company.partner_id.activity_ids
                if len(activities) > len(reminded):
                    reminded.append(40 - days)
        self.assertEqual(reminded, [30, 14, 7, 1])
        self.assertEqual(activities.user_id, self.accountant)
        self.assertIn("ends on 01/02/2027", activities[0].summary)
        # Another one starts over.
        self.now = NOW
        self.log_in_with(self.issued(usage="authentication", not_after=NOW + timedelta(days=10)))
        self.run_cron()
        self.assertEqual(len(self.company.partner_id.activity_ids), 5)

    def test_the_state_of_the_authentication_certificate(self):
        issued = self.issued(usage="authentication")
        self.log_in_with(issued)
        self.run_cron()
        settings = self.env["res.config.settings"].create({"company_id": self.company.id})
        self.assertEqual(settings.l10n_pl_ksef_login_state, "active")
        self.assertEqual(settings.l10n_pl_ksef_login_checked_at, NOW.replace(tzinfo=None))
        self.assertEqual(settings.l10n_pl_ksef_login_valid_to, datetime(2028, 2, 1))
        self.assertIn("type 1", settings.l10n_pl_ksef_login_kind)
        self.ksef.stop()
        self.run_cron()
        self.ksef.start()
        self.assertIn("Nie można połączyć", self.company.l10n_pl_ksef_login_problem)
        self.assertEqual(self.company.l10n_pl_ksef_login_state, "active", "what KSeF said last")
        self.log_in_with(self.issued(usage="other"), kind=None)
        self.run_cron()
        settings = self.env["res.config.settings"].create({"company_id": self.company.id})
        self.assertEqual((settings.l10n_pl_ksef_login_state, settings.l10n_pl_ksef_login_is_ksef), (False, False))
        self.assertIn("seal", settings.l10n_pl_ksef_login_kind)

    # The master key

    def test_locked_and_healed(self):
        certificate = self.registered()
        move = self.posted_invoice()
        with patch.dict(os.environ, {ENVIRONMENT_VARIABLE: base64.urlsafe_b64encode(bytes(32)).decode()}):
            self.env.invalidate_all()
            self.assertEqual(certificate.status, "locked")
            self.assertRegex(certificate.wanted_vault_key, "^[0-9a-f]{16}$")
            self.assertIn(certificate.wanted_vault_key, move.alerts["l10n_pl_ksef_no_certificate"]["message"])
            certificate.action_update_status()
            self.assertEqual(certificate.state, "active", "everything else goes on working")
        self.env.invalidate_all()
        self.assertEqual(certificate.status, "active")

    def test_rotate_keys(self):
        certificate = self.registered()
        locked = self.registered(not_after=NOW + timedelta(days=100))
        locked.sudo().private_key = "1.0123456789abcdef." + locked.sudo().private_key.split(".", 2)[2]
        old = os.environ[ENVIRONMENT_VARIABLE]
        new = base64.urlsafe_b64encode(os.urandom(32)).decode()
        with patch.dict(os.environ, {ENVIRONMENT_VARIABLE: f"{new} {old}"}):
            self.assertEqual(certificate._rotate_keys(), (certificate.sudo(), locked.sudo()))
        with patch.dict(os.environ, {ENVIRONMENT_VARIABLE: new}):
            self.env.invalidate_all()
            self.assertEqual(certificate.status, "unconfirmed")
            self.posted_invoice().action_l10n_pl_ksef_issue_offline()

    def test_a_token_moved_to_another_record_does_not_open(self):
        mine, other = self.registered(), self.registered(not_after=NOW + timedelta(days=1500))
        other.sudo().private_key = mine.sudo().private_key
        with self.assertRaisesRegex(UserError, "moved here from another record"):
            self.posted_invoice().action_l10n_pl_ksef_issue_offline()

    # The company

    def test_context_of_the_company_stands_in_kod_ii(self):
        self.registered()
        self.company.write({"l10n_pl_ksef_context_type": "InternalId", "l10n_pl_ksef_context_value": f"{NIP}-12345"})
        move = self.posted_invoice()
        move.action_l10n_pl_ksef_issue_offline()
        self.assertIn(f"/certificate/InternalId/{NIP}-12345/{NIP}/", move.l10n_pl_ksef_document_id.kod_ii)

    def test_a_context_is_put_right_or_refused_when_it_is_entered(self):
        settings = self.env["res.config.settings"]
        settings.create({"l10n_pl_ksef_context_type": "InternalId", "l10n_pl_ksef_context_value": f"PL{NIP} 12345"})
        self.assertEqual(self.company._l10n_pl_ksef_context(NIP), ("InternalId", f"{NIP}-12345"))
        settings.create({"l10n_pl_ksef_context_type": "Nip", "l10n_pl_ksef_context_value": "526-000-12-46"})
        self.assertEqual(self.company._l10n_pl_ksef_context(NIP), ("Nip", "5260001246"))
        settings.create({"l10n_pl_ksef_context_type": "Nip", "l10n_pl_ksef_context_value": False})
        self.assertEqual(self.company._l10n_pl_ksef_context(NIP), ("Nip", NIP))
        for kind, value in (("Nip", "526/000"), ("InternalId", False), ("PeppolId", NIP)):
            with (
                self.subTest(kind),
                self.assertRaisesRegex(ValidationError, "such as|no identifier"),
                self.env.cr.savepoint(),
            ):
                settings.create({"l10n_pl_ksef_context_type": kind, "l10n_pl_ksef_context_value": value})

    def test_documents_with_a_wrong_context_are_found(self):
        """Sealed before the context was checked."""
        self.registered()
        documents = self.env["l10n_pl_ksef.document"]
        for value in ("526-000-12-46", f"PL{NIP}", "526/000", "5%_", NIP, NIP):
            move = self.posted_invoice()
            move.action_l10n_pl_ksef_issue_offline()
            document = move.l10n_pl_ksef_document_id
            self.env.cr.execute(
                "UPDATE l10n_pl_ksef_document SET kod_ii = replace(kod_ii, %s, %s) WHERE id = %s",
                [f"/Nip/{NIP}/{NIP}/", f"/Nip/{value}/{NIP}/", document.id],
            )
            documents += document
        self.env.invalidate_all()
        settings = self.env["res.config.settings"].create({"company_id": self.company.id})
        shown = settings.l10n_pl_ksef_wrong_contexts
        self.assertEqual(shown, f"Nip 5%_, Nip 526-000-12-46, Nip 526/000, Nip PL{NIP}")
        action = settings.action_l10n_pl_ksef_wrong_contexts()
        self.assertEqual(self.env["l10n_pl_ksef.document"].search(action["domain"]).sorted("id"), documents[:4])

    def test_a_wrong_context_of_old_is_told_before_it_is_signed(self):
        self.registered()
        self.env.cr.execute(
            "UPDATE res_company SET l10n_pl_ksef_context_value = '526/000' WHERE id = %s", [self.company.id]
        )
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "526/000 is no identifier"):
            self.posted_invoice().action_l10n_pl_ksef_issue_offline()

    # What the buyer will see

    def judged(self, record):
        self.env.invalidate_all()
        return record.codes_stand, record.codes_told

    def test_what_the_buyer_will_see(self):
        certificate = self.registered()
        other = self.issued()
        move = self.posted_invoice()
        move.action_l10n_pl_ksef_issue_offline()
        document = move.l10n_pl_ksef_document_id.with_user(self.accountant)
        stand, told = self.judged(document)
        self.assertEqual(stand, "unknown")
        self.assertIn("KSeF has not confirmed yet", told)
        certificate.action_update_status()
        stand, told = self.judged(document)
        self.assertEqual(stand, "yes", told)
        for words in ("file is unchanged", "signature is this certificate's", "11/23/2026", "may issue invoices"):
            self.assertIn(words, told)
        kod_ii = document.kod_ii
        signed, _slash, signature = kod_ii.rpartition("/")
        of_another = links.sign(other.private_key_der(), signed.removeprefix("https://").encode())
        for words, column, value in (
            ("signature is not", "kod_ii", f"{signed}/{signature[:-3]}AAA"),
            ("signature is not", "kod_ii", f"{signed}/AAAA"),
            ("signature is not", "kod_ii", f"{signed}/{base64.urlsafe_b64encode(of_another).decode().rstrip('=')}"),
            ("context does not exist", "kod_ii", kod_ii.replace(f"/Nip/{NIP}/", "/Nip/526/000/")),
            ("another certificate", "kod_ii", kod_ii.replace(certificate.serial_number, "0" * 16)),
            ("another file", "kod_ii", kod_ii.replace("qr-test", "qr")),
            ("KOD I leads to another", "kod_i", document.kod_i[:-5] + "AAAAA"),
        ):
            old = document[column]
            self.set_column(document, column, value)
            stand, told = self.judged(document)
            with self.subTest(words, value=value):
                self.assertEqual(stand, "no")
                self.assertIn(words, told)
            self.set_column(document, column, old)
        self.set_column(document.sudo()._xml_attachments(), "store_fname", None)
        self.assertIn("damaged or missing", self.judged(document)[1])

    def set_column(self, record, column, value):
        table, name = SQL.identifier(record._table), SQL.identifier(column)
        self.env.cr.execute(SQL("UPDATE %s SET %s = %s WHERE id = %s", table, name, value, record.id))

    def test_what_the_buyer_will_see_of_a_certificate_that_is_no_good_any_more(self):
        certificate = self.registered()
        move = self.posted_invoice()
        move.action_l10n_pl_ksef_issue_offline()
        document = move.l10n_pl_ksef_document_id
        self.ksef.state.certificates[certificate.serial_number].ended = "Blocked"
        certificate.action_update_status()
        stand, told = self.judged(document)
        self.assertEqual((stand, "blocked" in told), ("no", True))
        self.ksef.state.certificates[certificate.serial_number].ended = None
        certificate.action_update_status()
        with freeze_time("2028-02-02"):
            self.assertEqual(self.judged(document)[0], "no", "it has ended")
        self.set_column(document, "state", "accepted")
        with freeze_time("2028-02-02"):
            self.assertEqual(self.judged(document)[0], "yes", "only KOD I counts with the number")

    def tried(self, certificate):
        action = certificate.action_try_codes()
        return self.env["l10n_pl_ksef.test.code"].with_user(self.manager).browse(action["res_id"])

    def test_try_the_codes(self):
        certificate = self.registered()
        wizard = self.tried(certificate)
        self.assertEqual(self.judged(wizard)[0], "yes", wizard.codes_told)
        person = self.upload(self.issued(pesel="80010112342"), owner_confirmed=True).with_user(self.manager)
        wizard = self.tried(person)
        self.assertEqual(self.judged(wizard)[0], "unknown")
        self.assertIn("when the test code is scanned", wizard.codes_told)
        self.ksef.state.certificates[certificate.serial_number].ended = "Revoked"
        with self.subTest("revoked meanwhile"):
            wizard = self.tried(certificate)
            self.assertEqual(self.judged(wizard)[0], "no")

    def test_settings_page(self):
        certificate = self.registered()
        settings = self.env["res.config.settings"].create({"company_id": self.company.id})
        self.assertEqual(settings.l10n_pl_ksef_certificate_id, certificate)
        settings.action_l10n_pl_ksef_test_login()
        settings.action_l10n_pl_ksef_update_status()
        self.assertEqual(settings.l10n_pl_ksef_certificate_status, "active")
        settings.action_l10n_pl_ksef_rotate_keys()
        self.assertEqual(settings.l10n_pl_ksef_key_location, ENVIRONMENT_VARIABLE)
        self.ksef.stop()
        with self.assertRaisesRegex(UserError, "cannot be reached"):
            settings.action_l10n_pl_ksef_test_login()
        # Saving an unchanged page does not need KSeF: the web client sends all of its fields.
        self.env["res.config.settings"].create(
            {"company_id": self.company.id, "l10n_pl_edi_certificate": self.company.l10n_pl_edi_certificate.id}
        )
        self.ksef.start()

    def test_first_steps(self):
        """The checklist of the settings: each step by what shows that it was done."""

        def steps():
            settings = self.env["res.config.settings"].create({"company_id": self.company.id})
            return settings, [
                settings.l10n_pl_ksef_login_worked,
                settings.l10n_pl_ksef_certificate_is_active,
                settings.l10n_pl_ksef_key_is_backed_up,
                settings.l10n_pl_ksef_code_was_scanned,
            ]

        settings, done = steps()
        self.assertEqual(done, [False] * 4)
        settings.action_l10n_pl_ksef_test_login()
        certificate = self.registered()
        certificate.action_update_status()
        settings, done = steps()
        self.assertEqual(done, [True, True, False, False])
        settings.action_l10n_pl_ksef_key_backed_up()
        wizard = self.env["l10n_pl_ksef.test.code"].browse(settings.action_l10n_pl_ksef_test_code()["res_id"])
        self.assertTrue(verify(wizard.link, base64.b64decode("".join(certificate.pem.splitlines()[1:-1]))))
        wizard.action_scanned()
        self.assertEqual(steps()[1], [True] * 4)
        # Another certificate signs, under another master key
        self.upload(self.issued(not_after=datetime(2028, 6, 1, tzinfo=timezone.utc)))
        other_key = base64.urlsafe_b64encode(bytes(32)).decode()
        with patch.dict(os.environ, {ENVIRONMENT_VARIABLE: f"{other_key} {os.environ[ENVIRONMENT_VARIABLE]}"}):
            self.assertEqual(steps()[1], [True, False, False, False])

    def test_alert_on_the_invoice(self):
        move = self.posted_invoice()
        self.assertNotIn("l10n_pl_ksef_no_certificate", move.alerts or {}, "a company that does not work offline")
        certificate = self.registered()
        self.env.invalidate_all()
        self.assertIn("l10n_pl_ksef_unconfirmed", move.alerts)
        certificate.action_update_status()
        self.env.invalidate_all()
        self.assertNotIn("l10n_pl_ksef_unconfirmed", move.alerts or {})
        with freeze_time(datetime(2029, 1, 1, tzinfo=timezone.utc)):
            self.env.invalidate_all()
            self.assertIn("l10n_pl_ksef_no_certificate", move.alerts)

    def test_a_certificate_that_ends_before_the_deadline(self):
        # Issued on Friday 4 December, so it must be in KSeF on Monday the 7th.
        certificate = self.registered(not_after=datetime(2026, 12, 5, tzinfo=timezone.utc))
        with freeze_time("2026-12-04 10:00"):
            move = self.posted_invoice(invoice_date="2026-12-04")
            move.action_l10n_pl_ksef_issue_offline()
            self.assertIn("12/07/2026", move.alerts["l10n_pl_ksef_certificate_ends"]["message"])
            self.assertTrue(certificate.ends_before_deadline)
            settings = self.env["res.config.settings"].create({"company_id": self.company.id})
            self.assertTrue(settings.l10n_pl_ksef_certificate_ends_before_deadline)
            move.l10n_pl_ksef_document_id.sudo().state = "accepted"
            self.env.invalidate_all()
            self.assertNotIn("l10n_pl_ksef_certificate_ends", move.alerts)
            self.assertFalse(certificate.ends_before_deadline)

    def test_production_ignores_the_simulator(self):
        self.env["ir.config_parameter"].set_param("l10n_pl_edi_ksef.mode", "prod")
        client = self.company._l10n_pl_ksef_client("production")
        self.assertIn(api.HOSTS["production"].removeprefix("https://").partition("/")[0], str(vars(client._transport)))
