from odoo import api, fields, models
from odoo.exceptions import UserError

from ...ksef.codes import links
from ...ksef.errors import KsefError, VaultKeyMissing
from ...ksef.fa3.heading import read_heading
from ...ksef.law.modes import Mode
from ...tools.translation import translated, user_error
from ..certificate import ENVIRONMENTS

MODES = [
    (Mode.OFFLINE24, "offline24"),
    (Mode.UNAVAILABILITY, "Offline - KSeF unavailability"),
    (Mode.EMERGENCY, "Emergency mode"),
]
STATES = [
    ("waiting", "Waiting to be sent"),
    ("sending", "Being sent"),
    ("unknown", "Answer lost, KSeF will be asked"),
    ("sent", "Sent - being processed"),
    ("accepted", "Accepted"),
    ("rejected", "Rejected"),
    ("corrected", "Replaced by a technical correction"),
    ("other_file", "In KSeF as another file"),
    ("not_required", "Not subject to sending (total failure)"),
    ("withdrawn", "Withdrawn"),
]
# KSeF has to get it and has not accepted it yet
UNFINISHED_STATES = ("waiting", "sending", "unknown", "sent", "rejected")
_SEALED_FIELDS = frozenset(
    {
        "move_id",
        "company_id",
        "certificate_id",
        "environment",
        "number",
        "issue_date",
        "sealed_at",
        "xml",
        "sha256",
        "kod_i",
        "kod_ii",
        "corrects_id",
    }
)


class Document(models.Model):
    """One invoice sealed for an offline mode: the exact FA(3) bytes and all that was printed with them.

    The SHA-256 of the bytes is inside both verification codes, so what was sealed never changes and never goes away.
    Nobody has the right to create, write or delete one; ``_seal`` makes them. Its life::

        waiting -> sending -> sent -> accepted
           |          |         └───> rejected -> corrected (by another document)
           |          |                        └> other_file (KSeF has the invoice as a file from elsewhere)
           |          └─> unknown (the answer was lost) -> sent, or waiting again
           ├─> not_required (total failure)
           └─> withdrawn

    What happens to it is told in the chatter of its invoice.
    """

    _name = "l10n_pl_ksef.document"
    _description = "KSeF Offline Document"
    _order = "sealed_at desc, id desc"
    _rec_name = "number"

    move_id = fields.Many2one("account.move", "Invoice", required=True, readonly=True, ondelete="restrict", index=True)
    partner_id = fields.Many2one(related="move_id.commercial_partner_id", string="Buyer")
    journal_id = fields.Many2one(related="move_id.journal_id", store=True, index=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="restrict", index=True)
    certificate_id = fields.Many2one(
        "l10n_pl_ksef.certificate", "Offline Certificate", required=True, readonly=True, ondelete="restrict"
    )
    environment = fields.Selection(ENVIRONMENTS, required=True, readonly=True)
    state = fields.Selection(STATES, required=True, readonly=True, default="waiting", index=True)
    mode = fields.Selection(MODES, required=True, readonly=True)
    mode_reason = fields.Text("Why This Mode", readonly=True)
    number = fields.Char("Invoice Number (P_2)", required=True, readonly=True)
    issue_date = fields.Date("Issue Date (P_1)", required=True, readonly=True)
    sealed_at = fields.Datetime(required=True, readonly=True)
    xml = fields.Binary("FA(3) XML", attachment=True, readonly=True)
    xml_name = fields.Char(compute="_compute_xml_name", export_string_translation=False)
    sha256 = fields.Char("Invoice Hash (SHA-256)", required=True, readonly=True, index=True)
    kod_i = fields.Char("KOD I - Invoice Verification", required=True, readonly=True)
    kod_ii = fields.Char("KOD II - Issuer Verification", required=True, readonly=True)
    corrects_id = fields.Many2one(
        "l10n_pl_ksef.document",
        "Technical Correction Of",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
        help="The document that KSeF rejected and whose codes the buyer may hold.",
    )

    handed_over_at = fields.Datetime("First Printed or Sent", readonly=True)

    _move_uniq = models.UniqueIndex(
        "(move_id) WHERE state NOT IN ('rejected', 'corrected', 'withdrawn')",
        "This invoice has already been issued offline.",
    )

    @api.depends("number")
    def _compute_xml_name(self):
        for document in self:
            document.xml_name = f"FA3-{document.number.replace('/', '_')}.xml"

    # Sealing

    @api.model
    def _seal(self, move, mode, mode_reason, corrects=None):
        """Render the invoice's XML, freeze its bytes, sign the codes, and return the new document.

        :param corrects: the rejected document, if this is its technical correction
        """
        company = move.company_id
        environment = move._l10n_pl_ksef_environment()
        certificate = self.env["l10n_pl_ksef.certificate"]._usable(company, environment)
        if not certificate:
            raise UserError(self._no_certificate(company, environment))
        xml = move._l10n_pl_ksef_sealable_xml()
        try:
            heading = read_heading(xml)
        except KsefError as error:
            raise user_error(self.env, error) from error
        sha256 = links.digest(xml)
        context = company._l10n_pl_ksef_context(heading.seller_nip)
        document = self.sudo().create(
            {
                "move_id": move.id,
                "company_id": company.id,
                "certificate_id": certificate.id,
                "environment": environment,
                "mode": mode,
                "mode_reason": mode_reason,
                "corrects_id": corrects and corrects.id,
                "number": heading.number,
                "issue_date": heading.issue_date,
                "sealed_at": fields.Datetime.now(),
                "sha256": sha256.hex(),
                "kod_i": links.kod_i(environment, heading.seller_nip, heading.issue_date, sha256),
                "kod_ii": links.kod_ii(
                    environment, context, heading.seller_nip, certificate.serial_number, sha256, certificate._sign
                ),
            }
        )
        self.env["ir.attachment"].sudo().create(
            {
                "name": document.xml_name,
                "raw": xml,
                "mimetype": "application/xml",
                "res_model": document._name,
                "res_id": document.id,
                "res_field": "xml",
            }
        )
        document.invalidate_recordset(["xml"])
        document._set_deadline()
        return document

    @api.model
    def _no_certificate(self, company, environment):
        """Return the sentence that tells why nothing can be signed for a company now, and what to do."""
        if locked := self.env["l10n_pl_ksef.certificate"]._locked(company, environment):
            return translated(self.env, VaultKeyMissing(fingerprint=locked[0].wanted_vault_key))
        return self.env._(
            "%(company)s has no offline certificate that is valid now, so the issuer's code (KOD II) cannot be signed. "
            "Ask an administrator to add one under KSeF > Offline Certificates.",
            company=company.name,
        )

    def _xml_bytes(self):
        """Return the sealed bytes, after a check that they still are what the codes say."""
        self.ensure_one()
        return self._intact(self._xml_attachments().raw)

    def _xml_attachments(self):
        return (
            self.env["ir.attachment"]
            .sudo()
            .with_context(bin_size=False)  # the web client asks for sizes in place of contents
            .search([("res_model", "=", self._name), ("res_id", "in", self.ids), ("res_field", "=", "xml")])
        )

    def _intact(self, xml):
        """Return bytes from the file store, after a check that they still are what was sealed."""
        xml = xml or b""
        if links.digest(xml).hex() != self.sha256:
            raise UserError(
                self.env._(
                    "The sealed XML of invoice %(number)s is damaged or missing in the file store. Restore the file "
                    "from a backup: its SHA-256 is %(sha256)s.",
                    number=self.number,
                    sha256=self.sha256,
                )
            )
        return xml

    def write(self, vals):
        if _SEALED_FIELDS & vals.keys():
            raise UserError(self.env._("A document sealed for KSeF cannot be changed."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("A document sealed for KSeF cannot be deleted."))

    # Its life

    def _unfinished(self):
        """Return the documents that KSeF has to get and has not accepted yet."""
        return self.filtered(lambda document: document.state in UNFINISHED_STATES)

    def _lock_in(self, *states):
        """Lock this document for a person's decision, which is possible in some states only.

        :raises LockError: the worker or another person has it
        :raises UserError: it is in another state by now
        """
        self.ensure_one()
        self.lock_for_update()
        self.invalidate_recordset(["state"])
        if self.state not in states:
            raise UserError(
                self.env._(
                    "This is no longer possible for invoice %(number)s: %(state)s.",
                    number=self.number,
                    state=self._state_label(),
                )
            )

    def _state_label(self):
        return dict(self._fields["state"]._description_selection(self.env))[self.state]

    def _mode_label(self):
        return dict(self._fields["mode"]._description_selection(self.env))[self.mode]

    def _change_mode(self, mode, reason):
        """Let a person choose another mode until the document is sent; the chatter keeps who and why."""
        self._lock_in("waiting")
        old = self._mode_label()
        self.sudo().write({"mode": mode, "mode_reason": reason})
        self.move_id.message_post(
            body=self.env._(
                "Mode changed from %(old)s to %(new)s: %(reason)s", old=old, new=self._mode_label(), reason=reason
            )
        )
        self._update_deadlines()

    def _withdraw(self, reason):
        """Take the sealed document back: the invoice counts as not issued yet, and can be changed again."""
        self._lock_in("waiting", "rejected")
        if any(self.move_id.l10n_pl_ksef_document_ids.mapped("handed_over_at")):  # a corrected one, perhaps
            raise UserError(
                self.env._(
                    "Invoice %(number)s has been printed or sent, so it can no longer be withdrawn: the buyer may hold "
                    "its codes. Issue a corrective invoice after KSeF has accepted it.",
                    number=self.number,
                )
            )
        self.sudo().state = "withdrawn"
        self.flush_recordset(["state"])  # or the next document of the invoice would be one too many
        self.move_id.sudo().l10n_pl_ksef_document_id = False
        self.move_id._l10n_pl_ksef_set_old_pdf_aside()
        self.move_id.message_post(body=self.env._("The offline document was withdrawn: %(reason)s", reason=reason))
