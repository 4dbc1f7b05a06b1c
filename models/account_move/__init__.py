# The order is fixed: what comes later extends what comes before.
from . import standing
from . import facts
from . import parties
from . import terms
from . import correction
from . import advance
from . import checks
from . import issuing
from . import buyer
from . import paper
from . import copies
from . import held_mail
from . import alerts
