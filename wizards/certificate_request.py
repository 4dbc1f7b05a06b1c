from datetime import datetime, time, timedelta, timezone

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_date

from ..ksef.api.certificates import COUNTED_DAYS, MAX_DAYS_AHEAD
from ..ksef.errors import KsefError
from ..ksef.poland import WARSAW, day_of
from ..models.certificate import ENVIRONMENTS
from ..tools.translation import user_error
from .names import NAME_TO_REQUEST


def _now():
    return datetime.now(timezone.utc)


def _first_counted_day():
    return day_of(_now() - timedelta(days=COUNTED_DAYS))


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
    valid_from = fields.Date(help="If empty or today: immediately. KSeF accepts at most 90 days ahead.")
    holder = fields.Char("KSeF Will Issue It For", readonly=True)
    requests_left = fields.Integer(readonly=True)
    requests_limit = fields.Integer(readonly=True)
    requests_since = fields.Date("Requests Counted Since", readonly=True)
    certificates_left = fields.Integer(readonly=True)
    certificates_limit = fields.Integer(readonly=True)

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

    @api.constrains("valid_from")
    def _check_valid_from(self):
        """Refuse here what KSeF would refuse at the cost of a request."""
        today = day_of(_now())
        last = today + timedelta(days=MAX_DAYS_AHEAD)
        if any(wizard.valid_from and not today <= wizard.valid_from <= last for wizard in self):
            raise ValidationError(
                self.env._(
                    "Choose a first day from today to %(last)s: KSeF certifies from now on and at most %(days)s days "
                    "ahead.",
                    last=format_date(self.env, last),
                    days=MAX_DAYS_AHEAD,
                )
            )

    def action_ask(self):
        """Read from KSeF for whom it would issue a certificate, and how many more."""
        self.ensure_one()
        try:
            with self.company_id._l10n_pl_ksef_client(self.environment) as client:
                limits = client.certificate_limits()
                problem = self._why_not(client, limits)
                subject = None if problem else client.enrollment_data()
        except KsefError as error:
            raise user_error(self.env, error) from error
        if problem:
            raise UserError(problem)
        numbers = filter(None, (subject.organization_identifier, subject.serial_number))
        self.write(
            {
                "holder": ", ".join([subject.common_name, *numbers]),
                "requests_left": limits.enrollments_left,
                "requests_limit": limits.enrollments,
                "requests_since": _first_counted_day(),
                "certificates_left": limits.certificates_left,
                "certificates_limit": limits.certificates,
            }
        )
        return self._get_records_action(target="new", name=self.env._("Request an Offline Certificate"))

    def _why_not(self, client, limits):
        """Return why KSeF issues no more certificates to the holder now and what helps (str), or None if it does."""
        if limits.can_request and limits.enrollments_left and limits.certificates_left:
            return None
        problems = [
            self.env._(
                "KSeF will issue no more certificates to the holder of the authentication certificate: %(requests)s of "
                "%(all_requests)s requests and %(certificates)s of %(all_certificates)s certificates are left.",
                requests=limits.enrollments_left,
                all_requests=limits.enrollments,
                certificates=limits.certificates_left,
                all_certificates=limits.certificates,
            )
        ]
        if not limits.enrollments_left:
            problems.append(self._when_again(client))
        if not limits.certificates_left:
            problems.append(self.env._("Revoke a certificate that is no longer used."))
        if limits.enrollments_left and limits.certificates_left:
            problems.append(self.env._("Log in with a certificate or a qualified seal instead of a token."))
        return " ".join(problems)

    def _when_again(self, client):
        problem = self.env._(
            "KSeF counts the requests of the last %(days)s days, whatever became of them; revoking a certificate gives "
            "none back.",
            days=COUNTED_DAYS,
        )
        counted = [
            record.requested_at
            for record in client.certificate_records()
            if record.requested_at > _now() - timedelta(days=COUNTED_DAYS)
        ]
        if not counted:
            return problem + " " + self.env._("Wait until the oldest request is that old.")
        return (
            problem
            + " "
            + self.env._(
                "Wait until the oldest request is that old, which is on %(date)s at the latest.",
                date=format_date(self.env, day_of(min(counted) + timedelta(days=COUNTED_DAYS))),
            )
        )

    def action_request(self):
        """Request the certificate and show it; its key is committed first."""
        self.ensure_one()
        is_later = self.valid_from and self.valid_from > day_of(_now())
        start = datetime.combine(self.valid_from, time(), WARSAW) if is_later else None
        try:
            certificate = self.env["l10n_pl_ksef.certificate"]._request(
                self.company_id, self.environment, self.name.strip(), self.key_type, start
            )
        except KsefError as error:
            raise user_error(self.env, error) from error
        if self.renewed_id:
            certificate.message_post(body=self.env._("Requested to renew %(name)s.", name=self.renewed_id.name))
        return certificate._get_records_action()
