"""A rejected document whose invoice KSeF has already: as these very bytes, or as another file of the same invoice."""

from odoo import models
from odoo.exceptions import UserError

from ...ksef.codes import links, numbers
from ...ksef.errors import KsefError
from ...ksef.fa3 import compare
from ...tools.translation import user_error


class Document(models.Model):
    _inherit = "l10n_pl_ksef.document"

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
        """Return how a file in KSeF differs from this document's, list of ``fa3_diff.Difference``."""
        try:
            return compare.differences(self._xml_bytes(), xml)
        except KsefError as error:
            raise user_error(self.env, error) from error

    def _kod_i_in_force(self):
        """Return the link of KOD I that leads to the invoice, None if KSeF has it as another file."""
        return None if self.state == "other_file" else self.kod_i

    def _take_over(self, number, xml):
        """Take over the KSeF number of a file that is this very invoice; its codes are those that count from now on."""
        self._lock_in("rejected")
        if not self.maybe_in_ksef:
            raise UserError(self.env._("KSeF did not say that it has invoice %(number)s already.", number=self.number))
        move = self.move_id
        is_ours = links.digest(xml).hex() == self.sha256
        self.sudo().write({"state": "accepted" if is_ours else "other_file", "ksef_number": number})
        if not is_ours:
            move._l10n_pl_ksef_keep_online_file(xml)
        move.sudo()._l10n_pl_ksef_accepted(number, False, False)
        move._l10n_pl_ksef_renew_copy()
        self._mended()
        message = self.env._("KSeF had the invoice already, as %(number)s.", number=number)
        if links.digest(xml).hex() not in move.l10n_pl_ksef_document_ids.mapped("sha256"):
            advice = self.env._(
                "That is another file, so codes handed over before do not lead to it: send the buyer the copy with the "
                "number."
            )
            message = f"{message} {advice}"
        move.message_post(body=message)
