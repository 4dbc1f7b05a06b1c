import os
import uuid
from pathlib import Path

from odoo import api, models
from odoo.exceptions import UserError


class IrAttachment(models.Model):
    """What is sealed, and what KSeF has confirmed, stays as long as the addon; and no file of the store is half of one.

    Odoo writes the files of its store in place: a worker that is killed meanwhile leaves half of one, and from then on
    the same content can never be stored, for it "collides with an existing file".
    """

    _inherit = "ir.attachment"

    def write(self, vals):
        # Moving the file store writes the same content again; all else would alter what was sealed.
        for attachment in self._l10n_pl_ksef_kept():
            if set(vals) - {"raw", "mimetype"} or vals.get("raw", attachment.raw) != attachment.raw:
                raise UserError(
                    self.env._("%(name)s is an original for KSeF and cannot be changed.", name=attachment.name)
                )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_l10n_pl_ksef_kept(self):
        for attachment in self._l10n_pl_ksef_kept():
            raise UserError(self.env._("%(name)s is an original for KSeF and cannot be deleted.", name=attachment.name))

    def _l10n_pl_ksef_kept(self):
        """Return those of these that are sealed files or UPOs."""
        return self.sudo().filtered(
            lambda file: (
                (file.res_model == "l10n_pl_ksef.document" and file.res_field == "xml")
                or file.res_model == "l10n_pl_ksef.submission"
            )
        )

    def _l10n_pl_ksef_damaged(self):
        """Return those of these whose content is missing in the store, or is not what was stored."""
        return self.with_context(bin_size=False).filtered(
            lambda file: file.type == "binary" and file._compute_checksum(file.raw) != file.checksum
        )

    # The files of the store: each is named by the SHA-1 of its content

    @api.model
    def _get_path(self, bin_data, sha):
        try:
            return super()._get_path(bin_data, sha)
        except UserError:
            path = Path(self._full_path(f"{sha[:2]}/{sha}"))
            if self._compute_checksum(path.read_bytes()) == sha:
                raise  # a true collision
            self._l10n_pl_ksef_write_whole(bin_data, path)
            return super()._get_path(bin_data, sha)

    @api.model
    def _file_write(self, bin_value, checksum):
        if self._storage() == "file":
            _name, path = self._get_path(bin_value, checksum)
            if not os.path.exists(path):
                self._l10n_pl_ksef_write_whole(bin_value, Path(path))
        return super()._file_write(bin_value, checksum)

    @api.model
    def _l10n_pl_ksef_write_whole(self, content, path):
        """Write a file of the store (bytes) so that a process that is killed meanwhile leaves all of it or nothing."""
        # What is left in the checklist, of an attempt or of a transaction that fails, is taken away by Odoo's clean-up.
        self._mark_for_gc(f"{path.parent.name}/{path.name}")
        part = Path(self._full_path("checklist"), path.parent.name, uuid.uuid4().hex)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
