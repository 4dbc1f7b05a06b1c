from odoo.tools.sql import column_exists


def migrate(cr, _version):
    """An invoice of which KSeF has told a status was received, whatever was feared when it was sent."""
    if column_exists(cr, "account_move", "l10n_pl_ksef_maybe_sent"):
        cr.execute(
            "UPDATE account_move SET l10n_pl_ksef_maybe_sent = FALSE"
            " WHERE l10n_pl_ksef_maybe_sent AND l10n_pl_edi_status IS NOT NULL"
        )
