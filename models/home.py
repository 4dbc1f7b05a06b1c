"""Which database sends: the one that was set up, and no copy of it, unless an administrator says so."""

from odoo import api, models

# What the database is known by: a copy has another name, and one made by Odoo another identifier, too.
_HOME_PARAMETER = "l10n_pl_ksef_offline.home"


class Channel(models.Model):
    _inherit = "l10n_pl_ksef.channel"

    @api.model
    def _home(self):
        uuid = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        return f"{uuid} {self.env.cr.dbname}"

    @api.model
    def _is_copy(self):
        """Tell whether this database is a copy of the one that was set up: both would send the same documents."""
        home = self.env["ir.config_parameter"].sudo().get_param(_HOME_PARAMETER)
        return bool(home) and home != self._home()

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
