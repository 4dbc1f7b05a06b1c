import time
from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..ksef.law import modes, papers
from ..models.account_move.standing import OFFLINE
from ..models.document.states import MODES
from ..tools import jobs
from ..tools.translation import spoken

_MODES = [*MODES, (modes.Mode.TOTAL_FAILURE, "Total failure")]

_PATIENCE = 1.5  # seconds for Latarnia, while a person waits for the window
_LOOKED_AT = 50  # invoices of which the window tells beforehand what is wrong and what their buyers may get
# Seconds that one request takes for many invoices: a server may end one that takes minutes.
_SLICE = 10


class IssueOffline(models.TransientModel):
    """Issues invoices offline: shows the mode that applies and why, and lets a person choose otherwise."""

    _name = "l10n_pl_ksef.issue.offline"
    _description = "Issue Invoices Offline"

    move_ids = fields.Many2many("account.move", string="Invoices", required=True)
    count = fields.Integer(compute="_compute_count", export_string_translation=False)
    proposed_mode = fields.Selection(_MODES, compute="_compute_proposal", export_string_translation=False)
    proposal_reason = fields.Text("By the Announcements", compute="_compute_proposal")
    latarnia_is_silent = fields.Boolean(readonly=True, export_string_translation=False)
    mode = fields.Selection(_MODES, required=True, compute="_compute_mode", store=True, readonly=False)
    reason = fields.Text("Why Another Mode", help="Kept in the history of the invoice.")
    buyer_class = fields.Selection(related="move_ids.l10n_pl_ksef_buyer_class")
    buyer_class_reason = fields.Char(related="move_ids.l10n_pl_ksef_buyer_class_reason")
    paper = fields.Text("The Buyer May Get Now", compute="_compute_paper")
    skipped = fields.Integer(
        compute="_compute_problems", help="Drafts, invoices that are issued already, and no customer invoices."
    )
    problems = fields.Text(compute="_compute_problems")
    notices = fields.Text("To Look At", compute="_compute_notices")
    state = fields.Selection(
        [("choose", "Choose"), ("done", "Done")], default="choose", export_string_translation=False
    )
    left_ids = fields.Many2many("account.move", "l10n_pl_ksef_issue_offline_left", export_string_translation=False)
    issued_before = fields.Integer(readonly=True, export_string_translation=False)
    refused_ids = fields.Many2many("account.move", "l10n_pl_ksef_issue_offline_refused", string="Not Issued")
    refusals = fields.Text(readonly=True, export_string_translation=False)
    summary = fields.Text(compute="_compute_summary")

    @api.model
    def default_get(self, fields):
        values = super().default_get(fields)
        if self.env.context.get("active_model") == "account.move":
            values.setdefault("move_ids", [(6, 0, self.env.context.get("active_ids", []))])
        if "latarnia_is_silent" in fields:
            # A failure may have been announced a minute ago, and decides about the mode.
            values["latarnia_is_silent"] = not self.env["l10n_pl_ksef.announcement"]._poll(_PATIENCE)
        return values

    @api.depends("move_ids")
    def _compute_count(self):
        for wizard in self:
            wizard.count = len(wizard.move_ids)

    @api.depends("move_ids")
    @api.depends_context("lang")
    def _compute_proposal(self):
        mode, reason = self.env["account.move"]._l10n_pl_ksef_propose_mode()
        for wizard in self:
            wizard.proposed_mode = mode
            wizard.proposal_reason = spoken(self.env, reason)

    @api.depends("proposed_mode")
    def _compute_mode(self):
        for wizard in self:
            wizard.mode = wizard.mode or wizard.proposed_mode

    @api.depends("mode", "move_ids")
    @api.depends_context("lang")
    def _compute_paper(self):
        words = {
            papers.Paper.INVOICE: self.env._("The invoice, with both verification codes."),
            papers.Paper.TRANSACTION_CONFIRMATION: self.env._(
                "A transaction confirmation with both verification codes. The invoice reaches this buyer through KSeF."
            ),
        }
        for wizard in self:
            if wizard.mode == modes.Mode.TOTAL_FAILURE:
                wizard.paper = self.env._("The invoice, without codes. It is never sent to KSeF.")
            else:
                kinds = wizard._count_papers() if wizard.mode else {}
                lines = [f"{words[kind]} ({count})" if wizard.count > 1 else words[kind] for kind, count in kinds]
                if wizard.count > _LOOKED_AT:
                    lines.append(self.env._("Of the first %(count)s only.", count=_LOOKED_AT))
                wizard.paper = "\n".join(lines)

    def _count_papers(self):
        """Return how many buyers may get which paper: list of (``papers.Paper``, number)."""
        classes = (move._l10n_pl_ksef_classify_buyer()[0] for move in self._issuable()[:_LOOKED_AT])
        kinds = Counter(papers.may_be_given(self.mode, buyer_class, has_number=False).kind for buyer_class in classes)
        return kinds.most_common()

    def _issuable(self):
        return self.move_ids._origin.filtered(lambda move: move.l10n_pl_ksef_standing == "to_issue")

    @api.depends("move_ids")
    @api.depends_context("lang")
    def _compute_problems(self):
        for wizard in self:
            issuable = wizard._issuable()
            problems = [
                text if wizard.count == 1 else f"{move.name}: {text}"
                for move in issuable[:_LOOKED_AT]
                for text, _action in move._l10n_pl_ksef_problems()
            ]
            wizard.skipped = wizard.count - len(issuable)
            wizard.problems = "\n".join(problems)

    @api.depends("move_ids")
    @api.depends_context("lang")
    def _compute_notices(self):
        for wizard in self:
            notices = [
                text if wizard.count == 1 else f"{move.name}: {text}"
                for move in wizard._issuable()[:_LOOKED_AT]
                for text, _action in move._l10n_pl_ksef_notices()
            ]
            wizard.notices = "\n".join(notices)

    def action_issue(self):
        """Issue the invoices; one that cannot be is told at once, of several the others are issued all the same."""
        self.ensure_one()
        if self.mode != self.proposed_mode and not (self.reason or "").strip():
            raise UserError(self.env._("Say why you choose another mode than the announcements call for."))
        self.env["l10n_pl_ksef.channel"]._wake()
        if self.count == 1:
            self.move_ids._l10n_pl_ksef_issue_offline(self.mode, self.reason)
            return {"type": "ir.actions.act_window_close"}
        self.left_ids = self.move_ids.filtered(lambda move: move.l10n_pl_ksef_standing not in OFFLINE)
        self.issued_before = self.count - len(self.left_ids)
        return self.action_go_on()

    def action_go_on(self):
        """Issue the next ones for some seconds; the web client shows how far it is and calls again."""
        self.ensure_one()
        end = time.monotonic() + _SLICE
        while self.left_ids:
            self._issue_one(self.left_ids[0])
            if time.monotonic() >= end:
                break
        if self.left_ids:
            done = self.count - len(self.left_ids)
            params = {"wizard_id": self.id, "done": done, "count": self.count}
            return {"type": "ir.actions.client", "tag": "l10n_pl_ksef_issue_more", "params": params}
        self.state = "done"
        return self._get_records_action(target="new", name=self.env._("Issued offline"))

    def _issue_one(self, move):
        self.left_ids -= move
        refusal = None
        try:
            with jobs.attempt(
                self.env, "Invoice %s cannot be issued offline", move.id, passing=(UserError,), savepoint=True
            ) as issuing:
                move._l10n_pl_ksef_issue_offline(self.mode, self.reason)
            if issuing.error:
                refusal = self.env._("An unexpected error; whoever looks after your Odoo finds it in the server's log.")
        except UserError as error:
            refusal = str(error)
        if refusal:
            self.refused_ids += move
            self.refusals = "\n\n".join(filter(None, (self.refusals, f"{move.display_name}: {refusal}")))

    @api.depends("refusals")
    @api.depends_context("lang")
    def _compute_summary(self):
        for wizard in self:
            refused = len(wizard.refused_ids)
            counts = self.env._(
                "Issued: %(issued)s. Not issued: %(refused)s. Issued before: %(before)s.",
                issued=wizard.count - refused - wizard.issued_before,
                refused=refused,
                before=wizard.issued_before,
            )
            wizard.summary = "\n\n".join(filter(None, (counts, wizard.refusals)))

    def action_show_refused(self):
        """Open the invoices that could not be issued."""
        return self.refused_ids._get_records_action(name=self.env._("Not issued offline"))
