from odoo import api, fields, models


class DayOff(models.Model):
    """A day off in Poland besides the statutory ones, such as one that an act adds for a single year.

    Deadlines count business days around it, in every company of the database. Administrators keep the list.
    """

    _name = "l10n_pl_ksef.day.off"
    _description = "KSeF Additional Day Off"
    _order = "date desc"

    date = fields.Date(required=True)
    name = fields.Char("Reason", required=True)

    _date_uniq = models.UniqueIndex("(date)", "This day is on the list already.")

    @api.model
    def _days(self):
        """Return the dates (frozenset) that ``deadlines.deadline`` takes as ``extra_days_off``."""
        return frozenset(self.sudo().search_fetch([], ["date"]).mapped("date"))

    @api.model_create_multi
    def create(self, vals_list):
        days = super().create(vals_list)
        self._changed()
        return days

    def write(self, vals):
        result = super().write(vals)
        if "date" in vals:
            self._changed()
        return result

    def unlink(self):
        result = super().unlink()
        self._changed()
        return result

    @api.model
    def _changed(self):
        environment = self.env["account.move"]._l10n_pl_ksef_environment()
        self.env["l10n_pl_ksef.document"]._announcements_changed(environment)
