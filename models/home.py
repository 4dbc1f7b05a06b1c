"""Which database sends: the one that was set up, and no copy of it, unless an administrator says so."""

from odoo import api, models

from ..ksef.errors import KsefError
from ..tools.master_key import open_vault

# What the database is known by: a copy has another name or, made by Odoo, another identifier; one that was restored
# under the same name on another server lacks the master keys, which are no part of the database.
_HOME_PARAMETER = "l10n_pl_ksef_offline.home"
_LOCKED = "locked"


class Channel(models.Model):
    _inherit = "l10n_pl_ksef.channel"

    @api.model
    def _home(self):
        uuid = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        return f"{uuid} {self.env.cr.dbname} {_LOCKED if self._keys_are_elsewhere() else 'open'}"

    @api.model
    def _keys_are_elsewhere(self):
        """Tell whether there are private keys here, and a master key of none of them."""
        tokens = (
            self.env["l10n_pl_ksef.certificate"].sudo().search([("private_key", "!=", False)]).mapped("private_key")
        )
        try:
            vault = open_vault()
            return bool(tokens) and all(vault.missing_key(token) for token in tokens)
        except KsefError:
            return bool(tokens)

    @api.model
    def _is_copy(self):
        """Tell whether this database is a copy of the one that was set up: both would send the same documents."""
        home = (self.env["ir.config_parameter"].sudo().get_param(_HOME_PARAMETER) or "").split()
        now = self._home().split()
        lost_keys = now[-1] == _LOCKED and home[-1:] != [_LOCKED]
        return bool(home) and (home[:2] != now[:2] or lost_keys)

    @api.model
    def _settle_here(self):
        """Let this database send from now on."""
        self.env["ir.config_parameter"].sudo().set_param(_HOME_PARAMETER, self._home())

    @api.model
    def _cron_send(self):
        """Send what waits, unless this is a copy; commit each step."""
        if self._is_copy():
            return
        self._settle_here()
        super()._cron_send()

    @api.model
    def _closed_because(self, environment):
        if self._is_copy():
            return self.env._(
                "This database is a copy of the one that sends to KSeF, so nothing is sent from here. If it has taken "
                "the other one's place, an administrator confirms that in the settings, under KSeF offline."
            )
        return super()._closed_because(environment)
