"""An offline document, the states of its life, and the only way from one to another."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...ksef.law.modes import Mode
from ..certificate import ENVIRONMENTS

MODES = [
    (Mode.OFFLINE24, "offline24"),
    (Mode.UNAVAILABILITY, "Offline - KSeF unavailability"),
    (Mode.EMERGENCY, "Emergency mode"),
]
STATES = [
    ("waiting", "Waiting to be sent"),
    ("sending", "Being sent"),
    ("unknown", "Answer lost, KSeF will be asked"),
    ("sent", "Sent - being processed"),
    ("accepted", "Accepted"),
    ("rejected", "Rejected"),
    ("corrected", "Replaced by a technical correction"),
    ("superseded", "In KSeF as a different file"),
    ("not_required", "Not subject to sending (total failure)"),
    ("withdrawn", "Withdrawn"),
]
# What leads from one state to another
TRANSITIONS = {
    ("waiting", "sending"): "claimed by a session",
    ("waiting", "not_required"): "total failure",
    ("waiting", "withdrawn"): "withdrawn",
    ("sending", "sent"): "received by KSeF",
    ("sending", "unknown"): "the answer is lost",
    ("sending", "waiting"): "requeued",
    ("sending", "accepted"): "settled",
    ("sending", "rejected"): "refused, or settled",
    ("unknown", "sent"): "found at KSeF",
    ("unknown", "waiting"): "requeued",
    ("unknown", "accepted"): "settled",
    ("unknown", "rejected"): "settled",
    ("sent", "waiting"): "requeued",
    ("sent", "accepted"): "settled",
    ("sent", "rejected"): "settled",
    ("rejected", "waiting"): "sent again as it is",
    ("rejected", "corrected"): "corrected technically",
    ("rejected", "accepted"): "KSeF had these bytes already",
    ("rejected", "superseded"): "KSeF had the invoice already",
    ("rejected", "withdrawn"): "withdrawn",
    ("rejected", "not_required"): "total failure",
    ("not_required", "waiting"): "total failure retracted",
    ("not_required", "rejected"): "total failure retracted",
}
UNFINISHED_STATES = ("waiting", "sending", "unknown", "sent", "rejected")  # KSeF has to get it
ON_THE_WAY = ("sending", "unknown", "sent")  # what became of it is not known yet
MOVABLE_STATES = ("waiting", "rejected", "not_required")  # announcements still matter
_SEALED_FIELDS = frozenset(
    {
        "move_id",
        "company_id",
        "certificate_id",
        "environment",
        "number",
        "issue_date",
        "sealed_at",
        "xml",
        "sha256",
        "kod_i",
        "kod_ii",
        "corrects_id",
    }
)


class Document(models.Model):
    """One invoice sealed for an offline mode: the exact FA(3) bytes and all that was printed with them.

    The SHA-256 of the bytes is inside both verification codes, so what was sealed never changes and never goes away.
    Nobody has the right to create, write or delete one; ``_seal`` makes them. Its life, see ``TRANSITIONS``::

        waiting -> sending, not_required, withdrawn
        sending -> sent, unknown, waiting, accepted, rejected
        unknown -> sent, waiting, accepted, rejected
        sent -> waiting, accepted, rejected
        rejected -> waiting, corrected, accepted, superseded, withdrawn, not_required
        not_required -> waiting, rejected

    What happens to it is told in the chatter of its invoice.
    """

    _name = "l10n_pl_ksef.document"
    _description = "KSeF Offline Document"
    _inherit = "l10n_pl_ksef.life"
    _transitions = TRANSITIONS
    _order = "sealed_at desc, id desc"
    _rec_name = "number"

    move_id = fields.Many2one("account.move", "Invoice", required=True, readonly=True, ondelete="restrict", index=True)
    partner_id = fields.Many2one(related="move_id.commercial_partner_id", string="Buyer")
    journal_id = fields.Many2one(related="move_id.journal_id", store=True, index=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="restrict", index=True)
    certificate_id = fields.Many2one(
        "l10n_pl_ksef.certificate", "Offline Certificate", required=True, readonly=True, ondelete="restrict"
    )
    environment = fields.Selection(ENVIRONMENTS, required=True, readonly=True)
    state = fields.Selection(STATES, required=True, readonly=True, default="waiting", index=True)
    mode = fields.Selection(MODES, required=True, readonly=True)
    mode_reason = fields.Text("Why This Mode", readonly=True)
    number = fields.Char("Invoice Number (P_2)", required=True, readonly=True)
    issue_date = fields.Date("Issue Date (P_1)", required=True, readonly=True)
    sealed_at = fields.Datetime(required=True, readonly=True)
    xml = fields.Binary("FA(3) XML", attachment=True, readonly=True)
    xml_name = fields.Char(compute="_compute_xml_name", export_string_translation=False)
    sha256 = fields.Char("Invoice Hash (SHA-256)", required=True, readonly=True, index=True)
    kod_i = fields.Char("KOD I - Invoice Verification", required=True, readonly=True)
    kod_ii = fields.Char("KOD II - Issuer Verification", required=True, readonly=True)
    corrects_id = fields.Many2one(
        "l10n_pl_ksef.document",
        "Technical Correction Of",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
        help="The document that KSeF rejected and whose codes the buyer may hold.",
    )

    is_unfinished = fields.Boolean(
        compute="_compute_possible", search="_search_is_unfinished", export_string_translation=False
    )
    can_be_hurried = fields.Boolean(compute="_compute_possible", export_string_translation=False)
    can_change_mode = fields.Boolean(compute="_compute_possible", export_string_translation=False)
    can_withdraw = fields.Boolean(compute="_compute_possible", export_string_translation=False)
    given_at = fields.Datetime("First Printed or Sent", readonly=True)

    _move_uniq = models.UniqueIndex(
        "(move_id) WHERE state NOT IN ('rejected', 'corrected', 'withdrawn')",
        "This invoice has already been issued offline.",
    )

    @api.depends("state", "given_at")
    def _compute_possible(self):
        for document in self:
            document.is_unfinished = document.state in UNFINISHED_STATES
            document.can_change_mode = document._can_become("sending")
            document.can_be_hurried = document.state in ("waiting", "unknown", "sent")
            document.can_withdraw = document._can_become("withdrawn") and not document.given_at

    def _search_is_unfinished(self, operator, value):
        return [("state", "in", UNFINISHED_STATES)] if operator == "in" else NotImplemented

    @api.depends("number")
    def _compute_xml_name(self):
        for document in self:
            document.xml_name = f"FA3-{document.number.replace('/', '_')}.xml"

    def write(self, vals):
        if _SEALED_FIELDS & vals.keys():
            raise UserError(self.env._("A document sealed for KSeF cannot be changed."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("A document sealed for KSeF cannot be deleted."))

    # Its life

    def _unfinished(self):
        """Return the documents that KSeF has to get and has not accepted yet."""
        return self.filtered(lambda document: document.state in UNFINISHED_STATES)

    def _lock_for(self, *states):
        """Lock this document for a person's decision that brings it to one of some states.

        :raises LockError: the worker or another person has it
        :raises UserError: there is no way to any of them by now
        """
        self.ensure_one()
        self.lock_for_update()
        self.invalidate_recordset(["state"])
        if not any(self._can_become(state) for state in states):
            raise UserError(
                self.env._(
                    "This is no longer possible for invoice %(number)s: %(state)s.",
                    number=self.number,
                    state=self._state_label(),
                )
            )

    def _state_label(self):
        return dict(self._fields["state"]._description_selection(self.env))[self.state]

    def _mode_label(self):
        return dict(self._fields["mode"]._description_selection(self.env))[self.mode]
