# The order is fixed: what comes later extends what comes before.
from . import seal
from . import sending
from . import deadline
from . import other_file
from . import technical_correction
