from datetime import timezone

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..ksef import fa3, links, modes
from ..ksef.errors import KsefError, VaultKeyMissing
from .certificate import ENVIRONMENTS
from .messages import translated, user_error


class Document(models.Model):
    """One invoice sealed for an offline mode: the exact FA(3) bytes and all that was printed with them.

    The SHA-256 of the bytes is inside both verification codes, so a document never changes and never goes away.
    Nobody has the right to create, write or delete one; ``_seal`` makes them.
    """

    _name = "l10n_pl_ksef.document"
    _description = "KSeF Offline Document"
    _order = "sealed_at desc, id desc"
    _rec_name = "number"

    move_id = fields.Many2one("account.move", "Invoice", required=True, readonly=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="restrict", index=True)
    certificate_id = fields.Many2one(
        "l10n_pl_ksef.certificate", "Offline Certificate", required=True, readonly=True, ondelete="restrict"
    )
    environment = fields.Selection(ENVIRONMENTS, required=True, readonly=True)
    mode = fields.Selection([("offline24", "offline24")], required=True, readonly=True)
    number = fields.Char("Invoice Number (P_2)", required=True, readonly=True)
    issue_date = fields.Date("Issue Date (P_1)", required=True, readonly=True)
    sealed_at = fields.Datetime(required=True, readonly=True)
    xml = fields.Binary("FA(3) XML", attachment=True, readonly=True)
    xml_name = fields.Char(compute="_compute_xml_name", export_string_translation=False)
    sha256 = fields.Char("Invoice Hash (SHA-256)", required=True, readonly=True)
    kod_i = fields.Char("KOD I - Invoice Verification", required=True, readonly=True)
    kod_ii = fields.Char("KOD II - Issuer Verification", required=True, readonly=True)

    _move_uniq = models.UniqueIndex("(move_id)", "This invoice has already been issued offline.")

    @api.depends("number")
    def _compute_xml_name(self):
        for document in self:
            document.xml_name = f"FA3-{document.number.replace('/', '_')}.xml"

    @api.model
    def _seal(self, move, mode):
        """Render the invoice's XML, freeze its bytes, sign the codes, and return the new document."""
        company = move.company_id
        environment = move._l10n_pl_ksef_environment()
        certificate = self.env["l10n_pl_ksef.certificate"]._usable(company, environment)
        if not certificate:
            raise UserError(self._no_certificate(company, environment))
        xml = move._l10n_pl_ksef_sealable_xml()
        try:
            heading = fa3.read_heading(xml)
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

    def _deadline(self):
        """Return the day (date) until which KSeF must have the document, as far as no announcement moves it."""
        self.ensure_one()
        sealed_at = self.sealed_at.replace(tzinfo=timezone.utc)
        return modes.deadline(self.mode, self.issue_date, sealed_at, ()).day

    def _outlives_certificate(self):
        """Tell whether the certificate ends before the document must be in KSeF."""
        return self._deadline() > self.certificate_id.valid_to.date()

    def _waiting(self):
        """Return the documents whose invoice has no KSeF number yet."""
        return self.filtered(lambda document: not document.move_id._l10n_pl_ksef_number())

    @api.model
    def _announcements_changed(self, environment):
        """Hook: what the announcements of an environment say, or the additional days off, has changed."""

    def _xml_bytes(self):
        """Return the sealed bytes, after a check that they still are what the codes say."""
        self.ensure_one()
        attachment = (
            self.env["ir.attachment"]
            .sudo()
            .search([("res_model", "=", self._name), ("res_id", "=", self.id), ("res_field", "=", "xml")])
        )
        xml = attachment.raw or b""
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
        if vals:
            raise UserError(self.env._("A document sealed for KSeF cannot be changed."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("A document sealed for KSeF cannot be deleted."))
