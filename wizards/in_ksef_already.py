from odoo import api, fields, models
from odoo.exceptions import UserError


class InKsefAlready(models.TransientModel):
    """Takes over the KSeF number of a rejected document whose invoice KSeF has already, once both are compared."""

    _name = "l10n_pl_ksef.in.ksef.already"
    _description = "Take Over the Number of an Invoice That Is in KSeF Already"

    document_id = fields.Many2one("l10n_pl_ksef.document", required=True)
    rejection_words = fields.Text(related="document_id.rejection_words")
    ksef_number = fields.Char(
        "KSeF Number", required=True, compute="_compute_ksef_number", store=True, readonly=False, precompute=True
    )
    compared_number = fields.Char(readonly=True, export_string_translation=False)
    difference = fields.Html(readonly=True)
    obstacle = fields.Text(readonly=True)
    checked = fields.Boolean("I have compared both files; it is this very invoice")

    @api.depends("document_id")
    def _compute_ksef_number(self):
        for wizard in self:
            wizard.ksef_number = wizard.document_id.duplicate_of

    def action_compare(self):
        """Fetch the invoice from KSeF, and show how it differs from this document."""
        self.ensure_one()
        self.ksef_number = self.ksef_number.strip().upper()
        _xml, found = self._fetch()
        self.write(
            {
                "compared_number": self.ksef_number,
                "difference": found
                and self.env["ir.qweb"]._render(
                    "l10n_pl_ksef_offline.differences",
                    {"found": found, "old": self.env._("File of this document"), "new": self.env._("File in KSeF")},
                ),
                "obstacle": self._obstacle_in(found),
                "checked": False,
            }
        )
        return self._get_records_action(target="new", name=self.env._("Already in KSeF"))

    def _fetch(self):
        """Return the file in KSeF (bytes) and how it differs, list of ``ksef.fa3.compare.Difference``."""
        self.document_id.move_id.check_access("write")
        xml = self.document_id._file_in_ksef(self.ksef_number)
        return xml, self.document_id._differences_of_file(xml)

    def _obstacle_in(self, found):
        if all(difference.allowed for difference in found):
            return False
        return self.env._(
            "The invoice in KSeF differs in business content (marked red), so it is another one: its number cannot be "
            "taken over."
        )

    def action_take_over(self):
        """Take over the number, if what KSeF has is still what was compared."""
        self.ensure_one()
        if self.ksef_number != self.compared_number or not self.checked:
            raise UserError(self.env._("Compare both files first, and confirm that it is this very invoice."))
        xml, found = self._fetch()
        if obstacle := self._obstacle_in(found):
            raise UserError(obstacle)
        self.document_id._take_over(self.ksef_number, xml)
        return {"type": "ir.actions.act_window_close"}
