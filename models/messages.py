"""Errors of ``ksef/`` in the user's language."""

from odoo.exceptions import UserError


def translated(env, error):
    """Return the sentence of a ``KsefError`` in the language of ``env``."""
    return env._(error.sentence, **error.values)


def user_error(env, error):
    """Return the ``UserError`` that tells a ``KsefError`` to the user."""
    return UserError(translated(env, error))
