"""Until when a document must be in KSeF: kept on it, and followed as announcements come and change."""

from datetime import timezone

from odoo import api, fields, models
from odoo.tools import format_date

from ...ksef.law import deadlines
from ...ksef.poland import WARSAW
from ...tools.translation import from_json, spoken, to_json
from .states import MOVABLE_STATES, UNFINISHED_STATES


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
    is_late = fields.Boolean(compute="_compute_is_late", search="_search_is_late")

    @api.depends("deadline_reasons_kept")
    @api.depends_context("lang")
    def _compute_deadline_reasons(self):
        for document in self:
            document.deadline_reasons = "\n".join(
                spoken(self.env, from_json(kept)) for kept in document.deadline_reasons_kept or ()
            )

    @api.depends("deadline", "state")
    def _compute_is_late(self):
        today = self._today()
        for document in self:
            document.is_late = bool(
                document.state in UNFINISHED_STATES and document.deadline and document.deadline < today
            )

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

    def _set_deadline(self, *facts):
        """Keep the deadline and the duty as they are by the announcements on record."""
        for document in self.sudo():
            deadline = document._work_out_deadline(*(facts or self._deadline_facts(document.environment)))
            state = document.state
            if not deadline.duty:
                # What KSeF may have already stays rejected: its number can still be taken over.
                if state == "waiting" or (state == "rejected" and not document.maybe_in_ksef):
                    state = "not_required"
            elif state == "not_required":
                state = "rejected" if document.rejection_code else "waiting"
            changed = state != document.state
            reasons = [to_json(reason) for reason in deadline.reasons]
            document._to(state, deadline=deadline.day, deadline_reasons_kept=reasons)
            if changed:
                document.move_id._l10n_pl_ksef_set_pdf_aside()
                document._settled_by_hand()
                if state == "rejected":
                    document._ask_for_correction()

    def _update_deadlines(self):
        """Work the deadlines out again, and tell each move of one in the invoice's chatter."""
        messages = {}
        for environment, documents in self.grouped("environment").items():
            facts = self._deadline_facts(environment)
            for document in documents:
                before = document.deadline, document.state
                document._set_deadline(*facts)
                if (document.deadline, document.state) != before:
                    messages[document.move_id.id] = document._spoken()._moved_message(*before)
        self.env["account.move"].sudo().browse(messages)._message_log_batch(messages)

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

    @api.model
    def _announcements_changed(self, environment):
        """Follow announcements or days off that have changed, and wake the worker."""
        self.sudo().search([("environment", "=", environment), ("state", "in", MOVABLE_STATES)])._update_deadlines()
        self.env["l10n_pl_ksef.channel"]._wake()

    # In one line

    def _alert_level(self):
        """Return how much the document's state is the accountant's concern, as Odoo's alerts have it."""
        if self.state == "rejected" or self.is_late:
            return "danger"
        return "warning" if self.state in UNFINISHED_STATES and self.deadline == self._today() else "info"

    def _status_line(self):
        """Return mode, state with the KSeF number, and deadline in one sentence each, for the invoice's form."""
        self.ensure_one()
        state = ": ".join(filter(None, (self._state_label(), self.ksef_number)))
        line = self.env._("Issued offline (%(mode)s). %(state)s.", mode=self._mode_label(), state=state)
        return f"{line} {self._deadline_line()}".strip()

    def _deadline_line(self):
        if self.state not in UNFINISHED_STATES:
            return ""
        if not self.deadline:
            return self.env._("The deadline for sending runs from the end of the failure or unavailability.")
        day = format_date(self.env, self.deadline)
        if self.is_late:
            return self.env._("Overdue: it had to be in KSeF by %(day)s.", day=day)
        return self.env._("It has to be in KSeF by %(day)s.", day=day)
