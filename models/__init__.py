from . import (
    account_move,
    certificate,
    document,
    ir_attachment,
    l10n_pl_edi,
    res_company,
    res_config_settings,
)
