"""Which worker may talk to KSeF now: one a NIP, at its pace, and not while KSeF asks for a pause."""

from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL, format_datetime

from ..ksef.api.pacing import LONGEST_WAIT, Pace, RateLimit, is_near
from ..ksef.errors import AccessRefused, KsefError, RateLimited
from ..ksef.poland import WARSAW
from ..tools import jobs
from ..tools.errors import LoginCertificateMissing, Unexpected
from ..tools.translation import translated
from .certificate import ENVIRONMENTS

_LIMITS_KEPT = timedelta(days=1)
_NO_TIME = timedelta()
# After each failure in a row twice as long, up to the last.
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=30)


class Channel(models.Model):
    """The way to KSeF of one NIP, shared by its companies: a lock for one worker at a time, a pace and a pause.

    KSeF counts requests for a NIP and an address. What was counted is committed before each request, so that no
    process that dies takes it along.
    """

    _name = "l10n_pl_ksef.channel"
    _description = "KSeF connection"
    _rec_name = "nip"

    environment = fields.Selection(ENVIRONMENTS, required=True, readonly=True)
    nip = fields.Char("NIP", required=True, readonly=True)
    retry_at = fields.Datetime("Next attempt", readonly=True)
    failures = fields.Integer("Failures in a Row", readonly=True, export_string_translation=False)
    problem = fields.Text("Reason for the pause", readonly=True)
    requests = fields.Json(readonly=True, export_string_translation=False)
    limits = fields.Json(readonly=True, export_string_translation=False)
    limits_at = fields.Datetime(readonly=True, export_string_translation=False)

    _nip_uniq = models.UniqueIndex("(environment, nip)", "There is a connection of this NIP already.")

    @api.model
    def _cron_send(self):
        """Send what waits, and ask KSeF about what is on its way, for every NIP of this database; commit each step."""
        environment = self.env["account.move"]._l10n_pl_ksef_environment()
        if in_force := self.env["l10n_pl_ksef.announcement"]._in_force(environment):
            self._wake_after(in_force)
            return
        companies = self.env["l10n_pl_ksef.submission"]._companies_with_work(environment)
        by_nip = companies.grouped(lambda company: company._l10n_pl_ksef_nip())
        try:
            jobs.commit_and_go_on(self.env, remaining=len(by_nip))
            for done, (nip, group) in enumerate(by_nip.items(), 1):
                self._ensure_and_commit(environment, nip)._run(group)
                jobs.commit_and_go_on(self.env, 1, remaining=len(by_nip) - done)
        except jobs.OutOfTime:
            return  # Odoo calls again, after the other jobs
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            # Somebody has changed the same record meanwhile; nothing is lost that KSeF does not tell once more.
            self.env.cr.rollback()
            self._wake()

    @api.model
    def _wake_after(self, in_force):
        """Let the worker run when these announcements have ended, if it is known of all of them when."""
        if all(announcement.end for announcement in in_force):
            self._wake(max(announcement.end for announcement in in_force).replace(tzinfo=None))

    @api.model
    def _hindrance(self, environment, nip):
        """Return why documents of a NIP that wait are not sent now, in words; empty if they go with the next run."""
        if closed := self._closed_because(environment):
            return closed
        channel = self._of(environment, nip)
        if not channel.problem or not channel._pauses():
            return channel.problem or ""
        again = format_datetime(self.env, channel.retry_at, tz=WARSAW.key, dt_format="short")
        return self.env._("%(problem)s Next attempt: %(again)s.", problem=channel.problem, again=again)

    @api.model
    def _closed_because(self, environment):
        """Return which announcement keeps the worker from talking to KSeF, in words; empty if none does."""
        announcements = self.env["l10n_pl_ksef.announcement"]._in_force(environment)
        notices = ", ".join(announcement.source for announcement in announcements)
        return notices and self.env._(
            "By an announcement KSeF is not available (%(notices)s). What waits is sent by itself when that has ended.",
            notices=notices,
        )

    @api.model
    def _wake(self, at=None):
        """Let the worker run soon, or at a moment (naive, UTC)."""
        self.env.ref("l10n_pl_ksef_offline.cron_send")._trigger(at)

    @api.model
    def _of(self, environment, nip):
        """Return the channel of a NIP; empty until it is first needed."""
        return self.sudo().search([("environment", "=", environment), ("nip", "=", nip)])

    @api.model
    def _ensure_and_commit(self, environment, nip):
        """Return the channel of a NIP, made and committed at the first need."""
        # Two workers may need it first at the same time.
        self.env.cr.execute(
            SQL(
                "INSERT INTO %s (environment, nip, failures) VALUES (%s, %s, 0) ON CONFLICT DO NOTHING",
                SQL.identifier(self._table),
                environment,
                nip,
            )
        )
        self.env.cr.commit()  # pylint: disable=invalid-commit  # the other worker waits for it
        return self._of(environment, nip)

    @api.model
    def _keep_out(self, environment, nip):
        """Keep the worker away from a NIP until the end of this transaction.

        :raises UserError: it is at work
        """
        for channel in self._of(environment, nip):
            self.env.cr.execute(SQL("SELECT pg_try_advisory_xact_lock(%s)", channel._lock()))
            if not self.env.cr.fetchone()[0]:
                raise UserError(self.env._("Documents are being sent to KSeF right now. Try again in a minute."))

    def _lock(self):
        return SQL("hashtext(%s), %s", self._table, self.id)

    def _run(self, companies):
        """Serve the companies of this NIP and commit each step, unless another worker does so or a pause is on."""
        with self._alone() as alone:
            self.invalidate_recordset()
            if alone and not self._pauses():
                self._serve_all(companies)

    def _pauses(self):
        """Tell whether it is too early to talk to KSeF again."""
        return bool(self.retry_at) and is_near(self.retry_at, fields.Datetime.now(), past=_NO_TIME, ahead=LONGEST_WAIT)

    def _serve_all(self, companies):
        """Serve one company after another, and commit; the login or the records of one stop no other."""
        failed = self.env["res.company"]
        for company in companies:
            what = "The offline documents of company %s cannot be sent"
            try:
                with jobs.attempt(self.env, what, company.id, passing=(KsefError,)) as serving:
                    self._serve(company)
                trouble = serving.error and Unexpected()
            except KsefError as error:
                trouble = error
            if not trouble:
                continue
            self._roll_back_and_note(company, trouble)
            if not isinstance(trouble, (AccessRefused, LoginCertificateMissing, Unexpected)):
                self._pause_and_commit(trouble)
                return
            failed += company
        if failed == companies:
            self._pause_and_commit()
        else:
            self._rest_and_commit(failed, companies)

    @contextmanager
    def _alone(self):
        """Give whether this is the only worker of the channel; it stays so until the end of the ``with``."""
        # A lock of the session, not of the transaction, outlives the commits of the work; it dies with the process.
        self.env.cr.execute(SQL("SELECT pg_try_advisory_lock(%s)", self._lock()))
        (alone,) = self.env.cr.fetchone()
        try:
            yield alone
        finally:
            if alone:
                self.env.cr.rollback()
                self.env.cr.execute(SQL("SELECT pg_advisory_unlock(%s)", self._lock()))

    def _serve(self, company):
        """Send what a company has to send and ask what became of it; commit each step, and before each request."""
        submissions = self.env["l10n_pl_ksef.submission"].with_company(company)
        submissions = submissions.with_context(lang=company._l10n_pl_ksef_lang())
        pace = Pace(self.requests or {}, self._known_limits(), lambda: datetime.now(timezone.utc), jobs.sleep)
        with company._l10n_pl_ksef_client(
            self.environment, before_request=lambda method, path: self._count_and_commit(pace, method, path)
        ) as client:
            self._learn_limits(client, pace)
            submissions._follow_all(client, company)
            submissions._send_all(client, company)
            submissions._follow_all(client, company)

    def _count_and_commit(self, pace, method, path):
        """Wait for a request's turn, count it and commit, so that it stays counted whatever comes of it."""
        if pace.before(method, path):
            self.requests = pace.moments
            self._commit()

    def _commit(self):
        self.env.cr.commit()  # pylint: disable=invalid-commit  # what KSeF knows must not be forgotten here

    def _roll_back_and_note(self, company, error):
        """Roll back, and keep why the documents of a company cannot be sent now."""
        self.env.cr.rollback()
        self.problem = translated(self.with_context(lang=company._l10n_pl_ksef_lang()).env, error)

    def _pause_and_commit(self, error=None):
        """Try again later: when KSeF wants, or after a growing while."""
        failures = self.failures
        if isinstance(error, RateLimited):
            pause = min(timedelta(seconds=error.retry_after), LONGEST_WAIT)
        else:
            pause = min(_FIRST_PAUSE * 2**failures, _LONGEST_PAUSE)
            failures += 1
        retry_at = fields.Datetime.now() + pause
        self.write({"failures": failures, "retry_at": retry_at})
        self._wake(retry_at)
        self._commit()

    def _rest_and_commit(self, failed, companies):
        """Be content, and be woken when KSeF is to be asked about what is on its way."""
        values = {"retry_at": False}
        if not failed:
            values["problem"] = False
        questions = self.env["l10n_pl_ksef.submission"]._unfinished(companies - failed).mapped("ask_at")
        if questions:
            self._wake(min(questions))
        else:
            values["failures"] = 0
        self.write(values)
        self._commit()

    # The limits in force

    def _known_limits(self):
        return {group: RateLimit(*values) for group, values in (self.limits or {}).items()}

    def _learn_limits(self, client, pace):
        """Ask KSeF for the limits in force, if those on record are a day old; the request commits."""
        now = fields.Datetime.now()
        if self.limits_at and is_near(self.limits_at, now, past=_LIMITS_KEPT, ahead=_NO_TIME):
            return
        limits = client.rate_limits()
        self.write(
            {
                "limits": {
                    group: [limit.per_second, limit.per_minute, limit.per_hour] for group, limit in limits.items()
                },
                "limits_at": now,
            }
        )
        pace.limits = limits
