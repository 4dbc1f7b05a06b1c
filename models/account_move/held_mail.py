"""A mail to the buyer that waits until KSeF has given the invoice its number."""

from odoo import fields, models

_HELD_SETTINGS = (
    "author_user_id",
    "author_partner_id",
    "mail_lang",
    "mail_body",
    "mail_subject",
    "mail_partner_ids",
    "mail_attachments_widget",
)


class AccountMove(models.Model):
    _inherit = "account.move"

    # Sent by a job that may read anything: nobody writes it from outside.
    l10n_pl_ksef_held_mail = fields.Json(
        groups=fields.NO_ACCESS, readonly=True, copy=False, prefetch=False, export_string_translation=False
    )

    def button_draft(self):
        result = super().button_draft()
        self.sudo().filtered("l10n_pl_ksef_held_mail").l10n_pl_ksef_held_mail = False  # what it tells may change now
        return result

    def _l10n_pl_ksef_hold_mail(self, move_data):
        """Keep a mail until KSeF has given the number.

        :param dict move_data: settings of Odoo's sending, see ``_get_default_sending_settings``
        """
        held = {key: move_data[key] for key in _HELD_SETTINGS}
        held["mail_template"] = move_data["mail_template"].id
        self.sudo().l10n_pl_ksef_held_mail = held

    def _l10n_pl_ksef_note_mail(self):
        """Note that a copy has just been mailed."""
        self.sudo().filtered("l10n_pl_ksef_held_mail").l10n_pl_ksef_held_mail = False
        if self._l10n_pl_ksef_number():
            self.sudo().l10n_pl_ksef_buyer_holds_offline_copy = False

    def _l10n_pl_ksef_mail_settings(self):
        """Return with which settings Odoo sends the mail that is due now, None if there is none."""
        if held := self.sudo().l10n_pl_ksef_held_mail:
            template = self.env["mail.template"].browse(held["mail_template"]).exists()
            return held | {"mail_template": template or self._get_mail_template()}
        return {} if self._l10n_pl_ksef_mails_copy() else None
