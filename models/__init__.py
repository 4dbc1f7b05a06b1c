from . import (
    account_move,
    announcement,
    certificate,
    day_off,
    document,
    invoice_check,
    invoice_facts,
    ir_attachment,
    l10n_pl_edi,
    res_company,
    res_config_settings,
)
