"""How an invoice is sealed, and what may be decided on the document until it is sent."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...ksef.codes import links
from ...ksef.errors import KsefError, VaultKeyMissing
from ...ksef.fa3.heading import read_heading
from ...tools.translation import translated, user_error


class Document(models.Model):
    _inherit = "l10n_pl_ksef.document"

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

    def _change_mode(self, mode, reason):
        """Let a person choose another mode until the document is sent; the chatter keeps who and why."""
        self._lock_for("sending")
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
        self._lock_for("withdrawn")
        if any(self.move_id.l10n_pl_ksef_document_ids.mapped("given_at")):  # a corrected one, perhaps
            raise UserError(
                self.env._(
                    "Invoice %(number)s has been printed or sent, so it can no longer be withdrawn: the buyer may hold "
                    "its codes. Issue a corrective invoice after KSeF has accepted it.",
                    number=self.number,
                )
            )
        self.sudo()._to("withdrawn")
        self.flush_recordset(["state"])  # or the next document of the invoice would be one too many
        self.move_id.sudo().l10n_pl_ksef_document_id = False
        self.move_id._l10n_pl_ksef_set_pdf_aside()
        self.move_id.message_post(body=self.env._("The offline document was withdrawn: %(reason)s", reason=reason))
