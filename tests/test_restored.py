"""A database from before the sending: what KSeF has already gets its number back, within KSeF's limits."""

from unittest.mock import patch

from ..devtools.ksef_simulator import ChangeAnswer
from ..devtools.ksef_simulator.limits import PUBLISHED
from ..ksef.api.sessions import Sessions
from ..ksef.codes import links
from ..models import submission
from .test_sending import KsefSendingCommon

DOWNLOADS = 3  # that KSeF allows in an hour


class TestRestored(KsefSendingCommon):
    def setUp(self):
        super().setUp()
        self.startPatcher(patch.dict(PUBLISHED, invoiceDownload=(3, 3, DOWNLOADS)))
        self.startPatcher(patch.object(submission, "BATCH_SIZE", 30))
        self.startPatcher(patch.object(submission, "_PAGE", 10))
        self.requests = []
        self.ksef.observers.append(lambda request, _answer: self.requests.append(f"{request.method} {request.path}"))

    def restored(self, count, one_by_one=0):
        """Send documents, in packages but for some, and return them and their numbers, which are forgotten again."""
        moves = self.sealed(one_by_one) if one_by_one else self.env["account.move"]
        self.run_worker()
        moves |= self.sealed(count)
        self.run_worker(61)
        documents = moves.l10n_pl_ksef_document_id.sudo()
        numbers = documents.mapped("ksef_number")
        self.assertTrue(all(numbers))
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE l10n_pl_ksef_document SET state = 'waiting', submission_id = NULL, sent_at = NULL, upo_id = NULL,
            ksef_number = NULL, ksef_reference = NULL, accepted_at = NULL"""
        )
        self.env.cr.execute("UPDATE account_move SET l10n_pl_edi_number = NULL, l10n_pl_edi_status = NULL")
        self.env.cr.execute("DELETE FROM l10n_pl_ksef_submission")
        self.env.invalidate_all()
        self.requests.clear()
        return documents, numbers

    def asked(self, what):
        return sum(what in request for request in self.requests)

    def run_until_settled(self, documents, hours):
        """Return after how many runs, five minutes apart, all documents have an end."""
        for run in range(12 * hours):
            self.run_worker(5 if run else 61)
            if set(documents.mapped("state")) <= {"accepted", "rejected"}:
                return run + 1
        problem = self.env["l10n_pl_ksef.channel"].search([]).problem
        self.fail(f"{documents.grouped('state')} {problem}")

    def spoil_named_session(self, reference):
        """Let KSeF name another session than the first one, as it does in packages."""

        def changed(body):
            for invoice in body.get("invoices", ()):
                if invoice["status"]["code"] == 440:
                    invoice["status"]["extensions"]["originalSessionReferenceNumber"] = reference
            return body

        self.ksef.faults.plan(ChangeAnswer(changed), "GET", "/sessions/*/invoices", times=None)

    def test_all_get_their_numbers_back(self):
        documents, numbers = self.restored(75, one_by_one=5)
        self.run_until_settled(documents, 1)
        self.assertEqual(documents.mapped("ksef_number"), numbers)
        self.assertEqual(documents.move_id.mapped("l10n_pl_edi_number"), numbers)
        self.assertEqual(len(self.ksef.state.numbers), len(numbers), "none is there twice")
        self.assertEqual(self.asked("/invoices/ksef/"), 0)
        self.assertLessEqual(len(self.requests), 60)

    def test_ksef_names_another_session(self):
        documents, numbers = self.restored(25, one_by_one=3)
        online = next(session for session in self.ksef.state.sessions.values() if session.kind == "online")
        for reference in (online.reference, "20261123-SB-0000000000-0000000000-00"):
            with self.subTest(reference):
                self.spoil_named_session(reference)
                self.run_until_settled(documents, 1)
                self.assertEqual(documents.mapped("ksef_number"), numbers)
                self.assertEqual(self.asked("/invoices/ksef/"), 0)
                self.ksef.faults.clear()
                documents.write({"state": "waiting", "submission_id": False, "ksef_number": False})

    def test_sessions_cannot_be_listed(self):
        """Then the files are compared, as many as KSeF gives in an hour."""
        documents, numbers = self.restored(8)
        self.env["ir.config_parameter"].set_param(submission.THRESHOLD_PARAMETER, "4")
        self.spoil_named_session("20261123-SB-0000000000-0000000000-00")
        self.startPatcher(patch.object(Sessions, "sessions_since", lambda *_: iter(())))
        self.run_until_settled(documents, 6)
        self.assertEqual(documents.mapped("ksef_number"), numbers)
        self.assertEqual(self.asked("/invoices/ksef/"), 8)

    def test_another_file_with_the_number(self):
        """What KSeF has under the number is another file: the accountant decides."""
        documents, _numbers = self.restored(25)
        hashes = {invoice.sha256.hex(): invoice for invoice in self.ksef.state.numbers.values()}
        other = documents[4]
        invoice = hashes[other.sha256]
        invoice.xml = invoice.xml.replace(b"</Faktura>", b"\n</Faktura>")
        invoice.sha256 = links.digest(invoice.xml)
        self.run_until_settled(documents, 1)
        self.assertEqual((other.state, other.rejection_code), ("rejected", 440))
        self.assertEqual(other.duplicate_of, invoice.ksef_number)
        self.assertEqual(set((documents - other).mapped("state")), {"accepted"})
        self.assertEqual(self.asked("/invoices/ksef/"), 1)
