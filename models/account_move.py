from base64 import b64encode

from stdnum.pl import nip

from odoo import api, fields, models
from odoo.exceptions import LockError, UserError, ValidationError
from odoo.tools.image import image_data_uri

from ..ksef import links, modes, qr_image


class AccountMove(models.Model):
    _inherit = "account.move"

    l10n_pl_ksef_document_id = fields.Many2one(
        "l10n_pl_ksef.document", "Issued Offline", readonly=True, copy=False, index="btree_not_null"
    )
    l10n_pl_ksef_can_issue_offline = fields.Boolean(compute="_compute_l10n_pl_ksef_can_issue_offline")

    @api.depends("state", "move_type", "country_code", "l10n_pl_ksef_document_id")
    def _compute_l10n_pl_ksef_can_issue_offline(self):
        for move in self:
            move.l10n_pl_ksef_can_issue_offline = (
                move.state == "posted"
                and move.country_code == "PL"
                and move.move_type in ("out_invoice", "out_refund")
                and not move.l10n_pl_ksef_document_id
                and not move._l10n_pl_ksef_sent_online()
            )

    @api.depends("l10n_pl_ksef_document_id")
    def _compute_show_reset_to_draft_button(self):
        result = super()._compute_show_reset_to_draft_button()
        self.filtered("l10n_pl_ksef_document_id").show_reset_to_draft_button = False
        return result

    @api.constrains("state")
    def _check_l10n_pl_ksef_sealed_stays_posted(self):
        for move in self:
            if move.l10n_pl_ksef_document_id and move.state != "posted":
                raise ValidationError(
                    self.env._(
                        "Invoice %(number)s was issued offline, so it can neither go back to draft nor be cancelled: "
                        "the buyer's copy carries codes of this very content. Issue a corrective invoice instead.",
                        number=move.name,
                    )
                )

    def action_l10n_pl_ksef_issue_offline(self):
        """Seal the selected invoices for offline24; those sealed already stay as they are."""
        for move in self:
            move._l10n_pl_ksef_issue_offline("offline24")

    def _l10n_pl_ksef_issue_offline(self, mode):
        """Seal this invoice, once however often and by however many it is called, and return its document."""
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
        if not self.l10n_pl_ksef_document_id:
            self._l10n_pl_ksef_check_can_issue_offline()
            document = self.env["l10n_pl_ksef.document"]._seal(self, mode)
            # nothing that the journal items depend on changes: Odoo need not work them out again
            move = self.with_context(skip_invoice_sync=True, skip_is_manually_modified=True)
            move.l10n_pl_ksef_document_id = document
            self._l10n_pl_ksef_set_old_pdf_aside()
            self._message_log(body=self.env._("Issued offline (offline24). The XML is sealed and waits for KSeF."))
        return self.l10n_pl_ksef_document_id

    def _l10n_pl_ksef_check_can_issue_offline(self):
        if not self.l10n_pl_ksef_can_issue_offline:
            raise UserError(
                self.env._(
                    "Invoice %(number)s cannot be issued offline: only a posted customer invoice or credit note of a "
                    "Polish company that has not been sent to KSeF yet can be.",
                    number=self.display_name,
                )
            )

    def _l10n_pl_ksef_set_old_pdf_aside(self):
        # A PDF made before has no codes: it stays as a plain attachment, and the next print makes a new one.
        self._detach_attachments()
        self.invalidate_recordset(["invoice_pdf_report_id", "invoice_pdf_report_file"])

    def _get_alerts(self):
        alerts = super()._get_alerts()
        if document := self.l10n_pl_ksef_document_id:
            alerts["l10n_pl_ksef_sealed"] = {
                "level": "info",
                "message": self.env._(
                    "Issued offline (%(mode)s): sealed and waiting to be sent to KSeF. The invoice cannot be changed "
                    "any more.",
                    mode=document.mode,
                ),
                "action": document._get_records_action(),
                "action_text": self.env._("View the sealed document"),
            }
            if document._waiting() and document._outlives_certificate():
                alerts["l10n_pl_ksef_certificate_ends"] = {
                    "level": "warning",
                    "message": self.env._(
                        "The certificate that signed KOD II ends before the deadline for sending (%(deadline)s): send "
                        "the invoice before that, since the buyer's code fails the check afterwards.",
                        deadline=fields.Date.to_string(document._deadline()),
                    ),
                }
        if self.l10n_pl_ksef_can_issue_offline and self._l10n_pl_ksef_company_works_offline():
            alerts |= self._l10n_pl_ksef_certificate_alerts() | self._l10n_pl_ksef_problem_alerts()
        return alerts

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

    def _l10n_pl_ksef_buyer_class(self):
        """Return the class of the buyer to art. 106gb(4), one of ``modes.BuyerClass``."""
        self.ensure_one()
        buyer = self.commercial_partner_id
        vat = (buyer.vat or "").strip("/ ")  # Odoo's "/" says that there is none
        polish = buyer.country_code == "PL" or vat.upper().startswith("PL")
        facts = modes.BuyerFacts(
            place_of_supply_in_poland=True,  # the strict side: what is known of the buyer decides
            has_polish_nip=polish and nip.is_valid(vat),
            is_consumer=not buyer.is_company and not vat,
            has_tax_id=bool(vat),
            seat_in_poland=buyer.country_code == "PL" if buyer.country_code else None,
        )
        return modes.classify_buyer(facts)[0]

    def _l10n_pl_ksef_hand_over(self):
        """Return what the buyer may get outside KSeF and with which codes (``modes.HandOver``)."""
        self.ensure_one()
        mode = self.l10n_pl_ksef_document_id.sudo().mode or modes.Mode.ONLINE
        number = self._l10n_pl_ksef_number()
        if not number and mode == modes.Mode.ONLINE:
            return modes.HandOver(modes.Paper.INVOICE)  # an invoice that this addon has nothing to do with
        return modes.hand_over(mode, self._l10n_pl_ksef_buyer_class(), bool(number))

    def _l10n_pl_ksef_is_confirmation(self):
        """Tell whether the printout is a transaction confirmation, since the law allows no invoice yet."""
        return self._l10n_pl_ksef_hand_over().kind == modes.Paper.TRANSACTION_CONFIRMATION

    def _l10n_pl_ksef_verification_codes(self):
        """Return the codes that the printout carries, as dicts for the report; none if it needs none.

        Before KSeF has given a number: KOD I with OFFLINE and KOD II with CERTYFIKAT. After: KOD I alone with the
        number (§ 9 of the regulation on the use of KSeF).
        """
        self.ensure_one()
        document = self.l10n_pl_ksef_document_id.sudo()
        kod_i = document.kod_i or (self._l10n_pl_ksef_number() and self._l10n_pl_ksef_online_kod_i())
        content = {
            modes.Code.KOD_I_NUMBER: ("KOD I", self._l10n_pl_ksef_number(), kod_i),
            modes.Code.KOD_I_OFFLINE: ("KOD I", links.LABEL_OFFLINE, kod_i),
            modes.Code.KOD_II: ("KOD II", links.LABEL_CERTIFICATE, document.kod_ii),
        }
        return [self._l10n_pl_ksef_code(*content[code]) for code in self._l10n_pl_ksef_hand_over().codes]

    @api.model
    def _l10n_pl_ksef_code(self, name, label, url):
        image = qr_image.render(url)
        return {
            "name": name,
            "label": label,
            "url": url,
            "image": image_data_uri(b64encode(image.png)),
            "millimetres": image.millimetres,
        }
