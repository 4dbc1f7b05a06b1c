"""What jobs share: Odoo's clock for a scheduled action, a pause, and how the trouble of one record stops no other.

KSeF's own clock (``Pace``) is in ``ksef.api.pacing``, which knows nothing of Odoo.
"""

import logging
import time
from contextlib import contextmanager, nullcontext

from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

_logger = logging.getLogger(__name__)


class OutOfTime(Exception):
    """Odoo's time for one run of a scheduled action is over."""


class Attempt:
    """One piece of work.

    :ivar error: the exception that it has failed with; None if it was done
    """

    error = None


@contextmanager
def attempt(env, what, *args, passing=(), savepoint=False):
    """Try what is in the ``with``; if it fails, undo and log it, and go on behind the ``with``.

    Undone is all since the last commit or, with ``savepoint``, since the ``with``, in which nothing may commit then.
    It is logged with its traceback: as an error or, with ``savepoint``, as a warning, for a person is told.

    :param str what: what has failed then, for the log, with places for ``args``
    :param passing: types of exceptions that the caller handles itself
    :return: an ``Attempt``
    :raises: those of ``passing``, ``OutOfTime``, and what makes Odoo try the whole transaction again: a record that
        somebody else has changed meanwhile
    """
    outcome = Attempt()
    try:
        with env.cr.savepoint() if savepoint else nullcontext():
            yield outcome
    except (OutOfTime, *PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, *passing):
        raise
    except Exception as error:
        outcome.error = error
        if savepoint:
            _logger.warning(what, *args, exc_info=True)
        else:
            env.cr.rollback()
            _logger.exception(what, *args)


def commit_and_go_on(env, processed=0, remaining=1):
    """Commit, and stop here if Odoo's time for one run of a scheduled action is over and something remains.

    A process that takes too long is killed by Odoo, which does not run its job again soon.

    :param int processed: how much was done since the last call
    :param int remaining: how much is left to do
    :raises OutOfTime: Odoo calls the job again, after the other ones
    """
    time_left = env["ir.cron"]._commit_progress(processed, remaining=remaining)
    if remaining and not time_left:
        raise OutOfTime


def sleep(seconds):
    """Wait some seconds, as KSeF or the limits want it."""
    time.sleep(seconds)
