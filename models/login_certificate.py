"""The authentication certificate (type 1): its state at KSeF, and reminders of its end.

It is Odoo's own record; what KSeF says of it is kept on the company, with the serial number that it is said of.
"""

from datetime import timezone

from odoo import api, fields, models
from odoo.tools import format_date

from ..ksef.errors import KsefError
from ..ksef.keys import key_files
from ..ksef.poland import day_of
from ..tools.errors import NotListed
from ..tools.translation import translated
from .certificate import REMIND_DAYS, STATE_OF_STATUS, STATES


class ResCompany(models.Model):
    _inherit = "res.company"

    l10n_pl_ksef_login_state = fields.Selection(
        [state for state in STATES if state[0] in STATE_OF_STATUS.values()],
        "Authentication Certificate at KSeF",
        readonly=True,
        copy=False,
    )
    l10n_pl_ksef_login_serial = fields.Char(readonly=True, copy=False, export_string_translation=False)
    l10n_pl_ksef_login_checked_at = fields.Datetime(
        "Authentication Certificate Last Checked", readonly=True, copy=False
    )
    l10n_pl_ksef_login_problem = fields.Char("Authentication Certificate Not Checked", readonly=True, copy=False)
    l10n_pl_ksef_login_reminded_days = fields.Integer(readonly=True, copy=False, export_string_translation=False)

    def _l10n_pl_ksef_login_public(self):
        """Return what the authentication certificate says (``ksef.keys.certificates.Certificate``), or None."""
        self.ensure_one()
        pem = self._l10n_pl_ksef_login_pem()
        try:
            return key_files.read_certificate(pem) if pem else None
        except KsefError:
            return None  # Odoo itself tells what is wrong with its file

    def _l10n_pl_ksef_watch_login(self):
        """Ask KSeF about the authentication certificate, and remind of its end."""
        self.ensure_one()
        public = self._l10n_pl_ksef_login_public()
        if not public:
            return
        if public.serial != self.l10n_pl_ksef_login_serial:
            self.sudo().write(
                {
                    "l10n_pl_ksef_login_serial": public.serial,
                    "l10n_pl_ksef_login_state": False,
                    "l10n_pl_ksef_login_checked_at": False,
                    "l10n_pl_ksef_login_reminded_days": False,
                }
            )
        if public.usage == "authentication":  # of others, such as a qualified seal, KSeF does not tell
            self._l10n_pl_ksef_ask_about_login(public)
        self._l10n_pl_ksef_remind_of_login(public)

    def _l10n_pl_ksef_ask_about_login(self, public):
        """Keep what KSeF says of it; whoever cannot log in with it any more learns that from the refusal."""
        try:
            with self._l10n_pl_ksef_client(self.env["account.move"]._l10n_pl_ksef_environment()) as client:
                record = next(client.certificate_records(certificateSerialNumber=public.serial), None)
            if not record:
                raise NotListed()
        except KsefError as error:
            self.sudo().l10n_pl_ksef_login_problem = translated(self.env, error)
            return
        self.sudo().write(
            {
                "l10n_pl_ksef_login_state": STATE_OF_STATUS.get(record.status),
                "l10n_pl_ksef_login_checked_at": fields.Datetime.now(),
                "l10n_pl_ksef_login_problem": False,
            }
        )

    def _l10n_pl_ksef_remind_of_login(self, public):
        now = fields.Datetime.now().replace(tzinfo=timezone.utc)
        days = (day_of(public.not_after) - day_of(now)).days
        due = [limit for limit in REMIND_DAYS if days <= limit]
        reminded = self.l10n_pl_ksef_login_reminded_days
        user = self.l10n_pl_ksef_responsible_id or self._l10n_pl_ksef_login_certificate().create_uid
        if not due or (reminded and min(due) >= reminded):
            return
        self.sudo().l10n_pl_ksef_login_reminded_days = min(due)
        self.sudo().partner_id.activity_schedule(
            "mail.mail_activity_data_todo",
            date_deadline=day_of(public.not_after),
            summary=self.with_context(lang=user.lang)._l10n_pl_ksef_login_reminder(public),
            user_id=user.id,
        )

    def _l10n_pl_ksef_login_reminder(self, public):
        return self.env._(
            "%(company)s: the KSeF authentication certificate %(name)s ends on %(date)s; after that Odoo cannot log in "
            "to KSeF. Renew it in time.",
            company=self.name,
            name=public.common_name or public.serial,
            date=format_date(self.env, day_of(public.not_after)),
        )


class Certificate(models.Model):
    _inherit = "l10n_pl_ksef.certificate"

    @api.model
    def _cron_every_day(self):
        """Look after the authentication certificates, too; commit after each company."""
        result = super()._cron_every_day()
        for company in self.env["res.company"]._l10n_pl_ksef_with_login():
            company.with_context(lang=company._l10n_pl_ksef_lang())._l10n_pl_ksef_watch_login()
            self.env["ir.cron"]._commit_progress(1)
        return result
