from lxml import html

from odoo import models


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    def _pre_render_qweb_pdf(self, report_ref, res_ids=None, data=None):
        # Print, mail and the portal's download all come through here.
        if res_ids and self._is_invoice_report(report_ref):
            moves = self.env["account.move"].browse(res_ids)
            moves._l10n_pl_ksef_fetch_lost_files()
            moves._l10n_pl_ksef_note_given()
        return super()._pre_render_qweb_pdf(report_ref, res_ids=res_ids, data=data)

    def _render_qweb_html(self, report_ref, docids, data=None):
        page, kind = super()._render_qweb_html(report_ref, docids, data=data)
        if kind == "html" and docids and self._get_report(report_ref).model == "account.move":
            moves = self.env["account.move"].browse(docids).sudo()
            if numbers := {move.company_id.vat for move in moves if move._l10n_pl_ksef_has_nip_twice()}:
                page = self._l10n_pl_ksef_without(numbers, page)
        return page, kind

    def _l10n_pl_ksef_without(self, numbers, page):
        """Return a page (HTML, bytes) without the lines with tax IDs that a layout adds to what the company tells."""
        root = html.fromstring(page)
        for number in root.xpath("//li/span"):
            if number.text_content().strip() in numbers:
                number.getparent().drop_tree()
        return html.tostring(root, encoding="utf-8", doctype="<!DOCTYPE html>")

    def _get_rendering_context(self, report, docids, data):
        # A buyer who is a portal user can call for any report of his invoices.
        if report.model == "account.move" and not self.env.su and not self.env.user._is_internal():
            self.env["account.move"].browse(docids)._l10n_pl_ksef_check_open()
        return super()._get_rendering_context(report, docids, data)
