"""What an administrator has to have done before the first outage: a checklist on the settings page."""

from odoo import api, fields, models

from ..ksef.codes import links, verification
from ..ksef.errors import KsefError
from ..tools.master_key import open_vault
from ..tools.translation import user_error

_SAMPLE = b"test"
_BACKED_UP_PARAMETER = "l10n_pl_ksef_offline.backed_up_key"


class ResCompany(models.Model):
    _inherit = "res.company"

    l10n_pl_ksef_login_worked_at = fields.Datetime("Login to KSeF Worked", readonly=True, copy=False)
    # Of the certificate whose test code was scanned: another one needs another test.
    l10n_pl_ksef_scanned_serial = fields.Char(readonly=True, copy=False, export_string_translation=False)


class Certificate(models.Model):
    _inherit = "l10n_pl_ksef.certificate"

    def _test_link(self):
        """Return a KOD II (str) that stands for no invoice: the verification page tells about the certificate only."""
        self.ensure_one()
        nip = self.company_id._l10n_pl_ksef_nip()
        sha256 = links.digest(_SAMPLE)
        context = self.company_id._l10n_pl_ksef_context(nip)
        return links.kod_ii(self.environment, context, nip, self.serial_number, sha256, self._sign)

    def action_try_codes(self):
        """Ask KSeF about the certificate, sign a sample with it, and tell what its verification page will say."""
        self.ensure_one()
        self.check_access("read")
        self._update_status()
        try:
            link = self._test_link()
        except KsefError as error:
            raise user_error(self.env, error) from error
        wizard = self.env["l10n_pl_ksef.test.code"].create(
            {"certificate_id": self.id, "company_id": self.company_id.id, "link": link}
        )
        return wizard._get_records_action(target="new", name=self.env._("Test code"))

    def _judge_test_link(self, link):
        """Return what is to be said of a link that ``_test_link`` has made, [``verification.Finding``]."""
        return [
            *verification.judge_kod_ii(link, self.environment, links.digest(_SAMPLE), self._public()),
            *self._judge_standing(links.context_of(link)),
        ]


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    l10n_pl_ksef_login_worked = fields.Boolean(
        "The login to KSeF works: test it below.",
        compute="_compute_l10n_pl_ksef_first_steps",
    )
    l10n_pl_ksef_certificate_is_active = fields.Boolean(
        "An offline certificate is active: add or request one below, then update its status.",
        compute="_compute_l10n_pl_ksef_first_steps",
    )
    l10n_pl_ksef_key_is_backed_up = fields.Boolean(
        "A copy of the master key is in a safe place.",
        compute="_compute_l10n_pl_ksef_first_steps",
    )
    l10n_pl_ksef_code_was_scanned = fields.Boolean(
        "A test code was scanned, and the ministry's page confirmed the certificate.",
        compute="_compute_l10n_pl_ksef_first_steps",
    )
    l10n_pl_ksef_files_are_whole = fields.Boolean(
        "The stored files are whole, as the daily check found them.",
        compute="_compute_l10n_pl_ksef_first_steps",
    )

    l10n_pl_ksef_is_copy = fields.Boolean(compute="_compute_l10n_pl_ksef_first_steps", export_string_translation=False)

    @api.depends("company_id", "l10n_pl_ksef_certificate_id")
    def _compute_l10n_pl_ksef_first_steps(self):
        backed_up = self.env["ir.config_parameter"].sudo().get_param(_BACKED_UP_PARAMETER)
        is_backed_up = bool(backed_up) and backed_up == self._l10n_pl_ksef_master_key()
        documents = self.env["l10n_pl_ksef.document"].sudo()
        for settings in self:
            certificate = settings.l10n_pl_ksef_certificate_id
            settings.l10n_pl_ksef_login_worked = bool(settings.company_id.l10n_pl_ksef_login_worked_at)
            settings.l10n_pl_ksef_certificate_is_active = certificate.status == "active"
            settings.l10n_pl_ksef_key_is_backed_up = is_backed_up
            settings.l10n_pl_ksef_is_copy = self.env["l10n_pl_ksef.channel"]._is_copy()
            settings.l10n_pl_ksef_files_are_whole = not documents.search_count(
                [("company_id", "=", settings.company_id.id), ("damaged_files", "!=", False)], limit=1
            )
            settings.l10n_pl_ksef_code_was_scanned = (
                bool(certificate) and settings.company_id.l10n_pl_ksef_scanned_serial == certificate.serial_number
            )

    @api.model
    def _l10n_pl_ksef_master_key(self):
        """Return the fingerprint of the master key in use, None if there is none or it cannot be read."""
        try:
            return open_vault().current
        except KsefError:
            return None

    def action_l10n_pl_ksef_key_backed_up(self):
        """Note that there is a copy of the master key in use."""
        self.env["ir.config_parameter"].sudo().set_param(_BACKED_UP_PARAMETER, self._l10n_pl_ksef_master_key())

    def action_l10n_pl_ksef_settle_here(self):
        """Let this database send to KSeF from now on, in place of the one that it is a copy of."""
        self.check_access("write")
        self.env["l10n_pl_ksef.channel"]._settle_here()
        self.env["l10n_pl_ksef.channel"]._wake()

    def action_l10n_pl_ksef_check_files(self):
        """Let all stored files be checked from the first one on, in the background."""
        self.env["l10n_pl_ksef.document"]._check_all_files()
        return self._l10n_pl_ksef_notify(
            self.env._(
                "The files are being checked. What is damaged or missing is soon named under KSeF > Offline Documents, "
                "filter Damaged files."
            )
        )

    def action_l10n_pl_ksef_test_code(self):
        """Show a code to be scanned before the first outage."""
        self.ensure_one()
        return self.l10n_pl_ksef_certificate_id.action_try_codes()
