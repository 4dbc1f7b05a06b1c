# The order is fixed: what comes later extends what comes before.
from . import states
from . import seal
from . import codes
from . import sending
from . import stored_files
from . import deadline
from . import rejection
from . import reminders
