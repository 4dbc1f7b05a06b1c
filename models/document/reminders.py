"""Who is asked to act on documents that are due, late or rejected."""

from odoo import api, models
from odoo.tools import format_date

from ...ksef.law.working_days import working_day_after
from .states import UNFINISHED_STATES

_DUE, _REJECTED = "l10n_pl_ksef_offline.activity_due", "l10n_pl_ksef_offline.activity_rejected"
_WARNED = "mail.mail_activity_data_todo"


class Document(models.Model):
    _inherit = "l10n_pl_ksef.document"

    def _responsible(self):
        """Return the user who is asked to act on this document."""
        return self.move_id._l10n_pl_ksef_responsible(self.create_uid)

    @api.model
    def _cron_remind(self):
        """Remind of what is due today or on the next business day, or overdue: one activity a person and day."""
        self._cron_update_deadlines()
        soon = working_day_after(self._today(), 1, self.env["l10n_pl_ksef.day.off"]._days())
        documents = self.sudo().search(
            [("state", "in", UNFINISHED_STATES), ("deadline", "<=", soon)], order="deadline, id"
        )
        self._open_activities().unlink()
        for (user, day), due in documents.grouped(
            lambda document: (document._responsible(), document.deadline)
        ).items():
            due._remind(user, day)

    def _open_activities(self):
        activity_type = self.env.ref(_DUE)
        return self.env["mail.activity"].sudo().search([("activity_type_id", "=", activity_type.id)])

    def _remind(self, user, day):
        """Ask a user to see to these documents, on the invoice of the first of them."""
        spoken = self.with_context(lang=user.lang)
        self[0].move_id.activity_schedule(
            _DUE,
            date_deadline=day,
            user_id=user.id,
            summary=spoken.env._(
                "%(count)s offline invoices must be in KSeF by %(day)s",
                count=len(self),
                day=format_date(spoken.env, day),
            ),
            note=spoken.env._("They are under KSeF > Offline Documents, earliest deadline first."),
        )

    def _ask_for_correction(self):
        """Ask the responsible user to see to a rejected document."""
        spoken = self._to_responsible()
        spoken._ask_today(
            _REJECTED,
            spoken.env._("KSeF has rejected invoice %(number)s", number=self.number),
            f"{spoken.rejection_meaning} {spoken.rejection_advice}",
        )

    def _ask_about_failures(self):
        """Ask the responsible user to see to a document that KSeF has not taken for several times."""
        spoken = self._to_responsible()
        spoken._ask_today(
            _REJECTED,
            spoken.env._("KSeF does not take invoice %(number)s", number=self.number),
            spoken.env._(
                "It was tried %(count)s times, and is tried again from time to time; the other invoices go. KSeF's "
                "reply: %(words)s",
                count=self.attempts,
                words=self.problem,
            ),
        )

    def _note_warning(self, words):
        """Keep what KSeF warns of with this document, and tell the responsible user."""
        self.ksef_warning = words
        spoken = self._to_responsible()
        spoken._ask_today(
            _WARNED,
            spoken.env._("KSeF warns about invoice %(number)s", number=self.number),
            spoken.env._(
                "KSeF has received the invoice, and warns: %(words)s. Nothing is lost; see to it before the next ones.",
                words=words,
            ),
        )

    def _to_responsible(self):
        """Return this document in the language of the responsible user."""
        return self.with_context(lang=self._responsible().lang)

    def _ask_today(self, activity_type, summary, note):
        self.move_id.activity_schedule(
            activity_type,
            date_deadline=self._today(),
            user_id=self._responsible().id,
            summary=summary,
            note=note,
        )

    def _settled_by_hand(self):
        self.move_id.activity_unlink([_REJECTED])
