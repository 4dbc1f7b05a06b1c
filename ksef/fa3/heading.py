"""What the verification codes need to know of an invoice, read from its file."""

from dataclasses import dataclass
from datetime import date

from lxml import etree

from ..errors import InvoiceUnreadable
from .xml import in_namespace, parse


@dataclass(frozen=True)
class Heading:
    """Seller's NIP, P_1 and P_2."""

    seller_nip: str
    issue_date: date
    number: str


def read_heading(xml: bytes) -> Heading:
    """Return the ``Heading`` of an FA(3) file.

    :raises InvoiceUnreadable: not XML, or one of the three is missing
    """
    root = parse(xml)
    try:
        issue_date = date.fromisoformat(_text(root, "Fa/P_1"))
    except ValueError:
        raise InvoiceUnreadable(problem="P_1") from None
    return Heading(_text(root, "Podmiot1/DaneIdentyfikacyjne/NIP"), issue_date, _text(root, "Fa/P_2"))


def _text(root: etree._Element, path: str) -> str:
    text = root.findtext(in_namespace(path))
    if not text:
        raise InvoiceUnreadable(problem=path)
    return text
