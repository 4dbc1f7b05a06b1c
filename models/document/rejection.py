"""What becomes of a rejected document: its technical correction, or the number of the file that KSeF has already."""

from odoo import models
from odoo.exceptions import UserError

from ...ksef.codes import links, numbers
from ...ksef.errors import KsefError
from ...ksef.fa3 import compare
from ...tools.translation import user_error


class Document(models.Model):
    _inherit = "l10n_pl_ksef.document"

    # Technical correction: another document with the same business content, which names the hash of the first

    def _differences_of_new_file(self):
        """Return how a file made now would differ from the rejected one, list of ``ksef.fa3.compare.Difference``.

        :raises UserError: the invoice has problems that keep it from being sealed
        """
        self.ensure_one()
        return compare.differences(self._xml_bytes(), self.move_id._l10n_pl_ksef_sealable_xml())

    def _correct(self):
        """Seal the technical correction of this rejected document, and return it."""
        self._lock_for("corrected")
        move = self.move_id
        if not self.can_correct or move.l10n_pl_ksef_document_id != self:
            raise UserError(
                self.env._("Invoice %(number)s needs no technical correction, or has one already.", number=self.number)
            )
        # However long the chain, KSeF wants the hash of the document that the buyer may hold.
        first = self.corrects_id or self
        self.sudo()._to("corrected")
        self.flush_recordset(["state"])
        correction = self._seal(move, self.mode, self.mode_reason, corrects=first)
        move.sudo().l10n_pl_ksef_document_id = correction
        move._l10n_pl_ksef_set_pdf_aside()
        self._settled_by_hand()
        move.message_post(
            body=self.env._(
                "Technical correction: a new file with the same business content waits for KSeF. New printouts carry "
                "new codes; the codes that the buyer holds lead to it, too."
            )
        )
        self.env["l10n_pl_ksef.channel"]._wake()
        return correction

    # KSeF has the invoice already: as these very bytes, or as another file

    def _file_in_ksef(self, number):
        """Return the file (bytes) that KSeF has under a KSeF number.

        :raises UserError: no KSeF number of the seller's, or KSeF does not give the file
        """
        self.ensure_one()
        try:
            numbers.check(number)
            with self.company_id._l10n_pl_ksef_client(self.environment) as client:
                return client.accepted_invoice(number)
        except KsefError as error:
            raise user_error(self.env, error) from error

    def _differences_of_file(self, xml):
        """Return how a file in KSeF differs from this document's, list of ``ksef.fa3.compare.Difference``."""
        try:
            return compare.differences(self._xml_bytes(), xml)
        except KsefError as error:
            raise user_error(self.env, error) from error

    def _kod_i_in_force(self):
        """Return the link of KOD I that leads to the invoice, None if KSeF has it as another file."""
        return None if self.state == "superseded" else self.kod_i

    def _take_over(self, number, xml):
        """Take over the KSeF number of a file that is this very invoice; its codes are those that count from now on."""
        self._lock_for("superseded")
        if not self.maybe_in_ksef:
            raise UserError(self.env._("KSeF did not say that it has invoice %(number)s already.", number=self.number))
        move = self.move_id
        is_ours = links.digest(xml).hex() == self.sha256
        self.sudo()._to("accepted" if is_ours else "superseded", ksef_number=number)
        if not is_ours:
            move._l10n_pl_ksef_keep_online_file(xml)
        move.sudo()._l10n_pl_ksef_accepted(number, False, False)
        move._l10n_pl_ksef_renew_copy()
        self._settled_by_hand()
        message = self.env._("KSeF had the invoice already, as %(number)s.", number=number)
        if links.digest(xml).hex() not in move.l10n_pl_ksef_document_ids.mapped("sha256"):
            advice = self.env._(
                "That is another file, so codes given before do not lead to it: send the buyer the copy with the "
                "number."
            )
            message = f"{message} {advice}"
        move.message_post(body=message)
