"""KSeF numbers of invoices: their form and their checksum.

Source of the rule: ``faktury/numer-ksef.md`` of the ministry's API documentation. A number is
``<seller's NIP>-<date of acceptance>-<12 hex digits>-<checksum>``, 35 characters; the checksum is the CRC-8 of
the first 32 (polynomial 0x07, initial value 0), as two upper-case hex digits.
"""

import re

from ..errors import KsefNumberInvalid

_FORM = re.compile(r"\d{10}-\d{8}-[0-9A-F]{12}-[0-9A-F]{2}", re.ASCII)
_CHECKED_LENGTH = 32
_POLYNOMIAL = 0x07


def check(number: str) -> str:
    """Return ``number`` (str) if it is a KSeF number.

    :raises KsefNumberInvalid: its length, form or checksum is wrong
    """
    if not _FORM.fullmatch(number) or checksum(number[:_CHECKED_LENGTH]) != number[-2:]:
        raise KsefNumberInvalid(number=number)
    return number


def is_number(text: str | None) -> bool:
    """Tell whether a text is a KSeF number with the right checksum."""
    try:
        return bool(text) and bool(check(text))
    except KsefNumberInvalid:
        return False


def checksum(text: str) -> str:
    """Return the CRC-8 of an ASCII text as two upper-case hex digits."""
    crc = 0
    for byte in text.encode("ascii"):
        crc ^= byte
        for _bit in range(8):
            crc = (crc << 1 ^ _POLYNOMIAL) & 0xFF if crc & 0x80 else crc << 1
    return f"{crc:02X}"
