"""What an invoice's form says beforehand and afterwards, and who is asked to act."""

from odoo import models
from odoo.tools import format_date


class AccountMove(models.Model):
    _inherit = "account.move"

    def _get_alerts(self):
        alerts = super()._get_alerts() | self._l10n_pl_ksef_document_alerts()
        if self.l10n_pl_ksef_total_failure:
            alerts["l10n_pl_ksef_total_failure"] = {
                "level": "info",
                "message": self.env._(
                    "Issued during total failure of KSeF: an ordinary invoice without codes, never sent to KSeF. "
                    "Mark in JPK_V7: BFK."
                ),
            }
        if self._l10n_pl_ksef_is_self_billed() and self._l10n_pl_ksef_company_works_offline():
            alerts["l10n_pl_ksef_self_billed"] = {"level": "info", "message": self._l10n_pl_ksef_self_billing_words()}
        if self._l10n_pl_ksef_is_to_be_issued():
            alerts |= self._l10n_pl_ksef_certificate_alerts() | self._l10n_pl_ksef_problem_alerts()
            alerts |= self._l10n_pl_ksef_notice_alerts()
        return alerts

    def _l10n_pl_ksef_document_alerts(self):
        document = self.l10n_pl_ksef_document_id.sudo()  # a salesperson sees the invoice, but no documents
        if not document:
            return {}
        alerts = {
            "l10n_pl_ksef_sealed": {
                "level": document._alert_level(),
                "message": document._status_line(),
            }
        }
        if self.env["l10n_pl_ksef.document"].has_access("read"):
            alerts["l10n_pl_ksef_sealed"] |= {
                "action": document._get_records_action(),
                "action_text": self.env._("View the sealed document"),
            }
        if document._unfinished() and document._outlives_certificate():
            alerts["l10n_pl_ksef_certificate_ends"] = {
                "level": "warning",
                "message": self.env._(
                    "The certificate that signed KOD II ends before the deadline for sending (%(deadline)s): send "
                    "the invoice before that, since the buyer's code fails the check afterwards.",
                    deadline=format_date(self.env, document.deadline),
                ),
            }
        return alerts

    def _l10n_pl_ksef_is_to_be_issued(self):
        """Tell whether the user who looks at this invoice may come to issue it offline."""
        return (
            self.l10n_pl_ksef_standing == "to_issue"
            and self.env.user.has_group("account.group_account_invoice")
            and self._l10n_pl_ksef_company_works_offline()
        )

    def _l10n_pl_ksef_company_works_offline(self):
        """Tell whether the company has ever had an offline certificate; others are not bothered with alerts."""
        return bool(
            self.env["l10n_pl_ksef.certificate"]
            .sudo()
            .search_count(
                [
                    ("company_id", "parent_of", self.company_id.id),
                    ("environment", "=", self._l10n_pl_ksef_environment()),
                ],
                limit=1,
            )
        )

    def _l10n_pl_ksef_certificate_alerts(self):
        """Say beforehand that the certificate which would sign is missing or not confirmed."""
        certificates = self.env["l10n_pl_ksef.certificate"]
        environment = self._l10n_pl_ksef_environment()
        certificate = certificates._usable(self.company_id, environment)
        if certificate.state == "active":
            return {}
        link = {"action": certificates._action_all(), "action_text": self.env._("Offline certificates")}
        if certificate:
            message = self.env._(
                "KSeF has not confirmed the offline certificate %(name)s yet. It may sign all the same.",
                name=certificate.name,
            )
            return {"l10n_pl_ksef_unconfirmed": {"level": "info", "message": message, **link}}
        message = self.env["l10n_pl_ksef.document"]._no_certificate(self.company_id, environment)
        return {"l10n_pl_ksef_no_certificate": {"level": "warning", "message": message, **link}}

    def _l10n_pl_ksef_problem_alerts(self, level="warning"):
        """Return the problems as Odoo's alerts, of a level."""
        return self._l10n_pl_ksef_linked_alerts("problem", level, self._l10n_pl_ksef_problems())

    def _l10n_pl_ksef_notice_alerts(self):
        return self._l10n_pl_ksef_linked_alerts("notice", "info", self._l10n_pl_ksef_notices())

    def _l10n_pl_ksef_linked_alerts(self, kind, level, told):
        """Return (sentence, window action or None) of each as Odoo's alerts."""
        alerts = {}
        for number, (message, action) in enumerate(told):
            link = {"action": action, "action_text": self.env._("Open")} if action else {}
            alerts[f"l10n_pl_ksef_{kind}_{number}"] = {"level": level, "message": message, **link}
        return alerts

    def _l10n_pl_ksef_responsible(self, *others):
        """Return the user who is asked to act on this invoice: the company's choice, its salesperson, or others."""
        users = (self.company_id.l10n_pl_ksef_responsible_id, self.invoice_user_id, *others)
        return next((user for user in users if user.active), self.env.user)
