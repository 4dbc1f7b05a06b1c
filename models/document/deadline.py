"""Until when a document must be in KSeF: kept on it, and followed as announcements come and change."""

import hashlib
import json
from dataclasses import asdict
from datetime import timezone

from odoo import api, fields, models
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import format_date

from ...ksef.law import deadlines
from ...ksef.poland import WARSAW
from ...tools import jobs
from ...tools.translation import from_json, spoken, to_json
from .states import MOVABLE_STATES, UNFINISHED_STATES

SLICE = 200  # documents whose deadlines are worked out between two commits


class Document(models.Model):
    _inherit = "l10n_pl_ksef.document"

    deadline = fields.Date(
        "Deadline for Sending",
        readonly=True,
        index=True,
        help="The last day, to its end in Poland. Empty while a failure has not ended, or if there is no duty.",
    )
    deadline_reasons_kept = fields.Json(readonly=True, export_string_translation=False)
    deadline_reasons = fields.Text("How the Deadline Came About", compute="_compute_deadline_reasons")
    deadline_basis = fields.Char(readonly=True, export_string_translation=False)
    is_late = fields.Boolean(compute="_compute_is_late", search="_search_is_late")

    @api.depends("deadline_reasons_kept")
    @api.depends_context("lang")
    def _compute_deadline_reasons(self):
        for document in self:
            document.deadline_reasons = "\n".join(
                spoken(self.env, from_json(kept)) for kept in document.deadline_reasons_kept or ()
            )

    @api.depends("deadline", "deadline_basis", "state")
    def _compute_is_late(self):
        today, deadlines_now = self._today(), self._deadlines_now()
        for document in self:
            day = deadlines_now[document]
            document.is_late = bool(document.state in UNFINISHED_STATES and day and day < today)

    def _search_is_late(self, operator, value):
        if operator != "in":
            return NotImplemented
        return [("state", "in", UNFINISHED_STATES), ("deadline", "<", self._today())]

    def _outlives_certificate(self):
        """Tell whether the certificate ends before the document must be in KSeF."""
        return bool(self.deadline) and self.deadline > self.certificate_id.valid_to.date()

    @api.model
    def _today(self):
        return fields.Date.context_today(self.with_context(tz=WARSAW.key))

    def _work_out_deadline(self, announcements, days_off):
        """Return the ``deadlines.Deadline`` by announcements and extra days off."""
        first = self.corrects_id or self  # a technical correction has no deadline of its own
        sealed_at = first.sealed_at.replace(tzinfo=timezone.utc)
        return deadlines.deadline(self.mode, self.issue_date, sealed_at, announcements, days_off)

    @api.model
    def _deadline_facts(self, environment):
        """Return what deadlines depend on beside the document: announcements and extra days off."""
        return (
            self.env["l10n_pl_ksef.announcement"]._announcements(environment),
            self.env["l10n_pl_ksef.day.off"]._days(),
        )

    @api.model
    def _basis_of(self, facts):
        """Return the mark (str) of the facts that a deadline was worked out by: other facts have another one."""
        announcements, days_off = facts
        told = sorted(json.dumps(asdict(each), default=str, sort_keys=True) for each in announcements)
        return hashlib.sha256(" ".join([*told, *map(str, sorted(days_off))]).encode()).hexdigest()[:16]

    def _set_deadline(self, facts=None):
        """Keep the deadline and the duty as they are by the announcements on record."""
        for document in self.sudo():
            by = facts or self._deadline_facts(document.environment)
            document._take_deadline(document._work_out_deadline(*by), self._basis_of(by))

    def _take_deadline(self, deadline, basis):
        state = self._state_by(deadline)
        changed = state != self.state
        reasons = [to_json(reason) for reason in deadline.reasons]
        self._to(state, deadline=deadline.day, deadline_reasons_kept=reasons, deadline_basis=basis)
        if changed:
            self.move_id._l10n_pl_ksef_set_pdf_aside()
            self._settled_by_hand()
            if state == "rejected":
                self._ask_for_correction()

    def _state_by(self, deadline):
        """Return the state that the duty leaves this document in, or gives back to it."""
        if not deadline.duty:
            # What KSeF may have already stays rejected: its number can still be taken over.
            if self.state == "waiting" or (self.state == "rejected" and not self.maybe_in_ksef):
                return "not_required"
        elif self.state == "not_required":
            return "rejected" if self.rejection_code else "waiting"
        return self.state

    def _update_deadlines(self):
        """Work the deadlines out again, and tell each move of one in the invoice's chatter.

        One that stays as it is costs no more than being looked at.
        """
        messages = {}
        for environment, documents in self.sudo().grouped("environment").items():
            facts = self._deadline_facts(environment)
            basis, unchanged = self._basis_of(facts), documents.browse()
            for document in documents:
                deadline = document._work_out_deadline(*facts)
                if document._is_as(deadline):
                    unchanged += document
                    continue
                before = document.deadline, document.state
                document._take_deadline(deadline, basis)
                if (document.deadline, document.state) != before:
                    messages[document.move_id.id] = document._spoken()._moved_message(*before)
            unchanged.deadline_basis = basis
        self.env["account.move"].sudo().browse(messages)._message_log_batch(messages)

    def _is_as(self, deadline):
        """Tell whether this document says what a deadline does, the reasons and the duty, too."""
        reasons = [to_json(reason) for reason in deadline.reasons]
        kept = self.deadline or None, self.deadline_reasons_kept or [], self.state
        return kept == (deadline.day, reasons, self._state_by(deadline))

    def _moved_message(self, old_day, old_state):
        if self.state != old_state:
            text = self.env._("The duty to send the invoice to KSeF has changed: %(state)s.", state=self._state_label())
        else:
            text = self.env._(
                "The deadline for sending to KSeF has moved. Until now: %(old)s. From now on: %(new)s.",
                old=self._day_or_open(old_day),
                new=self._day_or_open(self.deadline),
            )
        return f"{text} {' '.join(self.deadline_reasons.splitlines())}"

    def _spoken(self):
        """Return this document in the language for words that nobody in particular asked for."""
        return self.with_context(lang=self.company_id._l10n_pl_ksef_lang())

    def _day_or_open(self, day):
        if day:
            return format_date(self.env, day)
        return self.env._("counted from the end of the failure or unavailability")

    # When announcements change

    @api.model
    def _announcements_changed(self, environment):
        """Follow announcements or days off that have changed, and wake the worker.

        A few documents at once; of many, a job works the deadlines out in slices, and what is asked about one of them
        before is worked out for it (``_deadlines_now``, ``_whose_duty_has_ended``).
        """
        stale = self._stale(environment, limit=SLICE + 1)
        if len(stale) > SLICE:
            self.env.ref("l10n_pl_ksef_offline.cron_deadlines")._trigger()
        else:
            stale._update_deadlines()
        self.env["l10n_pl_ksef.channel"]._wake()

    @api.model
    def _stale(self, environment, limit=None, after=0):
        """Return the documents whose deadline was worked out by other announcements than those on record.

        :param int after: id of a document; those before it are left out
        """
        basis = self._basis_of(self._deadline_facts(environment))
        movable = [("environment", "=", environment), ("state", "in", MOVABLE_STATES), ("id", ">", after)]
        return self.sudo().search([*movable, ("deadline_basis", "!=", basis)], limit=limit, order="id")

    @api.model
    def _cron_update_deadlines(self):
        """Work out all deadlines that announcements have made stale, and commit after each slice.

        :return: whether all are worked out
        """
        environment, last = self.env["account.move"]._l10n_pl_ksef_environment(), 0
        try:
            while stale := self._stale(environment, limit=SLICE, after=last):
                last, done = stale[-1].id, len(stale)
                stale._update_each_by_itself()
                self.env.invalidate_all()
                jobs.commit_and_go_on(self.env, done, remaining=done)
        except jobs.OutOfTime:
            return False
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            self.env.cr.rollback()  # somebody has changed one of them meanwhile
            self.env.ref("l10n_pl_ksef_offline.cron_deadlines")._trigger()
            return False
        return True

    def _update_each_by_itself(self):
        """Work out these deadlines together or, if one of them fails, each by itself: it stops no other."""
        what = "The deadlines of %s cannot be worked out"
        with jobs.attempt(self.env, what, self, savepoint=True) as working:
            self._update_deadlines()
        if working.error and len(self) > 1:
            for document in self:
                document._update_each_by_itself()

    def _whose_duty_has_ended(self):
        """Return those of these documents that announcements on record let be sent no more, though they still wait."""
        ended = self.browse()
        for environment, documents in self.grouped("environment").items():
            facts = self._deadline_facts(environment)
            basis = self._basis_of(facts)
            ended += documents.filtered(
                lambda document, facts=facts, basis=basis: (
                    document._is_stale(basis) and not document._work_out_deadline(*facts).duty
                )
            )
        return ended

    def _is_stale(self, basis):
        return self.state in MOVABLE_STATES and self.deadline_basis != basis

    def _deadlines_now(self):
        """Return the deadline of each document by the announcements on record: {document: date or False}."""
        days = {}
        for environment, documents in self.grouped("environment").items():
            facts = self._deadline_facts(environment)
            basis = self._basis_of(facts)
            for document in documents:
                stale = document._is_stale(basis)
                days[document] = document._work_out_deadline(*facts).day if stale else document.deadline
        return days

    # In one line

    def _alert_level(self):
        """Return how much the document's state is the accountant's concern, as Odoo's alerts have it."""
        if self.state == "rejected" or self.is_late:
            return "danger"
        due_today = self.state in UNFINISHED_STATES and self._deadlines_now()[self] == self._today()
        return "warning" if due_today else "info"

    def _status_line(self):
        """Return mode, state with the KSeF number, and deadline in one sentence each, for the invoice's form."""
        self.ensure_one()
        state = ": ".join(filter(None, (self._state_label(), self.ksef_number)))
        line = self.env._("Issued offline (%(mode)s). %(state)s.", mode=self._mode_label(), state=state)
        return f"{line} {self._deadline_line()}".strip()

    def _deadline_line(self):
        if self.state not in UNFINISHED_STATES:
            return ""
        deadline = self._deadlines_now()[self]
        if not deadline:
            return self.env._("The deadline for sending runs from the end of the failure or unavailability.")
        day = format_date(self.env, deadline)
        if self.is_late:
            return self.env._("Overdue: it had to be in KSeF by %(day)s.", day=day)
        return self.env._("It has to be in KSeF by %(day)s.", day=day)
