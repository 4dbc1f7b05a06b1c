"""What a buyer who scans the codes of a document will see, and which documents name a KSeF context that is none."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...ksef.codes import contexts, links, verification
from ...ksef.sentences import _
from ...tools.translation import spoken
from .states import UNFINISHED_STATES

# pylint: disable=prefer-env-translation  # findings are sentences, translated when they are shown


class Document(models.Model):
    _inherit = "l10n_pl_ksef.document"

    codes_stand = fields.Selection(
        [("yes", "Good"), ("unknown", "Not known for certain"), ("no", "Will fail")],
        "Codes",
        compute="_compute_codes",
        help="What the ministry's pages will say to a buyer who scans the codes now, as far as it is known here.",
    )
    codes_told = fields.Char("What the Buyer Will See", compute="_compute_codes")

    @api.depends("state", "certificate_id.status", "certificate_id.checked_at")
    @api.depends_context("lang")
    def _compute_codes(self):
        for document in self:
            findings = document._judge_codes()
            document.codes_stand = verdict(findings)
            document.codes_told = document.certificate_id._tell_findings(findings)

    def _judge_codes(self):
        """Return what is to be said of the two links, [``verification.Finding``]."""
        certificate = self.certificate_id
        sha256 = bytes.fromhex(self.sha256)
        findings = [
            verification.found(
                self._is_intact(), _("the file is unchanged"), _("the sealed file is damaged or missing: restore it")
            ),
            *verification.judge_kod_i(self.kod_i, self.environment, sha256),
        ]
        if self.state not in UNFINISHED_STATES:
            return findings  # with the KSeF number only KOD I counts
        return [
            *findings,
            *verification.judge_kod_ii(self.kod_ii, self.environment, sha256, certificate._public()),
            *certificate._judge_standing(links.context_of(self.kod_ii)),
        ]

    def _is_intact(self):
        try:
            return bool(self.sudo()._xml_bytes())
        except UserError:
            return False

    # Wrong contexts

    @api.model
    def _wrong_contexts(self, company):
        """Return the KSeF contexts that documents of a company name and that are none, [(type, value)]."""
        self.flush_model(["kod_ii", "company_id"])
        # distinct in the database: there are few contexts, and any number of documents
        self.env.cr.execute(
            """
            SELECT DISTINCT substring(kod_ii FROM '^(.*/certificate/.+)/[^/]+/[^/]+/[^/]+/[^/]+$')
            FROM l10n_pl_ksef_document
            WHERE company_id = %s
            """,
            [company.id],
        )
        found = {links.context_of(f"{url}////") for (url,) in self.env.cr.fetchall() if url}
        return sorted(context for context in found if not contexts.is_right(*context))

    @api.model
    def _action_wrong_contexts(self, company):
        """Return the action that lists the documents with any of these contexts."""
        action = self.env["ir.actions.actions"]._for_xml_id("l10n_pl_ksef_offline.action_document")
        parts = [f"/certificate/{kind}/{value}/" for kind, value in self._wrong_contexts(company)]
        named = ["|"] * (len(parts) - 1) + [("kod_ii", "=like", f"%{_escaped(part)}%") for part in parts]
        return action | {"domain": [("company_id", "=", company.id), *(named or [(0, "=", 1)])], "context": {}}


class Certificate(models.Model):
    _inherit = "l10n_pl_ksef.certificate"

    def _judge_standing(self, context):
        """Return what is to be said of the certificate itself, and of its holder in a KSeF context (type, value)."""
        state = self._state_now()
        not_known = {
            "unconfirmed": _("KSeF has not confirmed yet that the certificate is active: update its status"),
            "removed": _("the certificate was removed here, so KSeF is not asked about it any more"),
        }
        own = self.identifier_type == "Nip" and context == ("Nip", self.identifier)
        confirmed = self.serial_number == self.company_id.l10n_pl_ksef_scanned_serial
        return [
            verification.found(
                None if state in not_known else state == "active",
                _("KSeF said on %(date)s that the certificate is active"),
                not_known.get(state) or _("the certificate is revoked, blocked, not yet valid or has ended"),
                date=self.checked_at and self.checked_at.date(),
            ),
            verification.found(
                True if own or confirmed else None,
                _("its holder may issue invoices in the KSeF context"),
                _("whether its holder may issue invoices in the KSeF context shows when the test code is scanned"),
            ),
        ]

    def _state_now(self):
        """Return the state, or ``expired`` or ``not_yet_valid`` by the clock."""
        now = fields.Datetime.now()
        if self.state in ("active", "unconfirmed") and not self.valid_from <= now <= self.valid_to:
            return "expired" if now > self.valid_to else "not_yet_valid"
        return self.state

    def _tell_findings(self, findings):
        """Return one line: what is wrong, or else what is not known, or else all that is good."""
        stand = verdict(findings)
        wanted = {"no": False, "unknown": None, "yes": True}[stand]
        words = "; ".join(spoken(self.env, finding.told) for finding in findings if finding.right is wanted)
        if stand == "no":
            return self.env._("The codes will fail: %(words)s.", words=words)
        if stand == "unknown":
            return self.env._("The codes are sound; not known for certain: %(words)s.", words=words)
        return self.env._("The codes are good: %(words)s.", words=words)


def verdict(findings):
    """Return "no" if anything is wrong, "unknown" if anything is not known, else "yes"."""
    rights = {finding.right for finding in findings}
    return "no" if False in rights else "unknown" if None in rights else "yes"


def _escaped(text):
    return text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
