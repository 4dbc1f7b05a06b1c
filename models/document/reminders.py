"""Who is asked to act on documents that are due, late or rejected."""

from markupsafe import Markup

from odoo import api, models
from odoo.tools import format_date

from ...ksef.law.working_days import working_day_after
from .states import UNFINISHED_STATES

_DUE, _REJECTED = "l10n_pl_ksef_offline.activity_due", "l10n_pl_ksef_offline.activity_rejected"
_WARNED = "mail.mail_activity_data_todo"
_END_MISSING = "l10n_pl_ksef_offline.activity_end_missing"
_BULLETIN = "https://www.gov.pl/web/kas/komunikaty"  # where failures and their ends are announced (art. 106ne)


class Document(models.Model):
    _inherit = "l10n_pl_ksef.document"

    def _responsible(self):
        """Return the user who is asked to act on this document."""
        return self.move_id._l10n_pl_ksef_responsible(self.create_uid)

    @api.model
    def _cron_remind(self):
        """Remind of what is due by the next business day, once deadlines are worked out, which commits.

        One activity a person and day. An announcement whose end nobody has entered is asked about, too.
        """
        if not self._cron_update_deadlines():
            self.env.ref("l10n_pl_ksef_offline.cron_remind")._trigger()  # by right deadlines, or not yet
            return
        self._ask_for_ends()
        soon = working_day_after(self._today(), 1, self.env["l10n_pl_ksef.day.off"]._days())
        documents = self.sudo().search(
            [("state", "in", UNFINISHED_STATES), ("deadline", "<=", soon)], order="deadline, id"
        )
        self._open_activities().unlink()
        for (user, day), due in documents.grouped(
            lambda document: (document._responsible(), document.deadline)
        ).items():
            due._remind(user, day)

    def _open_activities(self, activity_type=_DUE):
        found = [("activity_type_id", "=", self.env.ref(activity_type).id)]
        return self.env["mail.activity"].sudo().search(found)

    @api.model
    def _ask_for_ends(self):
        """Ask everybody responsible for documents that an announcement without an end keeps back to look for it."""
        self._open_activities(_END_MISSING).unlink()
        environment = self.env["account.move"]._l10n_pl_ksef_environment()
        open_ones = [each for each in self.env["l10n_pl_ksef.announcement"]._in_force(environment) if not each.end]
        if not open_ones:
            return
        waiting = self.sudo().search([("environment", "=", environment), ("state", "=", "waiting")], order="id")
        for user, documents in waiting.grouped(lambda document: document._responsible()).items():
            spoken = documents[0].with_context(lang=user.lang)
            spoken._ask_today(
                _END_MISSING,
                spoken.env._("Has it ended? %(sources)s", sources=", ".join(each.source for each in open_ones)),
                Markup("<p>%s</p><p><a href='%s'>%s</a></p>")
                % (
                    spoken.env._(
                        "No end of it is known here, and %(count)s offline invoices wait for that. Look into the "
                        "Public Information Bulletin, and enter the end under KSeF > Announcements.",
                        count=len(documents),
                    ),
                    _BULLETIN,
                    _BULLETIN,
                ),
            )

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
