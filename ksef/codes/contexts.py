"""In which context somebody acts in KSeF: the kinds of its identifier, and how each is written.

Source of the rules: the patterns of ``Nip``, ``InternalId``, ``NipVatUe`` and ``PeppolId`` in the description of KSeF's
API. The identifier is part of the signed link of KOD II, so a wrong one makes the code fail for ever.
"""

import re

from stdnum.pl import nip

from ..errors import ContextInvalid
from ..sentences import Sentence, _

# pylint: disable=prefer-env-translation  # there is no env here

_VAT_UE = (
    r"ATU\d{8}|BE[01]\d{9}|BG\d{9,10}|CY\d{8}[A-Z]|CZ\d{8,10}|DE\d{9}|DK\d{8}|EE\d{9}|EL\d{9}"
    r"|ES([A-Z]\d{8}|\d{8}[A-Z]|[A-Z]\d{7}[A-Z])|FI\d{8}|FR[A-Z0-9]{2}\d{9}|HR\d{11}|HU\d{8}"
    r"|IE(\d{7}[A-Z]{2}|\d[A-Z0-9+*]\d{5}[A-Z])|IT\d{11}|LT(\d{9}|\d{12})|LU\d{8}|LV\d{11}|MT\d{8}"
    r"|NL[A-Z0-9+*]{12}|PT\d{9}|RO\d{2,10}|SE\d{12}|SI\d{8}|SK\d{10}|XI(\d{9}|\d{12}|(GD|HA)\d{3})"
)
# How each kind is written without its separators
_PATTERNS = {
    "Nip": r"(\d{10})",
    "InternalId": r"(\d{10})(\d{5})",
    "NipVatUe": rf"(\d{{10}})({_VAT_UE})",
    "PeppolId": r"(P[A-Z]{2}\d{6})",
}
_EXAMPLES = {
    "Nip": _("a NIP: ten digits, such as 5260001246"),
    "InternalId": _("a NIP, a hyphen and five digits, such as 5260001246-12345"),
    "NipVatUe": _("a NIP, a hyphen and an EU VAT number, such as 5260001246-DE123456789"),
    "PeppolId": _("the letter P, two letters and six digits, such as PPL123456"),
}


def put_right(kind: str, value: str) -> str:
    """Return an identifier as KSeF writes it, however a person has typed it: with blanks, dashes or a prefix PL.

    :param kind: "Nip", "InternalId", "NipVatUe" or "PeppolId".
    :raises ContextInvalid: it is none of this kind, or its NIP has a wrong check digit.
    """
    plain = re.sub(r"[^A-Z0-9+*]", "", value.upper())
    if kind != "PeppolId":
        plain = re.sub(r"^(NIP)?(PL)?(?=\d)", "", plain)
    match = re.fullmatch(_PATTERNS[kind], plain, re.ASCII)
    if not match or (kind != "PeppolId" and not nip.is_valid(match[1])):
        raise ContextInvalid(value=value, example=Sentence(_EXAMPLES[kind]))
    return "-".join(filter(None, match.groups()[:2]))


def is_right(kind: str, value: str) -> bool:
    """Tell whether an identifier is written as KSeF writes it."""
    try:
        return kind in _PATTERNS and put_right(kind, value) == value
    except ContextInvalid:
        return False
