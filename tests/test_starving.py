"""One bad document never holds up the others, and is never tried without end."""

import logging
from base64 import b64encode

from ..devtools.ksef_simulator import JSON, AnswerInstead, ChangeAnswer, OnlyFor
from ..models.submission import THRESHOLD_PARAMETER
from .test_sending import KsefSendingCommon

_logger = logging.getLogger(__name__)

SEND = ("POST", "/sessions/online/*/invoices")
PAGE = b"<html><h1>Zapora: dost\xc4\x99p zabroniony</h1></html>"
# What answers in place of KSeF, for the bytes of one document
BAD_ANSWERS = {
    "HTTP 500": AnswerInstead(500),
    "HTTP 502": AnswerInstead(502),
    "HTML with 200": AnswerInstead(200, PAGE),
    "202 without a reference": AnswerInstead(202, b"{}", JSON),
    "202 that is no JSON": AnswerInstead(202, b"OK", JSON),
    "a firewall's 403": AnswerInstead(403, PAGE),
    "a gateway's 413": AnswerInstead(413, PAGE),
    "a gateway's 414 in JSON": AnswerInstead(414, b'{"title": "URI Too Long"}', JSON),
}
# {documents together with the bad one: (requests, minutes) until the others are accepted; alone: within three hours}
BOUNDS = {1: (60, 180), 5: (20, 5), 50: (90, 10)}


class TestStarving(KsefSendingCommon):
    def setUp(self):
        super().setUp()
        self.requests = []
        self.ksef.observers.append(lambda request, _answer: self.requests.append(f"{request.method} {request.path}"))

    def documents(self, count):
        """Return a document with the earliest deadline, and the others."""
        documents = self.sealed(count).l10n_pl_ksef_document_id.sudo()
        return documents[0], documents[1:]

    def spoil(self, documents, fault):
        hashes = [b64encode(bytes.fromhex(document.sha256)).decode() for document in documents]
        self.ksef.faults.plan(OnlyFor(fault, *hashes), *SEND, times=None)

    def run_until_accepted(self, documents, runs=36):
        """Run the worker every five minutes until all are accepted; return (requests, minutes) that it took."""
        self.requests.clear()
        for run in range(runs):
            self.run_worker(5 if run else 0)
            if set(documents.mapped("state")) <= {"accepted"}:
                return len(self.requests), 5 * run
        channel = self.env["l10n_pl_ksef.channel"].search([])
        self.fail(f"after three hours: {documents.mapped('state')}, {documents.mapped('problem')} {channel.problem}")

    def check_stepped_aside(self, bad):
        """For the rest of a day the bad one is tried seldom, and somebody is asked, with what KSeF has answered."""
        self.requests.clear()
        for _half_an_hour in range(20):
            self.run_worker(30)
        sent = [request for request in self.requests if request.endswith("/invoices") and request.startswith("POST")]
        self.assertLessEqual(len(sent), 8)
        self.assertNotIn(bad.state, ("accepted", "sending"))
        self.assertTrue(bad.problem)
        (activity,) = bad.move_id.activity_ids
        self.assertIn(bad.problem.split(":")[0], activity.note)
        channel = self.env["l10n_pl_ksef.channel"].search([])
        self.assertFalse(channel.problem, "it is not KSeF's fault")

    def test_one_bad_document(self):
        """Bounded in requests and minutes, for each kind of bad answer; the log has the table."""
        self.env["ir.config_parameter"].set_param(THRESHOLD_PARAMETER, "100")
        rows = [f"{'answer':26}" + "".join(f"{f'among {count}' if count > 1 else 'alone':>24}" for count in BOUNDS)]
        for what, fault in BAD_ANSWERS.items():
            row = f"{what:26}"
            for count, (most_requests, most_minutes) in BOUNDS.items():
                with self.subTest(what, among=count):
                    bad, healthy = self.documents(count)
                    self.spoil(bad, fault)
                    requests, minutes = self.run_until_accepted(healthy) if healthy else self.run_for_hours(3)
                    row += f"{f'{requests} requests, {minutes:3} min':>24}"
                    self.assertLessEqual(requests, most_requests)
                    self.assertLessEqual(minutes, most_minutes)
                    self.check_sent_when_the_cause_is_gone(bad)
            rows.append(row)
        _logger.info("\n%s", "\n".join(rows))

    def run_for_hours(self, hours):
        """Run the worker every five minutes; return (requests, minutes)."""
        self.requests.clear()
        for _run in range(12 * hours):
            self.run_worker(5)
        return len(self.requests), 60 * hours

    def check_sent_when_the_cause_is_gone(self, bad):
        self.ksef.faults.clear()
        bad._to("waiting") if bad.state == "unknown" else None
        bad.write({"retry_at": False})
        self.run_worker(1)
        self.assertEqual(bad.state, "accepted")

    def test_it_is_tried_seldom_and_somebody_is_asked(self):
        for what in ("HTTP 500", "a firewall's 403", "202 without a reference"):
            with self.subTest(what):
                bad, healthy = self.documents(3)
                self.spoil(bad, BAD_ANSWERS[what])
                self.run_until_accepted(healthy)
                self.check_stepped_aside(bad)
                self.ksef.faults.clear()
                bad.with_user(self.accountant).action_send_now()
                self.run_worker(1)
                self.run_worker(5)
                self.assertEqual(bad.state, "accepted")

    def test_two_bad_ones_first(self):
        """As long as none goes through it looks like KSeF's failure; then the others go first."""
        documents = self.sealed(5).l10n_pl_ksef_document_id.sudo()
        self.spoil(documents[:2], BAD_ANSWERS["HTTP 500"])
        _requests, minutes = self.run_until_accepted(documents[2:])
        self.assertLessEqual(minutes, 10)
        self.assertTrue(all(documents[:2].mapped("attempts")))

    def test_ksef_itself_fails(self):
        """No document is blamed when all fail, and the channel pauses."""
        documents = self.sealed(3).l10n_pl_ksef_document_id.sudo()
        self.ksef.faults.plan(AnswerInstead(502), *SEND, times=None)
        for _run in range(6):
            self.run_worker(5)
        self.assertEqual(set(documents.mapped("attempts")), {0})
        self.assertFalse(documents.move_id.activity_ids)
        self.assertTrue(self.env["l10n_pl_ksef.channel"].search([]).problem)
        self.ksef.faults.clear()
        self.run_until_accepted(documents)

    def test_a_package_that_is_refused_as_a_whole(self):
        """It is halved until the bad one stands alone."""
        self.env["ir.config_parameter"].set_param(THRESHOLD_PARAMETER, "3")
        documents = self.sealed(9).l10n_pl_ksef_document_id.sudo()
        self.ksef.state.breakers.add(bytes.fromhex(documents[0].sha256))
        requests, minutes = self.run_until_accepted(documents)
        self.assertLessEqual((minutes, requests), (30, 100))
        sizes = sorted(len(session.invoices) for session in self.ksef.state.sessions.values() if session.invoices)
        self.assertEqual(sum(sizes), 9, "each was received once")

    # Answers about what was sent

    def spoil_status(self, document, change):
        sha256 = b64encode(bytes.fromhex(document.sha256)).decode()

        def changed(body):
            for invoice in body.get("invoices", ()):
                if invoice["invoiceHash"] == sha256:
                    change(invoice)
            return body

        self.ksef.faults.plan(ChangeAnswer(changed), "GET", "/sessions/*/invoices", times=None)

    def test_a_status_that_settles_nothing(self):
        def without(name):
            return lambda invoice: invoice.pop(name)

        def with_(**values):
            return lambda invoice: invoice.update(values)

        for what, change, words in (
            ("no status", with_(status=None), "cannot be read"),
            ("no description", lambda invoice: invoice["status"].pop("description"), "cannot be read"),
            ("a code of letters", lambda invoice: invoice["status"].update(code="200"), "cannot be read"),
            ("no date", without("invoicingDate"), "cannot be read"),
            ("wrong check digits", with_(ksefNumber="5795955811-20261123-0123456789AB-00"), "no valid number"),
            ("no number", with_(ksefNumber=None), "no valid number"),
        ):
            with self.subTest(what):
                bad, healthy = self.documents(3)
                bad.company_id.l10n_pl_ksef_responsible_id = self.accountant
                self.spoil_status(bad, change)
                self.run_until_accepted(healthy)
                self.assertEqual(bad.state in ("sending", "sent"), True, bad.state)
                self.assertFalse(bad.ksef_number or bad.move_id.l10n_pl_edi_number)
                self.assertIn(words, bad.with_context(lang="en_US").problem)
                for _hour in range(12):
                    self.run_worker(60)
                self.assertTrue(bad.move_id.activity_ids, "somebody is asked")
                self.ksef.faults.clear()
                self.run_until_accepted(bad)

    def test_a_status_550_that_stays(self):
        bad, healthy = self.documents(3)
        sha256 = bytes.fromhex(bad.sha256)
        self.requests.clear()
        for _run in range(24 * 12):
            self.ksef.state.outcomes[sha256] = 550
            self.run_worker(5)
        self.assertEqual(set(healthy.mapped("state")), {"accepted"})
        sent = [request for request in self.requests if request.endswith("/invoices") and request.startswith("POST")]
        self.assertLessEqual(len(sent), 2 + 10)
        self.assertTrue(bad.move_id.activity_ids)

    def test_a_warning(self):
        (move,) = self.sealed()
        self.ksef.faults.plan(ChangeAnswer(X_System_Warning="Certyfikat wygasa za 7 dni"), *SEND)
        self.run_worker()
        document = move.l10n_pl_ksef_document_id
        self.assertEqual((document.state, document.ksef_warning), ("accepted", "Certyfikat wygasa za 7 dni"))
        self.assertIn("Certyfikat wygasa", str(move.activity_ids.mapped("note")))

    def test_a_number_used_by_another_program(self):
        """A new file with the same number cannot help, so it is not offered."""
        first, second = self.documents(2)
        self.reject(first, 440, "Duplikat faktury")
        self.assertFalse(first.can_correct or first.can_send_again)
        self.assertTrue(first.maybe_in_ksef and first.can_withdraw)
        self.assertIn("used twice", first.with_context(lang="en_US").rejection_advice)
        self.assertTrue(second)
