"""Uninstalling: refused while something is unfinished; the originals stay with the invoices."""

from datetime import datetime

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, split_every

from ..ksef.poland import WARSAW
from .document.sending import FEW
from .document.states import UNFINISHED_STATES
from .submission import FINISHED_STATES

ADDON = "l10n_pl_ksef_offline"
_FACTS = [
    "number",
    "issue_date",
    "mode",
    "mode_reason",
    "state",
    "environment",
    "sealed_at",
    "deadline",
    "given_at",
    "sha256",
    "kod_i",
    "kod_ii",
    "certificate_id",
    "sent_at",
    "submission_id",
    "ksef_reference",
    "ksef_number",
    "accepted_at",
    "upo_id",
    "rejection_code",
    "rejection_words",
    "duplicate_of",
]

_LEAVE_SEALED_FILES = SQL(
    """
    UPDATE ir_attachment file
    SET res_model = 'account.move', res_id = document.move_id, res_field = NULL, company_id = document.company_id
    FROM l10n_pl_ksef_document document
    WHERE file.res_model = 'l10n_pl_ksef.document' AND file.res_id = document.id AND file.res_field = 'xml'
    """
)
_LEAVE_UPOS = SQL(
    """
    INSERT INTO ir_attachment (
        name, type, res_model, res_id, company_id, store_fname, db_datas, file_size, checksum, mimetype, create_uid,
        create_date, write_uid, write_date
    )
    SELECT
        file.name, file.type, 'account.move', document.move_id, document.company_id, file.store_fname, file.db_datas,
        file.file_size, file.checksum, file.mimetype, file.create_uid, file.create_date, file.write_uid, file.write_date
    FROM l10n_pl_ksef_document document JOIN ir_attachment file ON file.id = document.upo_id
    """
)
_LEAVE_PAGES = SQL(
    """
    UPDATE ir_attachment SET res_model = NULL, res_id = NULL, res_field = NULL
    WHERE res_model = 'l10n_pl_ksef.submission'
    """
)


class IrModule(models.Model):
    _inherit = "ir.module.module"

    def button_uninstall(self):
        if ADDON in (self | self.downstream_dependencies()).mapped("name"):
            documents, sessions = self.env["l10n_pl_ksef.document"]._keeps_from_uninstalling()
            if documents or sessions:
                raise UserError(
                    self.env._(
                        "KSeF Offline cannot be uninstalled yet: %(documents)s documents have no end at KSeF "
                        "(%(numbers)s), and %(sessions)s sessions with KSeF are open. Wait until they are accepted, or "
                        "settle those that KSeF has rejected: KSeF > Offline Documents.",
                        documents=len(documents),
                        numbers=", ".join(documents[:5].mapped("number")) + (", ..." if documents[5:] else ""),
                        sessions=len(sessions),
                    )
                )
        return super().button_uninstall()


class Document(models.Model):
    _inherit = "l10n_pl_ksef.document"

    @api.model
    def _keeps_from_uninstalling(self):
        """Return (documents, sessions) that are not finished with the KSeF of this database, or with the real one."""
        own = self.env["account.move"]._l10n_pl_ksef_environment()
        environments = [("environment", "in", ("production", own))]
        return (
            self.sudo().search([*environments, ("state", "in", UNFINISHED_STATES)]),
            self.env["l10n_pl_ksef.submission"].sudo().search([*environments, ("state", "not in", FINISHED_STATES)]),
        )

    @api.model
    def _leave_all_with_invoices(self):
        """Make the files of all documents plain attachments of their invoices, each with a text that tells the rest."""
        moves = self.env["account.move"].sudo().search([("l10n_pl_ksef_document_ids", "!=", False)])
        for some in split_every(FEW, moves.ids, moves.browse):
            some._l10n_pl_ksef_leave_facts()
            self.env.invalidate_all()
        self.env.flush_all()
        self.env.cr.execute(_LEAVE_SEALED_FILES)
        # A UPO confirms all invoices of a session: each gets it, and the file store still holds it once.
        self.env.cr.execute(_LEAVE_UPOS)
        self.env.cr.execute(_LEAVE_PAGES)
        self.env.invalidate_all()

    def _facts_in_words(self):
        """Return what is known of this document, one fact a line (str), in the language of the context."""
        labels = self.fields_get(_FACTS, ["string"])
        return "\n".join(
            f"{labels[name]['string']}: {value}" for name in _FACTS if (value := self._fact_in_words(name))
        )

    def _fact_in_words(self, name):
        value = self._fields[name].convert_to_export(self[name], self)
        if isinstance(value, datetime):
            value = fields.Datetime.context_timestamp(self.with_context(tz=WARSAW.key), value).isoformat(" ")
        return value


class AccountMove(models.Model):
    _inherit = "account.move"

    def _l10n_pl_ksef_leave_facts(self):
        """Attach to each of these invoices a text with what is known of its documents."""
        self.env["ir.attachment"].create(
            [
                {
                    "name": f"KSeF-{move.l10n_pl_ksef_document_ids[0].number.replace('/', '_')}.txt",
                    "raw": "\n\n".join(
                        document._facts_in_words()
                        for document in move.l10n_pl_ksef_document_ids.with_context(
                            lang=move.company_id._l10n_pl_ksef_lang()
                        ).sorted("id")
                    ),
                    "mimetype": "text/plain",
                    "company_id": move.company_id.id,
                    "res_model": self._name,
                    "res_id": move.id,
                }
                for move in self
            ]
        )
