{
    "name": "Offline24 as Odoo proposes it",
    "summary": "The names of Odoo's own l10n_pl_edi_qr_code, for the tests that stand beside it; no use otherwise",
    "version": "19.0.1.0.0",
    "license": "LGPL-3",
    "depends": ["l10n_pl_edi"],
    "data": ["views/account_move_views.xml", "views/report_invoice.xml", "views/res_config_settings_views.xml"],
    "auto_install": True,
}
