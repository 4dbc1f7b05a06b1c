"""What the FA(3) XML of an invoice says of itself.

Source of the names: the logical structure FA(3), http://crd.gov.pl/wzor/2025/06/25/13775/.
"""

from dataclasses import dataclass
from datetime import date

from lxml import etree

from ..errors import InvoiceUnreadable

NAMESPACE = "http://crd.gov.pl/wzor/2025/06/25/13775/"
# An invoice is data: nothing outside it is ever read.
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


@dataclass(frozen=True)
class Heading:
    """What the verification codes need to know of an invoice: seller's NIP, P_1 and P_2."""

    seller_nip: str
    issue_date: date
    number: str


def read_heading(xml):
    """Return the ``Heading`` of an invoice.

    :param bytes xml: the FA(3) file
    :raises InvoiceUnreadable: not XML, or one of the three is missing
    """
    root = parse(xml)
    try:
        issue_date = date.fromisoformat(_text(root, "Fa/P_1"))
    except ValueError:
        raise InvoiceUnreadable(problem="P_1") from None
    return Heading(_text(root, "Podmiot1/DaneIdentyfikacyjne/NIP"), issue_date, _text(root, "Fa/P_2"))


def parse(xml):
    """Return the root element of a file (bytes).

    :raises InvoiceUnreadable: not XML
    """
    try:
        return etree.fromstring(xml, _PARSER)
    except etree.XMLSyntaxError as error:
        raise InvoiceUnreadable(problem=error.msg) from None


def _text(root, path):
    text = root.findtext("/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/")))
    if not text:
        raise InvoiceUnreadable(problem=path)
    return text
