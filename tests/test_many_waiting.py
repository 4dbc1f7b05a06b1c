"""Thousands of documents that wait: each transaction is bounded, and what is asked in between is right."""

from datetime import date
from unittest.mock import patch

from odoo.tests import freeze_time
from odoo.tools import mute_logger

from ..models.document import deadline
from ..tools import jobs
from .common import NOW
from .test_sending import KsefSendingCommon

FAILURE = {"kind": "failure", "start": NOW.replace(tzinfo=None), "title": "K/2026/AWR/01"}


@freeze_time(NOW)
class TestManyWaiting(KsefSendingCommon):
    def setUp(self):
        super().setUp()
        self.startPatcher(patch.object(deadline, "SLICE", 2))
        self.documents = self.sealed(5).l10n_pl_ksef_document_id.sudo()
        self.before = self.documents[0].deadline

    def announce(self, **values):
        return self.env["l10n_pl_ksef.announcement"].with_user(self.accountant).create(FAILURE | values)

    def run_job(self, slices=None, method="_cron_update_deadlines"):
        """Run a job for so many slices, all unless told; return how many documents each slice had."""
        done = []

        def commit(_env, processed=0, remaining=1):
            done.append(processed)
            if len(done) == slices:
                raise jobs.OutOfTime

        with patch.object(jobs, "commit_and_go_on", commit):
            getattr(self.env["l10n_pl_ksef.document"], method)()
        self.env.invalidate_all()
        return done

    def test_deadlines_follow_in_slices(self):
        """Whoever announces does not wait for them; a run that is cut off is gone on with."""
        self.announce()
        self.assertEqual(set(self.documents.mapped("deadline")), {self.before}, "not worked out by the announcement")
        self.assertEqual(set(self.documents._deadlines_now().values()), {None}, "and yet known")
        self.assertIn("from the end of the failure", self.documents[0]._status_line())
        self.assertEqual(self.run_job(slices=1), [2])
        self.assertEqual(self.documents.mapped("deadline").count(self.before), 3)
        self.assertEqual(self.run_job(), [2, 1])
        self.assertEqual(set(self.documents.mapped("deadline")), {False})
        self.assertEqual(self.run_job(), [], "nothing is worked out twice")

    def test_what_stays_as_it_is_costs_next_to_nothing(self):
        self.announce(kind="maintenance", end=NOW.replace(tzinfo=None, hour=23))
        told = len(self.documents.move_id.message_ids)
        with self.assertQueryCount(45):
            self.run_job()
        self.assertEqual(len(self.documents.move_id.message_ids), told)
        self.assertFalse(self.documents._stale("test"))

    def test_nothing_is_sent_whose_duty_has_ended(self):
        """The worker comes before the job."""
        failure = self.announce(kind="total_failure")
        failure.sudo().end = NOW.replace(tzinfo=None, hour=11)
        with freeze_time(NOW.replace(hour=12)):
            self.run_worker()
            self.assertFalse(self.ksef.state.numbers)
            self.run_job()
            self.assertEqual(set(self.documents.mapped("state")), {"not_required"})

    def test_one_that_cannot_be_worked_out_stops_no_other(self):
        work_out, bad = type(self.documents)._work_out_deadline, self.documents[1]

        def spoiled(document, *facts):
            return 1 / 0 if document == bad else work_out(document, *facts)

        self.announce()
        self.patch(type(self.documents), "_work_out_deadline", spoiled)
        with mute_logger(jobs.__name__):
            self.assertEqual(self.run_job(), [2, 2, 1])
        self.assertEqual(self.documents._stale("test"), bad)

    def test_reminders_wait_for_the_deadlines(self):
        self.announce()
        with freeze_time(date(2026, 11, 24)):
            self.run_job(slices=1, method="_cron_remind")
        self.assertFalse(self.documents.move_id.activity_ids)

    def test_reminders_are_by_what_was_announced(self):
        self.announce()
        with freeze_time(date(2026, 11, 24)):
            self.run_job(method="_cron_remind")
        self.assertNotIn("must be in KSeF", str(self.documents.move_id.activity_ids.mapped("summary")))

    def test_a_list_asks_once_for_each_channel(self):
        documents = self.documents + self.sealed(75).l10n_pl_ksef_document_id.sudo()
        self.env.flush_all()
        self.env.invalidate_all()
        with self.assertQueryCount(25):
            documents.read(["number", "state", "deadline", "is_late", "hindrance"])

    def test_a_failure_whose_end_nobody_has_entered(self):
        """Whoever is responsible is asked once a day to look for it, until there is one."""
        failure = self.announce()
        self.run_job()
        for _day in (24, 25):
            with freeze_time(date(2026, 11, _day)):
                self.run_job(method="_cron_remind")
                (asked,) = self.documents.move_id.activity_ids
                self.assertIn("K/2026/AWR/01", asked.summary)
                self.assertIn("gov.pl", asked.note)
        failure.sudo().end = NOW.replace(tzinfo=None, hour=11)
        with freeze_time(date(2026, 11, 26)):
            self.run_job(method="_cron_remind")
        self.assertNotIn("Has it ended", str(self.documents.move_id.activity_ids.mapped("summary")))
