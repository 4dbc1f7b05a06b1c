# The order is fixed: what comes later extends what comes before.
from . import standing
from . import issuing
from . import facts
from . import checks
from . import paper
from . import copies
