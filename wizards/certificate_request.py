from datetime import datetime, time

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..ksef.errors import KsefError
from ..ksef.poland import WARSAW
from ..models.certificate import ENVIRONMENTS
from ..tools.translation import user_error
from .names import NAME_TO_REQUEST


class CertificateRequest(models.TransientModel):
    """Asks KSeF for an offline certificate, so that nobody has to leave Odoo for it.

    First KSeF is asked for whom it would issue one and how many more it will issue; then it is requested. The private
    key is made on this server and never leaves it.
    """

    _name = "l10n_pl_ksef.certificate.request"
    _description = "Request a KSeF Offline Certificate"

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    environment = fields.Selection(
        ENVIRONMENTS, required=True, default=lambda self: self.env["account.move"]._l10n_pl_ksef_environment()
    )
    renewed_id = fields.Many2one("l10n_pl_ksef.certificate")
    name = fields.Char(required=True, default=lambda self: self._default_name())
    key_type = fields.Selection(
        [("ec", "EC P-256 (recommended: the printed code is smaller)"), ("rsa", "RSA-2048")],
        required=True,
        default="ec",
    )
    valid_from = fields.Date(help="If empty: immediately.")
    holder = fields.Char("KSeF Will Issue It For", readonly=True)
    requests_left = fields.Integer(readonly=True)
    certificates_left = fields.Integer(readonly=True)

    @api.model
    def _default_name(self):
        return self.env._("Offline %(year)s", year=fields.Date.context_today(self).year)

    @api.constrains("name")
    def _check_name(self):
        if not all(NAME_TO_REQUEST.fullmatch(wizard.name.strip()) for wizard in self):
            raise ValidationError(
                self.env._(
                    "Give the certificate a name of 5 to 100 letters, digits, spaces, hyphens and underscores: KSeF "
                    "accepts no other characters."
                )
            )

    def action_ask(self):
        """Read from KSeF for whom it would issue a certificate, and how many more."""
        self.ensure_one()
        try:
            with self.company_id._l10n_pl_ksef_client(self.environment) as client:
                limits = client.certificate_limits()
                subject = client.enrollment_data()
        except KsefError as error:
            raise user_error(self.env, error) from error
        if not limits.can_request:
            raise UserError(
                self.env._(
                    "KSeF will issue no more certificates to the holder of the authentication certificate: "
                    "%(requests)s of %(all_requests)s requests and %(certificates)s of %(all_certificates)s "
                    "certificates are left. Revoke one that is no longer used.",
                    requests=limits.enrollments_left,
                    all_requests=limits.enrollments,
                    certificates=limits.certificates_left,
                    all_certificates=limits.certificates,
                )
            )
        numbers = filter(None, (subject.organization_identifier, subject.serial_number))
        self.write(
            {
                "holder": ", ".join([subject.common_name, *numbers]),
                "requests_left": limits.enrollments_left,
                "certificates_left": limits.certificates_left,
            }
        )
        return self._get_records_action(target="new", name=self.env._("Request an Offline Certificate"))

    def action_request(self):
        """Request the certificate and show it; its key is committed first."""
        self.ensure_one()
        start = datetime.combine(self.valid_from, time(), WARSAW) if self.valid_from else None
        try:
            certificate = self.env["l10n_pl_ksef.certificate"]._request(
                self.company_id, self.environment, self.name.strip(), self.key_type, start
            )
        except KsefError as error:
            raise user_error(self.env, error) from error
        if self.renewed_id:
            certificate.message_post(body=self.env._("Requested to renew %(name)s.", name=self.renewed_id.name))
        return certificate._get_records_action()
