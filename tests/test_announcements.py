import os
from contextlib import contextmanager
from datetime import date, timedelta
from unittest.mock import patch

from psycopg2.errors import UniqueViolation

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, freeze_time, new_test_user
from odoo.tools import mute_logger

from ..devtools.ksef_simulator import AnswerInstead, CutAnswer, LoseAnswer, SlowAnswer
from ..ksef.api import latarnia
from ..ksef.law.modes import Mode
from ..models import announcement as announcement_module
from ..models.announcement import LATARNIA_VARIABLE
from .common import NOW, KsefSimulatorCommon, LoopbackOnly

HOUR = timedelta(hours=1)
LOGGER = announcement_module.__name__
BIP = "https://www.gov.pl/web/kas/komunikaty"


def stored(moment):
    return moment.replace(tzinfo=None)


@freeze_time(NOW)
class AnnouncementCommon(LoopbackOnly, KsefSimulatorCommon):
    """The simulator's Latarnia, polled by the cron over real HTTP in a database that is not one of production."""

    def setUp(self):
        super().setUp()
        self.startPatcher(patch.dict(os.environ, {LATARNIA_VARIABLE: self.ksef.latarnia_url}))
        # Tests of Odoo keep no history unless the context is another one.
        self.records = self.env(user=self.accountant, context={})["l10n_pl_ksef.announcement"]
        self.asked = []
        self.ksef.observers.append(lambda request, _answer: self.asked.append(request.path))
        self.changed = []
        self.startPatcher(
            patch.object(
                type(self.env["l10n_pl_ksef.document"]),
                "_announcements_changed",
                lambda _documents, environment: self.changed.append(environment),
            )
        )

    @contextmanager
    def at(self, moment):
        """Let it be another time, here and in KSeF."""
        self.now, before = moment, self.now
        with freeze_time(moment):
            self.env.invalidate_all()
            yield
        self.now = before

    def poll(self):
        with self.enter_registry_test_mode():
            self.env.ref("l10n_pl_ksef_offline.cron_latarnia").method_direct_trigger()

    def failure(self, **values):
        return self.ksef.announce("FAILURE", "FAILURE_START", self.now - HOUR, event_id=7, **values)

    def all(self):
        """Return the announcements as the accountant sees them."""
        return self.records.search([])

    def mode(self):
        return self.all()._propose("test")[0]

    def history(self, announcement):
        """Return what the chatter tells after the creation, the oldest first: (author, names of the fields, text)."""
        self.env.flush_all()
        self.cr.precommit.run()
        _creation, *messages = announcement.sudo().message_ids.sorted("id")
        return [
            (message.author_id, set(message.tracking_value_ids.field_id.mapped("name")), message.preview)
            for message in messages
        ]

    def by_hand(self, **values):
        """Return an announcement that the accountant enters."""
        values = {"kind": "failure", "start": stored(NOW - HOUR), "number": "BIP 12/2026"} | values
        with Form(self.records) as form:
            for name, value in values.items():
                form[name] = value
        return form.record


class TestLatarnia(AnnouncementCommon):
    def test_latarnia_is_asked_when_the_window_opens(self):
        """What was announced a minute ago decides about the mode."""
        wizard = self.env["l10n_pl_ksef.issue.offline"].with_user(self.accountant)
        wizard = wizard.with_context(active_model="account.move", active_ids=self.posted_invoice().ids)
        self.upload(self.issued())
        self.assertEqual(Form(wizard).mode, Mode.OFFLINE24)
        self.ksef.announce("FAILURE", "FAILURE_START", NOW, event_id=1)
        opened = Form(wizard)
        self.assertEqual((opened.mode, opened.latarnia_is_silent), (Mode.EMERGENCY, False))
        for trouble in (AnswerInstead(503), SlowAnswer(30)):
            self.ksef.faults.plan(trouble)
            with mute_logger(LOGGER):
                opened = Form(wizard)
            self.ksef.faults.clear()
            self.assertEqual((opened.mode, opened.latarnia_is_silent), (Mode.EMERGENCY, True))

    def test_a_failure_from_its_start_to_its_end(self):
        self.poll()
        self.assertFalse(self.all())
        self.assertEqual(self.mode(), Mode.OFFLINE24)

        self.failure(title="Wystąpiła awaria", text="Od godziny 10:00 trwa awaria")
        self.poll()
        failure = self.all()
        self.assertEqual((failure.kind, failure.origin, failure.status), ("failure", "latarnia", "in_force"))
        self.assertEqual((failure.number, failure.title), ("K/2026/AWR/01", "Wystąpiła awaria"))
        self.assertEqual((failure.start, failure.end), (stored(NOW - HOUR), False))
        self.assertEqual(failure.announced, stored(NOW))
        self.assertEqual(failure.environment, "test")
        self.assertEqual(failure.display_name, "KSeF failure K/2026/AWR/01 (11/23/2026 - …)")
        mode, reason = failure._propose("test")
        self.assertEqual(mode, Mode.EMERGENCY)
        self.assertIn("K/2026/AWR/01 Wystąpiła awaria", str(reason))
        self.assertEqual(failure._propose("production")[0], Mode.OFFLINE24, "another KSeF")
        self.assertEqual(self.changed, ["test"])

        # Corrected: both versions are kept.
        self.ksef.state.announcements[0]["start"] = NOW - 3 * HOUR
        self.ksef.state.announcements[0]["version"] = 2
        self.poll()
        self.assertEqual(self.all(), failure)
        self.assertEqual(failure.start, stored(NOW - 3 * HOUR))
        self.assertEqual(failure.notice_ids.mapped("version"), [2, 1])

        with self.at(NOW + 24 * HOUR):
            self.ksef.announce("FAILURE", "FAILURE_END", NOW - 3 * HOUR, NOW + 20 * HOUR, event_id=7)
            self.poll()
            self.assertEqual((failure.status, failure.end), ("ended", stored(NOW + 20 * HOUR)))
            self.assertEqual(failure.announced, stored(NOW), "when it was first published")
            self.assertEqual(self.mode(), Mode.OFFLINE24)
            self.assertIn("11/23/2026 - 11/24/2026", failure.display_name)
            self.assertEqual(len(self.changed), 3)
            (told,) = failure._announcements("test")
            self.assertEqual((told.start, told.end), (NOW - 3 * HOUR, NOW + 20 * HOUR))
            self.assertEqual([fields for _author, fields, _text in self.history(failure)], [{"start"}, {"end"}])

    def test_maintenance(self):
        start, end = NOW + 10 * HOUR, NOW + 13 * HOUR  # ends at midnight in Poland
        self.ksef.announce("MAINTENANCE", "MAINTENANCE_ANNOUNCEMENT", start, end, event_id=1)
        self.poll()
        maintenance = self.all()
        self.assertEqual((maintenance.kind, maintenance.status), ("maintenance", "planned"))
        self.assertEqual(self.mode(), Mode.OFFLINE24)
        self.assertIn("(11/23/2026)", maintenance.display_name)
        with self.at(start):
            self.assertEqual((maintenance.status, self.mode()), ("in_force", Mode.UNAVAILABILITY))
        with self.at(end):
            self.assertEqual((maintenance.status, self.mode()), ("ended", Mode.OFFLINE24))

    def test_a_failure_that_grows(self):
        self.failure()
        self.poll()
        self.ksef.announce("TOTAL_FAILURE", "FAILURE_START", NOW - HOUR, event_id=7, version=2)
        self.poll()
        self.assertEqual(self.all().kind, "total_failure")
        self.assertEqual(self.mode(), Mode.TOTAL_FAILURE)

    def test_every_message_is_kept_once_as_it_came(self):
        message = self.failure()
        message["severity"] = {"nowe": ["źle"]}
        self.poll()
        self.poll()
        notice = self.all().notice_ids
        self.assertEqual(len(self.asked), 2)
        self.assertEqual((notice.number, notice.type, notice.version), ("K/2026/AWR/01", "FAILURE_START", 1))
        self.assertEqual((notice.published, notice.fetched_at), (stored(NOW), stored(NOW)))
        self.assertEqual(notice.raw["severity"], {"nowe": ["źle"]})
        self.assertIn("źle", notice.content)
        self.assertEqual(self.changed, ["test"], "the second time nothing was new")
        # changed without a new version
        with self.at(NOW + HOUR):
            message["severity"] = "none"
            self.poll()
            self.assertEqual(
                self.all().notice_ids.mapped("fetched_at"), [stored(NOW + HOUR), stored(NOW)], "newest first"
            )
        # and Latarnia forgets
        self.ksef.state.announcements.clear()
        self.poll()
        self.assertEqual((self.all().status, len(self.all().notice_ids)), ("in_force", 2))

    def test_an_end_before_its_start_is_known(self):
        end = self.ksef.announce("FAILURE", "FAILURE_END", None, NOW, event_id=7)
        with self.assertLogs(latarnia.__name__, "WARNING"):
            self.poll()
        self.assertFalse(self.all())
        self.ksef.state.announcements.clear()
        self.failure()
        self.poll()
        self.assertEqual((self.all().end, self.all().status), (stored(end["end"]), "ended"))
        self.assertEqual(len(self.all().notice_ids), 2)

    def test_what_latarnia_says_is_kept_be_it_nonsense(self):
        self.ksef.announce("MAINTENANCE", "MAINTENANCE_ANNOUNCEMENT", NOW - HOUR, NOW - 2 * HOUR, event_id=1)
        self.failure()
        self.poll()
        self.assertEqual(set(self.all().mapped("status")), {"ended", "in_force"})

    def test_without_an_answer_nothing_changes(self):
        self.failure()
        self.poll()
        before = self.all().read()
        self.startPatcher(patch.object(latarnia.fetch, "__defaults__", (0.2,)))
        for what, fault in (
            ("down", AnswerInstead(502)),
            ("slow", SlowAnswer(60)),
            ("gone", LoseAnswer()),
            ("cut", CutAnswer(20)),
            ("a page", AnswerInstead(200)),
            ("no list", AnswerInstead(200, b'{"status": "AVAILABLE"}')),
            ("no message", AnswerInstead(200, b'[{"status": "AVAILABLE"}]')),
            ("many digits", AnswerInstead(200, b"[" + b"9" * 10_000 + b"]")),
            ("nothing announced", AnswerInstead(200, b"[]")),
        ):
            with self.subTest(what):
                self.ksef.faults.plan(fault, "GET", "/latarnia/messages")
                with mute_logger(latarnia.__name__):
                    if what == "nothing announced":
                        self.poll()
                    else:
                        with self.assertLogs(LOGGER, "WARNING") as logged:
                            self.poll()
                        self.assertEqual(len(logged.records), 1)
                self.env.invalidate_all()
                self.assertEqual(self.all().read(), before)
        self.ksef.stop()
        with self.assertLogs(LOGGER, "WARNING"):
            self.poll()
        self.ksef.start()
        self.assertEqual(self.all().read(), before)
        self.assertEqual(self.changed, ["test"])

    def test_two_servers_at_once(self):
        self.failure()
        self.poll()
        announcement = self.env["l10n_pl_ksef.announcement"]
        notice = self.env["l10n_pl_ksef.announcement.notice"]
        # The other server has recorded it, but this one does not see it yet.
        payload = [kept.raw for kept in notice.search([])]
        with (
            patch.object(type(notice), "_unknown", lambda _model, _environment, notices: notices),
            mute_logger("odoo.sql_db"),
            patch.object(announcement_module._logger, "info") as logged,
        ):
            announcement.sudo()._record("test", latarnia.parse_messages(payload))
        logged.assert_called_once()
        self.assertEqual((len(self.all()), len(notice.search([]))), (1, 1))
        with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self.all().sudo().copy({"origin": "latarnia", "event_id": 7})

    def test_where_latarnia_is_asked(self):
        def asked():
            self.asked.clear()
            self.poll()
            return bool(self.asked)

        def work_with(mode):
            self.env["ir.config_parameter"].set_param("l10n_pl_edi_ksef.mode", mode)

        self.failure()
        hosts = {"production": self.ksef.latarnia_url, "test": self.ksef.latarnia_url}
        with patch.dict(latarnia.HOSTS, hosts):
            self.assertTrue(asked(), "told to by the variable")
            with patch.dict(os.environ):
                del os.environ[LATARNIA_VARIABLE]
                for mode in ("test", "demo"):
                    work_with(mode)
                    self.assertFalse(asked(), mode)
                work_with("prod")
                self.assertTrue(asked())
                self.assertEqual(self.all()._propose("production")[0], Mode.EMERGENCY)
                login = self.company.l10n_pl_edi_certificate
                self.company.l10n_pl_edi_certificate = False
                self.assertFalse(asked(), "no company works with KSeF")
                self.company.l10n_pl_edi_certificate = login
        with (
            patch.dict(latarnia.HOSTS, production="http://127.0.0.1:9"),
            self.assertLogs(LOGGER, "WARNING"),
        ):
            self.assertFalse(asked(), "production heeds no variable")


class TestByHand(AnnouncementCommon):
    def test_enter_correct_end_retract(self):
        failure = self.by_hand(url=BIP)
        self.assertEqual((failure.origin, failure.environment, failure.announced), ("manual", "test", stored(NOW)))
        self.assertEqual((failure.status, self.mode()), ("in_force", Mode.EMERGENCY))
        self.history(failure)
        failure.with_user(self.manager).write({"number": "BIP 13/2026", "start": stored(NOW - 2 * HOUR)})
        (told,) = failure._announcements("test")
        self.assertEqual((told.source, told.start), ("BIP 13/2026", NOW - 2 * HOUR))
        self.history(failure)
        failure.action_end_now()
        self.assertEqual((failure.end, failure.status, self.mode()), (stored(NOW), "ended", Mode.OFFLINE24))
        self.history(failure)
        failure.end = stored(NOW + HOUR)
        self.assertEqual(self.mode(), Mode.EMERGENCY)
        self.history(failure)
        failure.action_retract()
        self.assertEqual((failure.status, self.mode()), ("retracted", Mode.OFFLINE24))
        self.assertFalse(failure._announcements("test"))
        self.history(failure)
        failure.action_reinstate()
        self.assertEqual(self.mode(), Mode.EMERGENCY)
        accountant, manager = self.accountant.partner_id, self.manager.partner_id
        self.assertEqual(
            [told[:2] for told in self.history(failure)],
            [
                (manager, {"number", "start"}),
                (accountant, {"end"}),
                (accountant, {"end"}),
                (accountant, {"retracted"}),
                (accountant, {"retracted"}),
            ],
        )
        self.assertEqual(self.changed, ["test"] * 6)

    def test_what_makes_no_sense_is_refused(self):
        for values, words in (
            ({"end": stored(NOW - HOUR)}, "after its start"),
            ({"number": False}, "so that others find it"),
        ):
            with self.assertRaisesRegex(ValidationError, words), self.env.cr.savepoint():
                self.by_hand(**values)
        self.by_hand(number=False, title="Polskie Radio, 12:00", kind="total_failure")
        self.assertEqual(self.mode(), Mode.TOTAL_FAILURE)

    def test_latarnias_end(self):
        self.failure()
        self.poll()
        failure = self.all()
        failure.action_end_now()
        self.assertEqual((failure.status, self.mode()), ("ended", Mode.OFFLINE24))
        with self.assertRaisesRegex(ValidationError, "after its start"), self.env.cr.savepoint():
            failure.end = failure.start
        self.history(failure)
        # A newer notice without an end does not reopen it,
        self.failure(version=2, title="Awaria trwa")
        self.poll()
        self.assertEqual((failure.title, failure.end), ("Awaria trwa", stored(NOW)))
        # one with an end counts.
        self.ksef.announce("FAILURE", "FAILURE_END", NOW - HOUR, NOW + HOUR, event_id=7)
        self.poll()
        self.assertEqual((failure.status, failure.end), ("in_force", stored(NOW + HOUR)))
        by_hand, retitled, ended = self.history(failure)
        self.assertEqual(by_hand[:2], (self.accountant.partner_id, {"end"}))
        self.assertEqual(retitled[1], {"number", "title"})
        self.assertNotIn("ręcznie", retitled[2])
        self.assertEqual(ended[:2], (self.env.ref("base.partner_root"), {"end"}))
        self.assertIn("wprowadzony ręcznie już nie obowiązuje", ended[2])

    def test_latarnias_notice_is_taken_back_until_a_newer_one(self):
        self.failure()
        self.poll()
        self.all().action_retract()
        self.poll()
        self.assertEqual(self.mode(), Mode.OFFLINE24)
        self.failure(version=2)
        self.poll()
        self.assertEqual(self.mode(), Mode.EMERGENCY)

    def test_nothing_else_of_latarnias(self):
        self.failure()
        self.poll()
        failure = self.all()
        for values in (
            {"kind": "maintenance"},
            {"start": stored(NOW)},
            {"announced": False},
            {"number": "1"},
            {"title": "1"},
            {"origin": "manual"},
            {"event_id": 8},
            {"environment": "production"},
            {"end_by_hand": False},
        ):
            with self.subTest(**values), self.assertRaisesRegex(UserError, "cannot be changed by hand"):
                failure.write(values)
        with self.assertRaisesRegex(UserError, "cannot be changed by hand"):
            failure.create({"kind": "failure", "start": stored(NOW), "number": "1", "origin": "latarnia"})
        with self.assertRaises(AccessError):
            failure.notice_ids.write({"number": "1"})

    def test_nobody_deletes(self):
        self.failure()
        self.poll()
        for records in (self.all(), self.by_hand(), self.all().notice_ids):
            with self.assertRaises(AccessError):
                records.unlink()
            with self.assertRaisesRegex(UserError, "stays in the records"):
                records.sudo().unlink()

    def test_who_may(self):
        self.failure()
        self.poll()
        announcement, by_hand = self.all(), self.by_hand()
        company = {"company_id": self.company.id, "company_ids": [Command.set(self.company.ids)]}
        auditor = new_test_user(self.env, "ksef_auditor", "account.group_account_readonly", **company)
        employee = new_test_user(self.env, "ksef_employee", "base.group_user", **company)
        customer = new_test_user(self.env, "ksef_customer", "base.group_portal", **company)
        self.assertTrue(announcement.with_user(auditor).notice_ids.raw)
        for user in (auditor, employee, customer):
            for change in (
                lambda records: records.create({"kind": "failure", "start": stored(NOW), "number": "1"}),
                lambda records: records.action_end_now(),
                lambda records: records.action_retract(),
            ):
                with self.assertRaises(AccessError):
                    change(by_hand.with_user(user))
        for user in (employee, customer):
            for records in (announcement, announcement.notice_ids, self.env["l10n_pl_ksef.day.off"]):
                with self.assertRaises(AccessError):
                    records.with_user(user).search([])
        # Modes and deadlines do not depend on who asks.
        self.assertEqual(announcement.with_user(employee)._propose("test")[0], Mode.EMERGENCY)


class TestDaysOff(AnnouncementCommon):
    def test_days_off(self):
        days = self.env["l10n_pl_ksef.day.off"]
        administrator = new_test_user(self.env, "ksef_administrator", "base.group_system")
        day = days.with_user(administrator).create({"date": "2026-11-24", "name": "One-off"})
        self.assertEqual(days.with_user(self.accountant)._days(), frozenset({date(2026, 11, 24)}))
        self.assertEqual(self.changed, ["test"])
        day.date = "2026-11-25"
        with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            day.create({"date": "2026-11-25", "name": "Again"})
        with self.assertRaises(AccessError):
            day.with_user(self.accountant).name = "Mine"
        self.changed.clear()
        day.unlink()
        self.assertEqual((days._days(), self.changed), (frozenset(), ["test"]))
