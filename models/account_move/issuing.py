"""How an invoice is issued offline, and what it may no longer become then."""

from odoo import api, fields, models
from odoo.exceptions import AccessError, LockError, UserError, ValidationError

from ...ksef.law import jpk, modes
from ...tools.translation import spoken
from .standing import ISSUED, NOT_TO_RESET

# Readonly on screens only: who writes them over RPC would unseal an invoice, or have KSeF never get it.
_WRITTEN_BY_METHODS = frozenset(
    {
        "l10n_pl_ksef_document_id",
        "l10n_pl_ksef_total_failure",
        "l10n_pl_ksef_maybe_sent",
        "l10n_pl_ksef_copy_outdated",
        "l10n_pl_ksef_buyer_holds_offline_copy",
    }
)


# What may still change on a posted invoice, and is in the sealed file or on the paper.
_SEALED = frozenset(
    {
        "commercial_partner_id",
        "delivery_date",
        "incoterm_location",
        "invoice_currency_rate",
        "invoice_date_due",
        "invoice_incoterm_id",
        "invoice_line_ids",
        "invoice_origin",
        "invoice_payment_term_id",
        "l10n_pl_ksef_correction_form_by_hand",
        "l10n_pl_ksef_for_receipt",
        "l10n_pl_ksef_third_party_ids",
        "name",
        "narration",
        "partner_bank_id",
        "partner_shipping_id",
        "payment_reference",
        "ref",
        "taxable_supply_date",
    }
)
_SEALED_OF_LINES = frozenset(
    {"discount", "display_type", "name", "price_unit", "product_id", "product_uom_id", "quantity", "sequence"}
)
_PRINTED = ("product", "line_section", "line_subsection", "line_note")  # the lines of invoice_line_ids


class AccountMove(models.Model):
    _inherit = "account.move"

    l10n_pl_ksef_document_id = fields.Many2one(
        "l10n_pl_ksef.document", "Issued Offline", readonly=True, copy=False, index="btree_not_null"
    )
    l10n_pl_ksef_document_ids = fields.One2many("l10n_pl_ksef.document", "move_id", "Offline Documents", readonly=True)
    l10n_pl_ksef_total_failure = fields.Boolean(
        "Issued during Total Failure",
        readonly=True,
        copy=False,
        tracking=True,
        help="An ordinary invoice without codes, which is never sent to KSeF (art. 106ng of the VAT Act).",
    )
    l10n_pl_ksef_outside = fields.Boolean(
        "Issued outside KSeF",
        copy=False,
        tracking=True,
        help="As the law allows: before the duty to use KSeF, within the limit of 2026, to a consumer. Odoo never "
        "sends it, and a correction of it tells so in place of a KSeF number.",
    )
    l10n_pl_ksef_jpk_mark = fields.Char(
        "Mark in JPK_V7",
        compute="_compute_l10n_pl_ksef_jpk_mark",
        help="How to mark the invoice in JPK_V7 if it has no KSeF number when the file is made: OFF in emergency mode, "
        "DI in offline24 and unavailability, BFK if it was issued outside KSeF. Correct the record when the number "
        "comes.",
    )

    @api.depends(
        "l10n_pl_ksef_document_id.mode",
        "l10n_pl_ksef_document_id.state",
        "l10n_pl_ksef_total_failure",
        "l10n_pl_ksef_outside",
    )
    def _compute_l10n_pl_ksef_jpk_mark(self):
        for move in self:
            # Both have no number and never will.
            mode = modes.Mode.TOTAL_FAILURE if move.l10n_pl_ksef_outside else move._l10n_pl_ksef_mode()
            move.l10n_pl_ksef_jpk_mark = jpk.mark(mode, bool(move._l10n_pl_ksef_number()))

    @api.depends("l10n_pl_ksef_standing")
    def _compute_show_reset_to_draft_button(self):
        result = super()._compute_show_reset_to_draft_button()
        self.filtered(lambda move: move.l10n_pl_ksef_standing in NOT_TO_RESET).show_reset_to_draft_button = False
        return result

    @api.constrains("state")
    def _check_l10n_pl_ksef_issued_stays_posted(self):
        for move in self:
            if move.state != "posted" and move.l10n_pl_ksef_standing in NOT_TO_RESET:
                raise ValidationError(move._l10n_pl_ksef_stays_posted_words())

    def _l10n_pl_ksef_stays_posted_words(self):
        """Return why this invoice can neither go back to draft nor be cancelled, and what to do in place of that."""
        why = {
            "sealed": self.env._("it was issued offline, and the buyer's copy carries codes of this very content."),
            "total_failure": self.env._("it was issued outside KSeF during total failure."),
            "numbered": self.env._("KSeF has accepted it."),
            "sent_online": self.env._("it was sent to KSeF, which has not given the number yet."),
            "prepared_by_odoo": self.env._("it was prepared by Odoo's Offline24, so its file is made."),
            "maybe_sent": self.env._("KSeF may have received it."),
        }[self.l10n_pl_ksef_standing]
        instead = {
            "prepared_by_odoo": self.env._("Cancel its preparation first, or issue a corrective invoice."),
            "sent_online": self.env._("Press Check Sending, and issue a corrective invoice once it is accepted."),
            "maybe_sent": self.env._("Press Ask KSeF first."),
        }.get(self.l10n_pl_ksef_standing, self.env._("Issue a corrective invoice instead."))
        return self.env._(
            "Invoice %(number)s can neither go back to draft nor be cancelled: %(why)s %(instead)s",
            number=self.name,
            why=why,
            instead=instead,
        )

    @api.constrains("l10n_pl_ksef_outside")
    def _check_l10n_pl_ksef_outside(self):
        for move in self.filtered("l10n_pl_ksef_outside"):
            if move.l10n_pl_ksef_standing in ISSUED:
                raise ValidationError(
                    self.env._("Invoice %(number)s is on its way to KSeF, or there already.", number=move.name)
                )

    @api.model_create_multi
    def create(self, vals_list):
        self._l10n_pl_ksef_check_written({name for vals in vals_list for name, value in vals.items() if value})
        return super().create(vals_list)

    def write(self, vals):
        self._l10n_pl_ksef_check_written(vals.keys())
        if sealed := _SEALED & vals.keys():
            for move in self._l10n_pl_ksef_sealed():
                move._l10n_pl_ksef_refuse_change(name for name in sealed if self._field_will_change(move, vals, name))
        return super().write(vals)

    def _compute_field_value(self, field):
        # Worked out again when goods leave later, or when the way of payment changes: neither comes through ``write``.
        moves = self - self._l10n_pl_ksef_sealed() if field.name in _SEALED else self
        return super(AccountMove, moves)._compute_field_value(field)

    def _l10n_pl_ksef_sealed(self):
        """Return those whose file stays as it was sealed.

        Not those that KSeF has rejected and a new file will follow: what KSeF complains about may have to be fixed.
        """

        def is_sealed(move):
            document = move.l10n_pl_ksef_document_id.sudo()
            if not document:
                return move.l10n_pl_ksef_standing == "prepared_by_odoo"
            return not (document.can_correct and not document.maybe_in_ksef)

        return self.filtered(is_sealed)

    def _l10n_pl_ksef_check_written(self, names, forbidden=_WRITTEN_BY_METHODS):
        """Refuse names of fields that only methods of this addon may write."""
        if not self.env.su and forbidden & names:
            raise AccessError(self.env._("Only issuing and sending change how an invoice stands with KSeF."))

    def _l10n_pl_ksef_refuse_change(self, names):
        """Refuse to change these fields of a sealed invoice: its next printout would contradict the file for KSeF."""
        labels = ", ".join(self._fields[name]._description_string(self.env) for name in sorted(names))
        if labels and not self.env.su:
            raise UserError(
                self.env._(
                    "Invoice %(number)s is sealed for KSeF, so this can no longer be changed: %(fields)s. Issue a "
                    "corrective invoice once KSeF has accepted it.",
                    number=self.name,
                    fields=labels,
                )
            )

    # Issuing

    def action_l10n_pl_ksef_issue_offline(self):
        """Issue the selected invoices in the mode that the announcements call for; those issued stay as they are."""
        for move in self:
            move._l10n_pl_ksef_issue_offline()
        self.env["l10n_pl_ksef.channel"]._wake()

    def _l10n_pl_ksef_issue_offline(self, mode=None, reason=None):
        """Issue this invoice outside KSeF, once however often and by however many it is called.

        :param mode: one of ``modes.Mode`` but online; None for the one that the announcements call for
        :param reason: why a person chose the mode (str)
        :return: the sealed document; none during total failure, when nothing is sealed
        """
        self.ensure_one()
        self.check_access("write")
        try:
            # Odoo's own sending locks the same row. Whoever waited for it sees the document, or is run again.
            self.lock_for_update()
        except LockError as error:
            raise UserError(
                self.env._(
                    "Invoice %(number)s is being issued or sent by somebody else right now. Look again in a moment.",
                    number=self.name,
                )
            ) from error
        if not (self.l10n_pl_ksef_document_id or self.l10n_pl_ksef_total_failure):
            self._l10n_pl_ksef_check_can_issue_offline()
            proposed, proposed_reason = self._l10n_pl_ksef_propose_mode()
            mode = mode or proposed
            self._l10n_pl_ksef_check_mode(mode, proposed, proposed_reason)
            self._l10n_pl_ksef_issue(mode, spoken(self.env, proposed_reason) if mode == proposed else reason)
        return self.l10n_pl_ksef_document_id

    def _l10n_pl_ksef_propose_mode(self):
        """Return the mode by the announcements now, and the reason (``Sentence``)."""
        return self.env["l10n_pl_ksef.announcement"]._propose(self._l10n_pl_ksef_environment())

    def _l10n_pl_ksef_check_mode(self, mode, proposed, proposed_reason):
        """Total failure is no choice of the seller's: it is announced, or it is not."""
        if mode == proposed or modes.Mode.TOTAL_FAILURE not in (mode, proposed):
            return
        if proposed == modes.Mode.TOTAL_FAILURE:
            raise UserError(
                self.env._(
                    "%(reason)s If that is over, enter its end under KSeF > Announcements.",
                    reason=spoken(self.env, proposed_reason),
                )
            )
        raise UserError(
            self.env._(
                "No total failure of KSeF is announced. If you know of one from the mass media, enter it first under "
                "KSeF > Announcements."
            )
        )

    def _l10n_pl_ksef_issue(self, mode, reason):
        if mode == modes.Mode.TOTAL_FAILURE:
            self._l10n_pl_ksef_beside_the_books().l10n_pl_ksef_total_failure = True
            message = self.env._("Issued outside KSeF: an ordinary invoice without codes, never sent to KSeF.")
        else:
            document = self.env["l10n_pl_ksef.document"]._seal(self, mode, reason)
            self._l10n_pl_ksef_beside_the_books().l10n_pl_ksef_document_id = document
            message = self.env._(
                "Issued offline (%(mode)s). The XML is sealed and waits for KSeF.", mode=document._mode_label()
            )
            message = f"{message} {document.deadline_reasons}"
        self._l10n_pl_ksef_set_pdf_aside()
        self._message_log(body=" ".join(filter(None, (message, reason))))

    def _l10n_pl_ksef_beside_the_books(self):
        """Return these invoices for writes on which no journal item depends: Odoo need not work them out again."""
        return self.sudo().with_context(
            skip_invoice_sync=True, check_move_validity=False, skip_is_manually_modified=True
        )

    def action_l10n_pl_ksef_undo_total_failure(self):
        """Take back that an invoice was issued during total failure, so that it can go to KSeF after all."""
        self.check_access("write")
        self.sudo().l10n_pl_ksef_total_failure = False

    def _l10n_pl_ksef_check_can_issue_offline(self):
        if self._l10n_pl_ksef_is_self_billed():
            raise UserError(self._l10n_pl_ksef_self_billing_words())
        if self.l10n_pl_ksef_standing == "prepared_by_odoo":
            raise UserError(
                self.env._(
                    "Invoice %(number)s was prepared by Odoo's Offline24, with a file and codes of its own, and is "
                    "sent by it. To issue it here instead, cancel that preparation first (Action menu).",
                    number=self.display_name,
                )
            )
        if self.l10n_pl_ksef_standing != "to_issue":
            raise UserError(
                self.env._(
                    "Invoice %(number)s cannot be issued offline: only a posted customer invoice or credit note of a "
                    "Polish company can be that has neither been sent to KSeF nor marked as issued outside it.",
                    number=self.display_name,
                )
            )

    def _l10n_pl_ksef_is_self_billed(self):
        """Tell whether the company, as the buyer, issues this invoice in the seller's name."""
        return self.state == "posted" and self.is_purchase_document() and self.journal_id.is_self_billing

    def _l10n_pl_ksef_self_billing_words(self):
        return self.env._(
            "%(number)s is a self-billed invoice: the company issues it as the buyer, in the seller's name. The file "
            "that Odoo makes for KSeF would name the company as the seller, so it can be neither sent nor issued "
            "offline here. Issue it in KSeF's taxpayer application, in the context of the company.",
            number=self.display_name,
        )


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._l10n_pl_ksef_refuse_change_of_sealed()
        return lines

    def write(self, vals):
        if _SEALED_OF_LINES & vals.keys():
            self._l10n_pl_ksef_refuse_change_of_sealed()
        return super().write(vals)

    def _l10n_pl_ksef_refuse_change_of_sealed(self):
        printed = self.filtered(lambda line: line.display_type in _PRINTED)
        for move in printed.move_id._l10n_pl_ksef_sealed():
            move._l10n_pl_ksef_refuse_change({"invoice_line_ids"})
