"""Leave out, or shorten, optional data of an invoice that the FA(3) schema does not take, and tell which.

What is required stays as it is: ``rules`` tells of it. Long texts that the file continues elsewhere stay too.
"""

import re
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache

from ..errors import KsefError
from . import rules as problems
from .checks import without_refused
from .facts import BankAccount, Contact, Correction, InvoiceFacts, Line, OrderLine, Party, Reference, Remark, Tax, Vat

_TEXT_LIMIT = 256  # of the type TZnakowy
_LIMITS = {
    "buyer_key": 32,
    "gln": 13,
    "gtin": 20,
    "bdo": 9,
    **dict.fromkeys(("unique_id", "index", "pkwiu", "cn", "pkob", "other_kind", "other_cargo"), 50),
    "footers": 3500,
    "paragraphs": 512,
    **dict.fromkeys(("street", "city", "first_line", "second_line", "caption", "heading"), 512),
}
_LISTS = {"delivery_notes", "lots", "footers", "paragraphs"}  # of texts
_KEPT = {
    InvoiceFacts: {"number", "texts"},
    Party: {"name", "vat", "country_name"},
    Line: {"name"},
    OrderLine: {"name"},
    Remark: {"value"},
    Correction: {"reason"},
}
_WHOLE = (Tax, Vat, Reference)  # records of which nothing is optional
_PHONE_LIMIT = 16
_FORMS = {
    "email": re.compile(r"(?=.{3,255}$)[^@\s]+@[^@\s]+"),
    "phone": re.compile(r".{1,16}"),
    "swift": re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?"),
    "krs": re.compile(r"\d{10}"),
    "link": re.compile(
        r"(?=.{1,512}$)https?://([a-zA-Z0-9][a-zA-Z0-9-]*\.)+[a-zA-Z]{2,}(:[0-9]{1,5})?(/[^\s?#]*)?"
        r"\?([^#\s]*&)?IPKSeF=[0-9]{3}[a-zA-Z0-9]{10}(&[^#\s]*)?(#.*)?"
    ),
    "ksef_payment_id": re.compile(r"[0-9]{3}[a-zA-Z0-9]{10}"),
    "regon": re.compile(r"\d{9}(\d{5})?"),
}
_ACCOUNT_LENGTHS = range(10, 35)


def fit(facts: InvoiceFacts) -> tuple[InvoiceFacts, list[KsefError]]:
    """Return facts whose optional data the schema takes, and what was left out or shortened for it."""
    told = []
    return _fit(facts, told), told


def _fit(value, told):
    if type(value) is tuple:
        fitted = tuple(each for each in (_fit(each, told) for each in value) if each is not None)
        return value if fitted == value else fitted
    if not is_dataclass(value) or isinstance(value, _WHOLE):
        return value
    changes = {}
    for name in _names(type(value)):
        old = getattr(value, name)
        if name in _LISTS:
            new = tuple(filter(None, (_text(name, each, told) for each in old)))
        else:
            new = _text(name, old, told) if isinstance(old, str) else _fit(old, told)
        if new is not old and new != old:
            changes[name] = new
    return _record(replace(value, **changes) if changes else value, told)


@lru_cache(maxsize=64)
def _names(record_type):
    kept = _KEPT.get(record_type, ())
    return tuple(field.name for field in fields(record_type) if field.name not in kept)


def _text(name, text, told):
    if not text:
        return text
    text = " ".join(without_refused(text).split())
    if name == "phone" and len(text) > _PHONE_LIMIT:
        text = "".join(each for each in text if each in "+0123456789")
    limit = _LIMITS.get(name, _TEXT_LIMIT)
    if name in _FORMS:
        if _FORMS[name].fullmatch(text):
            return text
        told.append(problems.LeftOut(text=text[:_TEXT_LIMIT]))
        return ""
    if len(text) > limit:
        told.append(problems.Shortened(text=text[:40] + "…", limit=limit))
        text = text[:limit].rstrip()
    return text


def _record(record, told):
    """Return the record, None if nothing of it is left to tell."""
    if isinstance(record, BankAccount) and len("".join(record.number.split())) not in _ACCOUNT_LENGTHS:
        told.append(problems.LeftOut(text=record.number))
        return None
    return None if record == Contact() else record
