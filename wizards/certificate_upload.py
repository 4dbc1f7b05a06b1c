from base64 import b64decode
from datetime import timezone

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..ksef.errors import CertificateMissing, KsefError, PrivateKeyMissing
from ..ksef.keys import certificates, key_files
from ..models.certificate import ENVIRONMENTS
from ..tools.master_key import open_vault
from ..tools.translation import translated, user_error
from .names import NAME_LENGTH, check_names


class CertificateUpload(models.TransientModel):
    """Reads a key and a certificate, shows what they are, and adds them to the company.

    Transient models are tables too: the two files and the password are taken out of what is stored before the ORM
    sees it. What has to last from saving the form to pressing the button is kept as a token of the vault.
    """

    _name = "l10n_pl_ksef.certificate.upload"
    _description = "Add a KSeF Offline Certificate"

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    environment = fields.Selection(
        ENVIRONMENTS, required=True, default=lambda self: self.env["account.move"]._l10n_pl_ksef_environment()
    )
    name = fields.Char(required=True, compute="_compute_name", store=True, readonly=False, precompute=True)

    key_file = fields.Binary("Private Key", store=False)
    key_file_name = fields.Char(export_string_translation=False)
    certificate_file = fields.Binary("Certificate", store=False)
    certificate_file_name = fields.Char(export_string_translation=False)
    password = fields.Char("Key Password", store=False, trim=False)
    token = fields.Text(groups=fields.NO_ACCESS, copy=False, prefetch=False, export_string_translation=False)
    pem = fields.Text(export_string_translation=False)

    lone_key = fields.Boolean(compute="_compute_reading")
    key_problem = fields.Char(compute="_compute_reading")
    certificate_problem = fields.Char(compute="_compute_reading")
    password_problem = fields.Char(compute="_compute_reading")
    common_name = fields.Char("Issued For", compute="_compute_reading")
    identifier = fields.Char("NIP or PESEL", compute="_compute_reading")
    serial_number = fields.Char(compute="_compute_reading")
    key_type = fields.Char(compute="_compute_reading")
    valid_from = fields.Datetime(compute="_compute_reading")
    valid_to = fields.Datetime("Valid Until", compute="_compute_reading")
    owner_warning = fields.Char(compute="_compute_reading")
    owner_confirmed = fields.Boolean("Yes, this certificate may sign for the company")

    @api.depends("certificate_file_name")
    def _compute_name(self):
        for wizard in self:
            stem = (wizard.certificate_file_name or "").rpartition(".")[0]
            wizard.name = wizard.name or stem[: NAME_LENGTH.stop - 1]

    @api.depends("key_file", "certificate_file", "password", "pem", "company_id", "environment")
    def _compute_reading(self):
        for wizard in self:
            public, error = wizard._read()
            for about, problem in (
                ("private_key", "key_problem"),
                ("certificate", "certificate_problem"),
                ("password", "password_problem"),
            ):
                wizard[problem] = translated(self.env, error) if error and error.about == about else False
            wizard.lone_key = not error and not public and bool(wizard.key_file)
            wizard.common_name = public and public.common_name
            wizard.identifier = public and public.identifier
            wizard.serial_number = public and public.serial
            wizard.key_type = public and public.key_type
            wizard.valid_from = public and public.not_before.replace(tzinfo=None)
            wizard.valid_to = public and public.not_after.replace(tzinfo=None)
            wizard.owner_warning = public and wizard._owner_warning(public)

    def _read(self):
        """Return what can be shown so far: (the certificate or None, the error or None)."""
        try:
            if self.pem:
                return key_files.read_certificate(self.pem.encode()), None
            if self.key_file or self.certificate_file:
                return self._read_files(self.key_file, self.certificate_file, self.password)[1], None
        except PrivateKeyMissing as error:
            # not an error yet, while the key is still to come
            return None, error if self.key_file else None
        except KsefError as error:
            return None, error
        return None, None

    def _read_files(self, key_file, certificate_file, password):
        """Return what two files (base64) hold: (private key or None, ``ksef.keys.key_files.Certificate`` or None).

        A key may come a day before its certificate, and a certificate alone if its key is here already.

        :raises KsefError: they cannot be read, do not belong together, or cannot sign KOD II now
        """
        files = b64decode(key_file or b""), b64decode(certificate_file or b"")
        private_key = public = None
        try:
            found = key_files.read_credentials(*files, password or None)
            private_key, public = found.private_key, found.certificate
        except CertificateMissing:
            if all(files):
                raise
            private_key = key_files.read_private_key(files[0] or files[1], password or None)
        except PrivateKeyMissing:
            public = key_files.read_certificate(files[1] or files[0], password or None)
            if all(files) or not self._certificates()._awaiting(self.company_id, self.environment, public):
                raise
        if public:
            certificates.check_usable(public, fields.Datetime.now().replace(tzinfo=timezone.utc))
        return private_key, public

    def _certificates(self):
        return self.env["l10n_pl_ksef.certificate"]

    def _owner_warning(self, public):
        if public.identifier_type == "Nip" and public.identifier == self.company_id._l10n_pl_ksef_nip():
            return False
        if public.identifier_type == "Pesel":
            return self.env._(
                "This certificate belongs to a person. That is normal, if the person has the permission to issue "
                "invoices for %(company)s in KSeF; only that person may use the certificate.",
                company=self.company_id.name,
            )
        return self.env._(
            "This certificate identifies %(identifier)s, not %(company)s (NIP %(nip)s). The verification page will "
            "show buyers an error unless its owner has the permission to issue invoices for the company in KSeF.",
            identifier=public.identifier or public.common_name,
            company=self.company_id.name,
            nip=self.company_id._l10n_pl_ksef_nip() or "-",
        )

    @api.constrains("name")
    def _check_name(self):
        check_names(self)

    @api.model_create_multi
    def create(self, vals_list):
        secrets = [self._take_secrets(vals) for vals in vals_list]
        wizards = super().create(vals_list)
        for wizard, secret in zip(wizards, secrets, strict=True):
            wizard._take_in(**secret)
        return wizards

    def write(self, vals):
        vals = dict(vals)
        secret = self._take_secrets(vals)
        result = super().write(vals)
        if any(secret.values()):
            self._take_in(**secret)
        return result

    @api.model
    def _take_secrets(self, vals):
        return {name: vals.pop(name, False) for name in ("key_file", "certificate_file", "password")}

    def _take_in(self, key_file, certificate_file, password):
        """Read the files, refuse what cannot sign, and keep the key as a token of the vault."""
        self.ensure_one()
        try:
            private_key, public = self._read_files(key_file, certificate_file, password)
        except KsefError as error:
            raise user_error(self.env, error) from None
        if public:
            if (warning := self._owner_warning(public)) and not self.owner_confirmed:
                raise UserError(warning + "\n\n" + self.env._("Tick the box below this warning to continue."))
            self.pem = public.pem
        if private_key:
            self.sudo().token = open_vault(for_storing=True).encrypt(private_key, self._vault_context())

    def action_add(self):
        """Add what was read to the company and show it."""
        self.ensure_one()
        public = key_files.read_certificate(self.pem.encode()) if self.pem else None
        where = self.company_id, self.environment
        token = self.sudo().token
        try:
            key = token and open_vault().decrypt(token, self._vault_context())
            if key and public:
                found = key_files.Credentials(public, key)
                certificate = self._certificates()._add(*where, self.name.strip(), found)
            elif key:
                certificate = self._certificates()._add_key(*where, self.name.strip(), key, "awaiting")
            else:
                certificate = self._certificates()._awaiting(*where, public)
                certificate._take_certificate(public)
        except KsefError as error:
            raise user_error(self.env, error) from None
        self.sudo().unlink()
        return certificate._get_records_action()

    def _vault_context(self):
        return f"{self._name}/{self.id}/{self.company_id.id}".encode()
