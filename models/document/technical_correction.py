"""A rejected document is followed by another one with the same business content, which names the hash of the first."""

from odoo import models
from odoo.exceptions import UserError

from ...ksef.fa3 import compare


class Document(models.Model):
    _inherit = "l10n_pl_ksef.document"

    def _differences_of_new_file(self):
        """Return how a file made now would differ from the rejected one, list of ``fa3_diff.Difference``.

        :raises UserError: the invoice has problems that keep it from being sealed
        """
        self.ensure_one()
        return compare.differences(self._xml_bytes(), self.move_id._l10n_pl_ksef_sealable_xml())

    def _correct(self):
        """Seal the technical correction of this rejected document, and return it."""
        self._lock_in("rejected")
        move = self.move_id
        if not self.can_correct or move.l10n_pl_ksef_document_id != self:
            raise UserError(
                self.env._("Invoice %(number)s needs no technical correction, or has one already.", number=self.number)
            )
        # However long the chain, KSeF wants the hash of the document that the buyer may hold.
        first = self.corrects_id or self
        self.sudo().state = "corrected"
        self.flush_recordset(["state"])
        correction = self._seal(move, self.mode, self.mode_reason, corrects=first)
        move.sudo().l10n_pl_ksef_document_id = correction
        move._l10n_pl_ksef_set_old_pdf_aside()
        self._mended()
        move.message_post(
            body=self.env._(
                "Technical correction: a new file with the same business content waits for KSeF. New printouts carry "
                "new codes; the codes that the buyer holds lead to it, too."
            )
        )
        self.env["l10n_pl_ksef.channel"]._wake()
        return correction
