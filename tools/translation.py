"""Errors and sentences of ``ksef/`` in the user's language."""

from datetime import date, datetime, timezone

from odoo import fields
from odoo.exceptions import UserError
from odoo.tools import format_date, format_datetime

from ..ksef.poland import WARSAW
from ..ksef.sentences import Sentence


def translated(env, error):
    """Return the sentence of a ``KsefError`` in the language of ``env``."""
    return spoken(env, error.told)


def user_error(env, error):
    """Return the ``UserError`` that tells a ``KsefError`` to the user."""
    return UserError(translated(env, error))


def spoken(env, sentence):
    """Return a ``ksef.sentences.Sentence`` as text in the language of ``env``."""
    return env._(sentence.text, **{name: _spoken_value(env, value) for name, value in sentence.values.items()})


def _spoken_value(env, value):
    if isinstance(value, Sentence):
        return spoken(env, value)
    if isinstance(value, datetime):
        utc = value.astimezone(timezone.utc).replace(tzinfo=None)
        return format_datetime(env, utc, tz=WARSAW.key, dt_format="short")
    return format_date(env, value) if isinstance(value, date) else value


def to_json(sentence):
    """Return a ``Sentence`` without datetimes in a form that a Json field keeps; its language is chosen when read."""
    return {"text": sentence.text, "values": {name: _value_to_json(value) for name, value in sentence.values.items()}}


def from_json(kept):
    """Return the ``Sentence`` that ``to_json`` has kept."""
    return Sentence(kept["text"], {name: _value_from_json(value) for name, value in kept["values"].items()})


def _value_to_json(value):
    if isinstance(value, Sentence):
        return to_json(value)
    return {"date": fields.Date.to_string(value)} if isinstance(value, date) else value


def _value_from_json(value):
    if not isinstance(value, dict):
        return value
    return fields.Date.to_date(value["date"]) if "date" in value else from_json(value)
