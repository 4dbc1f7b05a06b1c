"""Whether the files of documents are still in the file store, as they were stored."""

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import split_every

from ...tools import jobs
from .sending import FEW

_DAMAGED = "l10n_pl_ksef_offline.activity_damaged"
_CHECKED_PARAMETER = "l10n_pl_ksef_offline.files_checked"  # the id of the last document that this round has checked


class Document(models.Model):
    _inherit = "l10n_pl_ksef.document"

    damaged_files = fields.Text(
        "Damaged or Missing Files",
        readonly=True,
        help="As the last check found them in the file store. Restore them from a backup of Odoo's filestore.",
    )

    @api.model
    def _check_all_files(self):
        """Let the job check the files of all documents soon, from the first one on."""
        self.env["ir.config_parameter"].sudo().set_param(_CHECKED_PARAMETER, False)
        self.env.ref("l10n_pl_ksef_offline.cron_check_files").sudo()._trigger()

    @api.model
    def _cron_check_files(self):
        """Check the files of all documents, and commit after a few; go on where the last run was out of time.

        Whoever is responsible is asked once about all that is damaged.
        """
        parameters = self.env["ir.config_parameter"].sudo()
        last = int(parameters.get_param(_CHECKED_PARAMETER) or 0)
        ids = self.sudo().search([("id", ">", last)], order="id").ids
        try:
            for done, documents in enumerate(split_every(FEW, ids, self.sudo().browse), 1):
                documents._check_files()
                last = documents[-1].id
                jobs.commit_and_go_on(self.env, len(documents), remaining=max(len(ids) - done * FEW, 0))
        except jobs.OutOfTime:
            parameters.set_param(_CHECKED_PARAMETER, last)
            return
        parameters.set_param(_CHECKED_PARAMETER, False)
        self._ask_about_damage()

    def _check_files(self):
        """Note with each of these documents which of its files are damaged or missing in the file store."""
        papers = self._papers()
        damaged = set((papers | self.upo_id)._l10n_pl_ksef_damaged().mapped("id"))
        by_move = papers.grouped("res_id")
        for document, xml in self._few_at_a_time():
            files = by_move.get(document.move_id.id, papers.browse()) | document.upo_id
            names = [file.name for file in files if file.id in damaged]
            try:
                document._intact(xml)
            except UserError:
                names.insert(0, document.xml_name)
            damage = "\n".join(names) or False
            if document.damaged_files != damage:
                document.damaged_files = damage

    def _papers(self):
        """Return the attachments of the invoices of these documents: papers, and the file that KSeF has."""
        return (
            self.env["ir.attachment"]
            .sudo()
            .search(
                [
                    ("res_model", "=", "account.move"),
                    ("res_id", "in", self.move_id.ids),
                    # Naming it finds the contents of fields, too.
                    "|",
                    ("res_field", "=", False),
                    ("res_field", "!=", False),
                ]
            )
        )

    @api.model
    def _ask_about_damage(self):
        """Ask everybody responsible to see to the damaged files, on the invoice of the first of them."""
        activity_type = self.env.ref(_DAMAGED)
        self.env["mail.activity"].sudo().search([("activity_type_id", "=", activity_type.id)]).unlink()
        damaged = self.sudo().search([("damaged_files", "!=", False)], order="id")
        for user, documents in damaged.grouped(lambda document: document._responsible()).items():
            spoken = documents[0].with_context(lang=user.lang)
            spoken._ask_today(
                _DAMAGED,
                spoken.env._("Files of %(count)s offline invoices are damaged or missing", count=len(documents)),
                spoken.env._(
                    "Restore them from a backup of Odoo's filestore. KSeF > Offline Documents names them under Damaged "
                    "files; of invoice %(number)s: %(files)s",
                    number=spoken.number,
                    files=", ".join(spoken.damaged_files.split("\n")),
                ),
            )
