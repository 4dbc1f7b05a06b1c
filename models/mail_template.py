from odoo import models


class MailTemplate(models.Model):
    _inherit = "mail.template"

    def _generate_template_attachments(self, res_ids, render_fields, render_results=None):
        if self.model == "account.move" and self.report_template_ids:
            self.env["account.move"].browse(res_ids)._l10n_pl_ksef_check_open()
        return super()._generate_template_attachments(res_ids, render_fields, render_results=render_results)
