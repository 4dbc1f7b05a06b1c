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

    def _get_rendering_context(self, report, docids, data):
        # A buyer who is a portal user can call for any report of his invoices.
        if report.model == "account.move" and not self.env.su and not self.env.user._is_internal():
            self.env["account.move"].browse(docids)._l10n_pl_ksef_check_open()
        return super()._get_rendering_context(report, docids, data)
