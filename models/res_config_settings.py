from odoo import api, fields, models

from ..ksef.errors import KsefError
from ..tools.master_key import key_location
from ..tools.translation import user_error
from .submission import DEFAULT_THRESHOLD, THRESHOLD_PARAMETER


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    l10n_pl_ksef_login_certificate = fields.Char(
        "Authentication certificate", compute="_compute_l10n_pl_ksef_login_certificate"
    )
    l10n_pl_ksef_login_kind = fields.Char("Kind of authentication", compute="_compute_l10n_pl_ksef_login_certificate")
    l10n_pl_ksef_login_valid_to = fields.Datetime(
        "Authentication valid until", compute="_compute_l10n_pl_ksef_login_certificate"
    )
    l10n_pl_ksef_login_is_ksef = fields.Boolean(
        compute="_compute_l10n_pl_ksef_login_certificate", export_string_translation=False
    )
    l10n_pl_ksef_login_state = fields.Selection(
        string="Authentication status", related="company_id.l10n_pl_ksef_login_state"
    )
    l10n_pl_ksef_login_checked_at = fields.Datetime("Last check", related="company_id.l10n_pl_ksef_login_checked_at")
    l10n_pl_ksef_login_problem = fields.Char("Last check failed", related="company_id.l10n_pl_ksef_login_problem")
    l10n_pl_ksef_login_worked_at = fields.Datetime(
        "Login last tested", related="company_id.l10n_pl_ksef_login_worked_at"
    )
    l10n_pl_ksef_certificate_id = fields.Many2one(
        "l10n_pl_ksef.certificate",
        "Certificate in use",
        compute="_compute_l10n_pl_ksef_certificate_id",
        help="If several certificates can sign, the one with the latest expiry date does.",
    )
    l10n_pl_ksef_certificate_status = fields.Selection(related="l10n_pl_ksef_certificate_id.status")
    l10n_pl_ksef_certificate_valid_to = fields.Datetime("Valid until", related="l10n_pl_ksef_certificate_id.valid_to")
    l10n_pl_ksef_certificate_can_renew = fields.Boolean(related="l10n_pl_ksef_certificate_id.can_renew")
    l10n_pl_ksef_certificate_ends_before_deadline = fields.Boolean(
        related="l10n_pl_ksef_certificate_id.ends_before_deadline"
    )
    l10n_pl_ksef_beside_offline24 = fields.Boolean(
        compute="_compute_l10n_pl_ksef_beside_offline24", export_string_translation=False
    )
    l10n_pl_ksef_key_location = fields.Char("Master key", compute="_compute_l10n_pl_ksef_key_location")
    # Written together, because the one is checked by the other.
    l10n_pl_ksef_context_type = fields.Selection(
        lambda self: self.env["res.company"]._fields["l10n_pl_ksef_context_type"]._description_selection(self.env),
        "KSeF Context",
        compute="_compute_l10n_pl_ksef_context",
        inverse="_inverse_l10n_pl_ksef_context",
    )
    l10n_pl_ksef_context_value = fields.Char(
        "KSeF Context Identifier",
        compute="_compute_l10n_pl_ksef_context",
        inverse="_inverse_l10n_pl_ksef_context",
    )
    l10n_pl_ksef_wrong_contexts = fields.Char("Wrong KSeF contexts", compute="_compute_l10n_pl_ksef_wrong_contexts")
    l10n_pl_ksef_responsible_id = fields.Many2one(related="company_id.l10n_pl_ksef_responsible_id", readonly=False)
    l10n_pl_ksef_offline_by_itself = fields.Boolean(related="company_id.l10n_pl_ksef_offline_by_itself", readonly=False)
    l10n_pl_ksef_own_file = fields.Boolean(related="company_id.l10n_pl_ksef_own_file", readonly=False)
    l10n_pl_ksef_mail_numbered_copy = fields.Boolean(
        related="company_id.l10n_pl_ksef_mail_numbered_copy", readonly=False
    )

    l10n_pl_ksef_batch_threshold = fields.Integer(
        "In packages above",
        config_parameter=THRESHOLD_PARAMETER,
        default=DEFAULT_THRESHOLD,
        help="More documents than this are sent to KSeF in packages (batch sessions), fewer one by one.",
    )

    @api.depends("company_id")
    def _compute_l10n_pl_ksef_login_certificate(self):
        for settings in self:
            certificate = settings.company_id._l10n_pl_ksef_login_certificate()
            settings.l10n_pl_ksef_login_certificate = certificate.subject_common_name or certificate.display_name
            public = settings.company_id._l10n_pl_ksef_login_public()
            settings.l10n_pl_ksef_login_is_ksef = bool(public) and public.usage == "authentication"
            settings.l10n_pl_ksef_login_valid_to = public and public.not_after.replace(tzinfo=None)
            settings.l10n_pl_ksef_login_kind = public and (
                self.env._("KSeF authentication certificate (type 1)")
                if settings.l10n_pl_ksef_login_is_ksef
                else self.env._("Another certificate, such as a qualified seal: KSeF does not tell its state")
            )

    @api.depends("company_id")
    def _compute_l10n_pl_ksef_context(self):
        for settings in self:
            settings.l10n_pl_ksef_context_type = settings.company_id.l10n_pl_ksef_context_type
            settings.l10n_pl_ksef_context_value = settings.company_id.l10n_pl_ksef_context_value

    def _inverse_l10n_pl_ksef_context(self):
        for settings in self:
            names = ("l10n_pl_ksef_context_type", "l10n_pl_ksef_context_value")
            values = {name: settings[name] for name in names}
            if values != {name: settings.company_id[name] for name in names}:
                settings.company_id.write(values)

    @api.depends("company_id")
    def _compute_l10n_pl_ksef_wrong_contexts(self):
        for settings in self:
            wrong = self.env["l10n_pl_ksef.document"]._wrong_contexts(settings.company_id)
            settings.l10n_pl_ksef_wrong_contexts = ", ".join(" ".join(context) for context in wrong)

    def action_l10n_pl_ksef_wrong_contexts(self):
        """Show the documents that were sealed with a KSeF context that is none."""
        self.ensure_one()
        return self.env["l10n_pl_ksef.document"]._action_wrong_contexts(self.company_id)

    @api.depends("company_id")
    def _compute_l10n_pl_ksef_certificate_id(self):
        environment = self.env["account.move"]._l10n_pl_ksef_environment()
        for settings in self:
            settings.l10n_pl_ksef_certificate_id = self.env["l10n_pl_ksef.certificate"]._usable(
                settings.company_id, environment
            )

    def _compute_l10n_pl_ksef_key_location(self):
        self.l10n_pl_ksef_key_location = key_location()

    def action_l10n_pl_ksef_test_login(self):
        """Log in to KSeF with the company's authentication certificate and tell whether it works."""
        self.ensure_one()
        try:
            environment = self.env["account.move"]._l10n_pl_ksef_environment()
            with self.company_id._l10n_pl_ksef_client(environment) as client:
                client.log_in()
                client.log_out()
            self.company_id.l10n_pl_ksef_login_worked_at = fields.Datetime.now()
        except KsefError as error:
            raise user_error(self.env, error) from error
        return self._l10n_pl_ksef_notify(self.env._("The login to KSeF works."))

    def action_l10n_pl_ksef_update_status(self):
        self.company_id._l10n_pl_ksef_watch_login()
        return self.l10n_pl_ksef_certificate_id.action_update_status()

    def action_l10n_pl_ksef_rotate_keys(self):
        """Re-encrypt all private keys under the first master key."""
        self.env["l10n_pl_ksef.certificate"].check_access("unlink")
        done, locked = self.env["l10n_pl_ksef.certificate"]._rotate_keys()
        message = self.env._("%(done)s private keys are encrypted with the current master key.", done=len(done))
        if locked:
            names = ", ".join(locked.mapped("name"))
            message += " " + self.env._("Locked, left unchanged: %(names)s", names=names)
        return self._l10n_pl_ksef_notify(message, "warning" if locked else "success")

    @api.model
    def _l10n_pl_ksef_notify(self, message, kind="success"):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"type": kind, "message": message},
        }
