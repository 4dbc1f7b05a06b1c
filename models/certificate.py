from odoo import api, fields, models
from odoo.exceptions import UserError

from ..ksef import links
from ..ksef.errors import KsefError
from .messages import user_error
from .vault import open_vault

ENVIRONMENTS = [("production", "Production"), ("demo", "Demo"), ("test", "Test")]


class Certificate(models.Model):
    """A KSeF offline certificate (type 2) of a company, with its private key.

    The certificate is public and kept in clear. The private key is kept as a token of the vault; it is decrypted
    inside ``_sign`` only. Records are made by the upload wizard, nobody has the right to create or write them.
    """

    _name = "l10n_pl_ksef.certificate"
    _description = "KSeF Offline Certificate"
    _inherit = ["mail.thread"]
    _order = "valid_to desc, id desc"

    name = fields.Char(required=True, readonly=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    environment = fields.Selection(ENVIRONMENTS, required=True, readonly=True)
    pem = fields.Text("Certificate (PEM)", required=True, readonly=True, export_string_translation=False)
    subject = fields.Char(required=True, readonly=True)
    common_name = fields.Char("Issued For", required=True, readonly=True)
    identifier_type = fields.Selection([("Nip", "NIP"), ("Pesel", "PESEL")], readonly=True)
    identifier = fields.Char("NIP or PESEL", readonly=True)
    serial_number = fields.Char(required=True, readonly=True)
    key_type = fields.Char(required=True, readonly=True)
    valid_from = fields.Datetime(required=True, readonly=True)
    valid_to = fields.Datetime("Valid Until", required=True, readonly=True)
    fingerprint = fields.Char("SHA-256 Fingerprint", required=True, readonly=True)
    validity = fields.Selection(
        [("usable", "Usable"), ("not_yet_valid", "Not yet valid"), ("expired", "Expired"), ("no_key", "No key")],
        compute="_compute_validity",
        help="Read from the certificate itself; KSeF has not been asked whether it was blocked or revoked.",
    )
    private_key = fields.Text(
        groups=fields.NO_ACCESS, readonly=True, copy=False, prefetch=False, export_string_translation=False
    )

    _fingerprint_uniq = models.UniqueIndex(
        "(company_id, environment, fingerprint)", "This certificate has already been added to the company."
    )

    @api.depends("valid_from", "valid_to", "private_key")
    def _compute_validity(self):
        now = fields.Datetime.now()
        for certificate in self:
            if not certificate.sudo().private_key:
                certificate.validity = "no_key"
            elif now < certificate.valid_from:
                certificate.validity = "not_yet_valid"
            elif now >= certificate.valid_to:
                certificate.validity = "expired"
            else:
                certificate.validity = "usable"

    @api.ondelete(at_uninstall=False)
    def _unlink_except_signed(self):
        if self.env["l10n_pl_ksef.document"].sudo().search_count([("certificate_id", "in", self.ids)], limit=1):
            raise UserError(
                self.env._("This certificate has signed invoices issued offline, so it stays in the records.")
            )

    @api.model
    def _add(self, company, environment, name, credentials):
        """Store ``credentials`` (of ``ksef.credentials``) for a company and return the record."""
        public = credentials.certificate
        certificate = self.sudo().create(
            {
                "name": name,
                "company_id": company.id,
                "environment": environment,
                "pem": public.pem,
                "subject": public.subject,
                "common_name": public.common_name,
                "identifier_type": public.identifier_type,
                "identifier": public.identifier,
                "serial_number": public.serial,
                "key_type": public.key_type,
                "valid_from": public.not_before.replace(tzinfo=None),
                "valid_to": public.not_after.replace(tzinfo=None),
                "fingerprint": public.fingerprint,
            }
        )
        vault = open_vault(for_storing=True)
        certificate.private_key = vault.encrypt(credentials.private_key, certificate._vault_context())
        return certificate.sudo(self.env.su)

    @api.model
    def _usable(self, company, environment):
        """Return the certificate that signs for a company now: of the usable ones that which ends last, or none."""
        now = fields.Datetime.now()
        return self.sudo().search(
            [
                ("company_id", "parent_of", company.id),
                ("environment", "=", environment),
                ("private_key", "!=", False),
                ("valid_from", "<=", now),
                ("valid_to", ">", now),
            ],
            limit=1,
        )

    def _sign(self, payload):
        """Return the raw signature (bytes) of ``payload`` (bytes) for KOD II."""
        self.ensure_one()
        try:
            return links.sign(open_vault().decrypt(self.sudo().private_key, self._vault_context()), payload)
        except KsefError as error:
            raise user_error(self.env, error) from error

    def _vault_context(self):
        self.ensure_one()
        return f"{self._name}/{self.id}/{self.company_id.id}/{self.fingerprint}".encode()
