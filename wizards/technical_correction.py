from odoo import api, fields, models
from odoo.exceptions import UserError


class TechnicalCorrection(models.TransientModel):
    """Makes a new document of a rejected one: a new file with the same business content.

    Source: ``offline/korekta-techniczna.md`` of the ministry's API documentation.
    """

    _name = "l10n_pl_ksef.technical.correction"
    _description = "Technical Correction of a Rejected Document"

    document_id = fields.Many2one("l10n_pl_ksef.document", required=True)
    rejection_words = fields.Text(related="document_id.rejection_words")
    difference = fields.Html(compute="_compute_difference", sanitize=False)
    obstacle = fields.Text(compute="_compute_difference")
    checked = fields.Boolean("I have compared both files; the business content is the same")

    @api.depends("document_id")
    @api.depends_context("lang")
    def _compute_difference(self):
        for wizard in self:
            wizard.difference = wizard.obstacle = False
            try:
                found = wizard.document_id._origin._differences_of_new_file()
            except UserError as error:
                wizard.obstacle = str(error)
                continue
            wizard.difference = self.env["ir.qweb"]._render(
                "l10n_pl_ksef_offline.differences",
                {"found": found, "old": self.env._("Rejected file"), "new": self.env._("New file")},
            )
            if not found:
                wizard.obstacle = self.env._(
                    "The new file says the same as the rejected one, so KSeF would reject it again. Correct first what "
                    "KSeF complains about: the company's or the buyer's data, for example."
                )
            elif not all(difference.allowed for difference in found):
                wizard.obstacle = self.env._(
                    "The new file differs in business content (marked red), which a technical correction may not "
                    "change. Undo the change in the data of the company or the buyer."
                )

    def action_correct(self):
        """Seal the new document, let it be sent, and open it."""
        self.ensure_one()
        if self.obstacle:
            raise UserError(self.obstacle)
        if not self.checked:
            raise UserError(self.env._("Compare both files first, and confirm that the business content is the same."))
        self.document_id.move_id.check_access("write")
        return self.document_id._correct()._get_records_action()
