# The order is fixed: what comes later extends what comes before.
from . import life
from . import certificate
from . import document
from . import submission
from . import channel
from . import announcement
from . import day_off
from . import res_partner
from . import account_move
from . import l10n_pl_edi
from . import account_move_send
from . import account_journal
from . import ir_attachment
from . import res_company
from . import res_config_settings
from . import first_steps
from . import reminders
