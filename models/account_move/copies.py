"""The copies of an invoice: the one given before the KSeF number stays, and one with the number follows it."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...ksef.law import buyers
from ...tools import jobs
from .standing import ISSUED

_CHUNK = 20  # invoices rendered together and committed at once


class AccountMove(models.Model):
    _inherit = "account.move"

    l10n_pl_ksef_copy_outdated = fields.Boolean(
        "KSeF: Copy Awaited", readonly=True, copy=False, index=True, export_string_translation=False
    )
    l10n_pl_ksef_buyer_holds_offline_copy = fields.Boolean(
        "KSeF: Buyer Holds an Offline Copy",
        readonly=True,
        copy=False,
        help="Was given before KSeF assigned the number; the copy with the number has not been mailed yet.",
    )

    def _l10n_pl_ksef_renew_copy(self):
        """Set the PDFs aside that were made before the KSeF number, and have a job make new ones.

        To be called for invoices that have just got their number. Cheap: nothing is rendered here.
        """
        numbered = self.sudo().filtered(lambda move: move._l10n_pl_ksef_number())
        had_one = numbered._l10n_pl_ksef_set_pdf_aside()
        given = numbered.filtered("l10n_pl_ksef_document_id.given_at")
        given.l10n_pl_ksef_buyer_holds_offline_copy = True
        held = numbered.filtered("l10n_pl_ksef_held_mail")
        (had_one | held | given.filtered(lambda move: move._l10n_pl_ksef_mails_copy())).write(
            {"l10n_pl_ksef_copy_outdated": True}
        )

    def _l10n_pl_ksef_set_pdf_aside(self):
        """Make the PDFs plain attachments, so that new ones are made; return the invoices that had one."""
        old = (
            self.env["ir.attachment"]
            .sudo()
            .search(
                [
                    ("res_model", "=", self._name),
                    ("res_id", "in", self.ids),
                    ("res_field", "=", "invoice_pdf_report_file"),
                ]
            )
        )
        old.res_field = False  # the names tell what they are
        self.invalidate_recordset(["invoice_pdf_report_id", "invoice_pdf_report_file"])
        return self.browse(old.mapped("res_id"))

    def _l10n_pl_ksef_set_other_paper_aside(self):
        """Set PDFs aside that are another paper than may go out now, as when the kind of buyer or the mode changed."""
        issued = self.filtered(lambda move: move.l10n_pl_ksef_standing in ISSUED)
        issued.filtered(lambda move: not move._l10n_pl_ksef_pdf_is_right())._l10n_pl_ksef_set_pdf_aside()

    def _l10n_pl_ksef_pdf_is_right(self):
        pdf = self.sudo().invoice_pdf_report_id
        prefix, suffix = self._l10n_pl_ksef_file_marks()
        return not pdf or pdf.name.startswith(prefix) and pdf.name.removesuffix(".pdf").endswith(suffix)

    def action_send_and_print(self):
        self._l10n_pl_ksef_set_other_paper_aside()
        return super().action_send_and_print()

    def _get_invoice_legal_documents(self, filetype, allow_fallback=False):
        if filetype != "pdf" and not self._l10n_pl_ksef_may_leave():
            return None
        self._l10n_pl_ksef_set_other_paper_aside()
        return super()._get_invoice_legal_documents(filetype, allow_fallback=allow_fallback)

    def _get_invoice_legal_documents_all(self, allow_fallback=False):
        self._l10n_pl_ksef_set_other_paper_aside()
        return super()._get_invoice_legal_documents_all(allow_fallback=allow_fallback)

    def get_extra_print_items(self):
        items = super().get_extra_print_items()
        if all(move._l10n_pl_ksef_may_leave() for move in self):
            return items
        return [item for item in items if item["key"] != "download_ubl"]

    def _l10n_pl_ksef_mails_copy(self):
        """Tell whether the company wants the copy with the number mailed by itself to this buyer."""
        return (
            self.company_id.l10n_pl_ksef_mail_numbered_copy
            and self.l10n_pl_ksef_buyer_holds_offline_copy
            and bool(self.partner_id.email)
            and self._l10n_pl_ksef_classify_buyer()[0] in buyers.BuyerClass.AGREED_MANNER
        )

    def action_l10n_pl_ksef_send_numbered_copy(self):
        """Open the sending of the copy with the KSeF number."""
        self.ensure_one()
        if not self._l10n_pl_ksef_number():
            raise UserError(self.env._("KSeF has not given invoice %(number)s its number yet.", number=self.name))
        return self.action_invoice_sent()

    # The job

    @api.model
    def _l10n_pl_ksef_cron_renew_copies(self):
        """Make the copies with the number, and mail them where that is wanted; commit after a few."""
        awaited = [("l10n_pl_ksef_copy_outdated", "=", True)]
        cron = self.env["ir.cron"]
        cron._commit_progress(remaining=self.search_count(awaited))
        while moves := self._l10n_pl_ksef_next_copies(awaited):
            moves._l10n_pl_ksef_make_copies()
            if not cron._commit_progress(len(moves)):
                break

    def _l10n_pl_ksef_next_copies(self, awaited):
        first = self.search(awaited, limit=1)
        # Odoo renders the invoices of one company at a time.
        return self.search([*awaited, ("company_id", "=", first.company_id.id)], limit=_CHUNK).try_lock_for_update()

    def _l10n_pl_ksef_make_copies(self):
        self.sudo().l10n_pl_ksef_copy_outdated = False
        with jobs.attempt(self.env, "Copies of %s could not be made together", self, savepoint=True) as making:
            self._l10n_pl_ksef_make_pdfs()
        if making.error and len(self) == 1:
            self._l10n_pl_ksef_tell_failed_copy(making.error)
            return
        if making.error:
            for move in self:
                move._l10n_pl_ksef_make_copies()
            return
        for move in self:
            move._l10n_pl_ksef_mail_copy()

    def _l10n_pl_ksef_mail_copy(self):
        settings = self._l10n_pl_ksef_mail_settings()
        if settings is None:
            return
        with jobs.attempt(self.env, "The copy of %s could not be mailed", self, savepoint=True) as mailing:
            self.env["account.move.send"]._generate_and_send_invoices(
                self, sending_methods=["email"], extra_edis=[], **settings
            )
        if mailing.error:
            self._l10n_pl_ksef_tell_failed_copy(mailing.error)

    def _l10n_pl_ksef_make_pdfs(self):
        send = self.env["account.move.send"]
        moves_data = {
            move.sudo(): send._get_default_sending_settings(move, sending_methods=[], extra_edis=[]) for move in self
        }
        send._generate_invoice_documents(moves_data)
        if errors := [data["error"] for data in moves_data.values() if data.get("error")]:
            raise UserError("\n".join(send._format_error_text(error) for error in errors))

    def _l10n_pl_ksef_tell_failed_copy(self, error):
        self._message_log(
            body=self.env._(
                "The copy with the KSeF number could not be made or mailed: %(error)s Send it from the invoice.",
                error=error,
            )
        )
        user = self._l10n_pl_ksef_responsible()
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            user_id=user.id,
            summary=self.with_context(lang=user.lang).env._("Send the copy with the KSeF number"),
        )
