"""Odoo's sending of invoices: what the buyer gets is said beforehand, and nothing leaves that may not leave yet."""

from odoo import api, models
from odoo.exceptions import AccessError, RedirectWarning, UserError

from ..ksef.law import buyers, papers
from .account_move.standing import AWAITS_NUMBER_ONLINE, ISSUED

# Ways in which paper leaves; all others carry an e-invoice in a file.
_WAYS_OF_PAPER = ("manual", "email", "snailmail")
_ODOOS_MAILS = ("account.email_template_edi_invoice", "account.email_template_edi_credit_note")


def _attachment_id(attachment):
    """Return the id in an entry of Odoo's widget, as Odoo itself reads it; None if it is a placeholder."""
    try:
        return int(attachment["id"])
    except ValueError:
        return None


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    # What is said beforehand

    def _get_alerts(self, moves, moves_data):
        alerts = super()._get_alerts(moves, moves_data)
        for key, level, concerned, words in self._l10n_pl_ksef_findings(moves, moves_data):
            if concerned:
                alerts[f"l10n_pl_ksef_{key}"] = self._l10n_pl_ksef_alert(level, words, concerned, moves)
        if len(moves) == 1 and self._l10n_pl_ksef_is_checked(moves, moves_data[moves]):
            alerts |= moves._l10n_pl_ksef_problem_alerts("danger") | moves._l10n_pl_ksef_notice_alerts()
        return alerts

    def _l10n_pl_ksef_findings(self, moves, moves_data):
        """Yield all that may have to be said beforehand: (key, level, invoices concerned, words)."""
        shut = moves.filtered(lambda move: move._l10n_pl_ksef_may_be_given().kind is None)
        rejected = shut.filtered(lambda move: move.l10n_pl_ksef_standing == "rejected_online")
        confirmations = moves.filtered(lambda move: move._l10n_pl_ksef_is_confirmation())
        invoices = (moves - shut - confirmations).filtered(
            lambda move: move.l10n_pl_ksef_document_id or move.l10n_pl_ksef_total_failure
        )
        told = len(moves) == 1 and (confirmations or invoices)
        reason = told._l10n_pl_ksef_paper_reason() if told else ""
        yield (
            "rejected_online",
            "danger",
            rejected,
            self.env._(
                "KSeF has rejected it, so it counts as not issued: reset it to draft, correct it and send it again."
            ),
        )
        yield (
            "shut",
            "danger",
            shut - rejected,
            self.env._(
                "KSeF has not given the number yet. An invoice sent online may be given to the buyer only with its "
                "number: its mail waits for it. Press Check Sending on the invoice, then send it."
            ),
        )
        yield (
            "unissued",
            "warning",
            moves.filtered(lambda move: self._l10n_pl_ksef_leaves_unissued(move, moves_data[move])),
            self.env._(
                "Neither sent to KSeF nor issued offline. The buyer may get the invoice through KSeF only, so what "
                "goes out now is no invoice to the law."
            ),
        )
        yield (
            "problems",
            "warning",
            moves.filtered(
                lambda move: (
                    len(moves) > 1
                    and self._l10n_pl_ksef_is_checked(move, moves_data[move])
                    and move._l10n_pl_ksef_problems()
                )
            ),
            self.env._("Not sent to KSeF unless something is fixed first; each invoice tells what."),
        )
        yield (
            "rejected",
            "warning",
            moves.filtered(lambda move: move.l10n_pl_ksef_document_id.sudo().state == "rejected"),
            self.env._("KSeF has rejected the sealed document: correct it before you give anything to the buyer."),
        )
        yield (
            "no_code",
            "warning",
            moves.filtered(lambda move: move._l10n_pl_ksef_lacks_file()),
            self.env._(
                "The file that KSeF has accepted is not here, so KOD I cannot be printed. Download the invoice from "
                "KSeF's taxpayer application, and give the buyer that one."
            ),
        )
        yield (
            "confirmation",
            "info",
            confirmations,
            self.env._(
                "The buyer gets a transaction confirmation, which is not an invoice. The invoice itself reaches this "
                "buyer through KSeF."
            )
            + f" {reason}",
        )
        yield "invoice", "info", invoices, self.env._("The buyer gets the invoice itself.") + f" {reason}"
        yield (
            "mail_waits",
            "info",
            moves.filtered(lambda move: self._l10n_pl_ksef_mail_will_wait(move, moves_data[move])),
            self.env._(
                "The invoice goes to KSeF now. The mail to the buyer goes out by itself as soon as KSeF has given the "
                "number: an invoice sent online may not be given to the buyer before."
            ),
        )

    def _l10n_pl_ksef_alert(self, level, words, concerned, moves):
        if len(moves) == 1:
            return {"level": level, "message": words.strip()}
        count = self.env._("Invoices concerned: %(count)s.", count=len(concerned))
        return {
            "level": "warning" if level == "danger" else level,  # Odoo blocks the others, too
            "message": f"{words.strip()} {count}",
            "action": concerned._get_records_action(name=self.env._("Invoices concerned")),
            "action_text": self.env._("View Invoice(s)"),
        }

    def _l10n_pl_ksef_is_checked(self, move, move_data):
        """Tell whether the invoice goes to KSeF now as the file of this addon, and only if nothing is wrong with it."""
        return self._l10n_pl_ksef_is_going(move, move_data) and move._l10n_pl_ksef_has_own_file()

    def _l10n_pl_ksef_leaves_unissued(self, move, move_data):
        return (
            not self._l10n_pl_ksef_goes_online(move_data)
            and move.l10n_pl_ksef_standing == "to_issue"
            and move._l10n_pl_ksef_goes_to_ksef()
            and move._l10n_pl_ksef_classify_buyer()[0] == buyers.BuyerClass.DOMESTIC
        )

    def _l10n_pl_ksef_mail_will_wait(self, move, move_data):
        return (
            self._l10n_pl_ksef_goes_online(move_data)
            and "email" in (move_data["sending_methods"] or ())
            and move.l10n_pl_ksef_standing not in ISSUED
        )

    # Nothing leaves that may not leave

    def _is_applicable_to_move(self, method, move, **move_data):
        kind = move._l10n_pl_ksef_may_be_given().kind
        if kind is None and method != "manual":
            return False
        if kind == papers.Paper.TRANSACTION_CONFIRMATION and method not in _WAYS_OF_PAPER:
            return False
        return super()._is_applicable_to_move(method, move, **move_data)

    def _generate_invoice_documents(self, invoices_data, allow_fallback_pdf=False):
        self.env["account.move"].union(*invoices_data)._l10n_pl_ksef_set_other_paper_aside()
        return super()._generate_invoice_documents(invoices_data, allow_fallback_pdf=allow_fallback_pdf)

    def _get_default_sending_methods(self, move):
        methods = super()._get_default_sending_methods(move)
        return methods & set(_WAYS_OF_PAPER) or {"email"} if move._l10n_pl_ksef_is_confirmation() else methods

    def _get_default_invoice_edi_format(self, move, **kwargs):
        return move._l10n_pl_ksef_may_leave() and super()._get_default_invoice_edi_format(move, **kwargs)

    def _get_invoice_extra_attachments(self, move):
        attachments = super()._get_invoice_extra_attachments(move)
        return attachments if move._l10n_pl_ksef_may_leave() else attachments & move.invoice_pdf_report_id

    def _hook_invoice_document_before_pdf_report_render(self, invoice, invoice_data):
        if not invoice._l10n_pl_ksef_may_leave():
            return None
        return super()._hook_invoice_document_before_pdf_report_render(invoice, invoice_data)

    def _hook_invoice_document_after_pdf_report_render(self, invoice, invoice_data):
        if not invoice._l10n_pl_ksef_may_leave():
            # Made before KSeF was asked: an XML file would leave with the confirmation, or inside of its PDF.
            return invoice_data.pop("ubl_cii_xml_attachment_values", None)
        return super()._hook_invoice_document_after_pdf_report_render(invoice, invoice_data)

    # When KSeF cannot be reached

    def _l10n_pl_ksef_meet_outage(self, move, move_data, problem):
        """Issue an invoice offline that cannot go to KSeF now, if the company wants that; else offer it.

        :param dict move_data: settings of Odoo's sending; changed, so that the rest of it goes on or stops
        :param str problem: why KSeF cannot be reached
        """
        title = self.env._("Invoice %(number)s has not gone to KSeF", number=move.name)
        if not move.company_id.l10n_pl_ksef_offline_by_itself:
            advice = self.env._("Nothing has reached KSeF, so it can be issued offline right now.")
            move_data["error"] = {"error_title": title, "errors": [problem, advice], "l10n_pl_ksef_outage": True}
            return
        try:
            with self.env.cr.savepoint():
                move._l10n_pl_ksef_issue_offline()
        except UserError as error:
            move_data["error"] = {"error_title": title, "errors": [problem, str(error)]}
            return
        self._l10n_pl_ksef_keep_from_ksef(move_data)
        self._l10n_pl_ksef_renew_mail(move, move_data)
        message = self.env._("%(problem)s Invoice %(number)s was issued offline.", problem=problem, number=move.name)
        move.message_post(body=message)
        author = self.env["res.partner"].browse(move_data["author_partner_id"])
        author._bus_send("simple_notification", {"type": "warning", "sticky": True, "message": message})

    def _l10n_pl_ksef_renew_mail(self, move, move_data):
        """Give the mail the words of the paper that goes out now."""
        if "email" not in move_data["sending_methods"]:
            return
        if move._l10n_pl_ksef_is_confirmation():
            self._l10n_pl_ksef_take_words(move, move_data, move._get_mail_template())
        elif move_data["mail_body"]:
            move_data["mail_body"] += move.with_context(lang=move_data["mail_lang"])._l10n_pl_ksef_mail_links()

    def _l10n_pl_ksef_take_words(self, move, move_data, template):
        move_data["mail_template"] = template
        move_data["mail_subject"] = self._get_default_mail_subject(move, template, move_data["mail_lang"])
        move_data["mail_body"] = self._get_default_mail_body(move, template, move_data["mail_lang"])

    def _hook_if_errors(self, moves_data, allow_raising=True):
        refused = [move for move, data in moves_data.items() if data["error"].get("l10n_pl_ksef_outage")]
        if allow_raising and refused:
            raise RedirectWarning(
                "\n".join(self._format_error_text(moves_data[move]["error"]) for move in refused),
                self.env.ref("l10n_pl_ksef_offline.action_issue_offline").id,
                self.env._("Issue offline"),
                {"active_model": "account.move", "active_ids": [move.id for move in refused]},
            )
        return super()._hook_if_errors(moves_data, allow_raising=allow_raising)

    def _generate_invoice_fallback_documents(self, invoices_data):
        outages = [data for data in invoices_data.values() if (data.get("error") or {}).get("l10n_pl_ksef_outage")]
        result = super()._generate_invoice_fallback_documents(invoices_data)
        for data in outages:
            data["sending_methods"] = set()  # it has not been issued: its mail would say that it has
        return result

    # Mails

    def _generate_dynamic_reports(self, moves_data):
        # The invoice's own files of today are added to the mail later; those of when the wizard opened may be old.
        for move_data in moves_data.values():
            if "mail_attachments_widget" in move_data:
                move_data["mail_attachments_widget"] = self._l10n_pl_ksef_chosen_attachments(move_data)
        return super()._generate_dynamic_reports(moves_data)

    @api.model
    def _l10n_pl_ksef_chosen_attachments(self, move_data):
        """Return what goes with a mail beside the invoice's own files, and what somebody wants left out."""
        marks = ("manual", "mail_template_id", "dynamic_report", "skip")
        widget = move_data.get("mail_attachments_widget") or ()
        return [attachment for attachment in widget if any(attachment.get(mark) for mark in marks)]

    def _get_default_mail_body(self, move, mail_template, mail_lang):
        body = super()._get_default_mail_body(move, mail_template, mail_lang)
        has_links = "_l10n_pl_ksef_mail_links" in (mail_template.sudo().body_html or "")
        return body if has_links or not body else body + move.with_context(lang=mail_lang)._l10n_pl_ksef_mail_links()

    def _l10n_pl_ksef_fix_words(self, move, move_data):
        """Give the mail the words of the paper that goes out, if that is another than when the window was opened."""
        if "email" not in move_data["sending_methods"]:
            return
        confirmation = move._l10n_pl_ksef_confirmation_template()
        right, chosen = move._get_mail_template(), move_data["mail_template"]
        proposed = confirmation.union(*map(self.env.ref, _ODOOS_MAILS))
        # Any other template is somebody's own choice of words.
        if chosen != right and confirmation in (chosen, right) and chosen in proposed:
            self._l10n_pl_ksef_take_words(move, move_data, right)

    def _hook_if_success(self, moves_data, from_cron=False):
        for move, move_data in moves_data.items():
            self._l10n_pl_ksef_fix_words(move, move_data)
        result = super()._hook_if_success(moves_data, from_cron=from_cron)
        for move, move_data in moves_data.items():
            if "email" in move_data["sending_methods"] and move.l10n_pl_ksef_standing in AWAITS_NUMBER_ONLINE:
                self._l10n_pl_ksef_hold_mail(move, move_data)
                move.message_post(
                    body=self.env._(
                        "The mail to the buyer waits until KSeF has given the invoice its number, and goes then."
                    )
                )
        return result

    def _l10n_pl_ksef_hold_mail(self, move, move_data):
        """Keep a mail, with what its author may read: the job that sends it may read anything."""
        attachments = self._l10n_pl_ksef_chosen_attachments(move_data)
        kept = filter(None, (_attachment_id(attachment) for attachment in attachments))
        self.env["ir.attachment"].browse(kept).exists().check_access("read")
        for name in filter(None, (attachment.get("dynamic_report") for attachment in attachments)):
            if self.env["ir.actions.report"]._get_report(name).model != move._name:
                raise AccessError(self.env._("The report %(name)s does not belong to invoices.", name=name))
        move._l10n_pl_ksef_hold_mail(move_data | {"mail_attachments_widget": attachments})

    @api.model
    def _send_mail(self, move, mail_template, **kwargs):
        if move._l10n_pl_ksef_is_confirmation():
            lang = mail_template._render_lang(move.ids)[move.id]
            kwargs["model_description"] = self.with_context(lang=lang).env._("Transaction confirmation")
        result = super()._send_mail(move, mail_template, **kwargs)
        move._l10n_pl_ksef_note_mail()
        return result
