import json
import re
from contextlib import closing
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.sql_db import db_connect
from odoo.tests import freeze_time
from odoo.tools import SQL, file_open

from ..devtools.ksef_simulator import PROBLEM, AnswerInstead, CutRequest, LoseAnswer
from ..devtools.ksef_simulator.invoices import work_on
from ..devtools.scanning import digest_in
from ..ksef.api import packages
from ..ksef.api.login import Login
from ..ksef.codes import links, numbers
from ..models import submission
from ..tools import jobs
from .common import NOW, KsefSimulatorCommon


class KsefSendingCommon(KsefSimulatorCommon):
    """With a worker whose pauses move the clock instead of taking time."""

    def setUp(self):
        super().setUp()
        with file_open("l10n_pl_edi/data/fa3_schema.xsd", "rb") as schema:
            self.fa3_schema = schema.read()
        self.frozen = freeze_time(NOW)
        self.clock = self.frozen.start()
        self.addCleanup(self.frozen.stop)
        self.ksef.state.settings.rate_limits_enforced = True
        self.startPatcher(patch.object(jobs, "sleep", self.pass_time))
        self.upload(self.issued())

    def pass_time(self, seconds):
        self.clock.tick(timedelta(seconds=seconds))
        self.now += timedelta(seconds=seconds)

    def run_worker(self, minutes=0):
        self.pass_time(60 * minutes)
        with self.enter_registry_test_mode():
            self.env.ref("l10n_pl_ksef_offline.cron_send").with_user(
                self.env.ref("base.user_root")
            ).method_direct_trigger()
        self.env.invalidate_all()

    def sealed(self, count=1, **values):
        moves = self.env["account.move"].concat(*(self.posted_invoice(**values) for _ in range(count)))
        moves.action_l10n_pl_ksef_issue_offline()
        return moves

    def held(self):
        """Return the bytes of the invoices that KSeF has accepted."""
        return [invoice.xml for invoice in self.ksef.state.numbers.values()]


class TestSending(KsefSendingCommon):
    def check_accepted(self, moves):
        for move in moves:
            document = move.l10n_pl_ksef_document_id
            self.assertEqual(document.state, "accepted", document.rejection_words)
            self.assertEqual(move.l10n_pl_edi_status, "accepted")
            self.assertEqual(move.l10n_pl_edi_number, document.ksef_number)
            self.assertTrue(document.upo_id)
        self.assertCountEqual(self.held(), [move.l10n_pl_ksef_document_id._xml_bytes() for move in moves])

    def test_one_by_one(self):
        moves = self.sealed(3)
        self.run_worker()
        self.check_accepted(moves)
        (session,) = moves.l10n_pl_ksef_document_id.submission_id
        self.assertEqual((session.kind, session.state), ("interactive", "done"))
        self.assertTrue(all(invoice.offline for invoice in self.ksef.state.numbers.values()))
        self.run_worker(5)
        self.assertEqual(self.env["l10n_pl_ksef.submission"].search_count([]), 1, "nothing is left to do")

    def test_in_packages(self):
        self.env["ir.config_parameter"].set_param(submission.THRESHOLD_PARAMETER, "2")
        self.startPatcher(patch.object(submission, "BATCH_SIZE", 3))
        moves = self.sealed(5)
        self.run_worker()
        self.check_accepted(moves)
        self.assertEqual(moves.l10n_pl_ksef_document_id.submission_id.mapped("kind"), ["batch", "batch"])

    def test_lost_answers(self):
        """Whatever answer is lost, the invoice arrives once."""
        self.check_arrives_once(
            ("POST", "/auth/challenge"),
            ("POST", "/sessions/online"),
            ("POST", "/sessions/online/*/invoices"),
            ("POST", "/sessions/online/*/close"),
            ("GET", "/sessions/*"),
            ("GET", "/sessions/*/invoices"),
            ("GET", "/sessions/*/upo/*"),
        )

    def test_lost_answers_of_packages(self):
        self.env["ir.config_parameter"].set_param(submission.THRESHOLD_PARAMETER, "1")
        self.check_arrives_once(
            ("POST", "/sessions/batch"),
            ("PUT", "*"),
            ("POST", "/sessions/batch/*/close"),
            ("GET", "/sessions/*"),
        )

    def check_arrives_once(self, *requests):
        for method, path in requests:
            for fault in (LoseAnswer(), AnswerInstead(), CutRequest(10)):
                with self.subTest(path=path, fault=type(fault).__name__):
                    self.ksef.state.numbers.clear()
                    moves = self.sealed(2)
                    self.ksef.faults.plan(fault, method, path)
                    self.run_worker()
                    self.ksef.faults.clear()
                    for _ in range(3):
                        self.run_worker(31)
                    self.check_accepted(moves)

    def test_a_duplicate_of_its_own_is_success(self):
        """KSeF has taken it, and the session that could tell is gone."""
        (move,) = self.sealed()
        self.ksef.faults.plan(LoseAnswer(), "POST", "/sessions/online/*/invoices")
        self.ksef.faults.plan(AnswerInstead(), "GET", "/sessions/*", times=None)
        self.run_worker()
        document = move.l10n_pl_ksef_document_id
        self.assertEqual(document.state, "unknown")
        self.ksef.faults.clear()
        lost = document.submission_id
        self.ksef.state.sessions[lost.reference].invoices[0].polls_left = 0
        # KSeF finishes with the session before anybody asks.
        with self.ksef.state.lock:
            work_on(self.ksef.state, self.ksef.state.sessions[lost.reference].invoices)
        lost.action_resend()
        self.assertEqual(document.state, "waiting")
        self.run_worker(31)
        self.assertEqual(document.state, "accepted", document.rejection_words)
        self.assertEqual(self.held(), [document._xml_bytes()])

    def in_ksef_from_elsewhere(self, change=lambda xml: xml):
        """Return an invoice that KSeF has rejected, and the one that KSeF has in its place: the same, changed."""
        (move,) = self.sealed()
        document = move.l10n_pl_ksef_document_id
        with self.company._l10n_pl_ksef_client("test") as client:
            session = client.open_interactive()
            client.send(session, change(document._xml_bytes().replace(b"</Faktura>", b"\n</Faktura>")))
            client.close_interactive(session.reference)
            while any(invoice.is_pending for invoice in client.session_invoices(session.reference)):
                self.pass_time(1)
        (accepted,) = self.ksef.state.numbers.values()
        self.run_worker(5)
        self.assertEqual((document.state, document.rejection_code), ("rejected", 440), document.problem)
        self.assertIn("same number", document.rejection_meaning)
        wizard = self.env["l10n_pl_ksef.in.ksef.already"].with_user(self.accountant)
        return move, accepted, wizard.create({"document_id": document.id})

    def test_an_invoice_that_is_in_ksef_already(self):
        move, accepted, wizard = self.in_ksef_from_elsewhere(
            lambda xml: xml.replace("Krzesło dębowe".encode(), "Krzesło z dębu".encode())
        )
        document = move.l10n_pl_ksef_document_id
        self.assertEqual(wizard.ksef_number, accepted.ksef_number)
        with self.assertRaisesRegex(UserError, "Compare both"):
            wizard.action_take_over()
        wizard.action_compare()
        self.assertIn("Krzesło z dębu", wizard.difference)
        self.assertFalse(wizard.obstacle)
        with self.assertRaisesRegex(UserError, "Compare both"):
            wizard.action_take_over()
        wizard.checked = True
        wizard.action_take_over()
        self.assertEqual((document.state, document.ksef_number), ("superseded", accepted.ksef_number))
        self.assertEqual((move.l10n_pl_edi_status, move.l10n_pl_edi_number), ("accepted", accepted.ksef_number))
        # The paper's code leads to what KSeF has.
        ((_name, label, link),) = move._l10n_pl_ksef_links()
        self.assertEqual((label, digest_in(link)), (accepted.ksef_number, accepted.sha256))
        self.assertFalse(move.activity_ids)
        self.run_worker(5)
        self.assertEqual(len(self.ksef.state.numbers), 1)
        with self.assertRaisesRegex(UserError, "no longer possible"):
            wizard.action_take_over()

    def test_another_invoice_is_not_taken_over(self):
        move, accepted, wizard = self.in_ksef_from_elsewhere(
            lambda xml: xml.replace(b"<P_8B>2</P_8B>", b"<P_8B>3</P_8B>")
        )
        document = move.l10n_pl_ksef_document_id
        wizard.action_compare()
        self.assertIn("another one", wizard.obstacle)
        wizard.checked = True
        with self.assertRaisesRegex(UserError, "another one"):
            wizard.action_take_over()
        unknown = "5795955811-20261123-0100001AF629"
        for number, problem in (
            (f"{unknown}-{numbers.checksum(unknown)}", "21164"),
            (f"{unknown}-{numbers.checksum(unknown[1:])}", "not a KSeF number"),
        ):
            wizard.ksef_number = number
            with self.subTest(number), self.assertRaisesRegex(UserError, problem):
                wizard.action_compare()
        self.assertEqual((document.state, move.l10n_pl_edi_number), ("rejected", False))

    def test_not_during_an_announced_failure(self):
        announcement = self.env["l10n_pl_ksef.announcement"].with_user(self.accountant)
        failure = announcement.create({"kind": "failure", "start": NOW.replace(tzinfo=None), "number": "K/2026/AWR/01"})
        (move,) = self.sealed()
        document = move.l10n_pl_ksef_document_id
        self.assertEqual(document.mode, "emergency")
        self.assertFalse(document.deadline)
        self.run_worker()
        self.assertEqual((document.state, self.held()), ("waiting", []))
        # Whoever is impatient is told what keeps it.
        message = document.with_user(self.accountant).action_send_now()["params"]["message"]
        for words in (message, document.with_user(self.accountant).hindrance):
            self.assertIn("K/2026/AWR/01", words)
        self.pass_time(3600)
        failure.action_end_now()
        self.assertEqual(str(document.deadline), "2026-12-02")
        self.assertIn("02.12.2026", move.message_ids[0].body)
        self.run_worker(1)
        self.check_accepted(move)

    def test_total_failure_ends_the_duty(self):
        moves = self.sealed(2)
        document = moves[0].l10n_pl_ksef_document_id
        failure = self.env["l10n_pl_ksef.announcement"].create(
            {"kind": "total_failure", "start": NOW.replace(tzinfo=None), "title": "TVP"}
        )
        self.assertEqual(document.state, "not_required")
        self.run_worker()
        self.assertEqual(self.held(), [])
        move = self.posted_invoice()
        move.action_l10n_pl_ksef_issue_offline()
        self.assertFalse(move.l10n_pl_ksef_document_id)
        self.assertTrue(move.l10n_pl_ksef_total_failure)
        failure.action_retract()
        self.assertEqual(document.state, "waiting")
        self.run_worker(1)
        self.check_accepted(moves)

    def test_total_failure_ends_the_duty_of_what_was_rejected(self):
        (move,) = self.sealed()
        document = move.l10n_pl_ksef_document_id
        self.ksef.state.outcomes[bytes.fromhex(document.sha256)] = 430
        self.run_worker()
        failure = self.env["l10n_pl_ksef.announcement"].create(
            {"kind": "total_failure", "start": NOW.replace(tzinfo=None), "title": "TVP"}
        )
        self.assertEqual((document.state, document.deadline), ("not_required", False))
        self.assertFalse(move.activity_ids)
        failure.action_retract()
        self.assertEqual((document.state, str(document.deadline)), ("rejected", "2026-11-24"))

    def test_rejected_and_corrected(self):
        (move,) = self.sealed()
        first = move.l10n_pl_ksef_document_id
        self.ksef.state.outcomes[bytes.fromhex(first.sha256)] = 430
        self.run_worker()
        self.assertEqual((first.state, first.rejection_code), ("rejected", 430))
        self.assertIn("structure FA(3)", first.rejection_meaning)
        self.assertTrue(first.can_correct)
        self.assertIn("rejected", move.activity_ids.summary)
        self.assertEqual(move.alerts["l10n_pl_ksef_sealed"]["level"], "danger")
        wizard = self.env["l10n_pl_ksef.technical.correction"].with_user(self.accountant)
        wizard = wizard.with_context(bin_size=True)  # as the web client does
        correction = wizard.create({"document_id": first.id})
        self.assertIn("says the same", correction.obstacle)
        # What was wrong is fixed, and once too much.
        self.company.street = "ul. Zielona 9"
        correction = wizard.create({"document_id": first.id})
        self.assertFalse(correction.obstacle)
        self.assertIn("Zielona", correction.difference)
        with self.assertRaisesRegex(UserError, "confirm"), self.env.cr.savepoint():
            correction.action_correct()
        correction.checked = True
        self.pass_time(60)
        correction.action_correct()
        second = move.l10n_pl_ksef_document_id
        made = [re.search(rb"<DataWytworzeniaFa>(.*?)<", document._xml_bytes())[1] for document in (first, second)]
        self.assertNotEqual(*made)
        self.assertEqual((second.corrects_id, second.deadline), (first, first.deadline))
        self.assertNotEqual(second.kod_i, first.kod_i)
        self.assertEqual(first.state, "corrected", "nobody is reminded of it any more")
        first.sudo().given_at = NOW.replace(tzinfo=None)
        with self.assertRaisesRegex(UserError, "can no longer be withdrawn"):
            second._withdraw("the buyer holds codes that lead to it")
        self.run_worker(1)
        self.assertEqual(second.state, "accepted", second.rejection_words)
        self.assertFalse(move.activity_ids)
        (held,) = self.ksef.state.numbers.values()
        self.assertEqual((held.xml, held.corrects), (second._xml_bytes(), bytes.fromhex(first.sha256)))
        with self.assertRaisesRegex(UserError, "no longer possible|needs no"):
            first._correct()

    def test_content_is_not_corrected_technically(self):
        (move,) = self.sealed()
        first = move.l10n_pl_ksef_document_id
        self.ksef.state.outcomes[bytes.fromhex(first.sha256)] = 430
        self.run_worker()
        self.consumer.write({"vat": "PL5265877635", "is_company": True, "street": "Prosta 1", "city": "Miasto"})
        correction = (
            self.env["l10n_pl_ksef.technical.correction"].with_user(self.accountant).create({"document_id": first.id})
        )
        self.assertIn("marked red", correction.obstacle)
        with self.assertRaisesRegex(UserError, "marked red"):
            correction.action_correct()

    def test_permission_is_mended_and_the_same_bytes_go_again(self):
        (move,) = self.sealed()
        document = move.l10n_pl_ksef_document_id
        self.ksef.state.outcomes[bytes.fromhex(document.sha256)] = 410
        self.run_worker()
        self.assertEqual((document.state, document.can_correct, document.can_send_again), ("rejected", False, True))
        document.with_user(self.accountant).action_send_again()
        self.run_worker(1)
        self.check_accepted(move)

    def test_ksef_away(self):
        (move,) = self.sealed()
        self.ksef.stop()
        self.run_worker()
        channel_record = self.env["l10n_pl_ksef.channel"].search([("environment", "=", "test")])
        self.assertIn("Nie można połączyć", channel_record.problem)
        self.assertEqual(channel_record.retry_at, (NOW + timedelta(minutes=1)).replace(tzinfo=None))
        self.run_worker(2)
        self.assertEqual(channel_record.failures, 2)
        document = move.l10n_pl_ksef_document_id.with_user(self.accountant)
        self.assertIn("Nie można połączyć", document.hindrance)
        self.assertRegex(document.hindrance, r"brak połączenia\. Spróbuj później\. Next attempt: 11/23/.*11:04")
        self.ksef.start()
        # The accountant does not wait for the end of the pause.
        self.assertEqual(document.action_send_now()["params"]["type"], "success")
        self.run_worker()
        self.check_accepted(move)
        self.assertFalse(channel_record.problem)

    def test_a_damaged_file_stops_no_other(self):
        moves = self.sealed(2)
        bad, good = moves.l10n_pl_ksef_document_id
        attachment = self.env["ir.attachment"].search(
            [("res_model", "=", bad._name), ("res_id", "=", bad.id), ("res_field", "=", "xml")]
        )
        path = Path(attachment._full_path(attachment.store_fname))
        self.addCleanup(path.write_bytes, path.read_bytes())
        path.write_bytes(b"damaged")
        self.env.invalidate_all()
        self.run_worker()
        self.assertEqual((bad.state, good.state), ("waiting", "accepted"))
        self.assertIn("uszkodzony", bad.problem)

    def test_the_pace_of_one_nip(self):
        """More than KSeF takes in an hour one by one: the rest goes later, and no limit is broken."""
        self.env["ir.config_parameter"].set_param(submission.THRESHOLD_PARAMETER, "1000")
        too_many = []
        self.ksef.observers.append(lambda _request, answer: answer.status == 429 and too_many.append(answer))
        moves = self.sealed(35)
        self.run_worker()
        self.run_worker(2)
        self.run_worker(2)
        self.check_accepted(moves)
        self.assertEqual(too_many, [])

    def test_people_decide_until_it_is_sent(self):
        moves = self.sealed(2)
        document, other = moves.l10n_pl_ksef_document_id.with_user(self.accountant)
        self.env["l10n_pl_ksef.change.mode"].with_user(self.accountant).create(
            {"document_id": document.id, "mode": "emergency", "reason": "BIP 1/2026"}
        ).action_change()
        self.assertEqual(document.mode, "emergency")
        self.assertIn("BIP 1/2026", moves[0].message_ids[0].body)
        self.env["l10n_pl_ksef.withdraw"].with_user(self.accountant).create(
            {"document_id": other.id, "reason": "wrong price"}
        ).action_withdraw()
        self.assertEqual(other.state, "withdrawn")
        moves[1].button_draft()
        moves[1].action_post()
        moves[1].action_l10n_pl_ksef_issue_offline()
        self.run_worker()
        self.check_accepted(moves)
        with self.assertRaisesRegex(UserError, "no longer possible"):
            document._change_mode("offline24", "too late")

    def test_reminders(self):
        moves = self.sealed(3)
        self.company.l10n_pl_ksef_responsible_id = self.accountant
        # issued on Monday 23 November, due on Tuesday: reminded at once, on the day, and when overdue
        for _day in range(3):
            with self.enter_registry_test_mode():
                self.env.ref("l10n_pl_ksef_offline.cron_remind").method_direct_trigger()
            self.env.invalidate_all()
            activity = moves.activity_ids
            self.assertEqual(len(activity), 1)
            self.assertEqual((activity.user_id, str(activity.date_deadline)), (self.accountant, "2026-11-24"))
            self.assertIn("3 offline invoices", activity.summary)
            self.pass_time(86400)
        self.assertTrue(all(moves.l10n_pl_ksef_document_id.mapped("is_late")))
        late = self.env["account.move"].search([("l10n_pl_ksef_document_id.is_late", "=", True)])
        self.assertEqual(late & moves, moves)
        self.run_worker()
        with self.enter_registry_test_mode():
            self.env.ref("l10n_pl_ksef_offline.cron_remind").method_direct_trigger()
        self.env.invalidate_all()
        self.assertFalse(moves.activity_ids)


class TestTrouble(KsefSendingCommon):
    """The trouble of one session, document or company stops no other, and nothing is asked without end."""

    def submissions(self, *states):
        return self.env["l10n_pl_ksef.submission"].search([("state", "in", states)] if states else [])

    def channel(self):
        return self.env["l10n_pl_ksef.channel"].search([("environment", "=", "test")])

    def refuse(self, code, method, path, status=400, **values):
        body = {"title": "x", "status": status, "errors": code and [{"code": code, "description": "x"}] or []}
        self.ksef.faults.plan(AnswerInstead(status, json.dumps(body).encode(), PROBLEM), method, path, **values)

    def test_a_session_that_ksef_has_forgotten(self):
        (first,) = self.sealed()
        self.ksef.faults.plan(LoseAnswer(), "POST", "/sessions/online/*/invoices")
        self.ksef.faults.plan(AnswerInstead(), "GET", "/sessions/*", times=None)
        self.run_worker()
        self.ksef.faults.clear()
        forgotten = first.l10n_pl_ksef_document_id.submission_id
        self.refuse(21173, "*", f"/sessions/{forgotten.reference}*", times=None)
        (second,) = self.sealed()
        self.run_worker(31)
        self.assertEqual(second.l10n_pl_ksef_document_id.state, "accepted")
        self.assertEqual(forgotten.code, 21173)
        self.run_worker(60 * 11)
        self.assertEqual(first.l10n_pl_ksef_document_id.state, "unknown")
        self.run_worker(60 * 2)
        self.assertEqual(first.l10n_pl_ksef_document_id.state, "accepted")
        self.assertEqual(forgotten.state, "failed")

    def test_a_session_of_duplicates_has_no_upo_and_ends(self):
        (move,) = self.sealed()
        self.run_worker()
        document = move.l10n_pl_ksef_document_id.sudo()
        document.write({"state": "waiting", "submission_id": False, "ksef_number": False})
        self.refuse(21165, "GET", "/invoices/ksef/*")
        self.run_worker(5)
        self.assertNotEqual(document.state, "rejected", "the invoice with this number can only not be read yet")
        self.run_worker(31)
        self.assertEqual(document.state, "accepted")
        self.assertFalse(self.submissions() - self.submissions("done", "failed"))

    def test_no_upo_for_days(self):
        moves = self.sealed(2)
        self.refuse(21178, "GET", "/sessions/*/upo/*", times=None)
        questions = []
        self.ksef.observers.append(lambda request, _answer: request.path.count("/upo/") and questions.append(request))
        for _quarter in range(4 * 24 * 2):
            self.run_worker(15)
        self.assertEqual(set(moves.l10n_pl_ksef_document_id.mapped("state")), {"accepted"})
        self.assertLess(len(questions), 60)
        self.ksef.faults.clear()
        with patch.object(submission, "confirmed", lambda _xml: 1 / 0), self.assertLogs(level="ERROR"):
            self.run_worker(61)
        (second,) = self.sealed()
        self.run_worker(1)
        self.assertEqual(second.l10n_pl_ksef_document_id.state, "accepted", "a mistake with one stops no other")
        self.run_worker(61)
        self.assertTrue(all(moves.l10n_pl_ksef_document_id.mapped("upo_id")))

    def test_what_is_refused_on_the_way_is_not_rejected(self):
        (move,) = self.sealed()
        document = move.l10n_pl_ksef_document_id
        self.startPatcher(patch.dict(Login.__init__.__kwdefaults__, {"sleep": self.pass_time}))
        for code, status in ((None, 413), (21304, 400), (None, 401), (21301, 400), (None, 403)):
            with self.subTest(code=code, status=status):
                self.refuse(code, "POST", "/sessions/online/*/invoices", status, times=5)
                self.run_worker(31)
                self.assertEqual(document.state, "waiting")
                # One document may be too long for a gateway; without a login none goes.
                self.assertEqual(bool(self.channel().problem), status != 413)
                self.assertEqual(bool(document.problem), status == 413)
                self.ksef.faults.clear()
                document.with_user(self.accountant).action_send_now()

    def test_a_package_that_ksef_cannot_open(self):
        self.env["ir.config_parameter"].set_param(submission.THRESHOLD_PARAMETER, "1")
        moves = self.sealed(2)

        def spoiled(package, ordinal):
            return BytesIO(bytes(package.parts[ordinal - 1].size))

        with patch.object(packages.Package, "open_part", spoiled):
            self.run_worker()
            self.assertEqual(set(moves.l10n_pl_ksef_document_id.mapped("state")), {"waiting"})
            self.assertIn("405", self.submissions("failed").ksef_words)
            for _run in range(3):
                self.run_worker(31)
        self.assertFalse(self.channel().failures)
        self.assertEqual(set(moves.l10n_pl_ksef_document_id.mapped("state")), {"accepted"}, "alone, without a package")

    def test_packages_that_are_cut_off_get_smaller(self):
        """What is too much for the line, or for the time that Odoo gives, gets through in pieces."""
        self.env["ir.config_parameter"].set_param(submission.THRESHOLD_PARAMETER, "1")
        self.startPatcher(patch.object(submission, "BATCH_SIZE", 4))
        moves = self.sealed(4)
        self.ksef.faults.plan(CutRequest(10), "PUT", times=2)
        for _run in range(3):
            self.run_worker(31)
        self.assertEqual(set(moves.l10n_pl_ksef_document_id.mapped("state")), {"accepted"})
        self.assertEqual(len(moves.l10n_pl_ksef_document_id.submission_id), 3, "two halves, one of them in quarters")

    def test_a_damaged_file_opens_no_session(self):
        (move,) = self.sealed()
        with patch.object(links, "digest", lambda _xml: b""):
            self.run_worker()
        self.assertIn("uszkodzony", move.l10n_pl_ksef_document_id.problem)
        self.assertFalse(self.submissions())

    def test_an_invoice_that_cannot_be_written(self):
        moves = self.sealed(3)
        accepted = type(moves)._l10n_pl_ksef_accepted

        def fail(move, *args):
            if move == moves[1]:
                raise ValueError("of another module")
            accepted(move, *args)

        with patch.object(type(moves), "_l10n_pl_ksef_accepted", fail), self.assertLogs(level="ERROR"):
            self.run_worker()
        self.assertEqual(moves.l10n_pl_ksef_document_id.mapped("state"), ["accepted", "sent", "accepted"])
        self.assertIn("Nieoczekiwany", moves[1].l10n_pl_ksef_document_id.problem)
        self.run_worker(5)
        self.assertEqual(set(moves.mapped("l10n_pl_edi_status")), {"accepted"})

    def test_a_company_without_login(self):
        """Another company of the same NIP is not paused by it, though it comes first."""
        (move,) = self.sealed()
        branch = self.env["res.company"].create({"name": "Branch", "vat": self.company.vat})
        session = (
            self.submissions()
            .sudo()
            .create({"company_id": branch.id, "environment": "test", "kind": "interactive", "state": "processing"})
        )
        self.run_worker()
        (second,) = self.sealed()
        self.run_worker(1)
        for sent in (move, second):
            self.assertEqual(sent.l10n_pl_ksef_document_id.state, "accepted")
        self.assertFalse(self.channel().retry_at)
        self.assertIn("Branch", self.channel().problem)
        session.state = "failed"

    def test_a_clock_that_was_wrong(self):
        self.sealed()
        self.run_worker()
        later = NOW + timedelta(days=365)
        self.channel().sudo().write(
            {
                "retry_at": later.replace(tzinfo=None),
                "requests": {"onlineSession": [later.timestamp()] * 20, "invoiceSend": [later.timestamp()] * 20},
            }
        )
        (move,) = self.sealed()
        for _minute in range(3):
            self.run_worker(1)
        self.assertEqual(move.l10n_pl_ksef_document_id.state, "accepted")

    def test_resending_while_the_worker_is_at_it(self):
        self.sealed()
        self.ksef.faults.plan(AnswerInstead(), "GET", "/sessions/*", times=None)
        self.run_worker()
        (session,) = self.submissions("processing")
        with closing(db_connect(self.env.cr.dbname).cursor()) as worker:
            worker.execute(SQL("SELECT pg_advisory_xact_lock(%s)", self.channel()._lock()))
            with self.assertRaisesRegex(UserError, "right now"):
                session.with_user(self.accountant).action_resend()
        session.with_user(self.accountant).action_resend()
        self.assertEqual(session.state, "failed")
        with self.assertRaisesRegex(UserError, "finished"):
            session.action_resend()

    def test_stops_in_time(self):
        """A run that takes longer than Odoo likes goes on in the next one."""
        self.env["ir.config_parameter"].set_param(submission.THRESHOLD_PARAMETER, "1")
        self.startPatcher(patch.object(submission, "_PAGE", 2))
        moves = self.sealed(4)

        def take_long(request, _answer):
            if request.path.endswith("/invoices"):
                self.pass_time(20)

        self.ksef.observers.append(take_long)
        self.run_worker()
        states = moves.l10n_pl_ksef_document_id.mapped("state")
        self.assertEqual((states.count("accepted"), states.count("sending")), (2, 2))
        self.run_worker(1)
        self.assertEqual(set(moves.l10n_pl_ksef_document_id.mapped("state")), {"accepted"})


class TestContractOfSending(KsefSendingCommon):
    def test_tour(self):
        """The requests that documents make on their way; that each is as described is watched in every test."""
        seen = set()

        def observe(request, _answer):
            seen.add(f"{request.method} {re.sub(r'/[0-9][^/]*-[^/]*', '/*', request.path)}")

        self.ksef.observers.append(observe)
        (rejected,) = self.sealed()
        first = rejected.l10n_pl_ksef_document_id
        self.ksef.state.outcomes[bytes.fromhex(first.sha256)] = 430
        self.run_worker()
        self.company.street = "ul. Zielona 9"
        first.with_user(self.accountant)._correct()
        self.run_worker(1)
        self.env["ir.config_parameter"].set_param(submission.THRESHOLD_PARAMETER, "1")
        moves = self.sealed(2)
        self.run_worker(1)
        duplicate = moves[0].l10n_pl_ksef_document_id.sudo()
        duplicate.write({"state": "waiting", "submission_id": False, "ksef_number": False})
        self.ksef.state.sessions.clear()  # or their hashes would tell
        self.run_worker(1)
        self.assertEqual(set((rejected + moves).l10n_pl_ksef_document_id.mapped("state")), {"accepted"})
        self.assertLessEqual(
            {
                "GET /rate-limits",
                "POST /sessions/online/*/invoices",
                "POST /sessions/batch/*/close",
                "GET /sessions",
                "GET /sessions/*/invoices",
                "GET /sessions/*/upo/*",
                "GET /invoices/ksef/*",
            },
            seen,
        )
